"""Names that are meant to do harm, and what a report of them must hold."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

HOSTILE = (
    r"a $\foo$ b", "$x", "a|b", "a\nb", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "+1", "@x", "`tick", "``", "[a](http://x)",
    "a\x00\x1b[31m", "\ud800", "a\u202eb", "--><!--", "&lt;b&gt;", "\\|", "%d {} \\n", "é" * 300,
)  # fmt: skip


def faults_of_report(folder: Path) -> list[str]:
    """Return which files of a report a name has broken: tables, formulas, pictures or the page."""
    faults = []
    markdown = (folder / "ranking.md").read_text(encoding="utf-8")
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    with (folder / "ranking.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    page = (folder / "report.html").read_text(encoding="utf-8")
    if len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) != 1:
        faults.append("ranking.md: a row has more cells")
    if len({len(row) for row in rows}) != 1 or len(rows) != len(table) - 1:
        faults.append("ranking.csv: rows")
    if [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "-c"))]:
        faults.append("ranking.csv: a formula")
    own_scripts = 1  # the page sorts its tables
    if page.count("<script") != own_scripts or "<script" in markdown or "[a](http" in markdown:
        faults.append("markup of a name")
    if set(page) & set("\x00\x1b\u202e"):
        faults.append("report.html: a control character")
    for path in folder.glob("*.svg"):
        try:
            ElementTree.parse(path)
        except ElementTree.ParseError:
            faults.append(path.name)
    return faults
