"""Every run behind a report: what it was for, its seed, the id by which it is reproduced, and its score."""

from __future__ import annotations

from collections.abc import Iterator

from robusttune.declaration.study_runs import planned_tuning_runs
from robusttune.post_evaluation.result import confirmed_runs
from robusttune.report.model import Ranking, Row
from robusttune.report.output import to_csv
from robusttune.results.records import Evaluations

_Run = tuple[str, str, int, str, float | None]

COLUMNS = ("configuration", "purpose", "seed", "run_id", "score")
"""Of `runs.csv`."""
TUNING, POST_EVALUATION, CONFIRMATION = "tuning", "post-evaluation", "confirmation"
"""What a run was for."""


def runs_csv(ranking: Ranking) -> str:
    """Return one line per run; a run without a score has none there."""
    import pandas as pd  # slow to load

    records = [
        record
        for runs in (_of_trials(ranking), _of_post_evaluation(ranking), _of_confirmation(ranking))
        for record in runs
    ]
    return to_csv(pd.DataFrame(records, columns=list(COLUMNS)))


def run_ids(ranking: Ranking, row: Row) -> dict[int | str, str]:
    """Return seed → run id of the post-evaluation runs of a configuration; nothing where they are not ours."""
    runs = ranking.found.rounds.runs.get(row.candidate.config_id)
    return (
        {}
        if runs is None
        else {seed: run_id for (seed, _), run_id in zip(runs.seeds, runs.run_ids, strict=True)}
    )


def evaluated(ranking: Ranking, row: Row) -> list[Evaluations]:
    """Return the evaluations of the completed post-evaluation runs of a configuration, as far as they are known."""
    return [
        ranking.evaluations[run_id]
        for run_id in run_ids(ranking, row).values()
        if run_id in ranking.evaluations
    ]


def tuned(ranking: Ranking, row: Row) -> list[Evaluations]:
    """Return the evaluations of the completed tuning runs of a trial, as far as they are known."""
    number = row.candidate.trial_number
    trial = next((one for one in ranking.trials if number is not None and one.number == number), None)
    own = () if trial is None else trial.run_ids
    return [ranking.evaluations[run_id] for run_id in own if run_id in ranking.evaluations]


def _of_trials(ranking: Ranking) -> Iterator[_Run]:
    for trial in ranking.trials:
        indices = range(len(trial.run_ids))
        runs = planned_tuning_runs(ranking.study, trial.hyperparameters, trial.number, indices=indices)
        for (seed, _), run_id, score in zip(runs.seeds, runs.run_ids, trial.scores, strict=True):
            yield f"trial {trial.number}", TUNING, seed, run_id, score


def _of_post_evaluation(ranking: Ranking) -> Iterator[_Run]:
    rounds = ranking.found.rounds
    for candidate in ranking.found.candidates:
        runs = rounds.runs.get(candidate.config_id)
        for (seed, _), run_id in zip(runs.seeds, runs.run_ids, strict=True) if runs else ():
            result = rounds.results.get(run_id)
            yield candidate.name, POST_EVALUATION, seed, run_id, None if result is None else result.score


def _of_confirmation(ranking: Ranking) -> Iterator[_Run]:
    scores = ranking.found.confirmed
    if scores is None:
        return
    names = {candidate.config_id: candidate.name for candidate in ranking.found.candidates}
    planned = confirmed_runs(ranking.study, ranking.found)
    for config_id, seeds, own in zip(scores.config_ids, scores.seeds, scores.scores, strict=True):
        known = dict(zip(seeds, own, strict=True))
        for (seed, _), run_id in zip(planned[config_id].seeds, planned[config_id].run_ids, strict=True):
            yield names[config_id], CONFIRMATION, seed, run_id, known.get(seed)
