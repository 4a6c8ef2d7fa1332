"""Fill what pages take from other pages, and from results that are kept: `python -m docs.make_excerpts`, from the root.

`<!-- excerpt: PAGE.md#HEADING -->` … `<!-- end -->` in a page has the first table below that heading,
`<!-- columns -->` … what the columns of a ranking mean, and `<!-- machines -->` … the demo on two machines. A test
compares the pages with what this makes.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from docs.markdown import first_table, section, text_table
from robusttune.report.columns import COLUMNS
from robusttune.report.prose.words import number

FOLDER = Path(__file__).parent
_EXCERPT = re.compile(r"(<!-- excerpt: ([\w-]+\.md)#([\w-]+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)
_MADE = re.compile(r"(<!-- (columns|machines) -->\n).*?(<!-- end -->)", flags=re.DOTALL)
DEMO = FOLDER.parent / "experiments" / "quickstart"
# File of a ranking → where it was made; the second was the page of the demo until 23 November 2026.
MACHINES = {"ranking.csv": "kept here", "another_machine.csv": "on another machine, by an earlier version"}


def pages() -> list[Path]:
    """Return the pages that take something from elsewhere."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    return [path for path, text in texts.items() if _EXCERPT.search(text) or _MADE.search(text)]


def render(text: str) -> str:
    """Return a page with what it takes from elsewhere as it is there now."""

    def excerpt(match: re.Match[str]) -> str:
        other = (FOLDER / match[2]).read_text(encoding="utf-8")
        return f"{match[1]}\n{first_table(section(other, match[3]))}\n{match[4]}"

    made = {"columns": _columns, "machines": _machines}
    text = _EXCERPT.sub(excerpt, text)
    return _MADE.sub(lambda match: f"{match[1]}\n{made[match[2]]()}\n{match[3]}", text)


def _columns() -> str:
    """Return a table of the columns that tables show; those of data files alone have no heading."""
    rows = [[column.heading, column.meaning.replace("|", "or")] for column in COLUMNS if column.heading]
    return text_table(["column", "what it says"], rows)


def _machines() -> str:
    """Return a table of what the demo said on each machine."""
    headings = [
        "the demo",
        "its tuning champion",
        "scored in tuning",
        "on fresh seeds",
        "verdict",
        "the one to use",
    ]
    return text_table(headings, [[MACHINES[name], *_champion(DEMO / name)] for name in MACHINES])


def _champion(path: Path) -> list[str]:
    rows = pd.read_csv(path)
    champion = rows.loc[rows["tuning_score"].where(rows["configuration"].str.startswith("trial")).idxmax()]
    scores = [number(champion[key]) for key in ("tuning_score", "mean")]
    best = rows.loc[rows["mean"].idxmax(), "configuration"]
    return [champion["configuration"], *scores, champion["verdict"], str(best)]


if __name__ == "__main__":
    for path in pages():
        path.write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")
