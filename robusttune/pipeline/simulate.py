"""Whole studies in memory, where runs are drawn and not trained: hundreds a minute, to try protocols on."""

from __future__ import annotations

from dataclasses import dataclass

from robusttune.declaration.study import StudySpec
from robusttune.declaration.training import kinds
from robusttune.errors import SpecError
from robusttune.pipeline.session import Session, memory_session
from robusttune.pipeline.settle import settle
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.results.memory import MemoryStore
from robusttune.results.records import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """The result of a simulated study.

    Attributes
    ----------
    trials : tuple of TrialRecord
        By number.
    post_evaluation : PostEvaluation
        Candidates, runs and scores of the second stage.
    """

    trials: tuple[TrialRecord, ...]
    post_evaluation: PostEvaluation


def simulate_study(study: StudySpec) -> Simulation:
    """Tune and post-evaluate a study whose runs are drawn and not trained; nothing is written.

    The trials, runs and scores are those that `run_study` would store.

    Parameters
    ----------
    study : StudySpec
        One that declares `[synthetic]` or `[tabular]`.

    Raises
    ------
    SpecError
        If runs would be trained, which must not be lost, or the table does not suit the study.
    StudyError
        If no trial is complete, or the first trials all fail.
    """
    session = simulation_session(study)
    trials = session.tune()
    return Simulation(trials=trials, post_evaluation=session.evaluate(trials))


def simulation_session(study: StudySpec, *, store: MemoryStore | None = None) -> Session:
    """Return the session of a simulated study; see `simulate_study` and `memory_session`."""
    if not study.training.IN_MEMORY:
        drawn = " or ".join(f"[{kind}]" for kind, member in kinds().items() if member.IN_MEMORY)
        raise SpecError(
            f"{study.training.title}: only studies that train nothing are simulated in memory ({drawn}). `run_study` "
            "trains, and keeps every run."
        )
    return memory_session(settle(study).study, store=store)
