"""Whole studies in memory, for trainers that train nothing: hundreds a minute, to try protocols on."""

from __future__ import annotations

from dataclasses import dataclass

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from robusttune.pipeline.session import Session, memory_session
from robusttune.post_evaluation.rounds import Rounds, replay
from robusttune.post_evaluation.select import Candidate
from robusttune.results.records import TrialRecord
from robusttune.results.tables import ScoreTable, score_table

_WITHOUT_TRAINING = ("synthetic", "tabular")


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What came of a simulated study.

    Attributes
    ----------
    trials : tuple of TrialRecord
        By number.
    candidates : tuple of Candidate
        Who was judged: the best trials, best first, and the controls.
    rounds : Rounds
        The runs of the post-evaluation, and why it stopped.
    scores : ScoreTable
        Scores of the post-evaluation, by candidate in the order of `candidates`.
    """

    trials: tuple[TrialRecord, ...]
    candidates: tuple[Candidate, ...]
    rounds: Rounds
    scores: ScoreTable


def simulate_study(study: StudySpec) -> Simulation:
    """Tune and post-evaluate a study whose runs are drawn and not trained; nothing is written.

    The trials, runs and scores are those that `run_study` would store.

    Parameters
    ----------
    study : StudySpec
        With the trainer `"synthetic"` or `"tabular"`.

    Raises
    ------
    SpecError
        If runs would be trained, which must not be lost, or the table does not suit the study.
    StudyError
        If no trial is complete, or the first trials all fail.
    """
    session = simulation_session(study)
    return judge(session, session.tune())


def simulation_session(study: StudySpec) -> Session:
    """Return the session of a simulated study; see `simulate_study`."""
    trainer = study.algorithm.trainer
    if trainer not in _WITHOUT_TRAINING:
        raise SpecError(
            f"algorithm.trainer = {trainer!r}: only studies that train nothing are simulated in memory "
            f"({' or '.join(_WITHOUT_TRAINING)}). `run_study` trains, and keeps every run."
        )
    if trainer == "tabular":
        from robusttune.training.tabular import check_table

        check_table(study)
    return memory_session(study)


def judge(session: Session, trials: tuple[TrialRecord, ...]) -> Simulation:
    """Post-evaluate the best of some trials of a session, and return all that is known then."""
    study = session.study
    candidates = session.evaluate(trials)
    rounds = replay(study, candidates, session.store.results)
    post = study.post_evaluation
    scores = score_table(
        rounds.runs, rounds.results, diverged_score=post.diverged_score, allow_missing=post.allow_missing
    )
    return Simulation(trials=trials, candidates=candidates, rounds=rounds, scores=scores)
