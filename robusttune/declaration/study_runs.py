"""Which runs a study consists of."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from pydantic import JsonValue

from robusttune.declaration.allocation import MAX_SEEDS, SEED_BLOCK
from robusttune.declaration.run import RunSpec, run_ids
from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from robusttune.seeds import MAX_RUNS, Stage, common_evaluation_seed, evaluation_seed, run_seeds

# The last seed of a stage belongs to common evaluation starts; the last block stays unused for it.
_N_BLOCKS = MAX_RUNS // SEED_BLOCK - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRuns(Sequence[RunSpec]):
    """Runs of one configuration, which differ in their seeds alone; each is made when it is asked for.

    Attributes
    ----------
    pattern : RunSpec
        One of them, but for its seeds.
    seeds : tuple of (int, int)
        Seed and evaluation seed of each.
    run_ids : tuple of str
    """

    pattern: RunSpec
    seeds: tuple[tuple[int, int], ...]
    run_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.seeds)

    @overload
    def __getitem__(self, index: int) -> RunSpec: ...
    @overload
    def __getitem__(self, index: slice) -> PlannedRuns: ...
    def __getitem__(self, index: int | slice) -> RunSpec | PlannedRuns:
        if isinstance(index, slice):
            return dataclasses.replace(self, seeds=self.seeds[index], run_ids=self.run_ids[index])
        seed, evaluation_seed = self.seeds[index]
        return dataclasses.replace(self.pattern, seed=seed, evaluation_seed=evaluation_seed)


def configuration(study: StudySpec, searched: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the whole configuration of a trial: what the study fixes, and what was searched."""
    return study.training.feasible({**study.training.hyperparameters, **searched})


def tuning_runs(
    study: StudySpec,
    hyperparameters: Mapping[str, JsonValue],
    trial_number: int,
    *,
    indices: range | None = None,
) -> tuple[RunSpec, ...]:
    """Return runs of one trial, one per tuning seed; see `planned_tuning_runs`."""
    return tuple(planned_tuning_runs(study, hyperparameters, trial_number, indices=indices))


def planned_tuning_runs(
    study: StudySpec,
    hyperparameters: Mapping[str, JsonValue],
    trial_number: int,
    *,
    indices: range | None = None,
) -> PlannedRuns:
    """Return runs of one trial, one per tuning seed, for who wants no more than their seeds or ids.

    Parameters
    ----------
    study : StudySpec
    hyperparameters : mapping
    trial_number : int
    indices : range, optional
        Which of the seeds reserved for the trial; None is those that every trial has.
    """
    indices = range(study.tuning.seeds_per_trial) if indices is None else indices
    return _planned(study, hyperparameters, Stage.TUNING, _reserved(study, trial_number, indices))


def tuning_seeds(study: StudySpec, trial_number: int, n_seeds: int) -> Sequence[int]:
    """Return the seeds of the first runs of a trial."""
    return run_seeds(study.root_seed, Stage.TUNING, _reserved(study, trial_number, range(n_seeds)))


def _reserved(study: StudySpec, trial_number: int, indices: range) -> list[int]:
    """Return the places of some of the seeds that are reserved for a trial."""
    tuning = study.tuning
    first = 0 if tuning.seeds == "common" else trial_number * tuning.max_seeds_per_trial
    return [first + index for index in indices]


def post_evaluation_runs(
    study: StudySpec,
    configurations: Mapping[str, Mapping[str, JsonValue]],
    *,
    n_seeds: Mapping[str, int] | None = None,
) -> dict[str, PlannedRuns]:
    """Return the runs of the post-evaluation.

    Parameters
    ----------
    study : StudySpec
    configurations : mapping
        config_id → hyperparameters of each candidate and control.
    n_seeds : mapping, optional
        config_id → how many seeds it has; None gives each `post_evaluation.n_seeds`.

    Returns
    -------
    dict of str to PlannedRuns
        config_id → one run per seed. Unless the study wants common seeds, a configuration's seeds follow from
        its id and not from its position, so that a study can be edited without losing runs.

    Raises
    ------
    SpecError
        If there are more configurations than the seed layout has room for.
    """
    counts = dict.fromkeys(configurations, study.post_evaluation.n_seeds) if n_seeds is None else n_seeds
    return _in_blocks(study, configurations, {config_id: range(n) for config_id, n in counts.items()})


def confirmation_runs(
    study: StudySpec, configurations: Mapping[str, Mapping[str, JsonValue]], config_ids: Iterable[str]
) -> dict[str, PlannedRuns]:
    """Return the runs that confirm some configurations, on seeds of the post-evaluation that nothing else can have.

    Parameters
    ----------
    study : StudySpec
    configurations : mapping
        config_id → hyperparameters of all that were evaluated: their blocks of seeds follow from all of them.
    config_ids : iterable of str
        Those to be confirmed.
    """
    indices = range(MAX_SEEDS, MAX_SEEDS + study.post_evaluation.confirm)
    return _in_blocks(study, configurations, dict.fromkeys(config_ids, indices))


def _in_blocks(
    study: StudySpec, configurations: Mapping[str, Mapping[str, JsonValue]], indices: Mapping[str, range]
) -> dict[str, PlannedRuns]:
    """Return runs at some indices of the blocks of seeds; with common seeds all configurations have one block."""
    if study.post_evaluation.seeds == "common":
        blocks = dict.fromkeys(configurations, 0)
    else:
        blocks = seed_blocks(configurations)
    return {
        config_id: _planned(
            study,
            configurations[config_id],
            Stage.POST_EVALUATION,
            [blocks[config_id] * SEED_BLOCK + index for index in own],
        )
        for config_id, own in indices.items()
    }


def seed_blocks(config_ids: Iterable[str]) -> dict[str, int]:
    """Return a block of seeds for each configuration: distinct, and a function of the ids alone."""
    blocks: dict[str, int] = {}
    taken: set[int] = set()
    for config_id in sorted(config_ids):
        block = int.from_bytes(hashlib.sha256(config_id.encode()).digest()[:8], "big") % _N_BLOCKS
        while block in taken:
            block = (block + 1) % _N_BLOCKS
        blocks[config_id] = block
        taken.add(block)
        if len(blocks) >= _N_BLOCKS:
            raise SpecError(f"A post-evaluation has at most {_N_BLOCKS - 1} configurations.")
    return blocks


def _planned(
    study: StudySpec, hyperparameters: Mapping[str, JsonValue], stage: Stage, indices: Sequence[int]
) -> PlannedRuns:
    evaluation, common = study.evaluation, None
    if stage is Stage.POST_EVALUATION:
        evaluation = dataclasses.replace(evaluation, n_episodes=study.n_post_evaluation_episodes)
    if evaluation.starts == "common":
        common = common_evaluation_seed(study.root_seed, stage)
    own = run_seeds(study.root_seed, stage, indices)
    seeds = tuple((seed, evaluation_seed(seed) if common is None else common) for seed in own)
    pattern = RunSpec(
        training=study.training.bare(),
        hyperparameters=dict(hyperparameters),
        evaluation=evaluation,
        seed=0,
        evaluation_seed=0,
    )
    return PlannedRuns(pattern=pattern, seeds=seeds, run_ids=run_ids(pattern, seeds))
