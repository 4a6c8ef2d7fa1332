"""The pages of docs/: links lead somewhere, numbers are those of what they come from, and the site needs no network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from docs import make_excerpts
from docs.conf import contents
from docs.make_report_picture import MARKS
from docs.markdown import anchors, first_table, links, prose, slug
from tests.support.places import ROOT

DOCS = ROOT / "docs"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
SOURCES = re.compile(r"<!-- numbers: (.+?) -->")
# Pages made elsewhere, or older than the rule; their numbers have tests of their own.
WITHOUT_SOURCES = {
    *("cli", "comparison", "protocols", "python-api", "quickstart", "search-budget", "seeds-and-pruner"),
    *("statistics", "studies"),
    *("architecture", "clusters", "compare", "environments", "import", "index", "lockstep", "study-files"),
}


@pytest.mark.parametrize("page", ["../README", *TEXTS])
def test_every_link_leads_somewhere(page: str) -> None:
    path = DOCS / f"{page}.md"
    text = path.read_text(encoding="utf-8")
    for target in links(text):
        if target.startswith("https://"):
            continue
        place, _, anchor = target.partition("#")
        other = path.parent / place if place else path
        assert other.exists(), target
        if anchor:
            assert anchor in anchors(other.read_text(encoding="utf-8")), target


def test_a_link_and_an_anchor_are_found_as_a_code_host_finds_them() -> None:
    text = "# One `code`, *two*!\n[to](there.md#x) `[no](link)`\n```\n[no](block)\n```\n![picture](a.png)\n"
    assert links(text) == ["there.md#x", "a.png"]
    assert anchors(text) == {"one-code-two"}
    assert slug("What is promised, and what was measured") == "what-is-promised-and-what-was-measured"
    with pytest.raises(ValueError, match="no table"):
        first_table(text)


def test_every_page_is_in_the_contents() -> None:
    listed = [page for pages in contents(TEXTS["index"]).values() for page in pages]
    assert sorted(listed) == sorted(set(TEXTS) - {"index"})


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_begins_with_its_answer(page: str) -> None:
    body = re.sub(r"<!--.*?-->", "", TEXTS[page], flags=re.DOTALL).partition("\n")[2].strip()
    first = body.split("\n\n")[0]
    assert not first.startswith(("#", "|", "-", "!", "```")), first
    assert re.search(r"[.!?]", first)


def numbers(text: str) -> set[str]:
    """Return the numbers of a text that could be wrong: of two digits or more, outside code, links and comments."""
    text = re.sub(r"<!--.*?-->|`[^`]*`|!?\[[^\]]*\]\([^)]*\)", " ", prose(text), flags=re.DOTALL)
    return {
        found for found in re.findall(r"(?<![\w.,])[−-]?(?:\d[\d,]*)?\.?\d+(?![\w])", text) if len(found) > 1
    }


def test_the_numbers_of_a_text_are_found() -> None:
    text = "−341.8 of 1,000, [#12](x) `13` 5 of .924 (95%) 2–3 0.44 [0.17, 0.92]\n"
    assert numbers(text) == {"−341.8", "1,000", ".924", "95", "0.44", "0.17", "0.92"}


@pytest.mark.parametrize("page", sorted(set(TEXTS) - WITHOUT_SOURCES))
def test_every_number_of_a_page_is_in_what_it_comes_from(page: str) -> None:
    named = SOURCES.search(TEXTS[page])
    assert named, "Say which files the page's numbers are from: <!-- numbers: quickstart.md -->"
    known = "\n".join((DOCS / name).read_text(encoding="utf-8") for name in named[1].split())
    known = re.sub(r"-(?=[\d.])", "−", known)
    missing = {
        one
        for one in numbers(TEXTS[page])
        if not re.search(rf"(?<![\d.]){re.escape(one.replace('-', '−'))}(?![\d])", known)
    }
    assert missing == set()


def test_the_marks_of_the_picture_are_those_that_its_page_explains() -> None:
    items = re.findall(r"^(\d+)\. ", TEXTS["report"], flags=re.MULTILINE)
    assert items == [str(number) for number in range(1, len(MARKS) + 1)]


@pytest.mark.parametrize("name", make_excerpts.MACHINES)
def test_what_is_said_to_hold_on_every_machine_holds(name: str) -> None:
    rows = pd.read_csv(make_excerpts.DEMO / name).set_index("configuration")
    trials = rows[rows.index.str.startswith("trial")]
    champion, published = trials.loc[trials["tuning_score"].idxmax()], rows.loc["tutorial's best"]
    assert champion["mean"] < champion["tuning_score"]
    assert published["mean_high"] < published["tuning_score"]
    assert rows["mean"].idxmin() == "default"
    assert "trial 4" in rows["mean"].nlargest(2)


@pytest.mark.thorough
def test_the_python_of_the_recipes_runs(tmp_path: Path) -> None:
    found = re.findall(r"```python\n(.*?)```", TEXTS["recipes"], flags=re.DOTALL)
    assert len(found) > 1
    for number, block in enumerate(found):
        (tmp_path / f"block{number}.py").write_text(block, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, f"block{number}.py"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Use ")


class Resources(HTMLParser):
    """Collects what a page loads, and the anchors and links within the site."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.viewport = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("script", "img", "iframe", "source") and found.get("src"):
            self.loaded.append(str(found["src"]))
        if tag == "link" and found.get("rel") in ("stylesheet", "preload", "icon", "preconnect"):
            self.loaded.append(str(found["href"]))
        self.viewport |= tag == "meta" and found.get("name") == "viewport"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html", DOCS, folder]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=ROOT, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.thorough
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.glob("*.html"))
    assert {page.stem for page in pages} >= set(TEXTS)
    for page in pages:
        seen = Resources()
        seen.feed(page.read_text(encoding="utf-8"))
        assert seen.viewport
        assert [one for one in seen.loaded if "//" in one] == []
        assert [one for one in seen.loaded if not (site / one.partition("?")[0]).exists()] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\([\"']?https?:[^)]*|@import[^;]*https?:[^;]*", styles) == []
    assert "https://github.com/" in (site / "recipes.html").read_text(encoding="utf-8")


# A window of a browser without a screen is no narrower than 500 px; a frame is. What may be wider scrolls by itself.
FRAME = """<iframe id="page" src="{page}.html" style="width:360px;height:900px"></iframe>
<script>
const scrolls = ".table-wrapper, pre, p:has(> img)"
onload = () => {{
    const parts = [...page.contentDocument.querySelectorAll("article, article *")]
    const wide = parts.filter(e => e.getBoundingClientRect().right > 360 && !e.parentElement.closest(scrolls))
    document.body.append(parts.length + " parts, " + wide.length + " too wide.")
}}
</script>"""


@pytest.mark.thorough
@pytest.mark.parametrize("page", ["index", "report", "study-files", "comparison", "python-api"])
def test_a_page_fits_a_telephone(site: Path, tmp_path: Path, page: str) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine; .ci/run installs it")
    frame = site / f"frame-{page}.htm"
    frame.write_text(FRAME.format(page=page), encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--allow-file-access-from-files",
    ]
    options += [
        "--disable-background-networking",
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=4000",
    ]
    command = [browser, *options, "--enable-logging=stderr", "--v=0", "--dump-dom", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "CONSOLE" not in done.stderr
    found = re.search(r"(\d+) parts, (\d+) too wide\.</body>", done.stdout)
    assert found, done.stdout
    assert int(found[1]) > 10
    assert found[2] == "0"
