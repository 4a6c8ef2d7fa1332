"""What the terminal shows of the report across the studies of a matrix."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from robusttune.report.matrix import prose
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.matrix.tables import tables


def print_matrix(report: MatrixReport, folder: Path, console: Console) -> None:
    """Print the answers, the tables and where the report is."""
    for answer in prose.answers(report):
        console.print(Text(f"\n{answer}", style="bold"))
    for found in tables(report):
        table = Table(title=f"\n{found.title}", title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
        for place, heading in enumerate(found.headings):
            table.add_column(heading, justify="left" if place < found.n_text else "right")
        for place, row in enumerate(found.rows):
            is_bold = bool(found.bold) and found.bold[place]
            table.add_row(*map(Text, row), style="bold" if is_bold else "")
        console.print(table)
        console.print(Text(found.note, style="dim"))
    console.print()
    for sentence in prose.findings(report):
        console.print(Text(f"• {sentence}"))
    console.print(f"\nReport across studies: {folder / 'report.html'}", highlight=False, soft_wrap=True)
