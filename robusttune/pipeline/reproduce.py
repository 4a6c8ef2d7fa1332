"""A stored run, trained again: is it the same, and if not, where does it part and what has changed since?"""

from __future__ import annotations

import dataclasses
import functools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.errors import SpecError
from robusttune.execution.executors import Job, LocalPool
from robusttune.pipeline.chosen import choose
from robusttune.pipeline.location import DEFAULT_OUT, location_of
from robusttune.pipeline.models import runs_of
from robusttune.pipeline.reading import Results, open_results
from robusttune.report.prose.words import count, number
from robusttune.results.provenance import differences
from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.training import train


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A run as it is stored, and as it came out when it was trained again.

    Attributes
    ----------
    configuration : str
        Its name in the ranking, or the trial's.
    spec : RunSpec
    stored, again : RunResult
    """

    configuration: str
    spec: RunSpec
    stored: RunResult
    again: RunResult

    @property
    def is_equal(self) -> bool:
        """Whether all evaluations and the end of the run are equal to the bit.

        Of a run that the pruner stopped, the evaluations that it reached are compared.
        """
        if self.first_difference is not None:
            return False
        if self.stored.status is RunStatus.PRUNED:
            return True
        same_end = repr(self.stored.episode_returns) == repr(self.again.episode_returns)
        return same_end and self.stored.status is self.again.status

    @property
    def first_difference(self) -> tuple[CurvePoint | None, CurvePoint | None] | None:
        """The first evaluation that differs, as stored and as made again; None if all that both have are equal.

        One of the two is None where the other run ended earlier.
        """
        before, after = self.stored.curve, self.again.curve
        if self.stored.status is RunStatus.PRUNED:
            after = after[: len(before)]
        for n in range(max(len(before), len(after))):
            pair = (before[n] if n < len(before) else None, after[n] if n < len(after) else None)
            if repr(pair[0]) != repr(pair[1]):  # NaN is equal to NaN here
                return pair
        return None

    @property
    def changed(self) -> tuple[str, ...]:
        """What is recorded of versions, processor, threads and trainer, where it was different then."""
        return differences(self.stored.provenance, self.again.provenance)

    def sentences(self) -> Iterator[str]:
        """Say what was found."""
        name = f"{self.configuration}, seed {self.spec.seed} (run {self.spec.run_id})"
        if self.is_equal:
            yield f"{name}: equal to the bit. {self._what_is_equal()}"
        else:
            yield f"{name}: NOT equal. {self._where_it_parts()}"
        changed = "; ".join(self.changed)
        if changed:
            yield f"What has changed since it was stored: {changed}."
        elif not self.is_equal:
            yield (
                "Versions, processor and threads are those of then. So something draws numbers that the seed does not "
                "set, or depends on time or on what else runs: look at the environment first, without wrappers."
            )

    def _what_is_equal(self) -> str:
        text = f"{count(len(self.stored.curve), 'evaluation')}"
        match self.stored.status:
            case RunStatus.COMPLETED:
                n_returns = len(self.stored.episode_returns)
                return f"{text}, {count(n_returns, 'episode return')}, score {number(self.stored.score)}."
            case RunStatus.PRUNED:
                return f"{text}, after which the pruner stopped the stored run."
            case status:
                return f"{text}; {status.value} then and now{_reason(self.again)}."

    def _where_it_parts(self) -> str:
        ends = f"Then: {_end(self.stored)}. Now: {_end(self.again)}."
        parting = self.first_difference
        if parting is None:
            return f"All evaluations are equal, the end is not. {ends}"
        before, after = parting
        point = before or after
        assert point is not None
        values = " then, ".join("none" if p is None else repr(p.mean_return) for p in parting)
        steps = f"{point.timesteps:,} timesteps"
        if before and after and before.timesteps != after.timesteps:
            steps = f"{before.timesteps:,} timesteps then, {after.timesteps:,} now"
        return f"Evaluation {point.index + 1} (after {steps}) is the first to differ: {values} now. {ends}"


def reproduce_study(
    study: StudySpec,
    run: str | None = None,
    *,
    configuration: str | None = None,
    seed: int | str | None = None,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
) -> Reproduction:
    """Train a stored run of a study again, as it was trained, and compare. Nothing is stored.

    Parameters
    ----------
    study : StudySpec
    run : str, optional
        Its id, or its unambiguous beginning: of a trial, of the post-evaluation or of the confirmation.
    configuration : str, optional
        Instead of an id: its name in the ranking; None is the recommended one.
    seed : int or {"best", "median", "worst"}, optional
        Of the configuration's runs, those of its trial among them; None is the best.
    out, storage
        See `run_study`.

    Raises
    ------
    SpecError
        If there is no such run.
    StudyError
        If there are no results.
    """
    with open_results(study, location_of(study, out=out, storage=storage)) as results:
        name, spec, stored = _find(results, run, configuration, seed)
    threads = stored.provenance.get("torch_threads") or 1
    with tempfile.TemporaryDirectory(prefix="robusttune-") as folder:
        # A command leaves its files there, and not over the stored ones.
        training = spec.training.at(Path(folder))
        job = Job(
            specs=(dataclasses.replace(spec, training=training),),
            trainer=training.trainer(stored.provenance["trainer"]),
        )
        if training.IN_MEMORY:
            (again,) = train(job.specs, trainer=job.trainer)
        else:
            with LocalPool(1, work=functools.partial(_train, threads)) as pool:
                (again,) = pool.submit(job).result()
    return Reproduction(configuration=name, spec=spec, stored=stored, again=again)


def _find(
    results: Results, run: str | None, configuration: str | None, seed: int | str | None
) -> tuple[str, RunSpec, RunResult]:
    if run is None and not isinstance(seed, int):
        (one,) = choose(results, configuration, seed or "best")
        return one.configuration, one.spec, one.stored
    if run is not None and (configuration is not None or seed is not None):
        raise SpecError(
            "A run is named by its id, or by `configuration` and `seed`, but got both. Leave one out."
        )
    for runs in (_of_trials(results), _of_post_evaluation(results)):
        found = {
            spec.run_id: (name, spec)
            for name, spec in runs
            if (run is None or spec.run_id.startswith(run))
            and (seed is None or spec.seed == seed)
            and (configuration is None or name == configuration)
        }
        stored = results.store.results(found)
        if len(stored) == 1:
            ((run_id, result),) = stored.items()
            return (*found[run_id], result)
        if stored:
            raise SpecError(
                f"{_asked(run, configuration, seed)} is not one run but {len(stored)}: {', '.join(list(stored)[:5])}"
                f"{', …' if len(stored) > 5 else ''}. Give one of these ids."
            )
    raise SpecError(
        f"{_asked(run, configuration, seed)} is no stored run of the study {results.study.name}. `report_study` "
        "lists the ids and seeds of all its runs in runs.csv."
    )


def _of_trials(results: Results) -> Iterator[tuple[str, RunSpec]]:
    study = results.study
    for trial in results.trials():
        indices = range(len(trial.run_ids))
        for spec in tuning_runs(study, trial.hyperparameters, trial.number, indices=indices):
            yield f"trial {trial.number}", spec


def _of_post_evaluation(results: Results) -> Iterator[tuple[str, RunSpec]]:
    found = results.post_evaluation()
    names = {candidate.config_id: candidate.name for candidate in found.candidates}
    for config_id, runs in runs_of(results.study, found).items():
        for spec in runs:
            yield names[config_id], spec


def _asked(run: str | None, configuration: str | None, seed: int | str | None) -> str:
    if run is not None:
        return f"run = {run!r}"
    return f"configuration = {configuration!r}, seed = {seed!r}"


def _train(threads: int, job: Job) -> list[RunResult]:
    # Sums in another order round otherwise; torch is not loaded yet.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    return train(job.specs, trainer=job.trainer)


def _end(result: RunResult) -> str:
    if result.status is RunStatus.COMPLETED:
        return f"score {result.score!r}"
    return f"{result.status.value}{_reason(result)}"


def _reason(result: RunResult) -> str:
    lines = (result.error or "").strip().splitlines()
    return f" ({lines[-1]})" if lines else ""
