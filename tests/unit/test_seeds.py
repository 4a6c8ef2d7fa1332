from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robusttune.errors import SpecError
from robusttune.seeds import (
    MAX_ENVIRONMENTS,
    MAX_ROOT,
    MAX_RUNS,
    Stage,
    common_evaluation_seed,
    evaluation_seed,
    generator,
    run_seed,
    sampler_seed,
    stage_of,
    study_sampler_seed,
)

roots = st.integers(0, MAX_ROOT)
indices = st.integers(0, MAX_RUNS - 1)
stages = st.sampled_from(Stage)
runs = st.tuples(stages, indices)


@given(roots, st.lists(runs, min_size=2, max_size=30, unique=True))
def test_distinct_runs_have_seeds_at_least_256_apart(root: int, chosen: list[tuple[Stage, int]]) -> None:
    seeds = sorted(run_seed(root, *run) for run in chosen)
    gaps = [after - before for before, after in itertools.pairwise(seeds)]
    assert min(gaps) >= 256


def test_all_seeds_of_a_stage_are_distinct() -> None:
    # The whole range: a multiplier that shares a factor with it would repeat itself.
    block = 2**12
    seen = {run_seed(11, Stage.TUNING, index) for index in range(block)}
    seen |= {run_seed(11, Stage.TUNING, MAX_RUNS - 1 - index) for index in range(block)}
    assert len(seen) == 2 * block


@given(roots, runs)
def test_the_top_bit_tells_the_stage(root: int, run: tuple[Stage, int]) -> None:
    seed = run_seed(root, *run)
    assert 0 <= seed < 2**32
    assert seed >> 31 == (run[0] is Stage.POST_EVALUATION)
    assert stage_of(seed) is run[0]
    assert stage_of(evaluation_seed(seed)) is run[0]


@given(roots, st.lists(runs, min_size=1, max_size=20, unique=True), stages)
def test_no_evaluation_environment_shares_a_stream_with_a_training_environment(
    root: int, chosen: list[tuple[Stage, int]], stage: Stage
) -> None:
    offsets = range(MAX_ENVIRONMENTS)
    seeds = [run_seed(root, *run) for run in chosen]
    training = {seed + offset for seed in seeds for offset in offsets}
    judging = {evaluation_seed(seed) + offset for seed in seeds for offset in offsets}
    assert len(training) == len(judging) == len(seeds) * MAX_ENVIRONMENTS
    assert training.isdisjoint(judging)
    assert training.isdisjoint(common_evaluation_seed(root, stage) + offset for offset in offsets)
    assert max(training | judging) < 2**32


@given(roots, runs)
def test_equal_roots_give_equal_seeds(root: int, run: tuple[Stage, int]) -> None:
    assert run_seed(root, *run) == run_seed(root, *run)
    assert generator(root, "ranking").random() == generator(root, "ranking").random()


@given(st.lists(roots, min_size=2, max_size=2, unique=True))
def test_different_roots_give_different_seeds(two: list[int]) -> None:
    first, second = ([run_seed(root, Stage.TUNING, index) for index in range(8)] for root in two)
    assert first != second
    assert generator(two[0], "ranking").random() != generator(two[1], "ranking").random()
    samplers = (
        [sampler_seed(root, number) for number in range(4)] + [study_sampler_seed(root)] for root in two
    )
    assert len({*next(samplers), *next(samplers)}) == 10


def test_purposes_and_trials_have_streams_of_their_own() -> None:
    assert generator(3, "ranking").random() != generator(3, "planning").random()
    assert len({sampler_seed(3, number) for number in range(100)} | {study_sampler_seed(3)}) == 101


@pytest.mark.parametrize("index", [-1, MAX_RUNS])
def test_an_index_out_of_range_is_refused(index: int) -> None:
    with pytest.raises(SpecError, match=f"0 <= index < {MAX_RUNS}.*{index}"):
        run_seed(0, Stage.TUNING, index)


@pytest.mark.parametrize("root", [-1, MAX_ROOT + 1])
def test_a_root_out_of_range_is_refused(root: int) -> None:
    for make in (
        lambda: run_seed(root, Stage.TUNING, 0),
        lambda: sampler_seed(root, 0),
        lambda: study_sampler_seed(root),
        lambda: generator(root, "ranking"),
    ):
        with pytest.raises(SpecError, match=f"from 0 to {MAX_ROOT}, but got {root}"):
            make()
