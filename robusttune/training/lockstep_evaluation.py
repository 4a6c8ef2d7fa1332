"""How the members of a lockstep group are evaluated."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Env

from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import EnvironmentSpec
from robusttune.training.environments import make_base, wrap
from robusttune.training.envpool import EnvPoolBatch
from robusttune.training.evaluation import evaluate_model, n_evaluation_environments, vectorised
from robusttune.training.lockstep.frames import environments_of
from robusttune.training.lockstep.trainer import LockstepTrainer
from robusttune.training.models import training_of


def makers(environment: EnvironmentSpec) -> dict[str, Any]:
    """Return what makes environments for stacked members: one at a time, or all in one pool; and their frame stack."""

    def make_env() -> Env[object, object]:
        return wrap(make_base(environment), environment)

    make_pool = functools.partial(EnvPoolBatch, environment) if environment.engine == "envpool" else None
    return {"make_env": make_env, "make_pool": make_pool, "n_stack": environment.n_to_stack}


class GroupEvaluation:
    """The environments in which members are evaluated, of each on its own start states.

    Parameters
    ----------
    specs : sequence of RunSpec
        One per member.
    """

    def __init__(self, specs: Sequence[RunSpec]) -> None:
        self._specs = specs
        self._environment = training_of(specs[0]).environment
        # Those that SB3 evaluates get others: one set tells the spaces.
        seeds = [spec.evaluation_seed for spec in (specs if self._can_step_together() else specs[:1])]
        n_envs = n_evaluation_environments(specs[0])
        self.environments = environments_of(seeds, n_envs, **makers(self._environment))

    def returns(self, trainer: LockstepTrainer, alive: Sequence[int]) -> dict[int, list[float]]:
        """Return the episode returns of some members with the policies that they have now."""
        return (self._together if self._can_step_together() else self._one_by_one)(trainer, alive)

    def _can_step_together(self) -> bool:
        # A wrapper may change rewards or ends, and a stochastic policy draws from global streams: SB3 evaluates those.
        environment = self._environment
        is_plain = not environment.wrappers and environment.atari is None
        return is_plain and self._specs[0].evaluation.deterministic

    def _together(self, trainer: LockstepTrainer, alive: Sequence[int]) -> dict[int, list[float]]:
        """Return the episode returns of all members, in the order in which SB3's evaluation would list them."""
        n_episodes, environments = self._specs[0].evaluation.n_episodes, self.environments
        n_envs = environments.n_envs
        # Episodes are dealt out to environments beforehand, so that short ones do not count more often.
        quota = np.array([(n_episodes + i) // n_envs for i in range(n_envs)])
        counts = np.zeros((len(self._specs), n_envs), dtype=int)
        totals = np.zeros((len(self._specs), n_envs))
        found: dict[int, list[float]] = {member: [] for member in alive}
        playing, observations = list(alive), environments.reset(alive)
        while playing:
            act = trainer.policies(playing)
            while (is_short := counts[playing] < quota).any(1).all():
                actions = act(observations)
                if np.issubdtype(actions.dtype, np.floating):
                    actions = np.nan_to_num(actions)
                step = environments.step(actions, playing, ~is_short)
                observations = step.observations
                totals[playing] += step.rewards
                for place, i in zip(*np.nonzero(step.dones), strict=True):
                    member = playing[place]
                    if counts[member, i] < quota[i]:
                        found[member].append(float(totals[member, i]))
                        counts[member, i] += 1
                    totals[member, i] = 0.0
            left = np.flatnonzero((counts[playing] < quota).any(1))
            playing, observations = [playing[place] for place in left], observations[left]
        return found

    def _one_by_one(self, trainer: LockstepTrainer, alive: Sequence[int]) -> dict[int, list[float]]:
        found = {}
        for member in alive:
            environments = vectorised(self._environment, self.environments.n_envs)
            try:
                own = (
                    environments
                    if self._environment.normalization is None
                    else trainer.vec_normalize(member, environments)
                )
                found[member] = evaluate_model(trainer.to_sb3(member), own, self._specs[member])
            finally:
                environments.close()
        return found
