"""Figures: what they show, what they survive, and how they are written."""

from __future__ import annotations

import base64
import csv
import dataclasses
import functools
import io
import re
from pathlib import Path

import matplotlib.text
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import gaussian_kde

from robusttune.report import page
from robusttune.report.figures import luck, seeds
from robusttune.report.output import drawn, save, write_folder
from robusttune.report.write import write_report
from tests.support.hostile import HOSTILE, faults_of_report
from tests.support.rankings import ranked

RNG = np.random.default_rng(0)
SCORES = {
    "trial 1": RNG.normal(100.0, 5.0, 10),
    "trial 2": RNG.normal(90.0, 5.0, 10),
    "default": RNG.normal(-5000.0, 5.0, 10),
}
TUNING = {"trial 1": 102.0, "trial 2": 120.0}


def texts(figure: Figure) -> list[str]:
    return [one.get_text() for one in figure.findobj(matplotlib.text.Text)]


def test_a_configuration_that_is_far_off_does_not_squeeze_the_others() -> None:
    ranking = ranked(SCORES, TUNING, controls={"default": None})
    for figure in (luck.draw(ranking), seeds.draw(ranking)):
        low, high = figure.axes[0].get_xlim()
        assert low > 0
        assert high > 120
        assert any(text.startswith("◂ mean −5000") for text in texts(figure))


def test_a_member_of_the_best_set_is_always_on_the_axis() -> None:
    wild = [-5000.0, 100.0, 5400.0, 200.0]
    ranking = ranked({"a": RNG.normal(100.0, 1.0, 4), "b": RNG.normal(99.0, 1.0, 4), "wild": wild})
    assert "wild" in ranking.analysis.best_set
    low, high = seeds.draw(ranking).axes[0].get_xlim()
    assert low < -5000
    assert high > 5400


def test_the_figure_tells_how_many_seeds_reach_the_tuning_score() -> None:
    ranking = ranked(SCORES, TUNING, controls={"default": None})
    reached = int((SCORES["trial 2"] >= 120.0).sum())
    assert any(f"{reached} of 10 reach it" in text for text in texts(luck.draw(ranking)))


def test_any_name_leaves_every_file_whole(tmp_path: Path) -> None:
    ranking = ranked({name: [float(i), i + 1.0] for i, name in enumerate(HOSTILE)})
    write_report(ranking, tmp_path)
    assert faults_of_report(tmp_path) == []
    with (tmp_path / "ranking.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == len(HOSTILE) + 1
    assert r"a $\foo$ b" in (tmp_path / "seeds.svg").read_text(encoding="utf-8")


def test_a_report_is_never_lost_to_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(ranking: object, *, narrow: bool = False) -> Figure:
        raise ValueError("$ is <missing>")

    broken = dataclasses.replace(seeds.PLOT, draw=fail)
    monkeypatch.setattr(page, "PLOTS", (luck.PLOT, broken))
    write_report(ranked(SCORES, TUNING), tmp_path)
    assert "cannot be drawn (ValueError: $ is &lt;missing&gt;)" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "ranking.csv").exists()
    assert (tmp_path / "tuning_vs_post_evaluation.png").exists()


def test_a_format_that_cannot_hold_a_figure_costs_that_figure_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    savefig = Figure.savefig

    def fail(self: Figure, path: Path, *, format: str, **options: object) -> None:  # noqa: A002
        if format == "pdf":
            raise RuntimeError("no such glyph")
        savefig(self, path, format=format, **options)

    monkeypatch.setattr(Figure, "savefig", fail)
    write_folder(tmp_path, {"a.md": "text"}, {"seeds": Figure((1, 1))})
    assert (tmp_path / "a.md").exists()
    assert not list(tmp_path.glob("seeds.*"))


def test_studies_without_tuning_scores_or_with_one_seed_have_figures() -> None:
    for scores in ({"a": [1.0]}, {"a": [1.0], "b": [2.0]}, {"a": [3.0] * 4, "b": [3.0] * 4}):
        assert luck.draw(ranked(scores)).axes
        assert seeds.draw(ranked(scores)).axes


def test_a_figure_that_cannot_be_drawn_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = luck.draw(ranked(SCORES, TUNING))
    save(figure, tmp_path, "picture")
    before = (tmp_path / "picture.png").read_bytes()

    def fail(self: Figure, path: Path, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(RuntimeError):
        save(figure, tmp_path, "picture")
    assert (tmp_path / "picture.png").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.pdf", "picture.png", "picture.svg"]


def test_very_many_dots_are_one_picture_within_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranking = ranked(SCORES, TUNING)
    save(seeds.draw(ranking), tmp_path, "outlines")
    monkeypatch.setattr(seeds, "MANY_DOTS", 29)
    save(seeds.draw(ranking), tmp_path, "pixels")
    outlines, pixels = ((tmp_path / f"{name}.svg").read_text() for name in ("outlines", "pixels"))
    assert (outlines.count("<image"), pixels.count("<image")) == (0, 1)
    assert outlines.count("<use") - pixels.count("<use") >= 20


def test_pixels_have_a_palette_and_let_the_paper_of_the_page_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "MANY_DOTS", 29)
    text = drawn({"seeds": functools.partial(seeds.draw, ranked(SCORES, TUNING))})[1]["seeds"]
    (data,) = re.findall(r'href="data:image/png;base64,([^"]+)"', text)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.mode == "P"
        alphas = np.asarray(image.convert("RGBA"))[..., 3]
    assert (alphas == 0).mean() > 0.5
    assert alphas.max() > 150


def test_a_hill_is_scipy_s_kernel_density() -> None:
    scores, at = RNG.normal(3.0, 2.0, 50), np.linspace(-4.0, 10.0, 70)
    found = seeds.kernel_density(scores, at) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(found, gaussian_kde(scores)(at), rtol=1e-9)
