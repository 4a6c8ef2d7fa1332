"""The lockstep trainer: RunSpecs in, RunResults out, all runs of a group at once."""

from __future__ import annotations

import contextlib
import math
import pkgutil
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Env, spaces

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.run import RunSpec
from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.training.environments import make_base, wrap
from robusttune.training.evaluation import (
    curve_point,
    due_evaluation,
    evaluate_model,
    n_evaluation_environments,
    vectorised,
)
from robusttune.training.groups import group_key
from robusttune.training.hyperparameters import constructor_arguments, verify
from robusttune.training.interfaces import StopRule, StopRules, by_rule, make_result
from robusttune.training.isolation import isolated
from robusttune.training.lockstep.environments import MemberEnvironments
from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep.trainer import LockstepTrainer
from robusttune.training.sb3 import training_of
from robusttune.training.stackable import why_not_in_spaces, why_not_stackable


def train(specs: Sequence[RunSpec], stop_rule: StopRule | StopRules | None) -> list[RunResult]:
    """Train runs together that differ in their seeds, or in hyperparameters that change no shape or loop.

    Raises
    ------
    ValueError
        If the runs cannot share a group, or cannot be stacked.
    """
    begin = time.perf_counter()
    with isolated(), contextlib.closing(_Group(specs, stop_rule)) as group:
        group.train()
        # What the group took is shared out: a run's cost is what it adds to the bill.
        return group.results((time.perf_counter() - begin) / len(specs))


class _Group:
    """A trainer, environments for evaluation, and the results of each member so far."""

    def __init__(self, specs: Sequence[RunSpec], stop_rule: StopRule | StopRules | None) -> None:
        self._specs = tuple(specs)
        self._rules = by_rule(range(len(self._specs)), stop_rule)
        self._first = first = self._specs[0]
        training = self._training = training_of(first)
        environment = training.environment
        seeds = [spec.evaluation_seed for spec in self._specs]
        self._evaluation_envs = MemberEnvironments(self._make_env, seeds, n_evaluation_environments(first))
        space = self._evaluation_envs.action_space
        _check(self._specs, self._evaluation_envs.observation_space, space)
        n_actions = int(np.prod(space.shape)) if isinstance(space, spaces.Box) else 0
        self._trainer = learner(training.algorithm.name)(
            [_member(spec, n_actions) for spec in self._specs],
            make_env=self._make_env,
            n_envs=environment.n_envs,
            total_timesteps=first.total_timesteps,
            exact=training.algorithm.exact_timesteps,
            device=training.algorithm.device,
            normalization=environment.normalization,
        )
        self._curves: list[list[CurvePoint]] = [[] for _ in self._specs]
        self._returns: list[list[float]] = [[] for _ in self._specs]
        self._pruned: set[int] = set()
        self._last_index = [-1] * len(self._specs)
        self._evaluation_time_s = 0.0

    def train(self) -> None:
        """Train all members to their end, and evaluate them at update boundaries and after training."""
        self._verify()
        self._trainer.learn(self._at_boundary)
        self._verify()
        if self._remaining():
            everyone = range(len(self._specs))
            self._evaluate(self._first.evaluation.count(self._first.total_timesteps) - 1, everyone)

    def results(self, wall_time_s: float) -> list[RunResult]:
        """Return one result per member."""
        return [self._result(member, wall_time_s) for member in range(len(self._specs))]

    def close(self) -> None:
        """Close all environments."""
        self._evaluation_envs.close()
        self._trainer.environments.close()

    def _make_env(self) -> Env[object, object]:
        return wrap(make_base(self._training.environment), self._training.environment)

    def _at_boundary(self, trainer: LockstepTrainer) -> None:
        due: dict[int, list[int]] = {}
        for member in trainer.at_boundary:
            timesteps, done = int(trainer.timesteps[member]), self._last_index[member]
            if timesteps >= self._first.total_timesteps:
                continue  # the evaluation after training comes next
            index = due_evaluation(self._first, timesteps, done)
            if index is not None:
                self._last_index[member] = index
                due.setdefault(index, []).append(member)
        for index, members in due.items():
            self._evaluate(index, members)
            self._ask_rules(trainer, index, members)

    def _ask_rules(self, trainer: LockstepTrainer, index: int, evaluated: Sequence[int]) -> None:
        for members, rule in self._rules:
            if rule is None or set(evaluated).isdisjoint(members) or not self._pruned.isdisjoint(members):
                continue
            if self._says_stop(rule, index, members):
                self._pruned.update(members)
                for member in members:
                    trainer.stop(member)

    def _says_stop(self, rule: StopRule, index: int, members: Sequence[int]) -> bool:
        curves = [self._curves[member] for member in members]
        means = [
            curve[-1].mean_return if curve and curve[-1].index == index else math.nan for curve in curves
        ]
        return bool(np.isfinite(means).any()) and rule(index, means)

    def _remaining(self) -> list[int]:
        """Return the members that are still to be evaluated."""
        gone = self._trainer.diverged
        return [
            m for m in range(len(self._specs)) if not gone[m] and m not in self._pruned and self._is_whole(m)
        ]

    def _evaluate(self, index: int, members: Sequence[int]) -> None:
        begin = time.perf_counter()
        trainer = self._trainer
        alive = [member for member in self._remaining() if member in members]
        returns = (
            self._evaluate_together(alive)
            if self._can_evaluate_together()
            else self._evaluate_one_by_one(alive)
        )
        for member, found in returns.items():
            point = curve_point(index, int(trainer.timesteps[member]), self._trainer.n_updates[member], found)
            self._curves[member].append(point)
            self._returns[member] = found
        self._evaluation_time_s += time.perf_counter() - begin

    def _can_evaluate_together(self) -> bool:
        # A wrapper may change rewards, and a stochastic policy draws from global streams: SB3 evaluates those.
        return not self._training.environment.wrappers and self._first.evaluation.deterministic

    def _evaluate_together(self, alive: Sequence[int]) -> dict[int, list[float]]:
        """Return the episode returns of all members, in the order in which SB3's evaluation would list them."""
        n_episodes, environments = self._first.evaluation.n_episodes, self._evaluation_envs
        n_envs = environments.n_envs
        # Episodes are dealt out to environments beforehand, so that short ones do not count more often.
        quota = np.array([(n_episodes + i) // n_envs for i in range(n_envs)])
        counts = np.zeros((len(self._specs), n_envs), dtype=int)
        totals = np.zeros((len(self._specs), n_envs))
        found: dict[int, list[float]] = {member: [] for member in alive}
        observations = environments.reset()
        while (counts[alive] < quota).any():
            actions = self._trainer.predict(observations)
            step = environments.step(
                np.nan_to_num(actions) if np.issubdtype(actions.dtype, np.floating) else actions
            )
            totals += step.rewards
            for member, i in zip(*np.nonzero(step.dones & (counts < quota)), strict=True):
                if member in found:
                    found[int(member)].append(float(totals[member, i]))
                counts[member, i] += 1
            totals[step.dones] = 0.0
            observations = step.observations
        return found

    def _evaluate_one_by_one(self, alive: Sequence[int]) -> dict[int, list[float]]:
        found = {}
        for member in alive:
            environments = vectorised(self._training.environment, self._evaluation_envs.n_envs)
            try:
                own = (
                    environments
                    if self._training.environment.normalization is None
                    else self._trainer.vec_normalize(member, environments)
                )
                found[member] = evaluate_model(self._trainer.to_sb3(member), own, self._specs[member])
            finally:
                environments.close()
        return found

    def _is_whole(self, member: int) -> bool:
        """Whether every evaluation so far gave finite returns."""
        return all(math.isfinite(point.mean_return) for point in self._curves[member])

    def _verify(self) -> None:
        for member, spec in enumerate(self._specs):
            verify(self._trainer.to_sb3(member), self._training.algorithm.name, spec.hyperparameters)

    def _result(self, member: int, wall_time_s: float) -> RunResult:
        diverged = bool(self._trainer.diverged[member]) or not self._is_whole(member)
        ended = RunStatus.PRUNED if member in self._pruned else RunStatus.COMPLETED
        status = RunStatus.DIVERGED if diverged else ended
        return make_result(
            self._specs[member],
            status,
            episode_returns=self._returns[member] if status is RunStatus.COMPLETED else (),
            curve=self._curves[member],
            timesteps=int(self._trainer.timesteps[member]),
            n_updates=self._trainer.n_updates[member],
            wall_time_s=wall_time_s,
            evaluation_time_s=self._evaluation_time_s / len(self._specs),
            error="a parameter, a loss or a return is NaN or infinite." if diverged else None,
        )


def learner(algorithm: str) -> type[LockstepTrainer]:
    """Return the class that trains runs of an algorithm in lockstep.

    Raises
    ------
    ValueError
        If there is none.
    """
    lockstep = ALGORITHMS[algorithm].lockstep
    if lockstep is None:
        raise ValueError(f"{algorithm} cannot be trained in lockstep. Use trainer = 'sb3'.")
    loaded: type[LockstepTrainer] = pkgutil.resolve_name(lockstep.learner)
    return loaded


def _check(specs: Sequence[RunSpec], observations: spaces.Space[Any], actions: spaces.Space[Any]) -> None:
    training = training_of(specs[0])
    if len({group_key(spec, training.trainer("lockstep")) for spec in specs}) > 1:
        raise ValueError("The runs of a group must have equal group keys, but these differ; split the group.")
    for spec in specs:
        reason = why_not_stackable(
            training.algorithm.name, training.algorithm.policy, spec.hyperparameters.items()
        ) or why_not_in_spaces(training.algorithm.name, observations, actions)
        if reason is not None:
            raise ValueError(f"{reason} Use trainer = 'sb3'.")


def _member(spec: RunSpec, n_actions: int) -> Member:
    arguments = constructor_arguments(training_of(spec).algorithm.name, spec.hyperparameters, n_actions)
    return Member(seed=spec.seed, arguments=arguments)
