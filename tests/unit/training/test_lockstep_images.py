"""Runs that see images, through the trainer of whole runs: equal to Stable-Baselines3's, scored alike, saved."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import Atari, EnvironmentSpec, Normalization
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.results.records import RunResult, RunStatus
from robusttune.seeds import Stage, evaluation_seed, run_seed
from robusttune.training import train
from robusttune.training.evaluation import evaluate_model, vectorised
from robusttune.training.hyperparameters import sb3_class
from robusttune.training.lockstep.frames import environments_of
from robusttune.training.lockstep_evaluation import makers
from tests.support.toys import Toy

if "Pictures-v0" not in gym.registry:
    gym.register("Pictures-v0", entry_point=Toy, kwargs={"observations": "grey image"})
PICTURES = EnvironmentSpec(id="Pictures-v0", n_envs=2, frame_stack=4)
GAME = EnvironmentSpec(
    id="BreakoutNoFrameskip-v4",
    atari=Atari(),
    n_envs=2,
    kwargs={"max_num_frames_per_episode": 1000},
    imports=("ale_py",),
)
SB3, LOCKSTEP = Sb3Training.TRAINERS


def a_run(index: int, environment: EnvironmentSpec, algorithm: str = "ppo", **evaluation: Any) -> RunSpec:
    seed = run_seed(0, Stage.POST_EVALUATION, index)
    algorithm_ = AlgorithmSpec(name=algorithm, policy="CnnPolicy", total_timesteps=32)
    own: dict[str, Any] = {"batch_size": 16, "n_epochs": 2} if algorithm == "ppo" else {}
    return RunSpec(
        training=Sb3Training(environment=environment, algorithm=algorithm_),
        hyperparameters={"n_steps": 8, **own},
        evaluation=EvaluationSpec(**{"every": 16, "n_episodes": 3, "n_envs": 2, **evaluation}),
        seed=seed,
        evaluation_seed=evaluation_seed(seed),
    )


def both(runs: list[RunSpec], models: Path | None = None) -> list[RunResult]:
    """The results in lockstep, after a look at whether Stable-Baselines3's are the same."""
    together = train(runs, trainer=LOCKSTEP, models=models)
    for ours, theirs in zip(together, train(runs, trainer=SB3), strict=True):
        assert (ours.status, theirs.status) == (RunStatus.COMPLETED, RunStatus.COMPLETED), ours.error
        assert (ours.timesteps, ours.n_updates) == (theirs.timesteps, theirs.n_updates)
        assert [point.timesteps for point in ours.curve] == [point.timesteps for point in theirs.curve]
        np.testing.assert_allclose(ours.episode_returns, theirs.episode_returns, rtol=1e-5)
    return together


CASES: dict[str, tuple[str, EnvironmentSpec, dict[str, Any]]] = {
    "ppo": ("ppo", PICTURES, {}),
    "a2c": ("a2c", PICTURES, {}),
    "stochastic": ("ppo", PICTURES, {"deterministic": False}),
    "rewards": (
        "ppo",
        EnvironmentSpec(id="Pictures-v0", n_envs=2, normalization=Normalization(observations=False)),
        {},
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES)
def test_a_group_that_sees_images_gives_what_stable_baselines_gives(case: str) -> None:
    algorithm, environment, evaluation = CASES[case]
    results = both([a_run(index, environment, algorithm, **evaluation) for index in range(2)])
    assert len({result.episode_returns for result in results}) == 2


@pytest.mark.thorough
def test_a_policy_that_sees_images_is_saved_and_scores_the_same(tmp_path: Path) -> None:
    run = a_run(0, PICTURES)
    result = train([run], trainer=LOCKSTEP, models=tmp_path)[0]
    (saved,) = tmp_path.rglob("model.zip")
    environments = vectorised(PICTURES, 2)
    found = evaluate_model(sb3_class("ppo").load(saved), environments, run)
    assert found == pytest.approx(result.episode_returns)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gymnasium", "envpool"])
def test_atari_trains_in_lockstep_and_is_scored_by_whole_games(engine: Any, tmp_path: Path) -> None:
    pytest.importorskip("ale_py")
    pytest.importorskip("cv2")
    if engine == "envpool":
        pytest.importorskip("envpool")
    game = GAME if engine == "gymnasium" else dataclasses.replace(GAME, engine=engine, kwargs={})
    # A life ends an episode of training; what is drawn is played on, so that no game stands still for ever.
    results = both([a_run(index, game, every=None, deterministic=False) for index in range(2)])
    assert all(len(result.episode_returns) == 3 for result in results)


@pytest.mark.slow
def test_skipped_frames_that_are_not_drawn_change_no_bit_of_a_game() -> None:
    pytest.importorskip("ale_py")
    pytest.importorskip("cv2")
    atari_wrappers = pytest.importorskip("stable_baselines3.common.atari_wrappers")
    theirs = vectorised(GAME, 2)
    theirs.seed(7)
    ours = environments_of([7], 2, **makers(GAME))
    skips = [env.get_wrapper_attr("env") for env in ours._environments._envs[0]]  # type: ignore[union-attr, attr-defined]
    while not all(type(skip) is atari_wrappers.MaxAndSkipEnv for skip in skips):
        skips = [skip.env for skip in skips]
    assert all(isinstance(vars(skip)["step"], functools.partial) for skip in skips)
    np.testing.assert_array_equal(ours.reset()[0], theirs.reset())
    rng, n_lost, n_over = np.random.default_rng(0), 0, 0
    for _ in range(400):
        actions = rng.integers(0, 4, 2)
        found, (seen, rewards, dones, infos) = ours.step(actions[None]), theirs.step(actions)
        np.testing.assert_array_equal(found.observations[0], seen)
        np.testing.assert_array_equal(found.rewards[0], rewards)
        np.testing.assert_array_equal(found.dones[0], dones)
        for i in np.flatnonzero(dones):
            np.testing.assert_array_equal(found.terminal[0, i], infos[i]["terminal_observation"])
            assert found.timeouts[0, i] == infos[i]["TimeLimit.truncated"]
            n_lost, n_over = n_lost + 1, n_over + ("episode" in infos[i])
    assert n_lost > n_over > 0
