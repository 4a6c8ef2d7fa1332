"""What an analysis is given, checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import (
    FloatArray,
    as_runs,
    as_sample,
    check_count,
    check_ids,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Scores in the order of their names; `tuning` and `trials` by position."""

    names: tuple[str, ...]
    runs: tuple[FloatArray, ...]
    failed: tuple[int, ...]
    tuning: dict[int, FloatArray]
    trials: tuple[int, ...]


def checked(
    scores: Mapping[str, npt.ArrayLike],
    tuning_scores: Mapping[str, npt.ArrayLike] | None,
    n_failed: Mapping[str, int] | None,
    controls: Collection[str],
    kept: Collection[str] | None,
) -> Inputs:
    """Return the arguments of `analyse` that go by name, checked.

    Raises
    ------
    ValueError
        If a name is unknown, or scores or counts break a rule.
    """
    if not isinstance(scores, Mapping) or not scores:
        raise ValueError(f"`scores` must map names to arrays, and hold one at least, but got {scores!r}.")
    names = check_ids(scores)
    runs = as_runs(list(scores.values()))
    position = {one: i for i, one in enumerate(names)}
    given = {"tuning_scores": tuning_scores, "n_failed": n_failed, "controls": controls, "kept": kept}
    for name, one in given.items():
        check_known(one or (), position, name)
    failed = [0] * len(names)
    for one, count in (n_failed or {}).items():
        i = position[str(one)]
        failed[i] = check_count(count, name=f"n_failed[{one!r}]")
        if count > runs[i].size:
            raise ValueError(f"`n_failed[{one!r}] <= {runs[i].size}` (its runs) must hold, but got {count}.")
    by_position = {position[str(one)]: x for one, x in (tuning_scores or {}).items()}
    tuning = {
        i: as_sample(np.atleast_1d(np.asarray(by_position[i])), name=f"tuning_scores[{names[i]!r}]", min_n=1)
        for i in sorted(by_position)
    }
    trials = tuple(i for i, name in enumerate(names) if name not in controls)
    return Inputs(names=names, runs=runs, failed=tuple(failed), tuning=tuning, trials=trials)


def check_known(given: Iterable[str], position: Mapping[str, int], name: str) -> None:
    """Raise a ValueError if a name is none of the configurations."""
    unknown = [one for one in given if str(one) not in position]
    if unknown:
        raise ValueError(
            f"`{name}` must name configurations of `scores`, but got {unknown[0]!r}. "
            f"Known: {', '.join(position)}."
        )
