"""Scores are of whole episodes: a plain script of Stable-Baselines3 and `evaluate_policy` find the same returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import FrameStackObservation, TimeLimit, TransformReward
from stable_baselines3 import PPO
from stable_baselines3.common.atari_wrappers import ClipRewardEnv, EpisodicLifeEnv
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import EnvironmentSpec, Normalization, Wrapper
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.results.records import RunResult, RunStatus
from robusttune.seeds import Stage, evaluation_seed, run_seed
from robusttune.training import train
from tests.support.cases import cases

HERE = "tests.unit.training.test_whole_episodes"
LIFE = Wrapper(entry_point="stable_baselines3.common.atari_wrappers:EpisodicLifeEnv")
SB3, LOCKSTEP = Sb3Training.TRAINERS
HYPERPARAMETERS: dict[str, Any] = {"n_steps": 16, "batch_size": 16, "n_epochs": 2, "learning_rate": 0.01}


def doubled(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    return TransformReward(env, lambda reward: 2.0 * float(reward))


def life_and_stack(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    return FrameStackObservation(ClipRewardEnv(EpisodicLifeEnv(env)), 3)


def limited(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    return TimeLimit(env, 7)


def a_run(environment: EnvironmentSpec, *, every: int | None = None, deterministic: bool = True) -> RunSpec:
    seed = run_seed(0, Stage.POST_EVALUATION, 0)
    policy = "MultiInputPolicy" if environment.id == "LivesDict-v0" else "MlpPolicy"
    return RunSpec(
        training=Sb3Training(
            environment=environment,
            algorithm=AlgorithmSpec(name="ppo", total_timesteps=128, policy=policy),
        ),
        hyperparameters=HYPERPARAMETERS,
        evaluation=EvaluationSpec(n_episodes=5, n_envs=2, every=every, deterministic=deterministic),
        seed=seed,
        evaluation_seed=evaluation_seed(seed),
    )


def game(*wrappers: Wrapper, name: str = "Lives-v0", **changes: Any) -> EnvironmentSpec:
    return EnvironmentSpec(id=name, n_envs=2, imports=("tests.support.lives",), wrappers=wrappers, **changes)


def plain_script(
    spec: RunSpec, wrapper: Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]] | None
) -> list[float]:
    """Train and evaluate as a user of Stable-Baselines3 does, without a line of ours."""
    assert isinstance(spec.training, Sb3Training)
    environment = spec.training.environment
    kwargs = dict(environment.kwargs)

    def make() -> VecEnv:
        found = make_vec_env(environment.id, n_envs=2, wrapper_class=wrapper, env_kwargs=kwargs)
        return found if environment.normalization is None else VecNormalize(found)

    envs, judges = make(), make()
    model = PPO(spec.training.algorithm.policy, envs, seed=spec.seed, **HYPERPARAMETERS)
    model.learn(spec.total_timesteps)
    if isinstance(envs, VecNormalize) and isinstance(judges, VecNormalize):
        judges.training = judges.norm_reward = False
        judges.obs_rms = envs.obs_rms
    judges.seed(spec.evaluation_seed)
    returns, _ = evaluate_policy(model, judges, n_eval_episodes=5, return_episode_rewards=True)
    return list(returns)  # type: ignore[arg-type]


CASES: dict[str, tuple[EnvironmentSpec, Any]] = {
    "lives": (game(LIFE), EpisodicLifeEnv),
    "lives, clipped rewards and stacked frames": (
        game(Wrapper(entry_point=f"{HERE}:life_and_stack")),
        life_and_stack,
    ),
    "lives in Dict observations": (game(LIFE, name="LivesDict-v0"), EpisodicLifeEnv),
    "lives under VecNormalize": (game(LIFE, normalization=Normalization()), EpisodicLifeEnv),
    "rewards that a wrapper changes": (game(Wrapper(entry_point=f"{HERE}:doubled")), doubled),
    "truncation": (EnvironmentSpec(id="CartPole-v1", n_envs=2, kwargs={"max_episode_steps": 12}), None),
}


@pytest.mark.parametrize("trainer", [SB3, LOCKSTEP], ids=["sb3", "lockstep"])
@pytest.mark.parametrize("case", cases(CASES, fast=["lives", "lives in Dict observations", "truncation"]))
def test_returns_are_those_of_evaluate_policy(case: str, trainer: Any) -> None:
    environment, wrapper = CASES[case]
    if trainer is LOCKSTEP and environment.id == "LivesDict-v0":
        pytest.skip("lockstep refuses Dict observations")
    spec = a_run(environment)
    np.testing.assert_allclose(returns(spec, trainer), plain_script(spec, wrapper), rtol=1e-4)


def returns(spec: RunSpec, trainer: Any = SB3) -> tuple[float, ...]:
    return completed(spec, trainer).episode_returns


def completed(spec: RunSpec, trainer: Any = SB3) -> RunResult:
    (result,) = train([spec], trainer=trainer)
    assert result.status is RunStatus.COMPLETED, result.error
    return result


@pytest.mark.parametrize("trainer", [SB3, LOCKSTEP], ids=["sb3", "lockstep"])
def test_lives_that_are_lost_in_an_earlier_evaluation_leave_the_final_one_as_it_is(trainer: Any) -> None:
    often, never = (returns(a_run(game(LIFE), every=every), trainer) for every in (32, None))
    assert often == never


def test_a_time_limit_among_the_wrappers_ends_the_episode_although_lives_are_left() -> None:
    limit = Wrapper(entry_point=f"{HERE}:limited")
    found = completed(a_run(game(limit)))
    # Each game has three lives of at least three steps: the limit cuts all of them off, with 0 to 2 a step.
    assert len(found.episode_returns) == 5
    assert max(found.episode_returns) <= 14.0
