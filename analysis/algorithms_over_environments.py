"""Which algorithm is best where, before and after tuning? From the kept experiments with several algorithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.kept import KeptStudy, NothingKeptError, Places, kept_studies
from robusttune.report.prose.words import interval, number
from robusttune.report.table import BEST, Table

NAME = "algorithms_over_environments"
DEFAULT = "default"
_HEADINGS = (
    "environment", "algorithm", "timesteps", "trials", "tuning score", "default", "its interval", "tuned", "interval",
)  # fmt: skip
_MARKS = {DEFAULT: ("o", "#767676"), "tuned": ("D", "#0072B2"), "tuning score": ("x", "#D55E00")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A mean over fresh seeds with its interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """An algorithm on an environment.

    Attributes
    ----------
    experiment, environment, algorithm : str
    timesteps, n_trials : int
    champion : float
        The highest tuning score.
    default : Score or None
        None where the study has no such control.
    tuned : Score
        The trial with the highest mean over fresh seeds; over its confirmation seeds where it has some.
    """

    experiment: str
    environment: str
    algorithm: str
    timesteps: int
    n_trials: int
    champion: float
    default: Score | None
    tuned: Score


def load(places: Places) -> list[Cell]:
    """Return the searches of the experiments that have several studies."""
    found = []
    for study in kept_studies(places.root):
        if study.folder.parent == places.root / "experiments" or study.trials.empty:
            continue  # a study of its own, or one that searched nothing
        if (cell := _cell(study)) is not None:
            found.append(cell)
    if not found:
        raise NothingKeptError(
            "no experiment with several algorithms has results yet: python -m experiments.run classic_control"
        )
    return sorted(found, key=lambda one: (one.experiment, one.environment, -one.tuned.mean))


def _cell(study: KeptStudy) -> Cell | None:
    results = study.results()
    if results is None:
        return None
    best = study.trials.sort_values("mean", ascending=False, kind="stable").iloc[0]
    default = study.ranking[study.ranking["configuration"] == DEFAULT]
    confirmed = results["confirmed"].get(best["configuration"])
    tuned = _score(best)
    if confirmed is not None:
        tuned = Score(mean=confirmed["estimate"], low=confirmed["low"], high=confirmed["high"])
    settled = results["study"]
    return Cell(
        experiment=study.folder.parent.name,
        environment=settled["environment"]["id"],
        algorithm=settled["algorithm"]["name"].upper(),
        timesteps=settled["algorithm"]["total_timesteps"],
        n_trials=settled["tuning"]["n_trials"],
        champion=float(study.champion["tuning_score"]),
        default=None if default.empty else _score(default.iloc[0]),
        tuned=tuned,
    )


def _score(row: pd.Series[float]) -> Score:
    return Score(mean=float(row["mean"]), low=float(row["mean_low"]), high=float(row["mean_high"]))


def table(cells: Sequence[Cell]) -> dict[str, Table]:
    """Return a line per algorithm and environment, the best tuned one of each environment bold."""
    rows, marks = [], []
    for one in cells:
        default = ("–", "–") if one.default is None else _written(one.default)
        counts = f"{one.timesteps:,}", str(one.n_trials)
        rows.append(
            (
                one.environment,
                one.algorithm,
                *counts,
                number(one.champion),
                *default,
                *_written(one.tuned),
            )
        )
        marks.append(frozenset({BEST} if one in _best(cells) else ()))
    found = Table(
        title="Algorithms over environments",
        headings=_HEADINGS,
        rows=tuple(rows),
        text=("environment", "algorithm"),
        name="algorithm",
        marks=tuple(marks),
        note="Tuning score: the highest of the search, on one seed. Default and tuned: mean over fresh seeds with its "
        "95% interval; tuned is the best trial of the search, on its confirmation seeds where it has some. Bold: the "
        "highest tuned mean of an environment, and whatever of the same experiment has an interval that reaches it.",
    )
    return {NAME: found}


def _best(cells: Sequence[Cell]) -> list[Cell]:
    """Return, of each experiment and environment, the algorithms whose interval reaches the highest tuned mean."""
    highest: dict[tuple[str, str], float] = {}
    for one in cells:
        key = one.experiment, one.environment
        highest[key] = max(highest.get(key, -math.inf), one.tuned.mean)
    return [one for one in cells if one.tuned.high >= highest[one.experiment, one.environment]]


def _written(score: Score) -> tuple[str, str]:
    return number(score.mean), interval(score.low, score.high)


def figure(cells: Sequence[Cell]) -> dict[str, Figure]:
    """Return default, tuned mean and highest tuning score of each algorithm, a panel per environment."""
    panels: dict[tuple[str, str], list[Cell]] = {}
    for one in cells:
        panels.setdefault((one.environment, one.experiment), []).append(one)
    n_lines = len(cells)
    drawn = Figure(figsize=(7.2, 0.9 * len(panels) + 0.35 * n_lines + 0.4), layout="constrained")
    heights = [len(own) for own in panels.values()]
    axes = drawn.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
    for place, ((environment, _), own) in zip(axes, panels.items(), strict=True):
        _panel(place, own)
        place.set_title(f"{environment}, {own[0].timesteps:,} timesteps", fontsize=9, loc="left")
    for label, (mark, colour) in _MARKS.items():
        axes[0].plot([], [], mark, color=colour, label="highest tuning score" if mark == "x" else label)
    drawn.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return {NAME: drawn}


def _panel(axes: Axes, cells: Sequence[Cell]) -> None:
    for y, one in enumerate(cells):
        for score, name, shift in ((one.default, DEFAULT, 0.15), (one.tuned, "tuned", -0.15)):
            if score is None:
                continue
            mark, colour = _MARKS[name]
            axes.plot([score.low, score.high], [y + shift] * 2, "-", lw=2, alpha=0.6, color=colour)
            axes.plot([score.mean], [y + shift], mark, ms=5, color=colour)
        mark, colour = _MARKS["tuning score"]
        axes.plot([one.champion], [y - 0.15], mark, ms=6, color=colour)
    axes.set_yticks(range(len(cells)), [one.algorithm for one in cells])
    axes.set_ylim(len(cells) - 0.5, -0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
