"""The lockstep trainer: RunSpecs in, RunResults out, all runs of a group at once."""

from __future__ import annotations

import contextlib
import functools
import math
import pkgutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from robusttune.declaration.algorithms import algorithm_of
from robusttune.declaration.run import RunSpec
from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.results.running import Tell
from robusttune.training.evaluation import curve_point, due_evaluation, vectorised
from robusttune.training.groups import group_key, why_not_stackable
from robusttune.training.hyperparameters import constructor_arguments, verify
from robusttune.training.interfaces import StopRule, StopRules, by_rule, make_result
from robusttune.training.isolation import isolated
from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep.trainer import LockstepTrainer
from robusttune.training.lockstep_evaluation import GroupEvaluation, makers
from robusttune.training.models import n_envs_of, training_of
from robusttune.training.saving import keep
from robusttune.training.stackable import why_not_in_spaces


def train(
    specs: Sequence[RunSpec],
    stop_rule: StopRule | StopRules | None,
    models: Path | None = None,
    tell: Tell | None = None,
) -> list[RunResult]:
    """Train runs together that differ in their seeds, or in hyperparameters that change no shape or loop.

    Their policies are saved in `models`, if given.

    Raises
    ------
    ValueError
        If the runs cannot share a group, or cannot be stacked.
    """
    begin = time.perf_counter()
    # Members of one activation side by side: it is then applied to all of them at once.
    order = sorted(range(len(specs)), key=lambda i: str(specs[i].hyperparameters.get("activation_fn")))
    members = [order.index(i) for i in range(len(specs))]
    rules = by_rule(members, stop_rule)
    with isolated(), contextlib.closing(_Group([specs[i] for i in order], rules, tell)) as group:
        group.train()
        # What the group took is shared out: a run's cost is what it adds to the bill.
        found = group.results((time.perf_counter() - begin) / len(specs))
        results = [found[member] for member in members]
        if models is None:
            return results
        return [
            keep(models, spec, result, functools.partial(group.policy, member))
            for spec, result, member in zip(specs, results, members, strict=True)
        ]


class _Group:
    """A trainer, environments for evaluation, and the results of each member so far."""

    def __init__(
        self,
        specs: Sequence[RunSpec],
        rules: Sequence[tuple[Sequence[int], StopRule | None]],
        tell: Tell | None,
    ) -> None:
        self._specs, self._rules, self._tell = tuple(specs), rules, tell
        self._first = first = self._specs[0]
        training = self._training = training_of(first)
        self._evaluation = GroupEvaluation(self._specs)
        space = self._evaluation.environments.action_space
        _check(self._specs, self._evaluation.environments.observation_space, space)
        exact = training.algorithm.exact_timesteps
        self._trainer = _trainer(self._specs, space, total_timesteps=first.total_timesteps, exact=exact)
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

    def policy(self, member: int) -> tuple[BaseAlgorithm, VecNormalize | None]:
        """Return the model of a member, and the statistics that it was trained with."""
        model = self._trainer.to_sb3(member)
        if self._training.environment.normalization is None:
            return model, None
        with contextlib.closing(vectorised(self._training.environment, 1)) as environments:
            return model, self._trainer.vec_normalize(member, environments)

    def close(self) -> None:
        """Close all environments."""
        self._evaluation.environments.close()
        self._trainer.environments.close()

    def _at_boundary(self, trainer: LockstepTrainer) -> None:
        if self._tell is not None and trainer.active.any():
            self._tell(int(trainer.timesteps[trainer.active].mean()))
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
        for member, found in self._evaluation.returns(trainer, alive).items():
            point = curve_point(index, int(trainer.timesteps[member]), self._trainer.n_updates[member], found)
            self._curves[member].append(point)
            self._returns[member] = found
        self._evaluation_time_s += time.perf_counter() - begin

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
    lockstep = algorithm_of(algorithm).lockstep
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
        ) or why_not_in_spaces(training, observations, actions)
        if reason is not None:
            raise ValueError(f"{reason} Use trainer = 'sb3'.")


def first_update(spec: RunSpec, actions: spaces.Space[Any], total_timesteps: int) -> BaseAlgorithm:
    """Return the model of a run after a few timesteps and what it learns from them."""
    trainer = _trainer([spec], actions, total_timesteps=total_timesteps, exact=True)
    with contextlib.closing(trainer.environments):
        model: BaseAlgorithm = trainer.learn().to_sb3(0)
        return model


def _trainer(
    specs: Sequence[RunSpec], actions: spaces.Space[Any], *, total_timesteps: int, exact: bool
) -> LockstepTrainer:
    training = training_of(specs[0])
    n_actions = int(np.prod(actions.shape)) if isinstance(actions, spaces.Box) else 0
    return learner(training.algorithm.name)(
        [_member(spec, n_actions) for spec in specs],
        **makers(training.environment),
        n_envs=n_envs_of(specs[0]),
        total_timesteps=total_timesteps,
        exact=exact,
        device=training.algorithm.device,
        normalization=training.environment.normalization,
        policy=training.algorithm.policy,
    )


def _member(spec: RunSpec, n_actions: int) -> Member:
    arguments = constructor_arguments(training_of(spec).algorithm.name, spec.hyperparameters, n_actions)
    return Member(seed=spec.seed, arguments=arguments)
