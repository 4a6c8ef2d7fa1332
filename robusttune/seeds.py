"""The only place where seeds are made.

A run seed is a 32-bit number with the layout

    | stage: 1 bit | purpose: 1 bit | permuted index: 22 bits | environment: 8 bits |

Stable-Baselines3 gives sub-environment *i* of a run the seed `seed + i`, so neighbouring run seeds
share environment streams. Here the low bits of every run seed are zero and stay free for `i`: no two
runs of a study, and no training and evaluation environment of one run, ever share a stream.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from robusttune.errors import SpecError

_STAGE_BIT = 31
_PURPOSE_BIT = 30
_ENVIRONMENT_BITS = 8
_INDEX_BITS = 22

MAX_ENVIRONMENTS = 2**_ENVIRONMENT_BITS
MAX_RUNS = 2**_INDEX_BITS
MAX_ROOT = 2**63 - 1


class Stage(StrEnum):
    """What a run is for. Tuning selects, post-evaluation ranks: never on the same seeds."""

    TUNING = "tuning"
    POST_EVALUATION = "post_evaluation"


_STAGES = (Stage.TUNING, Stage.POST_EVALUATION)


def run_seed(root: int, stage: Stage, index: int) -> int:
    """Return the seed of the `index`-th run of a stage; see `run_seeds`."""
    return run_seeds(root, stage, (index,))[0]


def run_seeds(root: int, stage: Stage, indices: Sequence[int]) -> list[int]:
    """Return the seeds of some runs of a stage.

    Parameters
    ----------
    root : int
        Root seed of the study, 0 … 2**63 − 1.
    stage : Stage
        Becomes the top bit: seeds of different stages differ by construction.
    indices : sequence of int
        0 … 4,194,303 each. Distinct indices give distinct seeds at least 256 apart.

    Raises
    ------
    SpecError
        If `root` or an index is out of range.
    """
    _check_root(root)
    for index in (min(indices, default=0), max(indices, default=0)):
        if not 0 <= index < MAX_RUNS:
            raise SpecError(
                f"A stage has at most {MAX_RUNS} seeds (`0 <= index < {MAX_RUNS}`), but got {index=}."
            )
    top = _STAGES.index(stage) << _STAGE_BIT
    multiplier, offset = _order(root, _STAGES.index(stage))
    # An odd multiplier makes the affine map a permutation of the 22-bit numbers.
    multiplier |= 1
    return [top | (i * multiplier + offset) % MAX_RUNS << _ENVIRONMENT_BITS for i in indices]


@functools.lru_cache(maxsize=16)
def _order(*key: int) -> tuple[int, int]:
    multiplier, offset = map(int, np.random.SeedSequence(key).generate_state(2))
    return multiplier, offset


def stage_of(seed: int) -> Stage:
    """Return the stage whose runs have this seed (its top bit)."""
    return _STAGES[seed >> _STAGE_BIT & 1]


def evaluation_seed(seed: int) -> int:
    """Return the seed of the evaluation environments that belong to one run."""
    return seed | 1 << _PURPOSE_BIT


def common_evaluation_seed(root: int, stage: Stage) -> int:
    """Return one evaluation seed for all runs of a stage (`evaluation.starts = "common"`)."""
    return evaluation_seed(run_seed(root, stage, MAX_RUNS - 1))


def signed_seed(seed: int) -> int:
    """Return a seed for libraries that take 31 bits; all bits of the given one enter it, its stage too."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0]) >> 1


def sampler_seed(root: int, trial_number: int) -> int:
    """Return the seed of the sampler for one trial, so that a resumed study asks what it would have asked."""
    return _derived(root, 2, trial_number)


def study_sampler_seed(root: int) -> int:
    """Return the seed of samplers that are one sequence per study (quasi-random, grid)."""
    return _derived(root, 3)


def generator(root: int, purpose: str) -> np.random.Generator:
    """Return the random generator for one named purpose of a study, for example `"ranking"`."""
    _check_root(root)
    return np.random.default_rng([root, 4, *purpose.encode()])


def _derived(root: int, *key: int) -> int:
    _check_root(root)
    return int(np.random.SeedSequence([root, *key]).generate_state(1)[0])


def _check_root(root: int) -> None:
    if not 0 <= root <= MAX_ROOT:
        raise SpecError(f"A root seed is a whole number from 0 to {MAX_ROOT}, but got {root}.")
