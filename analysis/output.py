"""Writes the tables and figures of the paper, and the pages of the documentation that show them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from analysis.markdown import written
from robusttune.report.latex_table import latex_table
from robusttune.report.output import RC, render, write_folder
from robusttune.report.paper import label
from robusttune.report.table import Table

_DPI = 130


def write_paper(tables: Mapping[str, Table], figures: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Write each table as Markdown, CSV and LaTeX, each figure as PNG, PDF and SVG; return the tables and pictures."""
    texts: dict[str, str] = {}
    for name, table in tables.items():
        texts |= {
            f"{name}.md": written(table) + "\n",
            f"{name}.csv": _csv(table),
            f"{name}.tex": _latex(name, table),
        }
    write_folder(folder, texts, figures)
    return [
        folder / name for name in (*texts, *(f"{name}.{kind}" for name in figures for kind in ("png", "pdf")))
    ]


def write_pages(contents: Mapping[str, str | Figure], root: Path) -> list[Path]:
    """Write pages and pictures where the documentation has them."""
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Figure):
            with mpl.rc_context(RC):
                content.savefig(path, dpi=_DPI, bbox_inches="tight")
        else:
            path.write_text(content, encoding="utf-8")
    return [root / name for name in contents]


def _csv(table: Table) -> str:
    cells = [[cell.replace("−", "-") for cell in row] for row in table.rows]
    return pd.DataFrame(cells, columns=list(table.headings)).to_csv(index=False)


def _latex(name: str, table: Table) -> str:
    caption = f"{table.title}. {table.note}".strip()
    return render(
        "tables.tex.j2", tables=[latex_table(table, label=label("analysis", name), caption=caption)]
    )
