"""Several jobs as one, and what of a job is still to be done."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence

from robusttune.declaration.run import RunSpec
from robusttune.execution.executors import Job
from robusttune.results.records import RunResult, RunStatus, evaluations_together
from robusttune.training.interfaces import StopRule, StopRules

_SHOWN = 3


def joined(jobs: Sequence[Job]) -> Job:
    """Return one job of several, whose rules remain those of their own runs."""
    return Job(
        specs=tuple(spec for job in jobs for spec in job.specs),
        stop_rule=StopRules(parts=tuple((len(runs), rule) for job in jobs for runs, rule in job.parts)),
        label=listed([job.label for job in jobs]),
    )


def listed(names: Iterable[str]) -> str:
    """Return the first few of some names, each once, and how many more there are."""
    unique = list(dict.fromkeys(names))
    n_more = len(unique) - _SHOWN
    return ", ".join(unique[:_SHOWN]) + (f" and {n_more} more" if n_more > 0 else "")


def runs_to_make(job: Job, stored: Mapping[str, RunResult]) -> tuple[RunSpec, ...]:
    """Return the runs of a job that the stored results do not serve.

    A run may have been stopped by the pruner of another search; here it counts only if its rule stops there.
    Runs that a rule stops together are made together.
    """
    return tuple(spec for runs, rule in job.parts for spec in _to_make(runs, rule, stored))


def _to_make(
    runs: Sequence[RunSpec], stop_rule: StopRule | None, stored: Mapping[str, RunResult]
) -> Sequence[RunSpec]:
    """Return those of the runs of one rule that must be made."""
    missing = [run for run in runs if run.run_id not in stored or not stored[run.run_id].status.is_outcome]
    found = [stored[run.run_id] for run in runs if run not in missing]
    stopped = {result.run_id for result in found if result.status is RunStatus.PRUNED}
    if stop_rule is None:
        return [run for run in runs if run in missing or run.run_id in stopped]
    if missing:
        return runs
    if not stopped:
        return ()
    rule = copy.copy(stop_rule)  # a rule keeps what it was told; this is a rehearsal
    says_stop = any(rule(index, means) for index, means in evaluations_together(found))
    return () if says_stop else runs
