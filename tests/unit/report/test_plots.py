"""All figures of a study: what their data say, and what they survive."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable
from xml.etree import ElementTree

import matplotlib.text
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robusttune.post_evaluation.search_advice import advise
from robusttune.report.figures import (
    PLOTS,
    Plot,
    budget,
    learning_curves,
    luck,
    noise,
    pairs,
    search_space,
    seeds,
)
from robusttune.report.figures.style import COLOURS, NARROW, SMALL
from robusttune.report.model import POST_EVALUATION, TUNING, Ranking
from robusttune.report.output import drawn
from robusttune.report.prose import figures, marks
from robusttune.report.prose import figures as prose
from robusttune.report.prose.words import number
from robusttune.stats.comparisons.comparison import BETTER, EQUAL, UNDECIDED
from robusttune.stats.luck.verdict import LUCKY
from tests.support.cases import cases
from tests.support.rankings import ranked, trial, with_runs

RNG = np.random.default_rng(3)
TITLE = "{http://www.w3.org/2000/svg}title"
NAMES = (r"a $\foo$ b", "😀 emoji", "n" * 60, "a\nb", "<b>&amp;", "\ud800")


def searched(ranking: Ranking, n: int = 30) -> Ranking:
    """Return a ranking with the trials of a search: every fifth was pruned, and the learning rate matters."""
    trials = tuple(trial(i, None if i % 5 == 4 else 3.0 * (i % 10) + 0.1 * (i % 7)) for i in range(n))
    return dataclasses.replace(ranking, trials=trials, advice=advise(ranking.study, trials))


def usual() -> Ranking:
    scores = {f"trial {i}": RNG.normal(10.0 * i, 5.0, 10) for i in range(4)}
    tuning = {"trial 1": 12.0, "trial 2": 40.0, "trial 3": 31.0}
    return ranked(scores, tuning, changes={"post_evaluation.indifference": 2.0})


def tuned_often(ranking: Ranking, name: str, n_runs: int) -> Ranking:
    """Return a ranking of which a trial has been tuned with so many runs."""
    number = ranking.row(name).candidate.trial_number
    (before,) = [one for one in ranking.trials if one.number == number]
    curve = ranking.evaluations[before.run_ids[0]]
    more = {f"{name} {i}": curve._replace(mean_returns=curve.mean_returns + i * i) for i in range(n_runs)}
    often = dataclasses.replace(before, run_ids=tuple(more), scores=before.scores * n_runs)
    trials = tuple(often if one.number == number else one for one in ranking.trials)
    return dataclasses.replace(ranking, trials=trials, evaluations={**ranking.evaluations, **more})


def all_texts(figure: Figure) -> list[matplotlib.text.Text]:
    found = figure.findobj(matplotlib.text.Text)
    return [one for one in found if one.get_visible() and one.get_text().strip()]


HARD: dict[str, Callable[[], Ranking]] = {
    "one seed": lambda: ranked({"a": [1.0], "b": [2.0]}, {"a": 3.0}),
    "one configuration": lambda: ranked({"a": [1.0, 2.0, 4.0]}, {"a": 3.0}),
    "equal scores": lambda: ranked({name: [3.0] * 4 for name in "abc"}, dict.fromkeys("abc", 3.0)),
    "large equal scores": lambda: ranked({name: [-4e9] * 4 for name in "abc"}, dict.fromkeys("abc", -4e9)),
    "infinite intervals": lambda: ranked(
        {"a": [1.0], "b": [2.0, 3.0], "c": [5.0]}, dict.fromkeys("abc", 3.0)
    ),
    "no tuning scores": lambda: ranked({"a": [1.0, 2.0], "b": [2.0, 3.0]}),
    "two values": lambda: ranked({"a": [0.0] * 5 + [100.0] * 7, "b": [1.0] * 12}, {"a": 100.0, "b": 0.0}),
    "tiny beside large": lambda: ranked({"a": [0.0, 1e-12, 0.0], "b": [1e6, -1e6]}, {"a": 0.0, "b": 1e6}),
    "names": lambda: ranked({x: [float(i), i + 1.0] for i, x in enumerate(NAMES)}, dict.fromkeys(NAMES, 4.0)),
    "thirty": lambda: ranked(
        {f"t{i}": [i, i + 9.0, 5.0] for i in range(30)}, {f"t{i}": 40.0 for i in range(30)}
    ),
}


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("case", cases(HARD, fast=("one seed", "two values", "names")))
def test_no_figure_fails(case: str, narrow: bool) -> None:
    ranking = searched(with_runs(HARD[case]()))
    for plot in PLOTS:
        if plot.applies(ranking):
            assert plot.draw(ranking, narrow=narrow).axes
            assert len(plot.data(ranking))
            assert plot.caption(ranking).endswith(".")


@pytest.mark.thorough
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("case", HARD)
def test_every_figure_reaches_the_page(case: str, narrow: bool) -> None:
    ranking = searched(with_runs(HARD[case](), missing=1))
    plots = [plot for plot in PLOTS if plot.applies(ranking)]
    figures, shown = drawn(
        {plot.name: functools.partial(plot.draw, ranking, narrow=narrow) for plot in plots}
    )
    assert figures.keys() == shown.keys() == {plot.name for plot in plots}
    for text in shown.values():
        ElementTree.fromstring(text)


def test_a_ranking_has_the_figures_of_what_it_knows() -> None:
    bare = usual()
    assert [plot.name for plot in PLOTS if plot.applies(bare)] == [
        "tuning_vs_post_evaluation",
        "seeds",
        "pairs",
        "noise",
    ]
    assert all(plot.applies(searched(with_runs(bare))) for plot in PLOTS)


def test_the_data_of_luck_and_seeds_are_the_ranking_s_numbers() -> None:
    ranking = usual()
    frame = luck.data(ranking).set_index("configuration")
    for row in ranking.rows:
        assert frame.loc[row.name, "mean"] == row.analysis.mean.estimate
        if row.analysis.luck is not None:
            assert frame.loc[row.name, ["luck", "verdict"]].tolist() == [row.analysis.luck.luck, row.verdict]
    dots = seeds.data(ranking)
    for row in ranking.rows:
        own = dots[dots["configuration"] == row.name]
        assert own["score"].tolist() == list(row.runs.scores)
        if row.analysis.luck is not None:
            assert own["reaches_tuning_score"].astype(bool).sum() == row.analysis.luck.n_reached


def test_a_learning_curve_is_the_median_of_the_runs_and_the_tuning_run_stands_beside_it() -> None:
    ranking = with_runs(usual(), points=3)
    frame, row = learning_curves.data(ranking), ranking.row("trial 1")
    own = frame[frame["configuration"] == "trial 1"]
    fresh, tuned = own[own["purpose"] == "post-evaluation"], own[own["purpose"] == "tuning"]
    assert fresh["timesteps"].tolist() == [10, 20, 30]
    assert fresh["n_runs"].tolist() == [10] * 3
    assert fresh["median"].iloc[-1] == pytest.approx(np.median(row.runs.scores))
    assert fresh["low"].iloc[0] == pytest.approx(np.quantile(row.runs.scores, 0.1) - 1 + 1 / 3)
    assert tuned["median"].iloc[-1] == row.candidate.tuning_score
    assert (frame["configuration"] == "trial 0").sum() == 3  # a control: nothing has tuned it


def test_runs_of_different_length_have_a_median_of_those_that_are_there() -> None:
    ranking = with_runs(usual(), points=3)
    (first, *_), short = ranking.evaluations, {}
    one = ranking.evaluations[first]
    short[first] = one._replace(timesteps=one.timesteps[:2], mean_returns=one.mean_returns[:2])
    frame = learning_curves.data(dataclasses.replace(ranking, evaluations={**ranking.evaluations, **short}))
    assert frame["n_runs"].iloc[:3].tolist() == [10, 10, 9]


def test_a_pair_is_seen_from_both_sides() -> None:
    ranking = usual()
    frame = pairs.data(ranking).set_index(["configuration", "against"])
    words = {BETTER: "worse", EQUAL: EQUAL, UNDECIDED: UNDECIDED}
    for (first, second), pair in ranking.analysis.pairs.items():
        one, other = frame.loc[(first, second)], frame.loc[(second, first)]
        assert one["verdict"] == pair.comparison.verdict
        assert other["verdict"] == words[pair.comparison.verdict]
        assert one["difference"] == -other["difference"] == pair.comparison.difference
        assert (one["low"], one["high"]) == (-other["high"], -other["low"])
        assert pair.improvement is not None
        assert one["p_beats"] == pair.improvement.estimate == 1 - other["p_beats"]
    told = [one.get_text() for one in all_texts(pairs.draw(ranking))]
    assert any("better" in text and "practically equal" in text and "undecided" in text for text in told)
    assert sum(text.startswith("▲") for text in told) == sum(text.startswith("▼") for text in told) > 0


def test_shares_of_the_noise_are_those_of_the_analysis_and_add_up_to_one() -> None:
    ranking = usual()
    frame = noise.data(ranking)
    assert frame.groupby("among")["share"].sum().tolist() == pytest.approx([1.0] * frame["among"].nunique())
    reliability = ranking.analysis.reliability
    assert reliability is not None
    between = frame[frame["component"] == prose.CONFIGURATIONS].iloc[0]
    assert between[["share", "low"]].tolist() == [reliability.estimate, reliability.low]
    assert set(frame["component"]) == {prose.CONFIGURATIONS, prose.RUNS}  # no episodes are known


def test_the_slices_have_every_complete_trial_and_mark_the_best() -> None:
    ranking = searched(usual())
    frame = search_space.data(ranking)
    complete = [one for one in ranking.trials if one.objective_value is not None]
    assert len(frame) == len(complete) * len(ranking.study.search_space.parameters)
    rates = frame[frame["hyperparameter"] == "learning_rate"]
    assert rates["value"].tolist() == [one.hyperparameters["learning_rate"] for one in complete]
    assert rates["importance"].iloc[0] == ranking.advice.importance["learning_rate"].share
    best = rates.loc[rates["is_best_fifth"], "objective_value"]
    assert best.min() >= rates.loc[~rates["is_best_fifth"], "objective_value"].max()
    advised = [one for one in ranking.advice.ranges if one.name == "learning_rate"]
    assert advised
    words = {marks.part_word(part.kind) for part in advised[0].parts}
    told = [one.get_text() for one in all_texts(search_space.draw(ranking))]
    assert all(any(word in text for text in told) for word in words)


def test_a_range_is_labelled_on_the_scale_of_the_search() -> None:
    figure = search_space.draw(searched(usual()))
    ticks = {
        axes.get_xlabel(): dict(
            zip(axes.get_xticks(), [label.get_text() for label in axes.get_xticklabels()], strict=True)
        )
        for axes in figure.findobj(Axes)
        if axes.get_xlabel()
    }
    assert list(ticks["learning_rate"].values()) == ["1e−05", "0.00032", "0.01"]
    assert list(ticks["gamma"].values()) == ["0.9", "0.9968", "0.9999"]
    assert list(ticks["n_steps"]) == pytest.approx([0.0, 0.5, 1.0])
    assert list(ticks["n_steps"].values()) == ["8", "16", "32"]
    assert list(ticks["activation_fn"].values()) == ["tanh", "relu"]


def test_costs_are_those_of_the_stages_and_of_each_configuration() -> None:
    ranking = with_runs(usual())
    frame = budget.data(ranking)
    stages = frame[frame["configuration"].isna()].set_index("stage")
    assert stages["n_runs"].to_dict() == {TUNING: 3, POST_EVALUATION: 40}
    assert stages["wall_time_s"].to_dict() == {TUNING: 6.0, POST_EVALUATION: 80.0}
    own = frame[frame["configuration"].notna()]
    assert own["configuration"].tolist() == [row.name for row in ranking.rows]
    assert own["timesteps"].sum() == stages.loc[POST_EVALUATION, "timesteps"]


def test_a_dot_says_its_seed_its_score_and_how_to_repeat_it() -> None:
    ranking = with_runs(usual())
    makers = {"seeds": functools.partial(seeds.draw, ranking)}
    told = {one.text or "" for one in ElementTree.fromstring(drawn(makers)[1]["seeds"]).iter(TITLE)}
    row = ranking.rows[0]
    dot = f"{row.name}, seed {row.runs.seeds[0]}: {number(row.runs.scores[0])}"
    assert f"{dot}; robusttune reproduce study.toml run 0 0" in told
    assert sum("robusttune reproduce" in text for text in told) == 40
    narrow = functools.partial(seeds.draw, ranking, narrow=True)
    assert "<title" not in drawn({"seeds": narrow})[1]["seeds"]


def test_two_pictures_in_a_page_share_no_name() -> None:
    ranking = usual()
    shown = drawn({name: functools.partial(seeds.draw, ranking) for name in ("wide", "narrow")})[1]
    names = [set(re.findall(r'id="([^"]+)"', text)) for text in shown.values()]
    assert all(names)
    assert not names[0] & names[1]
    for text, own in zip(shown.values(), names, strict=True):
        assert COLOURS[LUCKY].lower() in text
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) == own


def test_of_very_many_configurations_the_best_have_a_line_and_all_are_in_the_data() -> None:
    scores = {f"trial {i}": RNG.normal(-i, 1.0, 3) for i in range(figures.MOST_LINES + 9)}
    ranking = ranked(scores, {"trial 48": 5.0, "trial 3": 5.0})
    for plot in (luck.PLOT, seeds.PLOT):
        figure = plot.draw(ranking)
        names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert len(names) == figures.MOST_LINES
        assert names[0].endswith(ranking.rows[0].name)
        assert set(plot.data(ranking)["configuration"]) == set(scores)
        assert f"The best {figures.MOST_LINES} of {len(scores)}; all are in" in plot.caption(ranking)
        assert "The best" not in plot.caption(usual())


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_a_narrow_figure_is_readable_on_a_telephone(plot: Plot) -> None:
    ranking = searched(with_runs(usual()))
    figure = plot.draw(ranking, narrow=True)
    assert min(text.get_fontsize() for text in all_texts(figure)) >= SMALL
    figure.canvas.draw()
    box = figure.get_tightbbox()
    assert box.width <= NARROW + 0.3


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=16),
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
)
def test_labels_stay_apart_and_in_order(values: list[float], low: float, size: float) -> None:
    gap, high = size / 16, low + size
    places = luck.apart(values, gap, low, high)
    ordered = [places[i] for i in sorted(range(len(values)), key=lambda i: values[i])]
    assert all(b - a >= gap * (1 - 1e-6) - 1e-9 for a, b in itertools.pairwise(ordered))
    slack = 1e-6 * (abs(low) + size)
    assert all(low - slack <= place <= high + slack for place in places)


def test_labels_of_near_equal_points_do_not_overlap() -> None:
    scores = {f"trial {i}": 100.0 + 0.01 * i + RNG.normal(0, 0.1, 3) for i in range(14)}
    figure = luck.draw(ranked(scores, dict.fromkeys(scores, 100.5)))
    figure.canvas.draw()
    boxes = [one.get_window_extent() for one in all_texts(figure)]
    overlaps = [
        (a, b) for a, b in itertools.combinations(boxes, 2) if a.shrunk(0.9, 0.9).overlaps(b.shrunk(0.9, 0.9))
    ]
    assert not overlaps


@pytest.mark.parametrize("n_runs", [figures.MOST_TUNING_RUNS, figures.MOST_TUNING_RUNS + 1])
def test_of_many_tuning_runs_a_median_and_a_band_are_drawn_and_all_are_in_the_data(n_runs: int) -> None:
    ranking = tuned_often(with_runs(usual(), points=3), "trial 1", n_runs)
    own = learning_curves.data(ranking).query("configuration == 'trial 1' and purpose == 'tuning'")
    assert len(own) == 3 * n_runs
    at = next(place for place, row in enumerate(ranking.rows) if row.name == "trial 1")
    lines = learning_curves.draw(ranking).axes[at].lines
    dashed, dotted = ([one for one in lines if one.get_linestyle() == look] for look in ("--", ":"))
    caption = learning_curves.PLOT.caption(ranking)
    assert ("each run is in learning_curves.csv" in caption) == (n_runs > figures.MOST_TUNING_RUNS)
    if n_runs > figures.MOST_TUNING_RUNS:
        values = own.groupby("timesteps")["median"]
        assert [one.get_ydata()[-1] for one in dashed] == pytest.approx([values.median().iloc[-1]])
        ends = [values.quantile(share).iloc[-1] for share in (0.1, 0.9)]
        assert [one.get_ydata()[-1] for one in dotted] == pytest.approx(ends)
    else:
        assert (len(dashed), len(dotted)) == (n_runs, 0)
