"""The tables of a study, and everything behind them as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from robusttune.declaration.study import StudySpec
from robusttune.report.column import Column
from robusttune.report.columns import ON_A_TELEPHONE, ON_THE_PAGE, record, shown_columns
from robusttune.report.model import Ranking, Row
from robusttune.report.prose.words import NOT_AVAILABLE, interval, number, share, share_interval
from robusttune.report.table import BEST, CONTROL, RECOMMENDED, Table
from robusttune.results.records import TrialRecord


def ranking_table(
    rows: Sequence[Row],
    columns: Sequence[Column] | None = None,
    *,
    title: str = "Ranking",
    note: str = "",
    recommended: str | None = None,
) -> Table:
    """Return the ranking, with all columns for people unless some are named; marks the recommended configuration."""
    columns = shown_columns(rows) if columns is None else columns
    return Table(
        title=title,
        headings=tuple(column.heading for column in columns),
        rows=tuple(tuple(column.text(row) for column in columns) for row in rows),
        note=note,
        text=tuple(column.heading for column in columns if column.is_text),
        marks=tuple(_marks(row, recommended) for row in rows),
        meanings={column.heading: column.meaning for column in columns},
        main=ON_THE_PAGE,
        narrow=ON_A_TELEPHONE,
    )


def _marks(row: Row, recommended: str | None) -> frozenset[str]:
    marks = {
        BEST: row.analysis.in_best_set,
        CONTROL: row.candidate.is_control,
        RECOMMENDED: row.name == recommended,
    }
    return frozenset(mark for mark, holds in marks.items() if holds)


def pairs_table(ranking: Ranking) -> Table:
    """Return the comparison of every two configurations."""
    rows = []
    for (first, second), pair in ranking.analysis.pairs.items():
        found, beats = pair.comparison, pair.improvement
        verdict = f"{found.verdict} ({found.support})" if found.support else found.verdict
        held = interval(found.low, found.high, low_is_open=found.low_is_open)
        claim = (number(found.difference), held, f"{found.p_adjusted:.3f}")
        odds = (
            (NOT_AVAILABLE,) * 2
            if beats is None
            else (share(beats.estimate), share_interval(beats.low, beats.high))
        )
        rows.append((first, second, *claim, verdict, *odds))
    claims = ("difference", "simultaneous interval", "adjusted p", "verdict")
    return Table(
        title="All pairs",
        headings=("first", "second", *claims, "P(first beats second)", "its interval"),
        rows=tuple(rows),
        text=("first", "second", "verdict"),
        note="P(first beats second): probability that a fresh run of the first scores more than one of the second, "
        "ties counting half; its interval holds pair by pair.",
    )


def trials_table(study: StudySpec, trials: Sequence[TrialRecord]) -> Table:
    """Return the trials of a search, best first, with the hyperparameters that it searched."""
    order = sorted(
        trials, key=lambda one: (one.objective_value is None, -(one.objective_value or 0.0), one.number)
    )
    return Table(
        title=f"{study.name}: {len(trials)} trials",
        headings=("trial", "state", "seeds", "objective value", "configuration"),
        rows=tuple(
            (
                str(trial.number),
                trial.state.value,
                str(len(trial.run_ids)),
                number(trial.objective_value),
                hyperparameters(trial.hyperparameters, study.search_space.parameters),
            )
            for trial in order
        ),
        text=("state", "configuration"),
    )


def hyperparameters(values: Mapping[str, Any], names: Sequence[str] | Mapping[str, Any]) -> str:
    """Return the named hyperparameters of a configuration in one line, four digits each."""
    short = {name: f"{x:.4g}" if isinstance(x := values.get(name), float) else str(x) for name in names}
    return ", ".join(f"{name}={value}" for name, value in short.items())


def _advice(ranking: Ranking) -> dict[str, Any]:
    rise = ranking.late_rise
    shown = {key: getattr(rise, key) for key in ("estimate", "low", "high", "level", "n")} if rise else None
    return {**dataclasses.asdict(ranking.advice), "late_rise": shown}


def to_document(ranking: Ranking) -> dict[str, Any]:
    """Return everything behind the ranking as plain JSON values: rows, scores, analysis, methods, study, provenance."""
    given = ranking.given
    whose: dict[str, Any] = {"given": None if given is None else dataclasses.asdict(given)}
    if given is None:
        whose = {"study": ranking.study.to_dict(), "tuning_id": ranking.study.tuning_id}
    made: dict[str, Any] = {
        "tuning_is_reproducible": ranking.tuning_is_reproducible,
        "provenance": list(ranking.provenances),
    }
    return {
        **whose,
        "answer": list(ranking.answer),
        "findings": {heading: list(sentences) for heading, sentences in ranking.findings.items()},
        "methods": list(ranking.methods),
        **({"advice": _advice(ranking)} if given is None else {}),
        "ranking": [
            {
                **record(row),
                "hyperparameters": row.candidate.hyperparameters,
                "seeds": row.runs.seeds,
                "scores": row.runs.scores,
            }
            for row in ranking.rows
        ],
        "analysis": ranking.analysis.to_dict(),
        **(made if given is None else {}),
    }
