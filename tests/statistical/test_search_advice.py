"""How often advice about ranges is wrong, and how often it is given where it should be.

Four hyperparameters, noise of SD 1; only the first matters, if any does. The bounds leave room
for chance over what docs/statistics.md says.
"""

from __future__ import annotations

import numpy as np
import pytest

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.search_advice import SearchAdvice, advise
from robusttune.stats.luck.curves import late_rise
from tests.support.trials import Landscape, searched

pytestmark = pytest.mark.statistical

RANGES = {name: {"type": "float", "low": 1.0, "high": 2.0} for name in "abcd"}
LANDSCAPES: dict[str, Landscape] = {
    "flat": lambda place: 0.0,
    "middle": lambda place: -30 * (place["a"] - 0.4) ** 2,
    "beyond": lambda place: -10 * (place["a"] + 0.1) ** 2,
}


def advised(landscape: str, n: int, sampler: str, n_searches: int) -> list[SearchAdvice]:
    study = StudySpec.from_dict(
        {"name": "s", "synthetic": {}, "tuning": {"n_trials": n}, "search_space": {"parameters": RANGES}}
    )
    return [
        advise(study, searched(study, LANDSCAPES[landscape], n, seed=seed, sampler=sampler))
        for seed in range(n_searches)
    ]


def share(found: list[SearchAdvice], kind: str | None = None, name: str | None = None) -> float:
    """Return in which share of the searches there is advice of a kind, about a hyperparameter."""
    return float(
        np.mean(
            [
                any(
                    kind in (None, part.kind) and name in (None, advice.name)
                    for advice in one.ranges
                    for part in advice.parts
                )
                for one in found
            ]
        )
    )


@pytest.mark.parametrize(("sampler", "n"), [("random", 40), ("random", 100), ("tpe", 40)])
def test_a_search_in_which_nothing_matters_gets_advice_in_at_most_one_of_twenty(sampler: str, n: int) -> None:
    found = advised("flat", n, sampler, 400)
    assert share(found) <= 0.05
    assert np.mean([any(x.p_value <= 0.05 for x in one.importance.values()) for one in found]) <= 0.085


@pytest.mark.parametrize(
    ("sampler", "n", "least"), [("random", 40, 0.5), ("random", 100, 0.8), ("tpe", 40, 0.7)]
)
def test_an_optimum_beyond_the_edge_is_mostly_found(sampler: str, n: int, least: float) -> None:
    found = advised("beyond", n, sampler, 200)
    assert share(found, "widen", "a") >= least
    assert max(share(found, name=other) for other in "bcd") <= 0.05


# TPE seldom goes where trials are bad: there is little to leave out, and little to show it by.
@pytest.mark.parametrize(("sampler", "least"), [("random", 0.8), ("tpe", 0.3)])
def test_an_optimum_inside_widens_nothing_and_what_is_far_from_it_is_left_out(
    sampler: str, least: float
) -> None:
    found = advised("middle", 60, sampler, 100)
    assert share(found, "widen") <= 0.05
    assert share(found, "narrow", "a") >= least


def test_curves_that_have_levelled_off_seldom_seem_to_rise_though_their_end_chose_them() -> None:
    rng = np.random.default_rng(0)
    time = tuple(range(1, 13))
    risen = []
    for _ in range(1000):
        scores = rng.normal(
            size=(10, 8, time[-1])
        )  # ten configurations of eight seeds; the best by the last evaluation
        best = scores[scores[:, :, -1].mean(axis=1).argmax()]
        rise = late_rise([(time, tuple(one)) for one in best], level=0.95)
        assert rise is not None
        risen.append(rise.low > 0)
    assert np.mean(risen) <= 0.04
