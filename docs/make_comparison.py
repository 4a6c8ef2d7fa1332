"""Write docs/comparison.md, what comparable systems and robusttune do, from docs/comparison.toml.

Run from the root: `python -m docs.make_comparison`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_suffix("").with_name("comparison.toml")
TARGET = SOURCE.with_suffix(".md")

_HEAD = """# How robusttune compares

<!-- Made from comparison.toml by docs/make_comparison.py; change that. -->

What comparable systems do, read in the source, documentation and issues of the versions named in autumn 2026, and what
robusttune does: each of its *yes* and *partly* is a link to the test that shows it. Where there is more to say than
*yes* or *no*, it stands under the table, with the file or the issue in which it was read.

*–* is not the job of that system; *?* was not read; *•* is told in words below. Versions: rl_zoo3 2.9.2, optuna 5.0.0,
stable-baselines3 2.9.2, optuna-dashboard 0.21.0, rliable 1.2.0, of the others those of autumn 2026. *Scripts* are the
tutorial's, the ICRA notebook's and `rl/sb3_simple.py` of optuna-examples. See also [statistics](statistics.md).
"""


def mark_and_note(cell: str) -> tuple[str, str]:
    """Return what a table shows of a cell, and what is to be said about it."""
    mark, _, note = cell.partition(": ")
    return mark, note


def render(document: dict[str, Any]) -> str:
    """Return the page."""
    return "\n".join([_HEAD, *map(_section, document["tables"])])


def _section(table: dict[str, Any]) -> str:
    systems, rows = table["systems"], table["rows"]
    lines = [f"## {table['title']}", "", f"| | robusttune | {' | '.join(systems)} |"]
    lines.append("| --- " * (len(systems) + 2) + "|")
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    notes = [note for row in rows if (note := _notes(row, systems))]
    return "\n".join([*lines, "", *notes, ""])


def _cells(row: dict[str, Any]) -> list[str]:
    own, _ = mark_and_note(row["robusttune"])
    linked = f"[{own}](../{row['test'].partition('::')[0]})" if "test" in row else own
    return [row["feature"], linked, *(mark_and_note(cell)[0] for cell in row["others"])]


def _notes(row: dict[str, Any], systems: list[str]) -> str:
    """Return what there is to say about a row, as an item of a list."""
    own = mark_and_note(row["robusttune"])[1]
    test = f"`{row['test'].partition('::')[2]}`" if "test" in row else ""
    shown = ", ".join(filter(None, (own, test)))
    said = [
        ("robusttune", shown),
        *((name, mark_and_note(cell)[1]) for name, cell in zip(systems, row["others"], strict=True)),
    ]
    return f"- **{row['feature']}**. " + "; ".join(f"*{name}*: {note}" for name, note in said if note) + "."


def load() -> dict[str, Any]:
    """Return what the page is made from."""
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    TARGET.write_text(render(load()), encoding="utf-8")
