"""How Sphinx makes the site of docs/: `make docs`.

The pages are plain Markdown that a code host shows as it is. Two things are done here so that they need no markup of
Sphinx: the pages that index.md links to, in its order, are the table of contents; and a link out of docs/ leads to the
file on the code host. Nothing is fetched when the site is built or read: furo brings its style and uses the fonts of
the system.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[1]
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_HOST = _PROJECT["urls"]["Documentation"].partition("#")[0]

project = _PROJECT["name"]
release = _PROJECT["version"]
author = _PROJECT["authors"][0]["name"]
html_title = project

extensions = ["myst_parser"]
exclude_patterns = ["*.py", "*.toml", "__pycache__"]
myst_heading_anchors = 4  # the anchors that a code host gives to headings
myst_links_external_new_tab = False
nitpicky = True
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"source_repository": _HOST, "source_branch": "main", "source_directory": "docs/"}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

_OUTSIDE = re.compile(r"\]\(\.\./([^)#]+)(#[^)]*)?\)")
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", flags=re.MULTILINE | re.DOTALL)
_PAGE = re.compile(r"\[([^\]]+)\]\(([\w-]+)\.md\)")


def on_code_host(text: str) -> str:
    """Return a page whose links to files and folders outside docs/ lead to the code host.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """

    def replaced(match: re.Match[str]) -> str:
        path, anchor = match[1].rstrip("/"), match[2] or ""
        if not (ROOT / path).exists():
            raise FileNotFoundError(path)
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"]({_HOST}/{kind}/main/{path}{anchor})"

    return _OUTSIDE.sub(replaced, text)


def contents(index: str) -> dict[str, dict[str, str]]:
    """Return heading of index.md → page → title of what is linked to below it, each where it comes first."""
    found: dict[str, dict[str, str]] = {}
    seen: set[str] = set()
    for heading, section in _SECTION.findall(index):
        pages = {page: title for title, page in _PAGE.findall(section) if page not in seen}
        seen.update(pages)
        if pages:
            found[heading] = pages
    return found


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    text = source[0]
    if name == "index":
        for heading, pages in contents(text).items():
            entries = "".join(f"{title} <{page}>\n" for page, title in pages.items())
            text += f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{entries}```\n"
    try:
        source[0] = on_code_host(text)
    except FileNotFoundError as error:
        logging.getLogger(__name__).warning("%s links to %s, which does not exist", name, error)


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx show each page's text before it is parsed."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
