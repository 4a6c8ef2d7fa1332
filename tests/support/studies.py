"""Small studies, and an executor that knows the scores without training."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
import pickle
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.storages import BaseStorage, InMemoryStorage
from pydantic import TypeAdapter

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import post_evaluation_runs
from robusttune.execution.driver import Driver
from robusttune.execution.executors import Executor, Job
from robusttune.execution.progress import Reporter, SilentReporter
from robusttune.post_evaluation.select import Candidate
from robusttune.report.model import Ranking
from robusttune.results import schema
from robusttune.results.claims import Claims
from robusttune.results.engine import sqlite_url
from robusttune.results.records import CurvePoint, RunResult, RunStatus, TrialRecord
from robusttune.results.store import ResultStore
from robusttune.seeds import evaluation_seed

DOCUMENT: Mapping[str, Any] = {
    "name": "small",
    "root_seed": 5,
    "environment": {"id": "CartPole-v1"},
    "algorithm": {"name": "ppo", "total_timesteps": 64, "hyperparameters": {"n_epochs": 1}},
    "search_space": {
        "parameters": {
            "learning_rate": {"type": "float", "low": 1e-5, "high": 1e-2, "scale": "log"},
            "gamma": {"type": "float", "low": 0.9, "high": 0.9999, "scale": "log1m"},
            "n_steps": {"type": "int", "low": 8, "high": 32, "scale": "pow2"},
            "activation_fn": {"type": "categorical", "choices": ["tanh", "relu"]},
        }
    },
    "tuning": {"n_trials": 6},
    "evaluation": {"n_episodes": 2, "n_envs": 1},
    "post_evaluation": {"top_k": 2, "n_seeds": 3},
    "execution": {"trainer": "sb3"},
}


def document(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the document of a small study; dotted keys replace, None removes."""
    result = copy.deepcopy(dict(DOCUMENT))
    for dotted, value in (changes or {}).items():
        *parents, last = dotted.split(".")
        place = result
        for part in parents:
            place = place.setdefault(part, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return result


def make_study(changes: Mapping[str, Any] | None = None) -> StudySpec:
    """Return a small study; it is settled unless the changes leave open who trains."""
    study = StudySpec.from_dict(document(changes))
    return study if study.execution.is_open else study.settled(study.trainer)


def settled(study: StudySpec) -> StudySpec:
    """Return a study with nothing left open, without a look at its environment."""
    return study.settled(study.training.TRAINERS[0] if study.execution.is_open else study.trainer)


def drawn(kind: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes to a small study: its runs are drawn instead of trained."""
    fixed = {"total_timesteps": 64}
    execution = {"trainer": kind}
    return {"environment": None, "algorithm": None, "execution": execution, kind: {**fixed, **table}}


def noise(*key: Any) -> float:
    """Return a number in [0, 1) that follows from the key."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:6], "big") / 2**48


def quality(hyperparameters: Mapping[str, Any]) -> float:
    """Return how good a configuration is: best at a learning rate of 1e-3."""
    rate = float(hyperparameters.get("learning_rate", 1e-4))
    return -abs(math.log10(rate) + 3) + (0.3 if hyperparameters.get("activation_fn") == "relu" else 0.0)


Behaviour = Callable[[RunSpec], RunStatus]


def always_completed(spec: RunSpec) -> RunStatus:
    return RunStatus.COMPLETED


def sometimes_diverged(spec: RunSpec) -> RunStatus:
    return RunStatus.DIVERGED if noise("diverged", spec.run_id) < 0.25 else RunStatus.COMPLETED


def synthetic_curve(spec: RunSpec) -> list[float]:
    """Return the mean return of each evaluation: the noise is keyed on the run, not on the seed alone."""
    every = spec.evaluation.every
    n_points = 1 if every is None else math.ceil(spec.total_timesteps / every)
    level = quality(spec.hyperparameters)
    return [100.0 * (level + noise(spec.run_id, index) - 2.0 / (index + 1)) for index in range(n_points)]


def synthetic_result(
    spec: RunSpec, behaviour: Behaviour = always_completed, stop_rule: Any = None
) -> RunResult:
    """Return what the synthetic trainer makes of a run."""
    status = behaviour(spec)
    means = synthetic_curve(spec)
    curve: list[CurvePoint] = []
    error: str | None = None
    for index, mean in enumerate(means):
        is_last = index == len(means) - 1
        if is_last and status is RunStatus.DIVERGED:
            mean = math.nan
        if is_last and status not in (RunStatus.COMPLETED, RunStatus.DIVERGED):
            break
        curve.append(CurvePoint(index=index, timesteps=index, n_updates=index, mean_return=mean))
        if not is_last and stop_rule is not None and stop_rule(index, [mean]):
            status = RunStatus.PRUNED
            break
    if status in (RunStatus.FAILED, RunStatus.CRASHED, RunStatus.DIVERGED, RunStatus.TIMED_OUT):
        error = f"Traceback (most recent call last):\nsynthetic {status.value} of {spec.run_id}"
    return RunResult(
        run_id=spec.run_id,
        config_id=spec.config_id,
        seed=spec.seed,
        stage=spec.stage,
        status=status,
        score_rule=spec.evaluation.score,
        episode_returns=(curve[-1].mean_return,) if status is RunStatus.COMPLETED else (),
        curve=tuple(curve),
        error=error,
        provenance={"synthetic": True},
    )


class Interrupt(BaseException):
    """Stands for a process that dies."""


class Synthetic:
    """An executor without training. Jobs are pickled on their way, as they are to worker processes."""

    def __init__(
        self,
        n_workers: int = 1,
        *,
        behaviour: Behaviour = always_completed,
        die_at_submit: int | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.n_workers = n_workers
        self.submitted: list[str] = []
        self._behaviour = behaviour
        self._die_at_submit = die_at_submit
        self._delay_s = delay_s
        self._threads = ThreadPoolExecutor(n_workers) if n_workers > 1 or delay_s else None

    def submit(self, job: Job) -> Future[list[RunResult]]:
        if self._die_at_submit is not None and len(self.submitted) == self._die_at_submit:
            raise Interrupt
        self.submitted += [spec.run_id for spec in job.specs]
        job = pickle.loads(pickle.dumps(job))
        if self._threads is not None:
            return self._threads.submit(self._train, job)
        future: Future[list[RunResult]] = Future()
        future.set_result(self._train(job))
        return future

    def _train(self, job: Job) -> list[RunResult]:
        if self._delay_s:
            time.sleep(random.random() * self._delay_s)
        return [synthetic_result(spec, self._behaviour, rule) for specs, rule in job.parts for spec in specs]

    def __enter__(self) -> Synthetic:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True)


class Failing:
    """Runs fail in the order of their making, at the named places."""

    def __init__(self, places: set[int], status: RunStatus = RunStatus.FAILED) -> None:
        self._places, self._status, self._n = places, status, 0

    def __call__(self, spec: RunSpec) -> RunStatus:
        self._n += 1
        return self._status if self._n - 1 in self._places else RunStatus.COMPLETED

    def executor(self, n_workers: int = 1) -> Synthetic:
        return Synthetic(n_workers, behaviour=self)


class Mortal:
    """Counts writes to the storages of a study and dies before one of them, as a killed process would."""

    def __init__(self, die_at: int | None = None) -> None:
        self.n_writes = 0
        self.die_at = die_at

    def write(self) -> None:
        if self.n_writes == self.die_at:
            raise Interrupt
        self.n_writes += 1


_STORAGE_WRITES = (
    "create_new_trial",
    "set_trial_param",
    "set_trial_user_attr",
    "set_trial_system_attr",
    "set_trial_intermediate_value",
    "set_trial_state_values",
    "set_study_system_attr",
)


class MortalStorage(InMemoryStorage):
    """Optuna's in-memory storage, whose user may die before any write."""

    def __init__(self) -> None:
        super().__init__()
        self.mortal = Mortal()

    def __getattribute__(self, name: str) -> Any:
        if name in _STORAGE_WRITES:
            self.mortal.write()
        return super().__getattribute__(name)


class MortalStore(ResultStore):
    """A results database whose user may die before any write."""

    mortal = Mortal()

    def add_result(self, spec: RunSpec, result: RunResult) -> None:
        self.mortal.write()
        super().add_result(spec, result)

    def save_trial(self, tuning_id: str, record: TrialRecord) -> None:
        self.mortal.write()
        super().save_trial(tuning_id, record)


class Recorder(SilentReporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def advance(self, line: str, *, best: str = "") -> None:
        self.lines.append(line)

    def message(self, text: str) -> None:
        self.lines.append(text)


@contextlib.contextmanager
def open_results(folder: Path, kind: type[ResultStore] = ResultStore) -> Iterator[ResultStore]:
    folder.mkdir(parents=True, exist_ok=True)
    store = kind(sqlite_url(folder / "study.db"))
    try:
        yield store
    finally:
        store.close()


def fixed_runs(study: StudySpec, candidates: Sequence[Candidate]) -> dict[str, tuple[RunSpec, ...]]:
    """Return config_id → runs of a fixed allocation."""
    return post_evaluation_runs(study, {c.config_id: c.hyperparameters for c in candidates})


def ranking_of(study: StudySpec, store: ResultStore) -> Ranking:
    """Return the ranking of what is stored."""
    from robusttune.pipeline import DEFAULT_COMMAND
    from robusttune.pipeline.reading import Results
    from robusttune.report.build import make_ranking

    found = Results(study=study, store=store)
    evaluated = found.post_evaluation()
    return make_ranking(study, found.trials(), evaluated, is_reproducible=True, command=DEFAULT_COMMAND)


def stored_specs(store: ResultStore) -> list[RunSpec]:
    """Return the specifications of all stored runs."""
    with store.engine.connect() as connection:
        described = schema.runs.join(schema.specs, schema.runs.c.spec == schema.specs.c.spec_id)
        rows = connection.execute(sa.select(schema.specs.c.spec, schema.runs.c.seed).select_from(described))
        seeds = [({"seed": seed, "evaluation_seed": evaluation_seed(seed)}, text) for text, seed in rows]
    return [TypeAdapter(RunSpec).validate_json(json.dumps(own | json.loads(text))) for own, text in seeds]


def tune(
    study: StudySpec,
    store: ResultStore,
    storage: BaseStorage,
    executor: Executor | None = None,
    *,
    max_attempts: int = 1,
    reporter: Reporter | None = None,
) -> tuple[TrialRecord, ...]:
    """Run the search of a study; return its trials."""
    from robusttune.tuning.search import search

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = settled(study)
    with Claims(store.engine) as claims, executor or Synthetic() as running:
        return search(
            study,
            store=store,
            claims=claims,
            driver=Driver(store, claims, running, trainer=study.trainer, max_attempts=max_attempts),
            storage=storage,
            reporter=reporter or SilentReporter(),
        )
