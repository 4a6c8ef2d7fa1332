"""What the trials of a search say about it: ranges too narrow or too wide, and which hyperparameters matter."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import JsonValue, TypeAdapter, ValidationError

from robusttune.declaration.space import Categorical, Float, Int, Parameter, SearchSpace
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml_text import inline, key_text
from robusttune.errors import SpecError
from robusttune.post_evaluation.changed_range import Part, changed_range
from robusttune.post_evaluation.encoding import encode, unscaled
from robusttune.post_evaluation.search_model import told_values
from robusttune.results.records import TrialRecord
from robusttune.stats.arrays import BoolArray, FloatArray
from robusttune.stats.planning.ranges import best_trials, effect, joint_effect, normal_scores, unexplained

LEVEL = 0.05
"""At most this share of searches in which nothing matters get any advice; half of it for widening."""
EDGE, BESIDE = 0.1, 0.3
_PARTS = (0.5, 0.25)  # the larger first
_FEWEST_TRIALS = 3
_PARAMETER: TypeAdapter[Parameter] = TypeAdapter(Parameter)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAdvice:
    """What to change about the range of one hyperparameter.

    Attributes
    ----------
    name : str
    parts : tuple of Part
        The evidence.
    line : str
        The range to search, as a line of `[search_space.parameters]`.
    n_trials, n_best : int
        How many trials there are, and how many of them are called the best.
    """

    name: str
    parts: tuple[Part, ...]
    line: str
    n_trials: int
    n_best: int

    @property
    def p_value(self) -> float:
        """The smallest of its parts."""
        return min(part.p_value for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much a hyperparameter matters.

    Attributes
    ----------
    share : float
        Of what all hyperparameters explain.
    p_value : float
        That it explains nothing; adjusted for all of them.
    """

    share: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAdvice:
    """What a search says about itself: ranges to change, best supported first, and name → importance, largest first."""

    ranges: tuple[RangeAdvice, ...] = ()
    importance: Mapping[str, Importance] = field(default_factory=dict)


def advise(study: StudySpec, trials: Sequence[TrialRecord]) -> SearchAdvice:
    """Return what the trials say about the ranges they were drawn from.

    Parameters
    ----------
    study : StudySpec
    trials : sequence of TrialRecord
        A pruned trial is worth what the model of the search takes it for; see `told_values`.

    Notes
    -----
    *Widen*: values rise towards the edge (one-sided t-test of the place in the range, Bonferroni over both edges of all
    ranges, `LEVEL` / 2), and go on rising to it: in the outer tenth, trials are at least as good on average, and at
    least as often among the best fifth, as in the two tenths beside it. *Narrow*: none of the best lies in an outer
    half or quarter, or has a choice, and the trials there are worse (the same test, over all these parts). All on
    normal scores of the ranks, beside the other hyperparameters (linear and quadratic).
    Importance is what a hyperparameter explains beside the others (F-test). Optuna's PED-ANOVA takes the places of the
    trials for evidence: in 100 trials of TPE it gave the only hyperparameter that mattered a share of 0.44, this 0.86.
    `tests/statistical/test_search_advice.py` has how often advice is wrong.
    """
    told, values = told_values(trials)
    blocks: dict[str, FloatArray] = {}
    for name, parameter in sorted(study.search_space.parameters.items()):
        if any(name not in trial.hyperparameters for trial in told):
            return SearchAdvice()  # the trials are of another space
        own = SearchSpace(parameters={name: parameter})
        blocks[name] = encode(own, [trial.hyperparameters for trial in told]).columns
    blocks = {name: block for name, block in blocks.items() if block.shape[1]}
    if not told or not blocks or float(np.ptp(values)) == 0.0:
        return SearchAdvice()
    search = _Search(study, blocks, values)
    found = [advice for name in blocks if (advice := search.advice(name)) is not None]
    return SearchAdvice(
        ranges=tuple(sorted(found, key=lambda one: one.p_value)), importance=search.importance()
    )


class _Search:
    def __init__(self, study: StudySpec, blocks: dict[str, FloatArray], values: FloatArray) -> None:
        self._study, self._blocks = study, blocks
        self._scores, self._best = normal_scores(values), best_trials(values)
        ranges = [name for name in blocks if not isinstance(self._parameter(name), Categorical)]
        choices = [block.shape[1] for name, block in blocks.items() if name not in ranges]
        self._n_edges, self._n_parts = 2 * len(ranges), 2 * len(_PARTS) * len(ranges) + sum(choices)

    def _parameter(self, name: str) -> Parameter:
        return self._study.search_space.parameters[name]

    def advice(self, name: str) -> RangeAdvice | None:
        """Return what to change about one range, or None."""
        found = changed_range(name, self._parameter(name), tuple(self._parts(name)))
        if found is None or not self._is_valid(name, found[0]):
            return None
        changed, parts = found
        short = _PARAMETER.dump_python(changed, mode="json", exclude_defaults=True)
        return RangeAdvice(
            name=name,
            parts=parts,
            line=f"{key_text(name)} = {inline({'type': changed.type, **short})}",
            n_trials=self._scores.size,
            n_best=int(self._best.sum()),
        )

    def importance(self) -> dict[str, Importance]:
        """Return the importance of each hyperparameter beside the others; nothing where there are too few trials."""
        found = {
            name: joint_effect(self._scores, self._others(name), self._explaining(name))
            for name in self._blocks
            if self._explaining(name).size
        }
        known = {name: one for name, one in found.items() if one is not None}
        total = sum(explained for explained, _ in known.values()) or 1.0
        return {
            name: Importance(share=explained / total, p_value=min(1.0, p_value * len(known)))
            for name, (explained, p_value) in sorted(known.items(), key=lambda item: -item[1][0])
        }

    def _is_valid(self, name: str, changed: Parameter) -> bool:
        parameters = {**self._study.search_space.parameters, name: changed}
        try:
            dataclasses.replace(self._study, search_space=SearchSpace(parameters=parameters))
        except (SpecError, ValidationError):
            return False
        return True

    def _parts(self, name: str) -> Iterator[Part]:
        parameter, others = self._parameter(name), self._others(name)
        if isinstance(parameter, Categorical):
            columns = self._blocks[name].T > 0
            for choice, inside in zip(parameter.choices, columns, strict=True):
                yield from self._dead(others, inside, None, choice)
            return
        place = self._blocks[name][:, 0]
        for side, distance in (("low", place), ("high", 1 - place)):
            yield from self._edge(parameter, others, side, distance)
            for share in _PARTS:
                until = unscaled(parameter, share if side == "low" else 1 - share)
                dead = list(self._dead(others, distance < share, side, until))
                yield from dead
                if dead:
                    break

    def _others(self, name: str) -> FloatArray:
        columns = [self._explaining(other) for other in self._blocks if other != name]
        return np.concatenate([np.zeros((self._scores.size, 0)), *columns], axis=1)

    def _explaining(self, name: str) -> FloatArray:
        """Return what a hyperparameter may explain by: its place and the square of it, or all choices but one."""
        block = self._blocks[name]
        if isinstance(self._parameter(name), Categorical):
            return block[:, (block > 0).any(axis=0)][:, 1:]
        return np.concatenate([block, block**2], axis=1)

    def _edge(
        self, parameter: Float | Int, others: FloatArray, side: str, distance: FloatArray
    ) -> Iterator[Part]:
        inside, beside = distance <= EDGE, (distance > EDGE) & (distance <= BESIDE)
        rise = effect(self._scores, others, -distance)
        if rise is None or inside.sum() < _FEWEST_TRIALS or not self._best[inside].any():
            return
        rest, p_value = unexplained(self._scores, others), rise.p_raises * self._n_edges
        goes_on = not beside.any() or (
            rest[inside].mean() >= rest[beside].mean()
            and self._best[inside].mean() >= self._best[beside].mean()
        )
        if p_value <= LEVEL / 2 and goes_on:
            until = unscaled(parameter, EDGE if side == "low" else 1 - EDGE)
            yield self._part("widen", side, until, inside, p_value)

    def _dead(
        self, others: FloatArray, inside: BoolArray, side: str | None, until: JsonValue
    ) -> Iterator[Part]:
        if min(inside.sum(), (~inside).sum()) < _FEWEST_TRIALS or self._best[inside].any():
            return
        worse = effect(self._scores, others, inside.astype(float))
        if worse is not None and (p_value := worse.p_lowers * self._n_parts) <= LEVEL / 2:
            yield self._part("narrow", side, until, inside, p_value)

    def _part(self, kind: str, side: str | None, until: JsonValue, inside: BoolArray, p_value: float) -> Part:
        return Part(
            kind=kind,  # type: ignore[arg-type]
            side=side,  # type: ignore[arg-type]
            until=until,
            n_trials=int(inside.sum()),
            n_best=int(self._best[inside].sum()),
            p_value=p_value,
        )
