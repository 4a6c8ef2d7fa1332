"""The ranking of a study, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.post_evaluation.search_advice import SearchAdvice
from robusttune.post_evaluation.select import Candidate
from robusttune.report import columns
from robusttune.report.given import Given
from robusttune.report.prose import answer, checklist, findings, methods, paper
from robusttune.results.records import Cost, Evaluations, TrialRecord
from robusttune.stats.analysis.result import ConfigurationAnalysis, StudyAnalysis
from robusttune.stats.estimates.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd


TUNING, POST_EVALUATION, CONFIRMATION = "tuning", "post-evaluation", "confirmation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The post-evaluation runs of one configuration; `scores` has one per seed.

    Seeds of runs that are not ours may be labels. `timesteps` were really trained by its completed runs (their median,
    should they differ); None if none completed.
    """

    seeds: tuple[int | str, ...]
    scores: tuple[float, ...]
    n_diverged: int
    n_missing: int
    timesteps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One configuration of the ranking: who it is, what was found, and the runs behind it."""

    candidate: Candidate
    analysis: ConfigurationAnalysis
    runs: Runs

    @property
    def name(self) -> str:
        """`"trial 7"`, `"default"` or the name of a control."""
        return self.candidate.name

    @property
    def proposed_by(self) -> str | None:
        """The lists that proposed it; None for a control."""
        return " + ".join(self.candidate.proposed_by) or None

    @property
    def verdict(self) -> str | None:
        """LUCKY, UNLUCKY, CONSISTENT or INCONCLUSIVE; None without a tuning score."""
        return None if self.analysis.luck is None else self.analysis.luck.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the stages of a study have cost, and by config_id the post-evaluation of each configuration."""

    tuning: Cost = field(default_factory=Cost)
    post_evaluation: Cost = field(default_factory=Cost)
    confirmation: Cost = field(default_factory=Cost)
    configurations: Mapping[str, Cost] = field(default_factory=dict)

    @property
    def stages(self) -> dict[str, Cost]:
        """Name of each stage that has runs → its cost."""
        found = {
            TUNING: self.tuning,
            POST_EVALUATION: self.post_evaluation,
            CONFIRMATION: self.confirmation,
        }
        return {name: cost for name, cost in found.items() if cost.n_runs}

    @property
    def provenances(self) -> tuple[dict[str, Any], ...]:
        """Machines and versions that made the runs, each once."""
        distinct: list[dict[str, Any]] = []
        for cost in self.stages.values():
            distinct += [one for one in cost.provenances if one not in distinct]
        return tuple(distinct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All that tables, figures and the page show.

    Attributes
    ----------
    study : StudySpec
    trials : tuple of TrialRecord
    found : PostEvaluation
        Candidates, runs and scores.
    analysis : StudyAnalysis
        Everything the statistics found, by name.
    rows : tuple of Row
        Best estimate first.
    tuning_is_reproducible : bool
        Whether the same study file gives the same trials again.
    command : str
        What made it, for commands to paste.
    given : Given, optional
        Where the results come from, if no study has made them; `study` then only says how they were analysed.
    evaluations : mapping
        run_id → evaluations of the completed runs of the post-evaluation, and of the candidates' trials.
    advice : SearchAdvice
        What the trials say about the ranges of the search.
    late_rise : Estimate, optional
        By how much the recommended configuration rose over the second half of its training; see `stats.luck.curves`.
    work : Work
        What its runs have cost.
    """

    study: StudySpec
    trials: tuple[TrialRecord, ...]
    found: PostEvaluation
    analysis: StudyAnalysis
    rows: tuple[Row, ...]
    tuning_is_reproducible: bool
    command: str
    given: Given | None = None
    evaluations: Mapping[str, Evaluations] = field(default_factory=dict)
    advice: SearchAdvice = field(default_factory=SearchAdvice)
    late_rise: Estimate | None = None
    work: Work = field(default_factory=Work)

    @property
    def name(self) -> str:
        """Heading of its report."""
        return self.study.name if self.given is None else self.given.name

    @property
    def has_tuning(self) -> bool:
        """Whether a configuration has a tuning score."""
        return any(row.candidate.tuning_score is not None for row in self.rows)

    @property
    def seed(self) -> str:
        """What a seed is called: fresh where a search had chosen the configurations before."""
        return "fresh seed" if self.given is None or self.has_tuning else "seed"

    @property
    def answer(self) -> tuple[str, ...]:
        """The answer, in at most five lines."""
        return answer.answer(self)

    @property
    def findings(self) -> dict[str, tuple[str, ...]]:
        """What else the data say: heading → sentences."""
        return findings.findings(self)

    @property
    def caption(self) -> str:
        """What a reader of the table alone must know: level, seeds, episodes, failures."""
        return methods.caption(self)

    @property
    def methods(self) -> tuple[str, ...]:
        """How the numbers were made."""
        return methods.methods(self)

    @property
    def paragraph(self) -> str:
        """How the numbers were made, as a paragraph for a paper."""
        return paper.paragraph(self)

    @property
    def checklist(self) -> tuple[checklist.Item, ...]:
        """The AutoRL checklist of Eimer et al. (2023), answered from what is stored."""
        return checklist.checklist(self)

    @property
    def provenances(self) -> tuple[dict[str, Any], ...]:
        """Machines and versions that made the runs of the ranking, each once."""
        distinct: list[dict[str, Any]] = []
        for result in self.found.rounds.results.values():
            if result.provenance not in distinct:
                distinct.append(result.provenance)
        return tuple(distinct)

    def row(self, name: str) -> Row:
        """Return the row of a configuration.

        Raises
        ------
        KeyError
            If it was not evaluated.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no configuration {name!r}; known: {', '.join(row.name for row in self.rows)}")

    def to_frame(self) -> pd.DataFrame:
        """Return one row per configuration, with full precision."""
        import pandas as pd  # slow to load, and ranking does without

        return pd.DataFrame([columns.record(row) for row in self.rows])
