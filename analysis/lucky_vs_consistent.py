"""How many of the best trials of real searches were lucky, by how much, and was the champion the one to use?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from analysis.markdown import table as markdown_table
from analysis.markdown import wrapped
from robusttune.report.figures import COLOURS

ROWS = "experiments/**/ranking.csv"
PAGE = Path("docs") / "studies.md"
PICTURE = Path("docs") / "images" / "studies.png"
_VERDICTS = ("LUCKY", "INCONCLUSIVE", "CONSISTENT", "UNLUCKY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One search in one line.

    Attributes
    ----------
    name : str
    rows : DataFrame
        Its trials that were evaluated on fresh seeds.
    champion, best : str
        The trial with the highest tuning score, and the configuration with the highest mean over fresh seeds.
    """

    name: str
    rows: pd.DataFrame
    champion: str
    best: str

    def n(self, verdict: str) -> int:
        """Return how many trials have a verdict."""
        return int((self.rows["verdict"] == verdict).sum())

    @property
    def champion_row(self) -> pd.Series:
        """The champion's line of the ranking."""
        return self.rows[self.rows["configuration"] == self.champion].iloc[0]


def load(root: Path) -> list[Study]:
    """Return every search whose ranking is kept in the repository."""
    return [study for path in sorted(root.glob(ROWS)) if (study := _study(path)) is not None]


def _study(path: Path) -> Study | None:
    ranking = pd.read_csv(path)
    rows = ranking[ranking["tuning_score"].notna() & ranking["proposed_by"].notna()]
    if rows.empty:
        return None  # nothing was searched
    return Study(
        name=path.parent.name,
        rows=rows,
        champion=_highest(rows, "tuning_score"),
        best=_highest(ranking, "mean"),
    )


def _highest(ranking: pd.DataFrame, column: str) -> str:
    return str(ranking.sort_values(column, ascending=False)["configuration"].iloc[0])


def table(studies: list[Study]) -> str:
    """Return one line per search, and one for all."""
    headings = ["study", "trials", *(verdict.lower() for verdict in _VERDICTS), "mean luck in SD", "champion"]
    headings += ["its tuning score", "its fresh mean", "the one to use"]
    lines = []
    for one in studies:
        champion = one.champion_row
        lines.append(
            [
                one.name,
                str(len(one.rows)),
                *(str(one.n(verdict)) for verdict in _VERDICTS),
                f"{one.rows['luck_in_sd'].mean():+.1f}",
                one.champion,
                f"{champion['tuning_score']:.4g}",
                f"{champion['mean']:.4g}",
                "the champion" if one.best == one.champion else one.best,
            ]
        )
    pooled = pd.concat([one.rows for one in studies])
    lines.append(
        [
            "**all**",
            str(len(pooled)),
            *(str(sum(one.n(verdict) for one in studies)) for verdict in _VERDICTS),
            f"{pooled['luck_in_sd'].mean():+.1f}",
            "",
            "",
            "",
            f"{sum(one.best != one.champion for one in studies)} of {len(studies)} not the champion",
        ]
    )
    return markdown_table(headings, lines)


def figure(studies: list[Study]) -> Figure:
    """Return the luck of every evaluated trial in standard deviations of its seeds, a row per search."""
    drawn = Figure(figsize=(8.2, 1.2 + 0.42 * len(studies)), layout="constrained")
    axes = drawn.add_subplot()
    for y, one in enumerate(studies):
        for _, row in one.rows.iterrows():
            is_champion = row["configuration"] == one.champion
            axes.plot(
                [row["luck_in_sd"]],
                [y],
                marker="D" if is_champion else "o",
                ms=8 if is_champion else 5,
                mfc=COLOURS[row["verdict"]] if is_champion else "none",
                mec=COLOURS[row["verdict"]],
                ls="",
            )
    axes.axvline(0, lw=0.8, color="black")
    axes.set_yticks(range(len(studies)), [one.name for one in studies])
    axes.set_ylim(len(studies) - 0.5, -0.5)
    axes.set_xlabel("luck of the tuning score, in standard deviations between seeds (right: too high)")
    axes.set_title(
        "Filled: the tuning champion. Colour: the verdict, as in the table", fontsize=9, loc="left"
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return drawn


def page(studies: list[Study]) -> str:
    """Return the page of documentation as Markdown."""
    pooled = pd.concat([one.rows for one in studies])
    lucky = int((pooled["verdict"] == "LUCKY").sum())
    champions = [one.champion_row for one in studies]
    n_lucky = sum(row["verdict"] == "LUCKY" for row in champions)
    other = sum(one.best != one.champion for one in studies)
    answer = (
        f"In {len(studies)} searches with real training, {lucky} of the {len(pooled)} trials that were evaluated again "
        f"were lucky beyond doubt, and {n_lucky} of the {len(studies)} champions; {other} of {len(studies)} times "
        "another configuration than the champion has the highest mean over fresh seeds."
    )
    note = (
        "A verdict is about the tuning score, by the study's own intervals (95%, simultaneous where the study says "
        "so); inconclusive means that its seeds do not decide. Each study's page, with its question, its ranking and "
        "the command that runs it, is in [experiments/](../experiments). This page is made by `python -m "
        "analysis.build lucky_vs_consistent` from the rankings kept there."
    )
    return "\n".join(
        [
            "# Real studies: how lucky are tuning champions?\n",
            wrapped(answer) + "\n",
            f"![Luck of every trial](images/{PICTURE.name})\n",
            table(studies) + "\n",
            wrapped(note) + "\n",
        ]
    )


def write(root: Path) -> tuple[Path, ...]:
    """Write page and picture."""
    studies = load(root)
    figure(studies).savefig(root / PICTURE, dpi=130)
    (root / PAGE).write_text(page(studies), encoding="utf-8")
    return root / PAGE, root / PICTURE
