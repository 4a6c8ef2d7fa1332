"""What the terminal shows of the report across the studies of a matrix."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from robusttune.cli.console import console, say
from robusttune.cli.display import print_bullets, print_table
from robusttune.report.matrix import prose
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.matrix.tables import tables


def print_matrix(report: MatrixReport, folder: Path) -> None:
    """Print the answers, the tables and where the report is."""
    for answer in prose.answers(report):
        console.print(Text(f"\n{answer}", style="bold"))
    found = tables(report, width=console.width)
    if report.given is not None and len(report.rankings) >= prose.MANY_TASKS:
        found = found[:2]  # the page has the tables of every task
    for table in found:
        print_table(table, title=table.title)
    console.print()
    print_bullets(prose.findings(report))
    what = "across studies" if report.given is None else "across tasks"
    say(f"\nReport {what}: {folder / 'report.html'}")
