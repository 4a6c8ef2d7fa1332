"""The pages of reports in a browser: at three widths, light and dark, on paper, without scripts, without a network."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import robusttune

pytestmark = pytest.mark.thorough
playwright = pytest.importorskip("playwright.sync_api")

MOST_BYTES = 3_000_000
LEAST_CONTRAST = 4.5  # of text, WCAG 2.2, level AA
WIDTHS = (360, 768, 1440)
PAGES = ("study", "compare", "matrix")
STUDY = """
name = "rich"
root_seed = 3
[synthetic]
mean = -150.0
sd = 30.0
p_failing = 0.1
failing_mean = -600.0
p_diverged = 0.02
total_timesteps = 40000
[synthetic.effects]
learning_rate = { best = 1e-3, drop = 80.0, scale = "log", absent = -300.0 }
gamma = { best = 0.97, drop = 5000.0 }
[search_space.parameters]
learning_rate = { type = "float", low = 1e-5, high = 1e-1, scale = "log" }
gamma = { type = "float", low = 0.8, high = 0.9999 }
[tuning]
n_trials = 20
[evaluation]
every = 4000
[post_evaluation]
top_k = 10
n_seeds = 30
[[post_evaluation.controls]]
name = "the configuration that somebody published in a paper with a very long title"
reported_score = -120.0
hyperparameters = { learning_rate = 0.003, gamma = 0.95 }
"""
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return where the report of each kind of results is: 12 configurations with 30 seeds, given scores, tasks."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "rich.toml").write_text(STUDY, encoding="utf-8")
    robusttune.run_study(robusttune.load_study(folder / "rich.toml"), out=folder, workers=0)
    rng = np.random.default_rng(0)
    tasks = pd.DataFrame(
        [
            {"task": task, "algo": name, "seed": seed, "score": rng.normal(mean + shift, 3.0)}
            for shift, task in enumerate(("hop", "run", "swim"))
            for name, mean in (("sac", 20.0), ("ppo", 18.0), ("a2c", 2.0))
            for seed in range(8)
        ]
    )
    tasks.to_csv(folder / "tasks.csv", index=False)
    one = tasks[tasks["task"] == "run"].drop(columns="task")
    one.to_csv(folder / "one.csv", index=False)
    robusttune.compare(folder / "tasks.csv", out=folder)
    robusttune.compare(folder / "one.csv", out=folder)
    return dict(zip(PAGES, (folder / "rich", folder / "compare-one", folder / "compare-tasks"), strict=True))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine; .ci/run installs it")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, folders: dict[str, Path]) -> Iterator[Open]:
    """Return what opens a page; at the end no page has complained, or has asked for anything but itself."""
    contexts, complaints = [], []

    def opened(name: str, width: int = 1440, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        address = (folders[name] / "report.html").as_uri()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: complaints.append(request.url) if request.url != address else None,
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


# Each text with its contrast to what is behind it: of all elements that are shown, and of the letters of figures.
CONTRASTS = """() => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
  const paint = canvas.getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const linear = (x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = rgba(colour).map((x) => linear(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement)
      if (rgba(getComputedStyle(one).backgroundColor)[3] === 255) return getComputedStyle(one).backgroundColor;
    return "white";
  };
  const contrast = (a, b) => {
    const both = [light(a), light(b)];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  };
  const found = [];
  for (const element of document.querySelectorAll("main, main *:not(svg *)")) {
    const text = [...element.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data.trim()).join("");
    if (text && element.checkVisibility())
      found.push([text, contrast(getComputedStyle(element).color, behind(element))]);
  }
  const texts = found.length;
  for (const svg of document.querySelectorAll("figure svg")) {
    if (!svg.checkVisibility()) continue;
    const areas = [[null, behind(svg)]], told = new Set();
    for (const one of svg.querySelectorAll("path, use")) {  // in the order in which they are drawn
      if (one.closest("defs")) continue;
      const style = getComputedStyle(one), box = one.getBoundingClientRect();
      const letter = one.tagName === "use" && document.getElementById(one.getAttribute("xlink:href").slice(1));
      if (!letter) {
        const opaque = style.fill !== "none" && style.fillOpacity * style.opacity === 1;
        const hatched = document.getElementById(style.fill.match(/^url\\("#(.*)"\\)/)?.[1])?.querySelector("rect");
        const fill = hatched ? getComputedStyle(hatched).fill : style.fill;
        if (opaque && one.tagName === "path") areas.push([one, fill, box]);
      } else if (letter.getAttribute("transform")?.startsWith("scale(0.0") && !told.has(one.parentElement)) {
        told.add(one.parentElement);
        const x = box.left + box.width / 2, y = box.top + box.height / 2;
        const [, paper] = areas.findLast(([area, , own]) => !area || (own.left <= x && x <= own.right && own.top <= y
          && y <= own.bottom && area.isPointInFill(new DOMPoint(x, y).matrixTransform(area.getScreenCTM().inverse()))));
        found.push([`${svg.closest("figure").id}: ${style.fill} on ${paper}`, contrast(style.fill, paper)]);
      }
    }
  }
  return {found, texts};
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_screen_and_can_be_read(visit: Open, name: str, width: int, scheme: str) -> None:
    page = visit(name, width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate("document.querySelectorAll('input').forEach((one) => one.click())")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    read = page.evaluate(CONTRASTS)
    assert read["texts"] > 30
    assert len(read["found"]) > read["texts"]  # figures have texts, too
    assert [one for one in read["found"] if one[1] < LEAST_CONTRAST] == []


def test_the_page_of_a_large_study_is_small(folders: dict[str, Path]) -> None:
    ranking = pd.read_csv(folders["study"] / "ranking.csv")
    assert (len(ranking), set(ranking["n_seeds"])) == (12, {30})
    assert (folders["study"] / "report.html").stat().st_size < MOST_BYTES


@pytest.mark.parametrize("width", [1300, 1440])
def test_what_decides_is_seen_without_scrolling(visit: Open, width: int) -> None:
    page = visit("study", width)
    box = page.locator("#ranking > .wide")
    assert box.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    seen = [one.inner_text() for one in page.locator("#ranking > .wide thead th").all() if one.is_visible()]
    decisive = "configuration, tuning, mean, interval, luck, verdict, worst seed, seeds, diverged"
    assert {*decisive.split(", ")} <= set(seen)
    assert page.locator("#ranking > .wide tr.recommended").count() == 1


def test_the_ranking_sorts_by_mouse_and_by_keyboard(visit: Open, folders: dict[str, Path]) -> None:
    page = visit("study")
    head = page.locator(
        "#ranking > .wide thead th", has=page.get_by_role("button", name="worst seed", exact=True)
    )
    names = page.locator("#ranking > .wide tbody td.name")
    ranking = pd.read_csv(folders["study"] / "ranking.csv")
    before = names.all_inner_texts()
    assert [name.partition(" ◂")[0] for name in before] == list(ranking["configuration"])

    def shown() -> list[float]:
        place = page.locator("#ranking > .wide thead th").all_inner_texts().index("worst seed")
        cells = page.locator(f"#ranking > .wide tbody td:nth-child({place + 1})").all_inner_texts()
        return [float(cell.replace("−", "-")) for cell in cells]

    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert shown() == sorted(shown(), reverse=True) != sorted(shown())
    page.keyboard.press("Enter")  # the button has the focus
    assert head.get_attribute("aria-sort") == "ascending"
    assert shown() == sorted(shown())
    assert page.locator("#ranking > .wide [aria-sort]").count() == 1
    tuning = page.locator(
        "#ranking > .wide thead th", has=page.get_by_role("button", name="tuning", exact=True)
    )
    tuning.get_by_role("button").focus()
    page.keyboard.press("Space")
    assert tuning.get_attribute("aria-sort") == "descending"
    assert names.last.inner_text() == "default"  # without a tuning score: last, whatever the order
    page.locator("#ranking > .wide").get_by_role("button", name="rank", exact=True).click()
    assert names.all_inner_texts() == before


def test_all_columns_can_be_shown(visit: Open) -> None:
    page = visit("study")
    hidden = page.locator("#ranking > .wide thead th.extra")
    assert hidden.count() > 0
    assert not any(one.is_visible() for one in hidden.all())
    page.get_by_label("Show all").first.check()
    assert all(one.is_visible() for one in hidden.all())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [360, 1440])
def test_without_scripts_the_page_is_whole(visit: Open, name: str, width: int) -> None:
    with_scripts, without = visit(name, width), visit(name, width, java_script_enabled=False)
    assert without.get_by_role("button").count() == 0  # none that does nothing
    for part in ("tbody", "h1, h2, h3, p, li, figcaption, summary, pre"):
        assert without.locator(part).all_inner_texts() == with_scripts.locator(part).all_inner_texts()
    assert any(one.is_visible() for one in without.locator("figure svg").all())


@pytest.mark.parametrize("name", PAGES)
def test_a_figure_has_one_drawing_for_a_screen_and_its_data(
    visit: Open, folders: dict[str, Path], name: str
) -> None:
    for width in WIDTHS:
        page = visit(name, width)
        figures = page.locator("figure")
        assert figures.count() >= 1
        for figure in figures.all():
            assert sum(one.is_visible() for one in figure.locator("svg").all()) == 1
            data = figure.get_by_role("link", name="Data as CSV")
            kind, _, text = data.get_attribute("href").partition(",")
            written = folders[name] / data.get_attribute("download").replace("metrics", "matrix")
            if kind.startswith("data:"):
                assert kind == "data:text/csv;charset=utf-8;base64"
                assert base64.b64decode(text) == written.read_bytes()
            assert len(pd.read_csv(written)) > 0
    ids = page.locator("[id]").evaluate_all("(all) => all.map((one) => one.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_printed(visit: Open, name: str) -> None:
    page = visit(name, 703, color_scheme="dark")  # pixels between the margins of A4
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    for one in page.locator("nav, input, label, .data").all():
        assert not one.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")
