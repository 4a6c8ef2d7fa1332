"""The rounds of a post-evaluation, replayed from stored results: they alone decide who gets which seeds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import PlannedRuns, post_evaluation_runs
from robusttune.post_evaluation.select import Candidate
from robusttune.results.records import RunOutcome
from robusttune.results.scores import counted_runs
from robusttune.seeds import generator

Lookup = Callable[[Iterable[str]], Mapping[str, RunOutcome]]
"""Returns how some runs ended, by run id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What the study wants of its post-evaluation, given what is stored.

    Attributes
    ----------
    runs : dict of str to PlannedRuns
        config_id → all runs that have been asked for so far; empty where they are not ours.
    results : dict of str to RunOutcome
        run_id → how they ended.
    n_decisions : int
        How often scores were looked at; 0 for a fixed allocation.
    kept : tuple of str
        config_ids that are still in the race.
    stop : str, optional
        Why no further round follows; None for a fixed allocation, and while a round is not done.
    """

    runs: dict[str, PlannedRuns]
    results: dict[str, RunOutcome] = field(default_factory=dict)
    n_decisions: int = 0
    kept: tuple[str, ...] = ()
    stop: str | None = None

    @property
    def n_runs(self) -> int:
        """Return how many runs have been asked for."""
        return sum(map(len, self.runs.values()))

    def results_of(self, config_id: str) -> list[RunOutcome]:
        """Return what is stored of a configuration's runs, in the order of their planning."""
        runs = self.runs.get(config_id)
        return [self.results[key] for key in runs.run_ids if key in self.results] if runs else []

    def is_done(self, study: StudySpec) -> bool:
        """Return whether no further run will be asked for."""
        allow_missing = study.post_evaluation.allow_missing
        return (self.stop is not None or not study.post_evaluation.allocation.is_adaptive) and _is_done(
            self, allow_missing=allow_missing
        )


def in_turn(planned: Mapping[str, PlannedRuns], *, without: Collection[str] = ()) -> list[RunSpec]:
    """Return the first seed of all configurations, then the second: cut off anywhere, it is balanced.

    Runs whose ids are in `without` are left out.
    """
    longest = max(map(len, planned.values()), default=0)
    return [
        runs[n]
        for n in range(longest)
        for runs in planned.values()
        if n < len(runs) and runs.run_ids[n] not in without
    ]


def have_outcome(results: Mapping[str, RunOutcome]) -> set[str]:
    """Return the ids of the runs that need not be made again."""
    return {run_id for run_id, result in results.items() if result.status.is_outcome}


def replay(
    study: StudySpec, candidates: Sequence[Candidate], lookup: Lookup, *, since: Rounds | None = None
) -> Rounds:
    """Return the rounds that the stored results lead to: up to the first that is not done, or to the end.

    Parameters
    ----------
    study : StudySpec
    candidates : sequence of Candidate
        Who is evaluated.
    lookup : callable
        Returns how runs ended by run id, for example `ResultStore.outcomes`.
    since : Rounds, optional
        The result of an earlier replay, to continue from there: a stored outcome does not change.

    Notes
    -----
    A decision follows from the results of the rounds before it and from its number alone, so every replay
    (after a kill, in another process, to rank or report) gives the same runs.
    """
    post = study.post_evaluation
    rule, n_configs = post.allocation, len(candidates)
    rule.check_limits(n_configs, post.n_seeds)
    # A failed run may have been repeated in the meantime, which changes the decisions made without it.
    if since is None or not all(result.status.is_outcome for result in since.results.values()):
        first = rule.n_first(n_configs, post.n_seeds)
        runs = _runs(study, candidates, {candidate.config_id: first for candidate in candidates})
        since = Rounds(runs=runs, kept=tuple(runs))
    if since.stop is not None:
        return since
    runs, kept, n_decisions = since.runs, since.kept, since.n_decisions
    results = since.results
    while True:
        wanted = [run_id for own in runs.values() for run_id in own.run_ids]
        results = {**results, **lookup([run_id for run_id in wanted if run_id not in results])}
        here = Rounds(runs=runs, results=results, n_decisions=n_decisions, kept=kept)
        if not rule.is_adaptive or not _is_done(here, allow_missing=post.allow_missing):
            return here
        more, kept, stop = _decide(study, here)
        n_decisions += 1
        if stop is not None:
            return Rounds(runs=runs, results=results, n_decisions=n_decisions, kept=kept, stop=stop)
        runs = _runs(
            study, candidates, {config_id: len(runs[config_id]) + n for config_id, n in more.items()}
        )


def _runs(
    study: StudySpec, candidates: Sequence[Candidate], counts: Mapping[str, int]
) -> dict[str, PlannedRuns]:
    configurations = {candidate.config_id: candidate.hyperparameters for candidate in candidates}
    return post_evaluation_runs(study, configurations, n_seeds=counts)


def _is_done(rounds: Rounds, *, allow_missing: bool) -> bool:
    """Whether every run so far has an outcome; an accident does too, where the study allows that it is missing."""
    return all(
        run_id in rounds.results and (allow_missing or rounds.results[run_id].status.is_outcome)
        for runs in rounds.runs.values()
        for run_id in runs.run_ids
    )


def _decide(study: StudySpec, rounds: Rounds) -> tuple[dict[str, int], tuple[str, ...], str | None]:
    import numpy as np

    # scipy comes with it: not for those who only check a study, or evaluate on fixed numbers of seeds
    from robusttune.post_evaluation.allocate import decide, question_of

    counted, _ = counted_runs(
        rounds.runs, rounds.results, diverged_score=study.post_evaluation.diverged_score
    )
    scores = {config_id: np.array([score for _, score in own]) for config_id, own in counted.items()}
    n_configs = len(rounds.runs)
    decision = decide(
        list(scores.values()),
        [len(runs) for runs in rounds.runs.values()],
        question_of(study, n_configs),
        rng=generator(study.root_seed, f"allocation {rounds.n_decisions}"),
    )
    kept = tuple(config_id for config_id, is_kept in zip(scores, decision.kept, strict=True) if is_kept)
    return dict(zip(scores, decision.more, strict=True)), kept, decision.stop
