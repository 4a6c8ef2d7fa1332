"""What the next search should do otherwise: train longer, search elsewhere; and which hyperparameters matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.declaration.hyperparameters import TOTAL_TIMESTEPS
from robusttune.declaration.toml_text import inline
from robusttune.declaration.training.sb3 import Sb3Training
from robusttune.report.prose.words import count, estimate, listed, share, with_interval

if TYPE_CHECKING:
    from robusttune.post_evaluation.changed_range import Part
    from robusttune.post_evaluation.search_advice import RangeAdvice
    from robusttune.report.model import Ranking, Row

HEADING = "For the next search"
MOST_IN_TERMINAL = 3
_LEVEL = 0.05
_WORTH_TELLING = 0.5  # of the SD between seeds
_TWICE = "default, twice as long"


def sentences(ranking: Ranking) -> tuple[str, ...]:
    """Return the advice, each with its evidence and a line to paste; what matters most comes first."""
    if ranking.given is not None:
        return ()
    return (*_longer(ranking), *map(_range, ranking.advice.ranges), *_importance(ranking))


def _longer(ranking: Ranking) -> list[str]:
    """Return whether a longer training would do more, as curves show it, or controls that trained longer."""
    training, told = ranking.study.training, [*_controls(ranking)]
    row, rise = ranking.row(ranking.analysis.recommended), ranking.late_rise
    sd = row.analysis.sd or 0.0
    if not told and rise is not None and rise.low > 0 and rise.estimate >= _WORTH_TELLING * sd:
        told.append(
            f"{row.name} was still rising: by {estimate(rise)} over the second half of its training, in "
            f"{count(rise.n, 'run')}. Train longer, in [{training.table}]: "
            f"`total_timesteps = {2 * training.total_timesteps}`{_first_try(ranking)}"
        )
    return told


def _first_try(ranking: Ranking) -> str:
    """Return how to see first what twice the timesteps bring to the default configuration."""
    training = ranking.study.training
    if not isinstance(training, Sb3Training):
        return "."
    controls = ranking.study.to_dict()["post_evaluation"]["controls"]
    twice = {"name": _TWICE, TOTAL_TIMESTEPS: 2 * training.total_timesteps}
    return (
        "; or see first what that brings to the default, in [post_evaluation]: "
        f"`controls = {inline([*controls, twice])}`"
    )


def _controls(ranking: Ranking) -> list[str]:
    """Return what controls with a length of their own gain on the same configuration in the study's length."""
    wanted = ranking.study.training
    rows = {
        _bare(row): row
        for row in ranking.rows
        if wanted.timesteps(row.candidate.hyperparameters) == wanted.total_timesteps
    }
    found = []
    for row in ranking.rows:
        length, other = wanted.timesteps(row.candidate.hyperparameters), rows.get(_bare(row))
        if length == wanted.total_timesteps or other is None:
            continue
        pair = ranking.analysis.pairs.get((row.name, other.name))
        sign, pair = (
            (1, pair) if pair is not None else (-1, ranking.analysis.pairs.get((other.name, row.name)))
        )
        if pair is None:
            continue
        one = pair.comparison
        low, high = sorted((sign * one.low, sign * one.high))
        found.append(
            f"With {length:,} timesteps in place of {wanted.total_timesteps:,}, {other.name} scores "
            f"{with_interval(sign * one.difference, low, high)} more ({row.name})."
        )
    return found


def _bare(row: Row) -> str:
    return repr(sorted((k, v) for k, v in row.candidate.hyperparameters.items() if k != TOTAL_TIMESTEPS))


def _range(advice: RangeAdvice) -> str:
    evidence = "; ".join(_part(advice, part) for part in advice.parts)
    return f"{advice.name}: {evidence}. In [search_space.parameters]: `{advice.line}`"


def _part(advice: RangeAdvice, part: Part) -> str:
    inside = f"{part.n_trials} of all {advice.n_trials}"
    if part.kind == "widen":
        where = f"the {part.side}est tenth of its range, {_bound(part)}"
        return f"{part.n_best} of the best {advice.n_best} trials lie in {where}, and {inside}: widen it"
    where = f"have {inline(part.until)}" if part.side is None else f"lie {_bound(part)}"
    return f"none of the best {advice.n_best} trials is among those that {where}, {inside}: leave them out"


def _bound(part: Part) -> str:
    assert isinstance(part.until, float)
    return f"{'below' if part.side == 'low' else 'above'} {part.until:.3g}"


def _importance(ranking: Ranking) -> list[str]:
    found = ranking.advice.importance
    shown = [f"{name} {share(one.share)}" for name, one in found.items() if one.p_value <= _LEVEL]
    others = [name for name, one in found.items() if one.p_value > _LEVEL]
    if not found:
        return []
    n = len(ranking.trials)
    if not shown:
        return [f"No hyperparameter is shown to matter within its range, by {count(n, 'trial')}."]
    rest = f"; {listed(others)} {'is' if len(others) == 1 else 'are'} not shown to matter" if others else ""
    return [
        f"Importance, as shares of what the hyperparameters explain in {count(n, 'trial')}: {listed(shown)}{rest}."
    ]
