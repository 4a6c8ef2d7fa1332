"""LaTeX that is compiled as the reader of a paper would."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None, reason="there is no pdflatex"
)


def complaints(sources: Iterable[str], folder: Path) -> list[str]:
    """Return what pdfLaTeX has to say against sources that are put into an article, after two runs."""
    pages = "\n\\clearpage\n".join(sources)
    text = (
        "\\documentclass{article}\n\\usepackage{booktabs,longtable,siunitx}\n"
        f"\\begin{{document}}\n{pages}\n\\end{{document}}\n"
    )
    assert text.isascii()
    (folder / "paper.tex").write_text(text, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    for _ in range(2):  # a long table knows the widths of its columns after the first
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120
        )
    pattern = r"^(?:!.*|Overfull.*|.*too large for page.*|.*[Mm]issing character.*)$"
    found = re.findall(pattern, done.stdout, re.MULTILINE)
    return found if found or done.returncode == 0 else [done.stdout[-2000:]]
