"""Which hyperparameters matter, and which ranges were wrong? From the kept searches, and from the noise tables.

A noise table has every configuration on twenty or thirty seeds: what it says of its space rests on means, not on single
runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.kept import NOISE_TABLES, NothingKeptError, Places, kept_studies
from robusttune import load_study
from robusttune.post_evaluation.search_advice import advise
from robusttune.report.prose.words import share
from robusttune.report.table import Table
from robusttune.results.records import TrialRecord, TrialState

NAME = "search_space"
LEVEL = 0.05
_BLUE, _GREY = "#0072B2", "#767676"


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """A search and what its trials say of its space, as its results say.

    Attributes
    ----------
    name : str
    importance : dict
        Hyperparameter → its share and p-value, largest first.
    ranges : list of dict
        Ranges to change: what to write instead, and how many trials that rests on.
    """

    name: str
    importance: dict[str, dict[str, float]]
    ranges: list[dict[str, Any]]


def load(places: Places) -> list[Searched]:
    """Return every kept search and noise table that says something of its hyperparameters."""
    found = [one for one in (*_searches(places), *_noise_tables(places)) if one.importance]
    if not found:
        raise NothingKeptError("no experiment has kept its results.json yet: python -m experiments.run NAME")
    return found


def _searches(places: Places) -> Iterator[Searched]:
    for study in kept_studies(places.root):
        results = study.results()
        if results is not None:
            advice = results["advice"]
            yield Searched(name=study.name, importance=advice["importance"], ranges=advice["ranges"])


def _noise_tables(places: Places) -> Iterator[Searched]:
    for path in sorted(places.root.glob(NOISE_TABLES)):
        study, runs = load_study(path.with_suffix(".toml")), pd.read_parquet(path)
        advice = advise(study, means_as_trials(runs, list(study.search_space.parameters)))
        yield Searched(
            name=f"noise table {path.stem}",
            importance={name: dataclasses.asdict(one) for name, one in advice.importance.items()},
            ranges=[{"name": one.name, "line": one.line} for one in advice.ranges],
        )


def means_as_trials(runs: pd.DataFrame, names: Sequence[str]) -> list[TrialRecord]:
    """Return a trial per configuration, whose objective value is the mean over its seeds."""
    trials = []
    for number, own in runs.groupby("config_id"):
        row = own.iloc[0]
        values = {name: row[name].item() if hasattr(row[name], "item") else row[name] for name in names}
        trials.append(
            TrialRecord(
                number=int(str(number)),
                config_id=str(number),
                hyperparameters=values,
                run_ids=(),
                scores=(),
                objective_value=float(own["return"].mean()),
                state=TrialState.COMPLETE,
            )
        )
    return trials


def table(searches: Sequence[Searched]) -> dict[str, Table]:
    """Return a line per search and hyperparameter."""
    rows = []
    for one in searches:
        advised = {change["name"]: change["line"] for change in one.ranges}
        for name, found in one.importance.items():
            matters = "yes" if found["p_value"] <= LEVEL else "not shown"
            rows.append((one.name, name, share(found["share"]), matters, advised.get(name, "–")))
    table = Table(
        title="What matters in the search spaces",
        headings=("study", "hyperparameter", "importance", "matters", "range to search instead"),
        rows=tuple(rows),
        text=("study", "hyperparameter", "matters", "range to search instead"),
        name="",
        note="Importance: share of what the hyperparameters explain in the trials; matters: shown at 5%, corrected for "
        "the number of hyperparameters. Noise tables: each configuration's mean over all of its seeds.",
    )
    return {NAME: table}


def figure(searches: Sequence[Searched]) -> dict[str, Figure]:
    """Return the importance of each hyperparameter, a panel per search."""
    n_lines = sum(len(one.importance) for one in searches)
    drawn = Figure(figsize=(7.2, 0.6 * len(searches) + 0.24 * n_lines + 0.6), layout="constrained")
    heights = [len(one.importance) for one in searches]
    panels = drawn.subplots(len(searches), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, one in zip(panels, searches, strict=True):
        for y, (name, found) in enumerate(one.importance.items()):
            is_shown = found["p_value"] <= LEVEL
            axes.barh(
                [y],
                [found["share"]],
                color=_BLUE if is_shown else "none",
                edgecolor=_BLUE if is_shown else _GREY,
            )
            axes.annotate(
                name, (found["share"], y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
            )
        axes.set_yticks([])
        axes.set_ylim(len(one.importance) - 0.4, -0.6)
        axes.set_xlim(0, 1.25)
        axes.set_title(one.name, fontsize=9, loc="left")
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    panels[-1].set_xticks([0, 0.25, 0.5, 0.75, 1])
    panels[-1].set_xlabel("share of what the hyperparameters explain (filled: shown to matter)")
    return {NAME: drawn}
