"""How many of the best trials of real searches were lucky, by how much, and was the champion the one to use?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.kept import KeptStudy, NothingKeptError, Places, kept_studies
from analysis.markdown import wrapped, written
from robusttune.report.figures import COLOURS
from robusttune.report.output import new_figure
from robusttune.report.prose.words import interval, number
from robusttune.report.table import Table

NAME, CHAMPIONS, PUBLISHED = "lucky_vs_consistent", "champions", "published_scores"
PAGE, PICTURE = "docs/studies.md", "docs/images/studies.png"
_VERDICTS = ("LUCKY", "INCONCLUSIVE", "CONSISTENT", "UNLUCKY")
_MARKS = {"LUCKY": ">", "INCONCLUSIVE": "s", "CONSISTENT": "o", "UNLUCKY": "<"}


def load(places: Places) -> list[KeptStudy]:
    """Return the studies whose rankings are kept in the repository.

    Raises
    ------
    NothingKeptError
        If none of them searched.
    """
    found = list(kept_studies(places.root))
    if not _searches(found):
        raise NothingKeptError("no experiment has a ranking.csv yet: python -m experiments.run NAME")
    return found


def _searches(studies: Sequence[KeptStudy]) -> list[KeptStudy]:
    return [one for one in studies if not one.trials.empty]


def table(studies: Sequence[KeptStudy]) -> dict[str, Table]:
    """Return two tables with a line per search, of its trials and of its champion, and one of published scores."""
    searches = _searches(studies)
    trials = Table(
        title="Lucky and consistent trials",
        headings=("study", "trials", *(verdict.lower() for verdict in _VERDICTS), "luck in SD"),
        rows=(
            *((one.name, *_counts(one.trials)) for one in searches),
            ("all", *_counts(_pooled(searches))),
        ),
        text=("study",),
        name="study",
        note="Verdicts: by the study's own intervals (95%, simultaneous where the study says so); inconclusive: its "
        "seeds do not decide. Luck in SD: tuning score minus mean over fresh seeds, in standard deviations between the "
        "seeds of the trial, on average.",
    )
    champions = Table(
        title="Tuning champions",
        headings=("study", "champion", "tuning", "fresh mean", "verdict", "recommended"),
        rows=(
            *map(_champion, searches),
            ("all", "", "", "", "", f"not the champion: {len(_others(searches))} of {len(searches)}"),
        ),
        text=("study", "champion", "verdict", "recommended"),
        name="study",
        note="Tuning, fresh mean: the champion's score in tuning, and its mean over fresh seeds. Recommended: by the "
        "report of the study.",
    )
    claims = [(one, row) for one in studies for _, row in one.published.iterrows()]
    return {NAME: trials, CHAMPIONS: champions} | ({PUBLISHED: _published(claims)} if claims else {})


def _published(claims: Sequence[tuple[KeptStudy, pd.Series[Any]]]) -> Table:
    """Return a line per configuration whose score others have reported."""
    rows = tuple(
        (
            one.name,
            str(row["configuration"]),
            number(row["tuning_score"]),
            number(row["mean"]),
            interval(row["mean_low"], row["mean_high"]),
            f"{row['n_reached']:.0f} of {row['n_seeds']}",
            str(row["verdict"]).lower(),
        )
        for one, row in claims
    )
    return Table(
        title="Published scores on fresh seeds",
        headings=("study", "configuration", "published", "fresh mean", "interval", "reached by", "verdict"),
        rows=rows,
        text=("study", "configuration", "verdict"),
        name="",
        note="Reached by: how many fresh seeds score at least what was published.",
    )


def _champion(one: KeptStudy) -> tuple[str, ...]:
    champion = one.champion
    name, verdict = str(champion["configuration"]), str(champion["verdict"]).lower()
    scores = (number(champion["tuning_score"]), number(champion["mean"]))
    return one.name, name, *scores, verdict, "the champion" if one.recommended == name else one.recommended


def _counts(trials: pd.DataFrame) -> tuple[str, ...]:
    verdicts = (str(n_with(trials, verdict)) for verdict in _VERDICTS)
    return str(len(trials)), *verdicts, number(trials["luck_in_sd"].mean(), signed=True, decimals=1)


def n_with(trials: pd.DataFrame, verdict: str) -> int:
    """Return how many trials have a verdict."""
    return int((trials["verdict"] == verdict).sum())


def _pooled(studies: Sequence[KeptStudy]) -> pd.DataFrame:
    return pd.concat([one.trials for one in studies])


def _others(studies: Sequence[KeptStudy]) -> list[KeptStudy]:
    """Return the searches whose champion is not what their report recommends."""
    return [one for one in studies if one.recommended != one.champion["configuration"]]


def figure(studies: Sequence[KeptStudy]) -> dict[str, Figure]:
    """Return the luck of every evaluated trial in standard deviations of its seeds, a row per search."""
    searches = _searches(studies)
    drawn, axes = new_figure(8.2, 1.2 + 0.42 * len(searches), layout="constrained")
    for y, one in enumerate(searches):
        champion = one.champion["configuration"]
        for _, row in one.trials.iterrows():
            is_champion = row["configuration"] == champion
            axes.plot(
                [row["luck_in_sd"]],
                [y],
                marker=_MARKS[row["verdict"]],
                ms=8 if is_champion else 5,
                mfc=COLOURS[row["verdict"]] if is_champion else "none",
                mec=COLOURS[row["verdict"]],
                ls="",
            )
    for verdict in _VERDICTS:
        axes.plot([], [], _MARKS[verdict], mfc="none", mec=COLOURS[verdict], label=verdict.lower())
    axes.axvline(0, lw=0.8, color="black")
    axes.set_yticks(range(len(searches)), [one.name for one in searches])
    axes.set_ylim(len(searches) - 0.5, -0.5)
    axes.set_xlabel("luck of the tuning score, in standard deviations between seeds (right: too high)")
    axes.set_title("Filled: the tuning champions", fontsize=9, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    drawn.legend(loc="outside right upper", frameon=False, fontsize=8)
    return {NAME: drawn}


def page(studies: Sequence[KeptStudy]) -> dict[str, str | Figure]:
    """Return the page of documentation and its picture."""
    note = (
        "Each study's page, with its question, its ranking and the command that runs it, is in "
        "[experiments/](../experiments). This page is made by `python -m analysis.build lucky_vs_consistent` from the "
        "rankings kept there."
    )
    tables = table(studies)
    text = "\n".join(
        [
            "# Real studies: how lucky are tuning champions?\n",
            wrapped(_answer(_searches(studies))),
            "![Luck of every trial](images/studies.png)\n",
            written(tables.pop(NAME)) + "\n",
            wrapped(note),
            *(f"## {one.title}\n\n{written(one)}\n" for one in tables.values()),
        ]
    )
    return {PAGE: text, PICTURE: figure(studies)[NAME]}


def _answer(studies: Sequence[KeptStudy]) -> str:
    pooled = _pooled(studies)
    lucky = pooled[pooled["verdict"] == "LUCKY"]
    champions = sum(one.champion["verdict"] == "LUCKY" for one in studies)
    others = _others(studies)
    controls = sum(one.recommended not in set(one.trials["configuration"]) for one in others)
    by = f", by {number(lucky['luck_in_sd'].mean(), decimals=1)} standard deviations between seeds on average"
    return (
        f"{len(lucky)} of the {len(pooled)} best trials of {len(studies)} searches with real training were lucky: "
        f"their tuning scores are higher than fresh seeds allow{by if len(lucky) else ''}. So were {champions} of the "
        f"{len(studies)} tuning champions. {len(others)} of the {len(studies)} reports recommend another configuration "
        "than the champion"
        + (f", {controls} of them one that the search did not propose (a control)." if controls else ".")
    )
