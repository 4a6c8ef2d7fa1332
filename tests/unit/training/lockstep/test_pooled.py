from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from robusttune.declaration.training.environment import EnvironmentSpec, Normalization
from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep.pooled import PooledEnvironments
from robusttune.training.lockstep.ppo import LockstepPPO
from tests.support.toys import largest_difference, weights

pytest.importorskip("envpool")
from robusttune.training.envpool import EnvPoolBatch, EnvPoolVecEnv

HP: dict[str, Any] = {"n_steps": 40, "batch_size": 20, "n_epochs": 2, "policy_kwargs": {"net_arch": [16]}}


def pooled(seeds: list[int], **options: Any) -> LockstepPPO:
    spec = EnvironmentSpec(id="CartPole-v1", engine="envpool")
    members = [Member(seed=seed, arguments=HP) for seed in seeds]
    return LockstepPPO(
        members,
        make_env=lambda: pytest.fail("the pool makes the environments"),
        make_pool=partial(EnvPoolBatch, spec),
        n_envs=2,
        total_timesteps=240,
        normalization=Normalization(),
        **options,
    )


def test_members_in_a_pool_are_sb3s_on_the_same_engine() -> None:
    together = pooled([3, 4_000_000_000]).learn()
    for member, seed in enumerate((3, 4_000_000_000)):
        venv = EnvPoolVecEnv(EnvironmentSpec(id="CartPole-v1", engine="envpool"), 2)
        alone = PPO("MlpPolicy", VecNormalize(venv), seed=seed, device="cpu", **HP).learn(240)
        assert largest_difference(alone, together.to_sb3(member)) < 1e-5


def test_a_member_in_a_pool_does_not_depend_on_who_is_beside_it_or_leaves() -> None:
    def stop_first(running: Any) -> None:
        running.stop(0)

    expected = pooled([5]).learn().to_sb3(0)
    left = pooled([9, 5, 7]).learn(stop_first)
    assert left.timesteps.tolist() == [80, 240, 240]
    np.testing.assert_array_equal(weights(left.to_sb3(1)), weights(expected))


def test_a_pool_begins_with_the_same_episodes_after_each_reset() -> None:
    environments = PooledEnvironments(
        partial(EnvPoolBatch, EnvironmentSpec(id="CartPole-v1", engine="envpool")), [1, 8], 3
    )
    first = environments.reset()
    environments.step(np.zeros((2, 3), dtype=np.int64))
    np.testing.assert_array_equal(first, environments.reset())
