"""The protocol study: its landscapes, searches and second stages, and what is made of its rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import pytest

from analysis.protocols_cells import COMPARATOR, LIBRARY, MULTI, SINGLE, advised, cell
from experiments.protocols import second_stage
from experiments.protocols.__main__ import Unit, run
from experiments.protocols.judge import Judge
from experiments.protocols.landscapes import Declared, uniform
from experiments.protocols.protocols import BUDGETS, KINDS, protocols
from experiments.protocols.searches import (
    N_FRESH,
    Searches,
    encode_points,
    search_declared,
    search_nearest,
    search_rows,
)
from experiments.protocols.shapes import declared
from experiments.protocols.tables import Table
from robusttune.declaration.allocation import STAGES
from robusttune.post_evaluation.allocation_rules import ocba_weights
from robusttune.stats.comparisons.winner import winner_interval

SMOOTH = declared()[0]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def searched(landscape: Declared = SMOOTH, *, kind: str = "1 seed", n: int = 10, runs: int = 60) -> Searches:
    return search_declared(landscape, "random", n_searches=n, n_runs=runs, kind=kind, rng=rng(1))


def a_table(n_rows: int = 30, n_seeds: int = 20, spread: float = 0.2) -> Table:
    columns = rng(2).random((n_rows, 2))
    levels = -np.sum((columns - 0.4) ** 2, axis=1)
    return Table(
        name="small",
        source="test",
        scores=levels[:, None] + spread * rng(3).standard_normal((n_rows, n_seeds)),
        columns=columns,
        groups=np.array([0, 1]),
        dimensions=(0, 0),
    )


# --- landscapes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("landscape", declared(), ids=lambda one: one.name)
def test_the_declared_truth_is_the_mean_of_the_runs_and_its_best_is_attained(landscape: Declared) -> None:
    points = uniform(landscape.dimensions, rng().random((40, len(landscape.dimensions))))
    truth, runs = landscape.truth(points), landscape.draw(points, 4000, rng(1))
    error = runs.std(axis=1) / np.sqrt(4000)
    assert np.abs((runs.mean(axis=1) - truth) / np.maximum(error, 1e-9)).max() < 5
    many = uniform(landscape.dimensions, rng(2).random((20_000, len(landscape.dimensions))))
    highest = landscape.truth(many).max()
    scale = landscape.best - landscape.typical
    assert landscape.best >= highest - 1e-9
    assert (landscape.best - highest) / scale < 0.25  # nothing unattainable
    assert np.median(landscape.truth(many)) == pytest.approx(landscape.typical, abs=0.05 * scale)


# --- searches ----------------------------------------------------------------------------------------------------


def test_random_search_of_a_table_never_draws_a_row_twice() -> None:
    table = a_table()
    found = search_rows(table, n_searches=20, n_runs=30, n_seeds=1, rng=rng())
    for r in range(20):
        assert len(np.unique(found.encode(r, 30).columns, axis=0)) == 30


def test_the_seeds_that_judge_a_row_are_not_those_that_were_searched() -> None:
    table = a_table()
    table = dataclasses.replace(table, scores=np.arange(600.0).reshape(30, 20))
    found = search_rows(table, n_searches=5, n_runs=30, n_seeds=1, rng=rng())
    for r in range(5):
        for t in range(30):
            own = np.concatenate([found.fresh[r, t], found.values[r, [t]]])
            row = table.scores[int(own[0] // 20)]
            judging = row[~np.isin(row, own)]
            assert len(judging) >= 10
            held_out = 2 * row.mean() - found.truth[r, t]  # mean of the half that was drawn from
            assert abs(held_out - own.mean()) < 5
    assert found.truth.std() > 0


def test_ten_seeds_are_too_few_to_deal() -> None:
    table = a_table(n_seeds=10)
    found = search_rows(table, n_searches=5, n_runs=30, n_seeds=1, rng=rng())
    np.testing.assert_allclose(
        np.sort(found.truth, axis=1), np.tile(np.sort(table.scores.mean(axis=1)), (5, 1))
    )
    np.testing.assert_allclose(found.best, table.scores.mean(axis=1).max())


def test_tpe_sees_the_runs_of_the_nearest_row() -> None:
    table = a_table(spread=0.0)
    found = search_nearest(table, n_searches=4, n_runs=30, kind="1 seed", rng=rng())
    for r in range(4):
        points = found.encode(r, 30).columns
        nearest = ((points[:, None] - table.columns) ** 2).sum(axis=2).argmin(axis=1)
        np.testing.assert_allclose(found.values[r], table.scores[nearest, 0])
        np.testing.assert_allclose(found.truth[r], table.scores[nearest, 0])
    assert found.regret(found.truth.argmax(axis=1)).min() >= -1e-12


def test_a_trial_costs_its_seeds_and_a_would_be_incumbent_up_to_five() -> None:
    assert searched(kind="2 seeds").cost[0].tolist() == list(range(2, 62, 2))
    incumbents = np.diff(searched(kind="incumbents").cost, prepend=0.0)
    assert incumbents[:, 0].tolist() == [5.0] * 10
    assert set(np.unique(incumbents)) <= {1.0, 2.0, 4.0, 5.0}
    assert incumbents.mean() < 2.5


def test_points_are_read_by_the_model_on_a_unit_range() -> None:
    found = encode_points((0, 5, -3), np.array([[0.25, 4.0, 2.0]]))
    assert found.columns.tolist() == [[0.25, 1.0, 0.0, 0.0, 1.0]]
    assert found.groups.tolist() == [0, 1, 2, 2, 2]


# --- protocols ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge({kind: searched(kind=kind, runs=120) for kind in KINDS}, seed=0)


@pytest.mark.parametrize("budget", [60, 120])
def test_no_protocol_spends_more_than_its_budget(judge: Judge, budget: int) -> None:
    names = set()
    for protocol in protocols(budget):
        found = judge.outcome(protocol, budget)
        assert (found.runs <= budget).all(), protocol.name
        if protocol.rule not in ("elimination", "halving") and "incumbents" not in protocol.kind:
            assert (found.runs > budget - int(protocol.kind[0])).all(), protocol.name
        assert (found.regret >= -1e-9).all()
        names.add(protocol.name)
    assert {COMPARATOR, SINGLE, *MULTI, *LIBRARY} <= names


def test_names_are_unique_and_the_comparator_comes_first() -> None:
    for budget in BUDGETS:
        names = [protocol.name for protocol in protocols(budget)]
        assert names[0] == COMPARATOR
        assert len(set(names)) == len(names)


def test_without_noise_every_protocol_takes_the_best_trial_and_reports_its_mean() -> None:
    quiet = dataclasses.replace(SMOOTH, spread=lambda u: np.full(u.shape[:-1], 1e-9))
    searches = searched(quiet)
    one = Judge({"1 seed": searches}, seed=0)
    for protocol in protocols(60):
        if protocol.kind != "1 seed" or protocol.needs_model:
            continue
        found = one.outcome(protocol, 60)
        n_trials = 60 - protocol.reserved
        best = searches.truth[:, :n_trials].max(axis=1)
        np.testing.assert_allclose(found.regret, (searches.best - best) / searches.unit, atol=1e-7)
        np.testing.assert_allclose(found.optimism, 0.0, atol=1e-7)


def test_intervals_are_those_of_the_library(judge: Judge) -> None:
    protocol = next(one for one in protocols(60) if one.name == COMPARATOR)
    found = judge.outcome(protocol, 60)
    searches = searched(runs=120)
    covered, width = found.intervals["winner"]
    for r in range(10):
        top = np.argsort(-searches.values[r, :45], kind="stable")[:3]
        fresh = searches.fresh[r, top, :5]
        place = int(fresh.mean(axis=1).argmax())
        own = winner_interval(fresh, winner=place)
        assert width[r] == pytest.approx((own.high - own.low) / searches.unit[r])
        assert covered[r] == (own.low <= searches.truth[r, top[place]] <= own.high)


# --- the second stage --------------------------------------------------------------------------------------------


def test_ocba_gives_run_after_run_by_the_shares_of_the_library() -> None:
    fresh = rng(5).normal(rng(6).normal(size=(1, 5, 1)), 1.0, (1, 5, N_FRESH))
    found = second_stage.ocba(fresh, 30)
    n = np.full(5, second_stage.N_FIRST)
    while n.sum() < 30:
        scores = [fresh[0, i, :m] for i, m in enumerate(n)]
        s2 = np.array([own.var(ddof=1) for own in scores])
        shrunk = (2 * s2.mean() + (n - 1) * s2) / (n + 1)
        share = ocba_weights(np.array([own.mean() for own in scores]), shrunk)
        n[np.argmax(share * (n.sum() + 1) - n)] += 1
    assert found.n[0].tolist() == n.tolist()
    np.testing.assert_allclose(found.mean[0], [fresh[0, i, :m].mean() for i, m in enumerate(n)])


@pytest.mark.parametrize("rule", ["ocba", "top_two", "halving", "elimination"])
def test_runs_go_where_the_best_may_be(rule: str) -> None:
    level = np.array([0.0, 0.0, 0.0, 0.0, 0.9, 1.0])
    fresh = level[:, None] + 0.4 * rng(7).standard_normal((200, 6, N_FRESH))
    args = (rng(),) if rule == "top_two" else ()
    found = getattr(second_stage, rule)(fresh, 60, *args)
    assert (found.n.sum(axis=1) <= 60).all()
    assert found.n[:, 4:].mean() > 1.5 * found.n[:, :4].mean()
    assert (level[found.pick()] >= 0.9).mean() > 0.97


def test_stages_are_those_of_the_library() -> None:
    assert second_stage.STAGES == STAGES


# --- the rows ----------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_unit_has_one_row_per_budget_and_protocol() -> None:
    unit = Unit(source="declared", landscape="edge", sampler="random", budgets="60-240", n_searches=3)
    found = run(unit)
    assert not found.duplicated(["budget", "protocol"]).any()
    assert set(found["budget"]) == {60, 120, 240}
    assert (found.loc[found["protocol"] == COMPARATOR, "difference"] == 0).all()
    again = run(unit)
    pd.testing.assert_frame_equal(found, again)


def rows(values: Mapping[str, Mapping[str, tuple[float, float]]]) -> pd.DataFrame:
    """Return rows from landscape → protocol → (difference to the comparator, its standard error)."""

    def each() -> Iterator[dict[str, object]]:
        for landscape, own in values.items():
            for protocol, (difference, error) in own.items():
                yield {
                    "source": "declared",
                    "landscape": landscape,
                    "sampler": "tpe",
                    "budget": 120,
                    "protocol": protocol,
                    "k": 6,
                    "second_stage": 30,
                    "n": 200,
                    "regret": 0.5 + difference,
                    "regret_se": 0.01,
                    "difference": difference,
                    "difference_se": error,
                    "optimism": 0.1,
                }

    return pd.DataFrame(each())


def test_a_ratio_is_of_the_same_landscapes_and_landscapes_count_alike() -> None:
    base = {COMPARATOR: (0.0, 0.0)}
    frame = rows({"a": {**base, "p": (-0.2, 0.01)}, "b": {**base, "p": (0.1, 0.02)}, "c": base})
    frame.loc[frame["landscape"] == "c", "regret"] = 9.0  # where p did not run
    found = cell(frame, "tpe", 120, "p")
    assert found is not None
    assert found.n_landscapes == 2
    assert found.ratio == pytest.approx(0.9)
    assert found.half_width == pytest.approx(1.96 * np.hypot(0.01, 0.02) / 2 / 0.5, rel=1e-3)
    assert found.difference_half_width == pytest.approx(
        12.7062 * 0.15, rel=1e-3
    )  # t with one degree of freedom
    assert (found.better, found.worse) == (("a",), ("b",))
    assert cell(rows({"a": base}), "tpe", 120, "p") is None


def test_counts_of_landscapes_hold_for_all_of_them_together() -> None:
    values = {str(i): {COMPARATOR: (0.0, 0.0), "p": (0.0222, 0.01)} for i in range(10)}
    found = cell(rows(values), "tpe", 120, "p")  # 2.2 standard errors: enough for one, not for ten
    assert found is not None
    assert found.worse == ()
    one = cell(rows({"0": values["0"]}), "tpe", 120, "p")
    assert one is not None
    assert one.worse == ("0",)


def test_advice_is_safe_first_then_good_then_simple() -> None:
    base = {COMPARATOR: (0.0, 0.0), SINGLE: (0.3, 0.01), MULTI[0]: (0.2, 0.01), MULTI[1]: (0.1, 0.01)}
    values = {
        landscape: {
            **base,
            "mixed": (0.015 if landscape == "c" else -0.138, 0.001 if landscape == "c" else 0.01),  # no harm
            "model": (-0.103, 0.01),  # no better than mixed by more than a standard error
            "OCBA": (-0.05, 0.01),
            "model, posterior pick": (0.1 if landscape == "b" else -0.5, 0.01),  # the best, and not safe
            **({} if landscape == "a" else {"halving": (-0.4, 0.01)}),  # not tried everywhere
        }
        for landscape in "abcd"
    }
    (found,) = advised(rows(values), "tpe")
    assert (found["protocol"], found["select"], found["recommend"]) == ("mixed", "mixed", "mean")
    assert (found["top_k"], found["n_seeds"], found["seeds_per_trial"], found["allocation"]) == (
        6,
        5,
        1,
        "fixed",
    )
    assert found["regret"] == pytest.approx(0.4, abs=1e-3)
    assert found["single_seed"] == pytest.approx(0.8)
    assert found["multi_seed"] == pytest.approx(0.6)
