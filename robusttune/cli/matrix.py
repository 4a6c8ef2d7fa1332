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
    for found in tables(report, width=console.width):
        print_table(found, title=found.title)
    console.print()
    print_bullets(prose.findings(report))
    say(f"\nReport across studies: {folder / 'report.html'}")
