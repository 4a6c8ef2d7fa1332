"""The ranking of a study, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from robusttune.declaration.study import StudySpec
from robusttune.results.records import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One configuration of the ranking. Scores are mean episode returns; None stands for "not available".

    Attributes
    ----------
    name, config_id, hyperparameters, snippet
        Which configuration, and the code that trains it.
    is_control : bool
        It did not come from the search.
    rank, rank_low, rank_high : int
        Place by post-evaluation mean, and its simultaneous interval.
    in_best_set : bool
        It cannot be told apart from the best.
    tuning_score : float, optional
        What the search saw, or what was reported for a control.
    n_tuning_seeds : int, optional
        On how many seeds it rests; None for a control.
    mean, mean_low, mean_high, iqm, iqm_low, iqm_high, sd, worst : float
        Over fresh seeds.
    gap, gap_in_sd, p_lucky, verdict, seeds_to_decide
        Luck: tuning score minus mean, in scores and standard deviations; one-sided p; the verdict; seeds in total
        that would settle an inconclusive one.
    p_best, regret_low, regret_high : float, optional
        Probability of being the best; interval of what is lost by choosing it.
    n_seeds, n_diverged, n_missing : int
    seeds, scores : tuple
        The runs behind the row.
    note : str, optional
        What a reader has to know before using the interval.
    """

    name: str
    config_id: str
    hyperparameters: dict[str, JsonValue]
    snippet: str
    is_control: bool
    rank: int
    rank_low: int
    rank_high: int
    in_best_set: bool
    tuning_score: float | None
    n_tuning_seeds: int | None
    mean: float
    mean_low: float | None
    mean_high: float | None
    iqm: float
    iqm_low: float | None
    iqm_high: float | None
    sd: float | None
    worst: float
    gap: float | None
    gap_in_sd: float | None
    p_lucky: float | None
    verdict: str | None
    seeds_to_decide: int | None
    p_best: float | None
    regret_low: float | None
    regret_high: float | None
    n_seeds: int
    n_diverged: int
    n_missing: int
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    note: str | None = None

    @property
    def kind(self) -> str:
        """The verdict, or `"control"` where there is none."""
        return self.verdict or "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two configurations compared; `verdict` is "better", "practically equal" or "undecided" for the first."""

    first: str
    second: str
    difference: float
    low: float | None
    high: float | None
    p_adjusted: float | None
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All that tables, figures and the page show.

    Attributes
    ----------
    rows : tuple of Row
        Best mean first.
    pairs : tuple of Pair
    headline : str
        The answer, in one or two sentences.
    findings : tuple of str
        What else the data say, one sentence each.
    caption : str
        What a reader of the table alone must know: level, seeds, episodes, failures.
    methods : tuple of str
        How the numbers were made.
    level : float
        Of all intervals.
    analysis : dict
        Everything the statistics returned, as JSON values.
    trials : tuple of TrialRecord
    tuning_is_reproducible : bool
        Whether the same study file gives the same trials again.
    provenances : tuple of dict
        Machines and versions that made the runs.
    """

    study: StudySpec
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    headline: str
    findings: tuple[str, ...]
    caption: str
    methods: tuple[str, ...]
    level: float
    analysis: dict[str, Any]
    trials: tuple[TrialRecord, ...]
    tuning_is_reproducible: bool
    provenances: tuple[dict[str, Any], ...]
