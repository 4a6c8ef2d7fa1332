from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from robusttune.declaration.ids import config_id, content_id
from robusttune.declaration.run import RunSpec
from robusttune.declaration.space import Categorical, Float, Int, n_grid_points
from robusttune.declaration.study_runs import configuration, post_evaluation_runs, seed_blocks, tuning_runs
from robusttune.errors import SpecError
from robusttune.seeds import Stage, evaluation_seed
from tests.support.studies import make_study

CONFIGURATIONS: dict[str, Any] = {config_id({"gamma": g}): {"gamma": g} for g in (0.9, 0.95, 0.99)}
ids = st.lists(st.integers().map(lambda n: config_id({"n": n})), max_size=40, unique=True)


def test_each_trial_has_its_own_seeds_or_all_have_the_same() -> None:
    fresh = make_study({"tuning.seeds_per_trial": 3})
    seeds = [run.seed for number in range(5) for run in tuning_runs(fresh, {}, number)]
    assert len(set(seeds)) == 15
    common = make_study({"tuning.seeds_per_trial": 3, "tuning.seeds": "common"})
    assert len({tuple(run.seed for run in tuning_runs(common, {}, number)) for number in range(5)}) == 1


def test_seeds_are_kept_for_every_trial_that_may_become_an_incumbent() -> None:
    study = make_study({"tuning.seeds_per_trial": 2, "tuning.incumbent_seeds": 5})
    every = [tuning_runs(study, {}, number, indices=range(5)) for number in range(4)]
    assert len({run.seed for runs in every for run in runs}) == 20
    for number, runs in enumerate(every):
        assert tuning_runs(study, {}, number) == runs[:2]
        assert tuning_runs(study, {}, number, indices=range(2, 4)) == runs[2:4]
    common = make_study({"tuning.incumbent_seeds": 5, "tuning.seeds": "common"})
    seeds = {tuple(run.seed for run in tuning_runs(common, {}, n, indices=range(5))) for n in range(4)}
    assert len(seeds) == 1


@given(ids, st.randoms(use_true_random=False))
def test_seed_blocks_are_distinct_and_do_not_depend_on_order(config_ids: list[str], random: Any) -> None:
    blocks = seed_blocks(config_ids)
    assert len(set(blocks.values())) == len(config_ids)
    random.shuffle(config_ids)
    assert seed_blocks(config_ids) == blocks


@given(ids, st.integers().map(lambda n: config_id({"late": n})))
def test_a_candidate_more_leaves_the_seeds_of_the_others(config_ids: list[str], late: str) -> None:
    alone = {config_id: seed_blocks([config_id])[config_id] for config_id in [*config_ids, late]}
    if len(set(alone.values())) == len(alone):  # otherwise two collide, and one must move
        assert seed_blocks([*config_ids, late]) == alone


def test_post_evaluation_seeds_differ_from_tuning_seeds_and_from_each_other() -> None:
    study = make_study({"post_evaluation.n_seeds": 20})
    planned = post_evaluation_runs(study, CONFIGURATIONS)
    runs = [run for runs in planned.values() for run in runs]
    assert {run.stage for run in runs} == {Stage.POST_EVALUATION}
    assert len({run.seed for run in runs}) == len(runs) == 60
    assert {run.stage for number in range(50) for run in tuning_runs(study, {}, number)} == {Stage.TUNING}


def test_common_post_evaluation_seeds_are_the_same_for_all() -> None:
    planned = post_evaluation_runs(make_study({"post_evaluation.seeds": "common"}), CONFIGURATIONS)
    assert len({tuple(run.seed for run in runs) for runs in planned.values()}) == 1


def test_more_seeds_per_candidate_keep_those_that_are_there() -> None:
    few = post_evaluation_runs(make_study({"post_evaluation.n_seeds": 3}), CONFIGURATIONS)
    many = post_evaluation_runs(make_study({"post_evaluation.n_seeds": 8}), CONFIGURATIONS)
    assert all(many[config_id][:3] == runs for config_id, runs in few.items())


def test_evaluation_starts_are_the_runs_own_unless_they_are_common() -> None:
    own = tuning_runs(make_study(), {}, 0)[0]
    assert own.evaluation_seed == evaluation_seed(own.seed)
    study = make_study({"evaluation.starts": "common"})
    tuning = {run.evaluation_seed for number in range(5) for run in tuning_runs(study, {}, number)}
    judging = {
        r.evaluation_seed for runs in post_evaluation_runs(study, CONFIGURATIONS).values() for r in runs
    }
    assert len(tuning) == len(judging) == 1
    assert tuning.isdisjoint(judging)


def test_post_evaluation_may_have_episodes_of_its_own() -> None:
    study = make_study({"post_evaluation.n_episodes": 7})
    assert tuning_runs(study, {}, 0)[0].evaluation.n_episodes == 2
    assert post_evaluation_runs(study, {"c": {}})["c"][0].evaluation.n_episodes == 7


def test_more_seeds_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(SpecError, match=r"post_evaluation.n_seeds = 897: .* less than or equal to 896"):
        post_evaluation_runs(make_study({"post_evaluation.n_seeds": 897}), CONFIGURATIONS)
    with pytest.raises(SpecError, match="A post-evaluation has at most"):
        seed_blocks(str(number) for number in range(5000))


@given(st.integers(1, 12), st.integers(0, 12), st.integers(1, 8), st.booleans())
def test_a_batch_never_exceeds_the_rollout_it_is_cut_from(
    batch_pow: int, steps_pow: int, n_envs: int, has_n_steps: bool
) -> None:
    study = make_study({"environment.n_envs": n_envs, "search_space.parameters": {}})
    searched = {"batch_size": 2**batch_pow} | ({"n_steps": 2**steps_pow} if has_n_steps else {})
    full = configuration(study, searched)
    rollout = full.get("n_steps", 2048) * n_envs  # type: ignore[operator]
    assert full["batch_size"] == min(2**batch_pow, rollout)


def test_a_configuration_holds_what_is_fixed_and_what_is_searched() -> None:
    assert configuration(make_study(), {"gamma": 0.9}) == {"n_epochs": 1, "gamma": 0.9}


@pytest.mark.parametrize(
    ("parameter", "n_points"),
    [
        (Int(low=8, high=64, scale="pow2"), 4),
        (Int(low=1, high=10, step=3), 4),
        (Float(low=0.0, high=0.3, step=0.1), 4),
        (Float(low=0.0, high=1.0), None),
        (Categorical(choices=("a", "b")), 2),
    ],
    ids=str,
)
def test_the_points_of_a_grid_are_counted(parameter: Any, n_points: int | None) -> None:
    assert n_grid_points(parameter) == n_points


def test_a_grid_wants_no_more_trials_than_it_has_points() -> None:
    space = {
        "n_steps": {"type": "int", "low": 8, "high": 32, "scale": "pow2"},
        "activation_fn": {"type": "categorical", "choices": ["tanh", "relu"]},
    }
    grid = {"tuning.sampler": "grid", "search_space.parameters": space}
    assert make_study({**grid, "tuning.n_trials": 100}).n_trials == 6
    assert make_study({**grid, "tuning.n_trials": 4}).n_trials == 4
    assert make_study({**grid, "tuning.n_trials": None, "tuning.timeout_s": 9.0}).n_trials == 6
    assert make_study({"tuning.n_trials": 100}).n_trials == 100


def test_a_control_may_train_longer_and_nobody_else() -> None:
    long = {"name": "long", "hyperparameters": {"total_timesteps": 128}}
    study = make_study({"post_evaluation.controls": [long]})
    (control,) = study.post_evaluation.controls
    runs = post_evaluation_runs(study, {"long": control.hyperparameters, "usual": {}})
    assert [runs[name][0].total_timesteps for name in ("long", "usual")] == [128, 64]
    assert runs["usual"][0].run_id == post_evaluation_runs(make_study(), {"usual": {}})["usual"][0].run_id
    assert study.training.snippet(control.hyperparameters).endswith("model.learn(128)")
    for where in ("algorithm.hyperparameters", "search_space.parameters"):
        value: Any = 128 if where.startswith("algorithm") else {"type": "int", "low": 64, "high": 128}
        with pytest.raises(SpecError, match="only a control or a configuration"):
            make_study({where: {"total_timesteps": value}})
    with pytest.raises(SpecError, match="must be a whole number from 1"):
        make_study(
            {"post_evaluation.controls": [{"name": "long", "hyperparameters": {"total_timesteps": 0}}]}
        )
    odd = {"name": "odd", "hyperparameters": {"total_timesteps": 63}}
    with pytest.raises(SpecError, match=r"total_timesteps = 63 must be a multiple of n_envs = 2"):
        make_study(
            {"algorithm.exact_timesteps": True, "environment.n_envs": 2, "post_evaluation.controls": [odd]}
        )


def test_the_ids_of_planned_runs_are_hashes_of_their_whole_documents() -> None:
    hyperparameters = {"gamma": 0.9, "note %d": 'ü "%s" 100 %'}
    for starts in ("independent", "common"):
        study = make_study({"evaluation.starts": starts})
        runs = post_evaluation_runs(study, {"c": hyperparameters})["c"]
        for run, run_id in zip(runs, runs.run_ids, strict=True):
            text = TypeAdapter(RunSpec).dump_python(run, mode="json", exclude_none=True)
            document = {**text, "training": run.training.identity(text["training"])}
            assert content_id(document) == run.run_id == run_id
            assert "run_id" not in dataclasses.replace(run, seed=1).__dict__
