"""Runs drawn from a table of earlier results. Nothing is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.tabular import TabularTraining
from robusttune.errors import SpecError
from robusttune.results.records import RunResult
from robusttune.seeds import Stage
from robusttune.stats.arrays import FloatArray
from robusttune.training.drawn import Drawn, carry_out
from robusttune.training.interfaces import Choice, StopRule, StopRules
from robusttune.training.table import Table
from robusttune.training.table_file import read_table


def train(specs: Sequence[RunSpec], stop_rule: StopRule | StopRules | None) -> list[RunResult]:
    """Return one result per specification; see `interfaces.Trainer`.

    Notes
    -----
    Seeds are drawn with replacement, by a generator that the run's id seeds. Where the table has curves, a stop rule
    is asked at each of their evaluations.
    """
    tabular = specs[0].training
    assert isinstance(tabular, TabularTraining)
    table = read_table(tabular)
    return carry_out([_draw(table, tabular, spec) for spec in specs], stop_rule)


def check(study: StudySpec) -> Choice:
    """Raise `SpecError` if the table is faulty or does not have what the study's configurations name."""
    tabular, post = study.training, study.post_evaluation
    assert isinstance(tabular, TabularTraining)
    table = read_table(tabular)
    searched = dict.fromkeys(study.search_space.parameters)
    table.nearest({**tabular.hyperparameters, **searched}, tabular.neighbours)
    for hyperparameters in [c.hyperparameters for c in post.named] + [{}] * study.has_default_control:
        table.nearest(hyperparameters, tabular.neighbours)
    _check_evaluations(study, table)
    return Choice(trainer=tabular.TRAINERS[0])


def _check_evaluations(study: StudySpec, table: Table) -> None:
    every, steps = study.evaluation.every, study.training.total_timesteps
    if table.curves is None:
        if study.tuning.pruner != "none" and study.tuning.seeds_per_trial == 1:
            raise SpecError(
                f"tuning.pruner = {study.tuning.pruner!r}: the table has no learning curves to prune by. "
                "Name the column that holds them (tabular.curve), or use pruner = 'none'."
            )
        return
    wanted = study.evaluation.count(steps)
    if wanted != table.n_evaluations:
        raise SpecError(
            f"evaluation.every = {every}: asks for {wanted} evaluation(s) of a run of {steps} timesteps, but the "
            f"curves of the table have {table.n_evaluations}. Use every = {math.ceil(steps / table.n_evaluations)}."
        )


def _draw(table: Table, tabular: TabularTraining, spec: RunSpec) -> Drawn:
    """Return a run at one random quantile of the seeds of its nearest configurations.

    A seed that is bad for one of them is bad for all: between a configuration that fails on every third seed and
    another that does so, there is one that does so too, and not one that half-fails on twice as many.
    """
    rows, weights = table.nearest(spec.hyperparameters, tabular.neighbours)
    quantile = float(np.random.default_rng(int(spec.run_id, 16)).random())
    seeds = [_seed_at(quantile, table.scores[row], tabular, spec.stage) for row in rows]
    used = [(row, seed) for row, seed, weight in zip(rows, seeds, weights, strict=True) if weight > 0]
    weights = weights[weights > 0]
    timesteps = spec.evaluation.timesteps(spec.total_timesteps)
    # The table holds means, not episodes: one value stands for all.
    final = float(weights @ np.array([table.scores[row][seed] for row, seed in used]))
    means = np.empty(0)
    if table.curves is not None:
        means = weights @ np.array([table.curves[row][seed] for row, seed in used])
    made = set.intersection(*(set(table.evaluations(row)) for row, _ in used))
    before = sorted(made)[:-1]
    indices = (*before, len(timesteps) - 1)
    return Drawn(
        spec=spec,
        evaluations=(*((float(means[index]),) for index in before), (final,)),
        timesteps=tuple(timesteps[index] for index in indices),
        indices=indices,
    )


def _seed_at(quantile: float, scores: FloatArray, tabular: TabularTraining, stage: Stage) -> int:
    """Return the seed whose score is at a quantile of those that the stage draws from; diverged runs are the worst."""
    half = scores.size // 2
    pool = np.arange(scores.size)
    if tabular.draws == "halves":
        pool = pool[:half] if stage is Stage.TUNING else pool[half:]
    ordered = np.argsort(np.where(np.isfinite(scores[pool]), scores[pool], -np.inf), kind="stable")
    return int(pool[ordered[int(quantile * pool.size)]])
