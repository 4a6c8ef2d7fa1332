"""What a paper takes from a study: tables as LaTeX, and an appendix with methods and checklist."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from robusttune.report.columns import shown_columns
from robusttune.report.latex_table import LINE, LatexTable, column_widths, latex_table
from robusttune.report.model import Ranking, Row
from robusttune.report.output import render
from robusttune.report.prose import paper
from robusttune.report.prose.checklist import SOURCE
from robusttune.report.prose.space import searched, short
from robusttune.report.prose.words import listed
from robusttune.report.table import UNDECIDED, Table
from robusttune.report.tables import pairs_table, ranking_table
from robusttune.stats.analysis.result import StudyAnalysis

# The first of these that fit side by side; those of the ranked statistic always come first.
_BY_IMPORTANCE = (
    "configuration; mean; interval; tuning; luck; diverged; luck interval; verdict; rank interval; IQM; IQM interval; "
    "reached by; seeds; spread; P(best); timesteps"
)
_STATISTIC = {"mean": ("mean", "interval"), "iqm": ("IQM", "IQM interval")}
_CALM = frozenset({"verdict", "spread"})  # in capitals elsewhere
_MOST_PAIRS = 200
_MOST_INCUMBENTS = 4  # columns of their table


def to_latex(ranking: Ranking) -> str:
    """Return the ranking as LaTeX, no wider than the page of a paper."""
    table = latex_ranking(
        ranking.rows,
        ranking.analysis,
        label=label(ranking.name, "ranking"),
        caption=paper.table_caption(ranking),
    )
    return render("tables.tex.j2", tables=[table])


def pairs_to_latex(ranking: Ranking) -> str:
    """Return the comparison of every two configurations as LaTeX; of very many pairs, only where they are."""
    n_pairs = len(ranking.analysis.pairs)
    if not 0 < n_pairs <= _MOST_PAIRS:
        return (
            f"% {n_pairs:,} pairs of configurations are no table for a paper; ranking.json has all of them.\n"
        )
    table = latex_table(
        pairs_table(ranking), label=label(ranking.name, "pairs"), caption=paper.pairs_caption(ranking)
    )
    return render("tables.tex.j2", tables=[table])


def appendix(ranking: Ranking, suffix: str) -> str:
    """Return methods, search space, configurations and checklist, as "md" or "tex"."""
    tables = [search_space_table(ranking)] if ranking.study.search_space.parameters else []
    tables = [one for one in (*tables, incumbents_table(ranking)) if one.rows]
    names = {"search space": "space", "configurations": "configurations"}
    written = [
        latex_table(one, label=label(ranking.name, names[one.title.lower()]), caption=one.note)
        for one in tables
    ]
    return render(
        f"paper.{suffix}.j2",
        name=ranking.name,
        paragraph=ranking.paragraph,
        tables=written if suffix == "tex" else tables,
        checklist=ranking.checklist,
        source=SOURCE,
    )


def latex_ranking(rows: Sequence[Row], analysis: StudyAnalysis, *, label: str, caption: str) -> LatexTable:
    """Return a ranking with the most important of its columns, as many as fit on the page of a paper."""
    first = _STATISTIC[analysis.statistic]
    order = dict.fromkeys(("configuration", *first, *_BY_IMPORTANCE.split("; ")))
    equally_many = len({row.analysis.n_seeds for row in rows}) == 1  # then the caption has their number
    shown = [
        one
        for one in shown_columns(rows)
        if one.heading in order and not (one.key == "n_seeds" and equally_many)
    ]
    undecided = paper.undecided(analysis)
    table = ranking_table(rows, shown)
    marks = [
        own | {UNDECIDED} if row.name in undecided else own
        for row, own in zip(rows, table.marks, strict=True)
    ]
    table = _calm(dataclasses.replace(table, marks=tuple(marks)))
    widths = dict(zip(table.headings, column_widths(table, first[:1]), strict=True))
    room, chosen = LINE, set()
    for heading in filter(widths.__contains__, order):
        if widths[heading] <= room or heading in ("configuration", *first):
            room -= widths[heading]
            chosen.add(heading)
    places = [place for place, heading in enumerate(table.headings) if heading in chosen]
    table = dataclasses.replace(
        table,
        headings=tuple(table.headings[place] for place in places),
        rows=tuple(tuple(row[place] for place in places) for row in table.rows),
    )
    return latex_table(table, label=label, caption=caption, bold=first[:1])


def _calm(table: Table) -> Table:
    places = {place for place, heading in enumerate(table.headings) if heading in _CALM}
    rows = [tuple(cell.lower() if i in places else cell for i, cell in enumerate(row)) for row in table.rows]
    return dataclasses.replace(table, rows=tuple(rows))


def search_space_table(ranking: Ranking) -> Table:
    """Return the searched hyperparameters with their ranges, and what is the same for all trials."""
    study = ranking.study
    rows = [(name, *searched(one)) for name, one in study.search_space.parameters.items()]
    rows += [(name, short(one), "fixed") for name, one in study.training.hyperparameters.items()]
    return Table(
        title="Search space",
        headings=("hyperparameter", "values", "scale"),
        rows=tuple(rows),
        text=("hyperparameter", "values", "scale"),
        name="hyperparameter",
        note=f"{study.name}: search space; {study.training.title}. What is not named has its default.",
    )


def incumbents_table(ranking: Ranking) -> Table:
    """Return the values of the recommended configuration, and of the others in the best set if they are few."""
    top, best_set = ranking.analysis.recommended, ranking.analysis.best_set
    names = list(dict.fromkeys((top, *best_set)))
    names = names if len(names) <= _MOST_INCUMBENTS else [top]
    columns = [ranking.row(name).candidate.hyperparameters for name in names]
    known = list(dict.fromkeys(key for one in columns for key in one))
    rest = (
        f" Its {len(best_set) - 1} rivals are in ranking.csv."
        if len(names) == 1 and len(best_set) > 1
        else ""
    )
    absent = "default" if ranking.given is None else "–"
    return Table(
        title="Configurations",
        headings=("hyperparameter", *names),
        rows=tuple((key, *(short(one[key]) if key in one else absent for one in columns)) for key in known),
        text=("hyperparameter", *names),
        name="hyperparameter",
        note=f"{ranking.name}: hyperparameters of {listed(names)}, to six digits; ranking.json has all of them.{rest}",
    )


def label(name: str, what: str) -> str:
    """Return a label for `\\ref`."""
    words = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{name}-{what}").strip("-")
    return f"tab:{words}"
