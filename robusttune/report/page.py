"""The page of a study: its sections in their order, each with its figure, its data, its sentences and tables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from matplotlib.figure import Figure

from robusttune.report import columns, tables
from robusttune.report.embedded import Shown, embed_all
from robusttune.report.figures import PLOTS
from robusttune.report.model import Ranking
from robusttune.report.output import render, to_csv
from robusttune.report.prose import next_search, verdicts
from robusttune.report.prose.checklist import SOURCE
from robusttune.report.prose.findings import CAUTIONS
from robusttune.report.table import Table

RANKING = "ranking"
# Which findings stand in which section; what none names comes last in that of the ranking.
_FINDINGS: Mapping[str, tuple[str, ...]] = {
    "seeds": ("Spread between seeds",),
    "pairs": ("Who is better",),
    "noise": ("What one seed tells",),
    "search_space": (next_search.HEADING,),
}
_MOST_ROWS = 500  # of a folded table


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page; its tables are folded."""

    key: str
    heading: str
    shown: Shown | None = None
    findings: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return self.key != RANKING and not (self.shown or self.findings or self.tables)


def make_page(ranking: Ranking, keep: Callable[[Mapping[str, Figure]], None]) -> tuple[str, dict[str, str]]:
    """Return the page, and the data of its figures as CSV by name; `keep` takes the figures for files."""
    plots = [plot for plot in PLOTS if plot.applies(ranking)]
    data = {plot.name: to_csv(plot.data(ranking)) for plot in plots}
    shown = embed_all(
        {plot.name: functools.partial(plot.draw, ranking) for plot in plots},
        captions={plot.name: plot.caption(ranking) for plot in plots},
        csv=data,
        keep=keep,
    )
    page = render(
        "report.html.j2",
        name=ranking.name,
        ranking=ranking,
        table=tables.ranking_table(
            ranking.rows,
            note=f"{ranking.caption} Italic: control.",
            recommended=ranking.analysis.recommended,
        ),
        verdicts=verdicts.legend({row.verdict for row in ranking.rows}),
        sections=_sections(ranking, shown),
        columns=[(column.heading, column.meaning) for column in columns.shown_columns(ranking.rows)],
        source=SOURCE,
        data_columns=[(column.key, column.meaning) for column in columns.COLUMNS if not column.heading],
    )
    return page, data


def _sections(ranking: Ranking, shown: Mapping[str, Shown]) -> list[Section]:
    """Return what has something to show: the figure of luck, the ranking, the other figures."""
    findings, folded = ranking.findings, _folded(ranking)

    def section(key: str, heading: str, own: Iterable[str], of: Iterable[str] = ()) -> Section:
        return Section(
            key=key,
            heading=heading,
            shown=shown.get(key),
            findings=tuple((one, findings[one]) for one in own if one in findings),
            tables=tuple(folded[one] for one in (key, *of) if one in folded),
        )

    placed = {heading for plot in PLOTS for heading in _FINDINGS.get(plot.name, ())}
    first, *others = [section(plot.name, plot.heading, _FINDINGS.get(plot.name, ())) for plot in PLOTS]
    homeless = [one for one in folded if one not in {plot.name for plot in PLOTS}]
    unplaced = sorted((one for one in findings if one not in placed), key=lambda one: one != CAUTIONS)
    middle = section(RANKING, "Ranking", unplaced, homeless)
    return [one for one in (first, middle, *others) if not one.is_empty]


def _folded(ranking: Ranking) -> dict[str, Table]:
    """Return the long tables, by section."""
    found = {"pairs": tables.pairs_table(ranking)}
    if ranking.given is None:
        found["search_space"] = tables.trials_table(ranking.study, ranking.trials)
    return {key: _some(table) for key, table in found.items() if table.rows}


def _some(table: Table) -> Table:
    """Return the first rows of a long table, and say so: no browser likes a hundred thousand."""
    if len(table.rows) <= _MOST_ROWS:
        return table
    note = f"{table.note} The first {_MOST_ROWS:,} of {len(table.rows):,} rows.".strip()
    return replace(table, rows=table.rows[:_MOST_ROWS], note=note)
