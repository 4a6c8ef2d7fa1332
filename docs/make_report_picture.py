"""Write the pictures of a report: its answer and the figure of luck in docs/images/report.png, and, with numbered marks
and down to its ranking, docs/images/report-annotated.png.

Run from the root after `make demo`, with Chromium or Chrome installed: `python -m docs.make_report_picture`, or with
the path of another report.html. docs/report.md says what each number is.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "results" / "ppo-pendulum" / "report.html"
IMAGES = ROOT / "docs" / "images"
_WIDTH, _HEIGHT, _SCALE = 1120, 2400, 1.5
_MARGIN = 16  # pixels below the last line
_COLOURS = 128  # of the picture file: text and a few figures need no more

_LINE = r'(<div class="headline">(?:\s*<p>.*?</p>){{{n}}}\s*<p>)'
_HEADING = r'(<section id="{name}">\s*<h2>)'
_COLUMN = r"(<th\b[^>]*>)(?={name}</th>)"
# What is marked, in the order of docs/report.md: a pattern whose first group ends where the number goes.
MARKS: tuple[str, ...] = (
    *(_LINE.format(n=n) for n in range(4)),
    _HEADING.format(name="tuning_vs_post_evaluation"),
    _HEADING.format(name="ranking"),
    *(_COLUMN.format(name=name) for name in ("tuning", "mean", "luck", "verdict")),
)
_AFTER_FIGURE, _AFTER_RANKING = '<section id="ranking">', "<details><summary>What the columns mean"
_STYLE = (
    "<style>.mark{display:inline-block;min-width:1em;height:1.35em;padding:0 .18em;"
    "border-radius:1em;background:#b3005e;color:#fff;"
    "font:bold 15px/1.35em sans-serif;text-align:center;margin:0 .35em 0 0;vertical-align:middle}</style></head>"
)


def marked(page: str) -> str:
    """Return a report with its numbered marks.

    Raises
    ------
    ValueError
        If there is no place for a mark: the page has changed, and so must docs/report.md.
    """
    for number, pattern in enumerate(MARKS, start=1):
        page, n = re.subn(pattern, rf'\1<span class="mark">{number}</span>', page, count=1, flags=re.DOTALL)
        if not n:
            raise ValueError(f"The report has no place for mark {number}, {pattern}.")
    return page.replace("</head>", _STYLE, 1)


def cut(page: str, end: str) -> str:
    """Return a report up to a place.

    Raises
    ------
    ValueError
        If the report has no such place.
    """
    kept, found, _ = page.partition(end)
    if not found:
        raise ValueError(f"The report has no {end!r}.")
    return kept


def screenshot(page: str, target: Path) -> None:
    """Write the picture of a page, without the empty space below it."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("error: the picture needs Chromium or Chrome.")
    with tempfile.TemporaryDirectory() as folder:
        source, shot = Path(folder) / "report.html", Path(folder) / "shot.png"
        source.write_text(page, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options += [f"--user-data-dir={folder}/browser", f"--window-size={_WIDTH},{_HEIGHT}"]
        options += [f"--force-device-scale-factor={_SCALE}", f"--screenshot={shot}"]
        subprocess.run([browser, *options, source.as_uri()], check=True, capture_output=True, timeout=300)
        picture = Image.open(shot).convert("RGB")
    pixels = np.asarray(picture)
    last = int(np.flatnonzero((pixels != pixels[-1, -1]).any(axis=(1, 2)))[-1])
    picture = picture.crop((0, 0, picture.width, min(picture.height, last + _MARGIN)))
    picture.quantize(_COLOURS).save(target, optimize=True)


def main() -> None:
    """Write both pictures."""
    report = Path(sys.argv[1]) if len(sys.argv) > 1 else REPORT
    page = report.read_text(encoding="utf-8")
    screenshot(cut(page, _AFTER_FIGURE), IMAGES / "report.png")
    screenshot(marked(cut(page, _AFTER_RANKING)), IMAGES / "report-annotated.png")


if __name__ == "__main__":
    main()
