"""Runs that train together give what each gives alone, and what Stable-Baselines3 gives."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from robusttune.declaration.run import EnvironmentSpec, EvaluationSpec, Normalization, RunSpec, Wrapper
from robusttune.errors import SpecError
from robusttune.results.records import RunResult, RunStatus
from robusttune.seeds import Stage, evaluation_seed, run_seed
from robusttune.training import train
from robusttune.training.groups import MAX_GROUP, group_runs
from robusttune.training.stackable import why_not_lockstep, with_trainer
from tests.support.cases import cases
from tests.support.studies import make_study


def a_run(index: int = 0, *, every: int | None = 100, **changes: Any) -> RunSpec:
    seed = run_seed(0, Stage.POST_EVALUATION, index)
    environment = changes.pop("environment", EnvironmentSpec(id="Pendulum-v1", n_envs=2))
    hyperparameters = {"n_steps": 50, "n_epochs": 2, "net_arch": [8], **changes.pop("hyperparameters", {})}
    given: dict[str, Any] = {
        "environment": environment,
        "algorithm": "ppo",
        "policy": "MlpPolicy",
        "trainer": "lockstep",
        "device": "cpu",
        "hyperparameters": hyperparameters,
        "total_timesteps": 300,
        "evaluation": EvaluationSpec(every=every, n_episodes=3, n_envs=2, **changes.pop("evaluation", {})),
        "seed": seed,
        "evaluation_seed": evaluation_seed(seed),
    }
    return RunSpec(**{**given, **changes})


def shape(result: RunResult) -> list[tuple[int, int, int]]:
    return [(point.index, point.timesteps, point.n_updates) for point in result.curve]


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "normalised": {"environment": EnvironmentSpec(id="Pendulum-v1", n_envs=2, normalization=Normalization())},
    "wrapped": {
        "environment": EnvironmentSpec(
            id="CartPole-v1",
            n_envs=2,
            wrappers=(Wrapper(entry_point="gymnasium.wrappers:FlattenObservation"),),
        )
    },
    "stochastic": {"evaluation": {"deterministic": False}},
    "schedule": {"hyperparameters": {"learning_rate": "lin_1e-3"}},
    "a2c": {
        "algorithm": "a2c",
        "hyperparameters": {"n_epochs": None},
        "environment": EnvironmentSpec(id="CartPole-v1"),
    },
}


@pytest.mark.parametrize("case", cases(CASES, fast=["normalised"]))
def test_a_group_gives_what_stable_baselines_gives(case: str) -> None:
    runs = [a_run(index, **dict(CASES[case])) for index in range(2)]
    if runs[0].algorithm == "a2c":
        runs = [dataclasses.replace(run, hyperparameters={"n_steps": 8, "net_arch": [8]}) for run in runs]
    together = train(runs)
    reference = train([dataclasses.replace(run, trainer="sb3") for run in runs])
    for ours, theirs in zip(together, reference, strict=True):
        assert (ours.status, theirs.status) == (RunStatus.COMPLETED, RunStatus.COMPLETED), ours.error
        assert shape(ours) == shape(theirs)
        assert ours.timesteps == theirs.timesteps
        # Rounding grows with every update; after six it is still far below what a wrong step would make.
        np.testing.assert_allclose(ours.episode_returns, theirs.episode_returns, rtol=2e-3)


def test_a_run_is_the_same_to_the_last_bit_whoever_trains_beside_it() -> None:
    runs = [a_run(index) for index in range(5)]
    whole = train(runs)
    for group in ([0], [1, 3], [4, 2, 0]):
        for index, result in zip(group, train([runs[i] for i in group]), strict=True):
            assert result.episode_returns == whole[index].episode_returns
            assert [p.mean_return for p in result.curve] == [p.mean_return for p in whole[index].curve]


def test_the_final_evaluation_does_not_depend_on_those_before() -> None:
    often, never = train([a_run(every=100)]), train([a_run(every=None)])
    assert often[0].episode_returns == never[0].episode_returns
    assert len(often[0].curve) == 3


def test_a_member_that_diverges_leaves_the_others_alone() -> None:
    runs = [a_run(index) for index in range(3)]
    # Members may differ in their learning rate.
    sick = a_run(1, hyperparameters={"learning_rate": 1e30, "max_grad_norm": 1e30})
    results = train([runs[0], sick, runs[2]])
    assert [result.status for result in results] == [
        RunStatus.COMPLETED,
        RunStatus.DIVERGED,
        RunStatus.COMPLETED,
    ]
    assert results[1].score is None
    well = train(runs)
    assert results[0].episode_returns == well[0].episode_returns
    assert results[2].episode_returns == well[2].episode_returns


def test_a_stop_rule_sees_all_members_at_each_evaluation_and_stops_them_all() -> None:
    seen: list[tuple[int, int]] = []

    def rule(index: int, means: Any) -> bool:
        seen.append((index, len(means)))
        return index == 1

    results = train([a_run(index) for index in range(3)], rule)
    assert seen == [(0, 3), (1, 3)]
    assert {result.status for result in results} == {RunStatus.PRUNED}
    assert all(result.timesteps < 300 for result in results)


def test_an_exception_in_a_group_costs_only_the_run_that_raised() -> None:
    healthy, broken = a_run(0), a_run(1, hyperparameters={"net_arch": ["wide"]})
    results = train([healthy, broken])
    assert [result.status for result in results] == [RunStatus.COMPLETED, RunStatus.FAILED]
    assert "Traceback" in str(results[1].error)
    assert results[0].episode_returns == train([healthy])[0].episode_returns


def test_groups_hold_every_run_once_and_only_runs_that_can_share() -> None:
    fast = [a_run(i, hyperparameters={"learning_rate": 1e-3}) for i in range(25)]
    slow = [a_run(i + 30, hyperparameters={"learning_rate": 1e-4}) for i in range(5)]
    other_shape = [a_run(i + 40, hyperparameters={"net_arch": [16]}) for i in range(3)]
    alone = [dataclasses.replace(a_run(i + 50), trainer="sb3") for i in range(2)]
    runs = [*fast, *slow, *other_shape, *alone]
    groups = group_runs(runs, n_workers=2)
    assert sorted(run.run_id for group in groups for run in group) == sorted(run.run_id for run in runs)
    assert max(map(len, groups)) <= MAX_GROUP
    for group in groups:
        assert len({str(run.hyperparameters["net_arch"]) for run in group}) == 1
        assert len(group) == 1 or all(run.trainer == "lockstep" for run in group)
    assert sum(len(group) > 1 for group in groups[:2]) == 2  # both workers have one at once


AUTO = {"algorithm.trainer": "auto"}


@pytest.mark.parametrize(
    ("changes", "piece"),
    [
        ({"algorithm.hyperparameters": {"use_sde": True}}, "use_sde"),
        ({"algorithm.policy": "CnnPolicy"}, "CnnPolicy"),
        ({"post_evaluation.controls": [{"name": "x", "hyperparameters": {"use_expln": True}}]}, "use_expln"),
        ({"environment.id": "Blackjack-v1"}, "Tuple"),
        (
            {
                "algorithm.name": "sac",
                "environment.id": "Pendulum-v1",
                "algorithm.hyperparameters": {"train_freq": [1, "episode"]},
                "search_space": None,
            },
            "episode",
        ),
    ],
)
def test_what_cannot_be_stacked_goes_to_stable_baselines_with_a_reason(
    changes: dict[str, Any], piece: str
) -> None:
    study, reason = with_trainer(make_study({**AUTO, **changes}))
    assert study.algorithm.trainer == "sb3"
    assert piece in str(reason)
    with pytest.raises(SpecError, match="lockstep"):
        with_trainer(make_study({**changes, "algorithm.trainer": "lockstep"}))


def test_auto_takes_lockstep_and_an_explicit_trainer_stays() -> None:
    assert with_trainer(make_study(AUTO))[0].algorithm.trainer == "lockstep"
    assert with_trainer(make_study())[0].algorithm.trainer == "sb3"
    assert why_not_lockstep(make_study()) is None


def test_what_study_and_trainer_call_stackable_is_the_same() -> None:
    """The quick check knows no torch; the trainer's own does."""
    from gymnasium import spaces

    from robusttune.declaration.algorithms import ALGORITHMS
    from robusttune.training.hyperparameters import constructor_arguments
    from robusttune.training.lockstep import supports

    observations = spaces.Box(-1.0, 1.0, (3,))
    values: dict[str, list[Any]] = {
        "use_sde": [True, False],
        "sde_sample_freq": [4, -1],
        "net_arch": [[8]],
        "use_expln": [False],
        "optimizer_kwargs": [{"eps": 1e-5}, {"weight_decay": 0.1}],
        "train_freq": [4, [1, "episode"]],
        "n_steps": [1, 2],
        "optimize_memory_usage": [True],
        "n_critics": [3],
        "noise_type": ["normal", "ornstein-uhlenbeck"],
        "activation_fn": ["tanh", "gelu"],
    }
    for algorithm, known in ALGORITHMS.items():
        environment = "CartPole-v1" if algorithm == "dqn" else "Pendulum-v1"
        actions: Any = spaces.Discrete(2) if algorithm == "dqn" else spaces.Box(-1.0, 1.0, (1,))
        for name in set(values) & set(known.hyperparameters):
            for value in values[name]:
                study = make_study(
                    {
                        "algorithm.name": algorithm,
                        "algorithm.hyperparameters": {name: value},
                        "environment.id": environment,
                        "search_space": None,
                    }
                )
                theirs = supports(
                    algorithm,
                    "MlpPolicy",
                    observations,
                    actions,
                    constructor_arguments(algorithm, {name: value}, 1),
                )
                assert (why_not_lockstep(study) is None) == (theirs is None), (algorithm, name, value, theirs)
