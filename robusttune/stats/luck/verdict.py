"""The rule that turns a candidate's luck into one of four words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from robusttune.stats._checks import FloatArray, check_level, check_number
from robusttune.stats.estimates.proportions import wilson_bounds
from robusttune.stats.estimates.tails import lower_tail_mean, tolerance_bound

LUCKY, UNLUCKY, CONSISTENT, INCONCLUSIVE = "LUCKY", "UNLUCKY", "CONSISTENT", "INCONCLUSIVE"

MOST_SEEDS = 200  # beyond this nobody re-runs a configuration: the plan says "not decidable" instead


@dataclass(frozen=True, slots=True, kw_only=True)
class LuckRules:
    """What counts as luck, and as consistent.

    Attributes
    ----------
    false_discovery : float
        Expected share of false flags among the flagged (Benjamini-Hochberg), for each direction.
    tolerance : float or None
        Smallest gap that matters, in score units; default a quarter of the pooled SD.
    spread_tolerance : float or None
        How far below the mean the lower tail of a consistent configuration may lie, in score units;
        default twice the pooled SD.
    prediction_level : float
        Level of the interval that must hold the tuning score of a consistent configuration.
    max_failure : float
        The upper confidence bound of a consistent configuration's failure fraction must lie below it.
    """

    false_discovery: float = 0.10
    tolerance: float | None = None
    spread_tolerance: float | None = None
    prediction_level: float = 0.80
    max_failure: float = 0.30

    def __post_init__(self) -> None:
        check_level(self.false_discovery, name="false_discovery")
        check_level(self.prediction_level, name="prediction_level")
        check_number(self.max_failure, name="max_failure", minimum=0.0)
        for name in ("tolerance", "spread_tolerance"):
            value = getattr(self, name)
            if value is not None:
                check_number(value, name=name, minimum=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LuckResult:
    """The luck of one candidate.

    Attributes
    ----------
    tuning, post : float
        Mean tuning score and mean post-evaluation score, in score units.
    gap : float
        Their difference: positive means that tuning was lucky.
    gap_in_sd : float or None
        The gap in pooled SDs of the study; None where nothing varies.
    t, df : float or None
        Studentised gap; None with fewer than two runs to estimate the spread from.
    p_lucky, p_unlucky : float or None
        One-sided p-values, not adjusted for the number of candidates.
    p_rank : float
        Distribution-free one-sided p-value of luck; it cannot be below 1 / (n_post + 1).
    verdict : str
        LUCKY, UNLUCKY, CONSISTENT or INCONCLUSIVE.
    seeds_to_decide : int or None
        Post-evaluation seeds in total that would settle an inconclusive verdict if the estimates stay as
        they are; None if the verdict is settled, or no affordable number settles it.
    n_tuning, n_post : int
        Number of seeds.
    note : str or None
        Why there is no t.
    """

    tuning: float
    post: float
    gap: float
    gap_in_sd: float | None
    t: float | None
    df: float | None
    p_lucky: float | None
    p_unlucky: float | None
    p_rank: float
    verdict: str
    seeds_to_decide: int | None
    n_tuning: int
    n_post: int
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What the consistency rule needs of the post-evaluation scores."""

    sd: float
    tail_gap: float  # mean minus mean of the worst fifth
    failure: float

    @staticmethod
    def of(x: FloatArray, n_failed: int) -> Spread:
        """Measure the spread of one candidate's post-evaluation scores."""
        sd = float(x.std(ddof=1)) if x.size > 1 else math.inf
        tail = float(x.mean()) - lower_tail_mean(x, fraction=0.2)
        return Spread(sd=sd, tail_gap=tail, failure=n_failed / x.size)


def decide(
    one: LuckResult, spread: Spread, lucky: bool, unlucky: bool, pooled: float, rules: LuckRules
) -> str:
    """Return the verdict of one candidate.

    Parameters
    ----------
    one : LuckResult
        The measured gap.
    spread : Spread
        Spread of its post-evaluation scores.
    lucky, unlucky : bool
        Whether the gap was flagged, in each direction, among all candidates.
    pooled : float
        SD within configurations, in score units.
    rules : LuckRules
        What counts.
    """
    delta = 0.25 * pooled if rules.tolerance is None else rules.tolerance
    if lucky and one.gap > delta:
        return LUCKY
    if unlucky and -one.gap > delta:
        return UNLUCKY
    if not lucky and not unlucky and _is_consistent(one, spread, one.n_post, pooled, rules):
        return CONSISTENT
    return INCONCLUSIVE


def _is_consistent(one: LuckResult, spread: Spread, n: int, pooled: float, rules: LuckRules) -> bool:
    """Apply the consistency rule as it would read with n post-evaluation seeds and these estimates."""
    if n < 2 or one.t is None:
        return False
    df = n - 1
    reach = float(special.stdtrit(df, 0.5 + rules.prediction_level / 2))
    rounding = 1e-9 * (1.0 + abs(one.post))  # runs that all gave one value leave only rounding errors
    predicted = abs(one.gap) <= reach * spread.sd * math.sqrt(1 / one.n_tuning + 1 / n) + rounding
    limit = rounding + (2.0 * pooled if rules.spread_tolerance is None else rules.spread_tolerance)
    narrow = min(tolerance_bound(n=n) * spread.sd, spread.tail_gap) <= limit
    failure = wilson_bounds(round(spread.failure * n), n)[1]
    return predicted and narrow and failure < rules.max_failure


def seeds_to_decide(
    one: LuckResult, spread: Spread, cut: float, pooled: float, rules: LuckRules
) -> int | None:
    """Return how many post-evaluation seeds in total would settle the verdict, or None if none would.

    Parameters
    ----------
    one, spread, pooled, rules
        As for `decide`; the estimates are taken to stay as they are.
    cut : float
        P-value at which the gap would be flagged.
    """
    if not math.isfinite(spread.sd) or one.t is None:
        return None
    delta = 0.25 * pooled if rules.tolerance is None else rules.tolerance
    for n in range(one.n_post + 1, MOST_SEEDS + 1):
        error = spread.sd * math.sqrt(1 / one.n_tuning + 1 / n)
        flagged = error > 0 and float(special.stdtr(n + one.n_tuning - 2, -abs(one.gap) / error)) <= cut
        if (flagged and abs(one.gap) > delta) or (
            not flagged and _is_consistent(one, spread, n, pooled, rules)
        ):
            return n
    return None
