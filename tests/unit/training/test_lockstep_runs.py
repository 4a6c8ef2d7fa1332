"""Runs that train together give what each gives alone, and what Stable-Baselines3 gives."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import EnvironmentSpec, Normalization, Wrapper
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.errors import SpecError
from robusttune.results.records import RunResult, RunStatus
from robusttune.seeds import Stage, evaluation_seed, run_seed
from robusttune.training import lockstep_runs, train
from robusttune.training.groups import MAX_GROUP, fitting_trainer, group_key, group_runs, why_not_stackable
from robusttune.training.interfaces import Choice, StopRules
from robusttune.training.lockstep_runs import learner
from robusttune.training.stackable import check, why_not_in_spaces
from tests.support.cases import cases
from tests.support.studies import make_study

SB3, LOCKSTEP = Sb3Training.TRAINERS


def a_run(index: int = 0, *, every: int | None = 100, **changes: Any) -> RunSpec:
    seed = run_seed(0, Stage.POST_EVALUATION, index)
    environment = changes.pop("environment", EnvironmentSpec(id="Pendulum-v1", n_envs=2))
    hyperparameters = {"n_steps": 50, "n_epochs": 2, "net_arch": [8], **changes.pop("hyperparameters", {})}
    given: dict[str, Any] = {
        "training": Sb3Training(
            environment=environment,
            algorithm=AlgorithmSpec(
                name=changes.pop("algorithm", "ppo"), total_timesteps=changes.pop("timesteps", 300)
            ),
        ),
        "hyperparameters": hyperparameters,
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
    "envpool": {"environment": EnvironmentSpec(id="Pendulum-v1", n_envs=2, engine="envpool")},
    "frames": {
        "environment": EnvironmentSpec(
            id="Pendulum-v1", n_envs=2, frame_stack=3, normalization=Normalization()
        )
    },
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
    if case == "envpool":
        pytest.importorskip("envpool")
    runs = [a_run(index, **dict(CASES[case])) for index in range(2)]
    if case == "a2c":
        runs = [dataclasses.replace(run, hyperparameters={"n_steps": 8, "net_arch": [8]}) for run in runs]
    together = train(runs, trainer=LOCKSTEP)
    reference = train(runs, trainer=SB3)
    for ours, theirs in zip(together, reference, strict=True):
        assert (ours.status, theirs.status) == (RunStatus.COMPLETED, RunStatus.COMPLETED), ours.error
        assert shape(ours) == shape(theirs)
        assert ours.timesteps == theirs.timesteps
        # Rounding grows with every update; after six it is still far below what a wrong step would make.
        np.testing.assert_allclose(ours.episode_returns, theirs.episode_returns, rtol=2e-3)


def test_a_run_is_the_same_to_the_last_bit_whoever_trains_beside_it() -> None:
    runs = [a_run(index) for index in range(5)]
    whole = train(runs, trainer=LOCKSTEP)
    for group in ([0], [1, 3], [4, 2, 0]):
        for index, result in zip(group, train([runs[i] for i in group], trainer=LOCKSTEP), strict=True):
            assert result.episode_returns == whole[index].episode_returns
            assert [p.mean_return for p in result.curve] == [p.mean_return for p in whole[index].curve]


def test_the_final_evaluation_does_not_depend_on_those_before() -> None:
    often, never = (train([a_run(every=every)], trainer=LOCKSTEP) for every in (100, None))
    assert often[0].episode_returns == never[0].episode_returns
    assert len(often[0].curve) == 3


def test_a_member_that_diverges_leaves_the_others_alone() -> None:
    runs = [a_run(index) for index in range(3)]
    # Members may differ in their learning rate.
    sick = a_run(1, hyperparameters={"learning_rate": 1e30, "max_grad_norm": 1e30})
    results = train([runs[0], sick, runs[2]], trainer=LOCKSTEP)
    assert [result.status for result in results] == [
        RunStatus.COMPLETED,
        RunStatus.DIVERGED,
        RunStatus.COMPLETED,
    ]
    assert results[1].score is None
    well = train(runs, trainer=LOCKSTEP)
    assert results[0].episode_returns == well[0].episode_returns
    assert results[2].episode_returns == well[2].episode_returns


def test_a_stop_rule_sees_all_members_at_each_evaluation_and_stops_them_all() -> None:
    seen: list[tuple[int, int]] = []

    def rule(index: int, means: Any) -> bool:
        seen.append((index, len(means)))
        return index == 1

    results = train([a_run(index) for index in range(3)], rule, trainer=LOCKSTEP)
    assert seen == [(0, 3), (1, 3)]
    assert {result.status for result in results} == {RunStatus.PRUNED}
    assert all(result.timesteps < 300 for result in results)


def test_each_rule_of_a_group_sees_its_own_members_and_stops_them_alone() -> None:
    runs = [a_run(index, hyperparameters={"n_epochs": 1}) for index in range(4)]
    seen: list[tuple[str, int, int]] = []

    def rule(name: str, stop_at: int | None) -> Any:
        def says_stop(index: int, means: Any) -> bool:
            seen.append((name, index, len(means)))
            return index == stop_at

        return says_stop

    parts = ((1, rule("early", 0)), (2, rule("late", 1)), (1, None))
    together = train(runs, StopRules(parts=parts), trainer=LOCKSTEP)
    assert seen == [("early", 0, 1), ("late", 0, 2), ("late", 1, 2)]
    for place, own in ((0, rule("", 0)), (2, rule("", 1))):
        (alone,) = train([runs[place]], own, trainer=LOCKSTEP)
        assert (together[place].status, together[place].timesteps) == (alone.status, alone.timesteps)
        assert (together[place].curve, together[place].episode_returns) == (alone.curve, ())
    assert [r.status.value for r in together] == ["pruned", "pruned", "pruned", "completed"]


UNLIKE: list[dict[str, Any]] = [
    {"n_steps": 32, "activation_fn": "relu"},
    {"n_steps": 50, "n_epochs": 3, "target_kl": 0.003},
    {"n_steps": 64, "activation_fn": "relu", "clip_range_vf": 0.2},
    {"n_steps": 7, "n_epochs": 1},
    {"n_steps": 16, "learning_rate": 1e30, "max_grad_norm": 1e30},
]


@pytest.mark.thorough
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    "environment",
    [
        EnvironmentSpec(id="Pendulum-v1", n_envs=5),
        EnvironmentSpec(id="CartPole-v1", n_envs=2, normalization=Normalization()),
        EnvironmentSpec(id="Acrobot-v1"),
        EnvironmentSpec(id="Pendulum-v1", n_envs=2, engine="envpool"),
    ],
    ids=lambda environment: f"{environment.id}-{environment.engine}",
)
def test_rollouts_of_different_lengths_train_together_as_each_would_alone(
    environment: EnvironmentSpec, exact: bool
) -> None:
    if environment.engine == "envpool":
        pytest.importorskip("envpool")
    total = 420
    algorithm = AlgorithmSpec(name="ppo", total_timesteps=total, exact_timesteps=exact)
    training = Sb3Training(environment=environment, algorithm=algorithm)
    runs = [a_run(i, training=training, hyperparameters=own) for i, own in enumerate(UNLIKE)]
    parts = tuple((1, stops_at_once if own["n_steps"] == 64 else None) for own in UNLIKE)
    together = lockstep_runs.train(runs, StopRules(parts=parts))
    assert [r.status.value for r in together] == ["completed", "completed", "pruned", "completed", "diverged"]
    for run, (_, rule), result in zip(runs, parts, together, strict=True):
        (alone,) = lockstep_runs.train([run], rule)
        for field in ("status", "timesteps", "n_updates", "curve", "episode_returns"):
            assert getattr(result, field) == getattr(alone, field)


@pytest.mark.slow
def test_a_rule_sees_its_seeds_together_although_target_kl_ends_their_updates_apart() -> None:
    own = {"n_steps": 32, "n_epochs": 10, "batch_size": 16, "target_kl": 0.01, "learning_rate": 5e-3}
    seeds = [a_run(index, hyperparameters=own) for index in range(3)]
    company = a_run(7, hyperparameters={"n_steps": 50, "batch_size": 16})

    def trained(runs: list[RunSpec]) -> tuple[list[tuple[int, list[float]]], list[RunResult]]:
        seen: list[tuple[int, list[float]]] = []

        def rule(index: int, means: Any) -> bool:
            seen.append((index, list(means)))
            return index == 1

        parts = ((3, rule), *((1, None) for _ in runs[3:]))
        return seen, lockstep_runs.train(runs, StopRules(parts=parts))[:3]

    alone, results = trained(seeds)
    together, beside = trained([*seeds, company])
    assert [index for index, _ in alone] == [0, 1]
    assert together == alone
    assert len({result.n_updates for result in results}) > 1
    for one, other in zip(results, beside, strict=True):
        assert (one.timesteps, one.n_updates, one.curve) == (other.timesteps, other.n_updates, other.curve)


def stops_at_once(index: int, means: Any) -> bool:
    return True


def test_an_exception_in_a_group_costs_only_the_run_that_raised() -> None:
    healthy, broken = a_run(0), a_run(1, hyperparameters={"net_arch": ["wide"]})
    results = train([healthy, broken], trainer=LOCKSTEP)
    assert [result.status for result in results] == [RunStatus.COMPLETED, RunStatus.FAILED]
    assert "Traceback" in str(results[1].error)
    assert results[0].episode_returns == train([healthy], trainer=LOCKSTEP)[0].episode_returns


def test_the_other_trials_of_a_group_keep_their_rules_if_a_run_raises() -> None:
    broken = a_run(1, hyperparameters={"net_arch": ["wide"]})
    parts = ((2, stops_at_once), (1, None), (1, stops_at_once))
    results = train([a_run(0), a_run(2), broken, a_run(3)], StopRules(parts=parts), trainer=LOCKSTEP)
    assert [r.status.value for r in results] == ["pruned", "pruned", "failed", "pruned"]


def test_groups_hold_every_run_once_and_only_runs_that_can_share() -> None:
    fast = [a_run(i, hyperparameters={"learning_rate": 1e-3}) for i in range(25)]
    slow = [a_run(i + 30, hyperparameters={"learning_rate": 1e-4}) for i in range(5)]
    other_shape = [a_run(i + 40, hyperparameters={"net_arch": [16]}) for i in range(3)]
    runs = [*fast, *slow, *other_shape]
    groups = group_runs(runs, n_workers=2, trainer=LOCKSTEP)
    assert sorted(run.run_id for group in groups for run in group) == sorted(run.run_id for run in runs)
    assert max(map(len, groups)) <= MAX_GROUP
    for group in groups:
        assert len({str(run.hyperparameters["net_arch"]) for run in group}) == 1
    assert sum(len(group) > 1 for group in groups[:2]) == 2  # both workers have one at once
    assert group_runs(runs, n_workers=2, trainer=SB3) == [(run,) for run in runs]


def test_groups_that_see_images_are_as_small_as_their_rollouts_are_long() -> None:
    def sizes(policy: str, n_steps: int) -> list[int]:
        training = of("ppo", policy, n_envs=8)
        runs = [a_run(index, training=training, hyperparameters={"n_steps": n_steps}) for index in range(12)]
        return [len(group) for group in group_runs(runs, n_workers=1, trainer=LOCKSTEP)]

    assert sizes("CnnPolicy", 128) == sizes("MlpPolicy", 2048) == [12]
    assert sizes("CnnPolicy", 2048) == [4, 4, 4]
    assert sizes("CnnPolicy", 10_000) == [1] * 12


AUTO = {"execution": None}


def choice(changes: dict[str, Any]) -> Choice:
    return check(make_study(changes))


@pytest.mark.parametrize(
    ("changes", "piece"),
    [
        ({"algorithm.hyperparameters": {"use_sde": True}}, "use_sde"),
        ({"algorithm.policy": "CnnPolicy"}, "CnnPolicy"),
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
    found = choice({**AUTO, **changes})
    assert found.trainer == SB3
    assert piece in str(found.reason)
    with pytest.raises(SpecError, match="lockstep"):
        choice({**changes, "execution.trainer": "lockstep"})


def test_a_configuration_that_cannot_be_stacked_is_trained_alone_and_does_not_slow_the_others() -> None:
    control = {"name": "x", "hyperparameters": {"use_expln": True}}
    for changes in (AUTO, {"execution.trainer": "lockstep"}):
        found = choice({**changes, "post_evaluation.controls": [control]})
        assert found.trainer == LOCKSTEP
        assert found.alone is not None
        assert found.alone.startswith("x: ")
        assert "use_expln" in found.alone
    plain = [a_small_run("ppo", index) for index in range(3)]
    odd = [
        dataclasses.replace(run, hyperparameters={**run.hyperparameters, "use_expln": True}) for run in plain
    ]
    groups = group_runs([*plain, *odd], n_workers=1, trainer=LOCKSTEP)
    assert sorted(map(len, groups)) == [1, 1, 1, 3]
    assert {fitting_trainer(group, LOCKSTEP).name for group in groups if len(group) == 1} == {"sb3"}


@pytest.mark.slow
def test_who_trained_is_noted_run_by_run() -> None:
    run = a_small_run("ppo")
    odd = dataclasses.replace(run, hyperparameters={**run.hyperparameters, "use_expln": True})
    names = [train([one], trainer=LOCKSTEP)[0].provenance["trainer"] for one in (run, odd)]
    assert names == ["lockstep", "sb3"]


def test_auto_takes_lockstep_and_an_explicit_trainer_stays() -> None:
    assert choice(AUTO) == Choice(trainer=LOCKSTEP)
    assert choice({}) == Choice(trainer=SB3)


def test_auto_trains_off_policy_actor_critics_together() -> None:
    changes = {
        **AUTO,
        "algorithm.name": "td3",
        "algorithm.hyperparameters": {},
        "environment.id": "Pendulum-v1",
        "search_space": None,
    }
    pruned = {
        "tuning.seeds_per_trial": 2,
        "tuning.pruner": "median",
        "evaluation.every": 16,
        "tuning.pruning_steps": "evaluations",
    }
    assert choice(changes).trainer == choice({**changes, **pruned}).trainer == LOCKSTEP


STACKED = {name: entry.lockstep for name, entry in ALGORITHMS.items() if entry.lockstep is not None}
OFF_POLICY = {"n_steps": 1, "learning_starts": 10, "batch_size": 8, "buffer_size": 200, "net_arch": [8]}


def a_small_run(algorithm: str, index: int = 0, **hyperparameters: Any) -> RunSpec:
    given = OFF_POLICY if not ALGORITHMS[algorithm].on_policy else {"n_steps": 20, "net_arch": [8]}
    run = a_run(
        index,
        every=None,
        algorithm=algorithm,
        timesteps=60,
        environment=EnvironmentSpec(id="CartPole-v1" if algorithm == "dqn" else "Pendulum-v1"),
    )
    known = ALGORITHMS[algorithm].hyperparameters
    merged = {name: value for name, value in {**given, **hyperparameters}.items() if name in known}
    return dataclasses.replace(run, hyperparameters=merged)


STACKABLE: dict[str, Any] = {
    **{"use_sde": False, "sde_sample_freq": -1, "use_sde_at_warmup": False, "optimize_memory_usage": False},
    **{"optimizer_kwargs": {"eps": 1e-4}, "train_freq": [4, "step"], "n_critics": 3, "activation_fn": "gelu"},
    **{"noise_type": "normal", "noise_std": 0.2},
    "use_rms_prop": False,  # whose arguments would take the place of the optimiser's
}


@pytest.mark.parametrize("algorithm", cases(STACKED, fast=["ppo", "sac", "dqn"]))
def test_what_is_called_stackable_trains_as_stable_baselines_does(algorithm: str) -> None:
    run = a_small_run(algorithm, **STACKABLE)
    assert why_not_stackable(algorithm, "MlpPolicy", run.hyperparameters.items()) is None
    (ours,), (theirs,) = train([run], trainer=LOCKSTEP), train([run], trainer=SB3)
    assert ours.status is RunStatus.COMPLETED, ours.error
    assert (ours.timesteps, ours.curve[-1].n_updates) == (theirs.timesteps, theirs.curve[-1].n_updates)
    np.testing.assert_allclose(ours.episode_returns, theirs.episode_returns, rtol=2e-3)


@pytest.mark.parametrize(
    ("algorithm", "name", "value"),
    [
        ("ppo", "use_sde", True),
        ("a2c", "sde_sample_freq", 4),
        ("sac", "use_sde_at_warmup", True),
        ("ppo", "full_std", False),
        ("a2c", "optimizer_kwargs", {"weight_decay": 0.1}),
        ("dqn", "train_freq", [1, "episode"]),
        ("dqn", "n_steps", 3),
        ("sac", "optimize_memory_usage", True),
        ("td3", "noise_type", "ornstein-uhlenbeck"),
    ],
)
def test_a_hyperparameter_that_cannot_be_stacked_is_refused_by_name(
    algorithm: str, name: str, value: Any
) -> None:
    word = {"optimizer_kwargs": "weight_decay", "noise_type": "Ornstein"}.get(name, name)
    assert word in str(why_not_stackable(algorithm, "MlpPolicy", [(name, value)]))
    with pytest.raises(ValueError, match=word):
        lockstep_runs.train([a_small_run(algorithm, **{name: value})], None)


@pytest.mark.parametrize(
    ("algorithm", "observations", "actions", "piece"),
    [
        ("ppo", spaces.Dict({"a": spaces.Discrete(2)}), spaces.Discrete(2), "Dict"),
        ("ppo", spaces.Box(0, 255, (36, 36, 3), np.uint8), spaces.Discrete(2), "Image"),
        ("ppo", spaces.MultiDiscrete([[2, 2], [2, 2]]), spaces.Discrete(2), "several dimensions"),
        ("ppo", spaces.Box(-1, 1, (1,)), spaces.Discrete(3, start=1), "start at zero"),
        ("ppo", spaces.Box(-1, 1, (1,)), spaces.Box(-1, 1, (1,), np.int64), "floats"),
        ("dqn", spaces.Box(-1, 1, (1,)), spaces.Box(-1, 1, (1,)), "dqn"),
    ],
)
def test_spaces_that_cannot_be_stacked_are_named(
    algorithm: str, observations: Any, actions: Any, piece: str
) -> None:
    assert piece in str(why_not_in_spaces(of(algorithm), observations, actions))
    assert why_not_in_spaces(of("ppo"), spaces.Box(-1, 1, (1,)), spaces.Discrete(3)) is None


def of(algorithm: str, policy: str = "MlpPolicy", **environment: Any) -> Sb3Training:
    return Sb3Training(
        environment=EnvironmentSpec(id="Any-v0", **environment),
        algorithm=AlgorithmSpec(name=algorithm, policy=policy, total_timesteps=1),
    )


IMAGES = spaces.Box(0, 255, (36, 36, 3), np.uint8)


@pytest.mark.parametrize(
    ("environment", "observations", "piece"),
    [
        ({}, spaces.Box(0, 255, (36, 36), np.uint8), "images of uint8 from 0 to 255, not on Box"),
        ({}, spaces.Box(0, 9, (36, 36, 3), np.uint8), "images of uint8 from 0 to 255, not on Box"),
        ({}, spaces.Box(0, 255, (36, 36, 3)), "images of uint8 from 0 to 255, not on Box"),
        ({"normalization": Normalization()}, IMAGES, "Images that are normalised"),
    ],
)
def test_what_a_convolutional_network_cannot_see_is_named(
    environment: dict[str, Any], observations: Any, piece: str
) -> None:
    training = of("ppo", "CnnPolicy", **environment)
    assert piece in str(why_not_in_spaces(training, observations, spaces.Discrete(2)))


def test_images_train_in_lockstep_by_ppo_and_a2c_alone_and_on_shared_features() -> None:
    rewards = {"normalization": Normalization(observations=False)}
    for environment in ({}, rewards):
        training = of("ppo", "CnnPolicy", **environment)
        assert why_not_in_spaces(training, IMAGES, spaces.Discrete(2)) is None
    for algorithm in ("ppo", "a2c"):
        given: list[Any] = [("normalize_images", False), ("share_features_extractor", True)]
        assert why_not_stackable(algorithm, "CnnPolicy", given) is None
    apart = why_not_stackable("ppo", "CnnPolicy", [("share_features_extractor", False)])
    assert "only share_features_extractor = True" in str(apart)
    assert "dqn's policies only MlpPolicy can be stacked, not CnnPolicy" in str(
        why_not_stackable("dqn", "CnnPolicy", [])
    )


def test_an_algorithm_without_a_lockstep_form_says_which_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = dataclasses.replace(ALGORITHMS["ppo"], name="trpo", lockstep=None)
    monkeypatch.setitem(ALGORITHMS, "trpo", entry)  # type: ignore[arg-type]
    assert f"knows {', '.join(STACKED)}, not trpo" in str(why_not_stackable("trpo", "MlpPolicy", []))
    with pytest.raises(ValueError, match="trpo cannot be trained in lockstep"):
        learner("trpo")


def test_runs_share_a_group_if_they_differ_in_what_changes_no_shape_and_no_loop() -> None:
    key = group_key(a_run(0), LOCKSTEP)
    assert group_key(a_run(1, hyperparameters={"gamma": 0.9, "learning_rate": 1e-3}), LOCKSTEP) == key
    assert group_key(a_run(1, hyperparameters={"n_steps": 16, "activation_fn": "relu"}), LOCKSTEP) == key
    assert group_key(a_run(1, hyperparameters={"batch_size": 32}), LOCKSTEP) != key
    assert group_key(a_run(1, hyperparameters={"net_arch": [9]}), LOCKSTEP) != key
    assert group_key(a_run(1, algorithm="a2c"), LOCKSTEP) != key


def test_runs_that_cannot_share_a_group_are_refused() -> None:
    with pytest.raises(ValueError, match="equal group keys"):
        lockstep_runs.train([a_run(0), a_run(1, hyperparameters={"batch_size": 25})], None)


# Two values of everything in which the members of a group may differ.
FREE: dict[str, tuple[Any, Any]] = {
    **{
        "learning_rate": (1e-3, "lin_1e-2"),
        "gamma": (0.9, 0.99),
        "gae_lambda": (0.8, 0.95),
        "tau": (0.1, 0.3),
    },
    **{"ent_coef": (0.0, 0.05), "vf_coef": (0.3, 0.6), "max_grad_norm": (0.1, 0.5), "clip_range": (0.1, 0.3)},
    **{"clip_range_vf": (None, 0.2), "target_kl": (None, 1e-3), "target_entropy": ("auto", -0.5)},
    **{"ortho_init": (True, False), "log_std_init": (0.0, -1.0)},
    **{"noise_type": (None, "normal"), "noise_std": (0.1, 0.3)},
    **{"target_policy_noise": (0.1, 0.4), "target_noise_clip": (0.2, 0.6)},
    **{"exploration_fraction": (0.2, 0.6), "exploration_initial_eps": (0.9, 0.6)},
    "exploration_final_eps": (0.05, 0.3),
    **{"n_steps": (20, 7), "n_epochs": (2, 3), "activation_fn": ("relu", "gelu")},
}


@pytest.mark.parametrize("algorithm", cases(STACKED, fast=["ppo", "sac"]))
def test_members_that_differ_in_all_that_may_differ_train_as_they_would_alone(algorithm: str) -> None:
    free = STACKED[algorithm].free
    runs = [a_small_run(algorithm, i, **{name: FREE[name][i] for name in free}) for i in range(2)]
    assert group_key(runs[0], LOCKSTEP) == group_key(runs[1], LOCKSTEP)
    for run, together in zip(runs, train(runs, trainer=LOCKSTEP), strict=True):
        (alone,) = train([run], trainer=LOCKSTEP)
        assert together.status is RunStatus.COMPLETED, together.error
        assert together.episode_returns == alone.episode_returns
