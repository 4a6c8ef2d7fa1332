"""The report across studies as data, with full precision: frames for CSV, and everything as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from robusttune.report.columns import record
from robusttune.report.matrix.across import AcrossTasks
from robusttune.report.matrix.scores import TUNED, StudyScores

if TYPE_CHECKING:
    from robusttune.report.matrix.result import MatrixReport


def aggregates_frame(across: AcrossTasks | None) -> pd.DataFrame:
    """Return one row per method and metric, with full precision."""
    return pd.DataFrame(
        [
            {"method": one.method, **dataclasses.asdict(found)}
            for one in (() if across is None else across.analysis.methods)
            for found in one.metrics.values()
        ]
    )


def profiles_frame(across: AcrossTasks) -> pd.DataFrame:
    """Return one row per method and threshold: the share of runs above it, with its pointwise band."""
    return pd.concat(
        [
            pd.DataFrame({"method": one.method, **dataclasses.asdict(one.profile)})
            for one in across.analysis.methods
        ]
    )


def improvements_frame(across: AcrossTasks) -> pd.DataFrame:
    """Return one row per pair of methods: the probability that the first improves on the second."""
    return pd.DataFrame(
        [
            {"first": one.first, "second": one.second, **dataclasses.asdict(one.probability)}
            for one in across.analysis.improvements
        ]
    )


def rankings_frame(report: MatrixReport) -> pd.DataFrame:
    """Return one row per candidate and task, with the columns of a study's ranking that say something."""
    records = [{"task": one.task, **record(row)} for one in report.rankings for row in one.rows]
    return pd.DataFrame(records).dropna(axis="columns", how="all")


def scores_frame(report: MatrixReport) -> pd.DataFrame:
    """Return one row per run: the scores behind all numbers. Runs that confirm have no seed here."""
    return pd.DataFrame([record for study in report.studies for record in _run_records(study)])


def _run_records(study: StudyScores) -> Iterator[dict[str, Any]]:
    tuned = study.roles.get(TUNED)
    if tuned is None:  # results that were given have no search, and no study to name
        for one in study.configurations:
            for seed, score in zip(one.runs.seeds, one.scores, strict=True):
                yield {"task": study.task, "configuration": one.name, "seed": seed, "score": score}
        return
    where: dict[str, Any] = {"study": study.study.name, "task": study.task, "method": study.method}
    for one in study.configurations:
        own = {**where, "configuration": one.name, "config_id": one.candidate.config_id}
        own["tuned"] = one.candidate.config_id == tuned.candidate.config_id
        for seed, score in zip(one.runs.seeds, one.scores, strict=True):
            yield {**own, "stage": "post-evaluation", "seed": seed, "score": score}
    for score in tuned.scores if study.is_confirmed else ():
        own = {**where, "configuration": tuned.name, "config_id": tuned.candidate.config_id, "tuned": True}
        yield {**own, "stage": "confirmation", "seed": None, "score": score}


def to_json(report: MatrixReport) -> str:
    """Return everything behind the report."""
    across = report.across
    document = {
        "name": report.name,
        **(
            {
                "studies": [
                    {"study": one.study.name, "task": one.task, "method": one.method}
                    for one in report.studies
                ]
            }
            if report.given is None
            else {"given": dataclasses.asdict(report.given)}
        ),
        "answer": report.answer,
        "across_tasks": None
        if across is None
        else {
            "normalised_scores": across.normalised,
            "counts_as_0_and_1": {
                task: [anchors.low, anchors.high] for task, anchors in across.anchors.items()
            },
            "configurations": {
                name: {task: one.name for task, one in method.on.items()}
                for name, method in across.methods.items()
            },
            "analysis": across.analysis.to_dict(),
        },
        "rankings": [
            {
                "task": one.task,
                "different": one.different,
                "analysis": None if one.analysis is None else one.analysis.to_dict(),
            }
            for one in report.rankings
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
