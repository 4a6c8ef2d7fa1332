"""Runs drawn from a table of results that somebody has made. Nothing is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from robusttune.errors import SpecError
from robusttune.results.records import RunResult
from robusttune.seeds import Stage
from robusttune.spec.run import RunSpec
from robusttune.spec.study import StudySpec
from robusttune.spec.tabular import TabularSpec, tabular_of
from robusttune.training.drawn import Drawn, carry_out, evaluation_timesteps
from robusttune.training.protocol import StopRule
from robusttune.training.table import Table, read_table


def train(specs: Sequence[RunSpec], stop_rule: StopRule | None) -> list[RunResult]:
    """Return one result per specification; see `protocol.Trainer`.

    Notes
    -----
    Seeds are drawn with replacement, by a generator that the run's id seeds. Where the table has curves, a stop rule
    is asked at each of their evaluations.
    """
    tabular = tabular_of(specs[0].environment)
    table = read_table(tabular)
    return carry_out([_draw(table, tabular, spec) for spec in specs], stop_rule)


def check_table(study: StudySpec) -> None:
    """Raise `SpecError` if the table is faulty or does not have what the study's configurations name."""
    table = read_table(tabular_of(study.environment))
    algorithm, post = study.algorithm, study.post_evaluation
    searched = dict.fromkeys(study.search_space.parameters)
    table.nearest({**algorithm.hyperparameters, **searched})
    for hyperparameters in [c.hyperparameters for c in post.controls] + [{}] * post.default_control:
        table.nearest(hyperparameters)
    _check_evaluations(study, table)


def _check_evaluations(study: StudySpec, table: Table) -> None:
    every, steps = study.evaluation.every, study.algorithm.total_timesteps
    if table.curves is None:
        if study.tuning.pruner != "none" and study.tuning.seeds_per_trial == 1:
            raise SpecError(
                f"tuning.pruner = {study.tuning.pruner!r}: the table has no learning curves to prune by. "
                "Name the column that holds them (tabular.curve), or use pruner = 'none'."
            )
        return
    wanted = 1 if every is None else math.ceil(steps / every)
    if wanted != table.n_evaluations:
        raise SpecError(
            f"evaluation.every = {every}: asks for {wanted} evaluation(s) of a run of {steps} timesteps, but the "
            f"curves of the table have {table.n_evaluations}. Use every = {math.ceil(steps / table.n_evaluations)}."
        )


def _draw(table: Table, tabular: TabularSpec, spec: RunSpec) -> Drawn:
    place = table.nearest(spec.hyperparameters)
    n_seeds = table.scores[place].size
    first, end = 0, n_seeds
    if tabular.draws == "halves":
        first, end = (0, n_seeds // 2) if spec.stage is Stage.TUNING else (n_seeds // 2, n_seeds)
    seed = int(np.random.default_rng(int(spec.run_id, 16)).integers(first, end))
    timesteps = evaluation_timesteps(spec)
    # The table holds means, not episodes: one value stands for all.
    final = float(table.scores[place][seed])
    means = [] if table.curves is None else table.curves[place][seed].tolist()
    *before, _ = table.evaluations(place)
    indices = (*before, len(timesteps) - 1)
    return Drawn(
        spec=spec,
        evaluations=(*((means[index],) for index in before), (final,)),
        timesteps=tuple(timesteps[index] for index in indices),
        indices=indices,
    )
