from __future__ import annotations

import functools
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from pebble.pool.process import PoolManager

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.declaration.training.environment import EnvironmentSpec
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.errors import SpecError
from robusttune.execution import executors
from robusttune.execution.driver import Driver
from robusttune.execution.executors import Executor, InProcess, Job, LocalPool, make_executor
from robusttune.execution.tasks import Task
from robusttune.results.claims import Claims
from robusttune.results.records import RunResult, RunStatus
from robusttune.results.store import ResultStore
from robusttune.seeds import Stage, evaluation_seed, run_seed
from tests.support.places import ROOT
from tests.support.pool_work import work
from tests.support.studies import Failing, Synthetic, make_study, open_results


def one(spec: RunSpec) -> Task[RunResult]:
    results = yield [Job(specs=(spec,))]
    return results[0]


def together(specs: list[RunSpec]) -> Task[list[RunResult]]:
    results = yield [Job(specs=(spec,)) for spec in specs]
    return results


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ResultStore]:
    with open_results(tmp_path) as opened:
        yield opened


def runs(folder: Path, faults: list[str | None]) -> list[RunSpec]:
    study = make_study({"environment.kwargs": {"folder": str(folder)}})
    return [tuning_runs(study, {"fault": fault}, number)[0] for number, fault in enumerate(faults)]


def drive(
    store: ResultStore, executor: Executor, specs: list[RunSpec], **options: Any
) -> dict[str, RunResult]:
    with Claims(store.engine) as claims, executor as running:
        driver = Driver(store, claims, running, **options)
        return {result.run_id: result for result in driver.drive(one(spec) for spec in specs)}


def attempts(folder: Path, spec: RunSpec) -> int:
    return len(list(folder.glob(f"{spec.run_id}-*")))


# --- accidents in worker processes -----------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_crash_takes_only_its_own_run_and_is_tried_again(store: ResultStore, tmp_path: Path) -> None:
    specs = runs(tmp_path, [None, "exit", None, "exit-once", None])
    results = drive(store, LocalPool(2, work=work), specs, max_attempts=2)
    statuses = [results[spec.run_id].status for spec in specs]
    completed, crashed = RunStatus.COMPLETED, RunStatus.CRASHED
    assert statuses == [completed, crashed, completed, completed, completed]
    assert [attempts(tmp_path, spec) for spec in specs] == [1, 2, 1, 2, 1]
    assert "the worker process died (exit code 7); tried 2 time(s)" in str(results[specs[1].run_id].error)
    assert store.results([specs[1].run_id])[specs[1].run_id].status is crashed


@pytest.mark.timeout(60)
def test_a_death_that_is_noticed_before_the_worker_s_last_words_are_read_loses_no_run(
    store: ResultStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = PoolManager.process_next_message

    def read_late(manager: PoolManager, timeout: float) -> None:
        time.sleep(0.25)
        read(manager, timeout)

    monkeypatch.setattr(PoolManager, "process_next_message", read_late)
    specs = runs(tmp_path, ["exit"])
    assert drive(store, LocalPool(1, work=work), specs)[specs[0].run_id].status is RunStatus.CRASHED


@pytest.mark.slow
def test_a_run_that_takes_too_long_is_stopped_and_tried_again(store: ResultStore, tmp_path: Path) -> None:
    specs = runs(tmp_path, [None, "sleep", "sleep-once"])
    results = drive(store, LocalPool(2, timeout_s=0.5, work=work), specs, max_attempts=2)
    statuses = [results[spec.run_id].status for spec in specs]
    assert statuses == [RunStatus.COMPLETED, RunStatus.TIMED_OUT, RunStatus.COMPLETED]
    assert [attempts(tmp_path, spec) for spec in specs] == [1, 2, 2]
    assert "execution.run_timeout_s; tried 2 time(s)" in str(results[specs[1].run_id].error)


@pytest.mark.parametrize(
    "fault",
    [
        "sys.exit",
        *(pytest.param(fault, marks=pytest.mark.thorough) for fault in ("interrupt", "memory", "poison")),
    ],
)
def test_a_run_that_ends_its_process_is_an_accident_tried_again_in_a_fresh_one(
    store: ResultStore, tmp_path: Path, fault: str
) -> None:
    specs = runs(tmp_path, [fault, "poisoned", "poisoned"])
    results = drive(store, LocalPool(1, work=work), specs, max_attempts=2)
    assert [results[spec.run_id].status for spec in specs] == [RunStatus.COMPLETED] * 3
    pids = [note.name.rpartition("-")[2] for note in tmp_path.glob(f"{specs[0].run_id}-*")]
    assert len(set(pids)) == 2


def test_without_workers_what_leaves_python_is_an_accident_of_one_run(
    store: ResultStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "train_job", work)
    specs = runs(tmp_path, ["sys.exit", None])
    results = drive(store, InProcess(), specs, max_attempts=1)
    assert [results[spec.run_id].status for spec in specs] == [RunStatus.CRASHED, RunStatus.COMPLETED]
    error = str(results[specs[0].run_id].error)
    assert error.endswith("the run was ended by sys.exit('the licence has expired'); tried 1 time(s).")


@pytest.mark.slow
def test_a_run_that_holds_too_much_memory_is_stopped_alone(store: ResultStore, tmp_path: Path) -> None:
    specs = runs(tmp_path, [None, "hold", None])
    results = drive(store, LocalPool(1, memory_mb=300, work=work), specs)
    statuses = [results[spec.run_id].status for spec in specs]
    assert statuses == [RunStatus.COMPLETED, RunStatus.CRASHED, RunStatus.COMPLETED]
    assert "more than execution.run_memory_mb = 300; tried 1 time(s)" in str(results[specs[1].run_id].error)


@pytest.mark.slow
def test_a_worker_that_ignores_sigterm_is_killed(store: ResultStore, tmp_path: Path) -> None:
    specs = runs(tmp_path, ["deaf", None])
    results = drive(store, LocalPool(1, timeout_s=0.5, work=work), specs)
    assert [results[spec.run_id].status for spec in specs] == [RunStatus.TIMED_OUT, RunStatus.COMPLETED]
    (note,) = tmp_path.glob(f"{specs[0].run_id}-*")
    assert not psutil.pid_exists(int(note.name.rpartition("-")[2]))


@pytest.mark.slow
def test_the_time_of_a_run_does_not_count_what_a_new_worker_imports(
    store: ResultStore, tmp_path: Path
) -> None:
    specs = runs(tmp_path, [None])
    pool = LocalPool(1, timeout_s=1.0, work=work, prepare=functools.partial(time.sleep, 2.0))
    assert drive(store, pool, specs)[specs[0].run_id].status is RunStatus.COMPLETED


@pytest.mark.thorough
def test_an_accident_is_tried_again_by_the_next_invocation(store: ResultStore, tmp_path: Path) -> None:
    specs = runs(tmp_path, ["exit-once", None])
    first = drive(store, LocalPool(1, work=work), specs)
    assert [first[spec.run_id].status for spec in specs] == [RunStatus.CRASHED, RunStatus.COMPLETED]
    second = drive(store, LocalPool(1, work=work), specs)
    assert {result.status for result in second.values()} == {RunStatus.COMPLETED}
    assert [attempts(tmp_path, spec) for spec in specs] == [2, 1]


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from tests.support.pool_work import work; from tests.support.studies import make_study\n"
        "from robusttune.execution.executors import Job, LocalPool\n"
        "from robusttune.declaration.study_runs import tuning_runs\n"
        "study = make_study({'environment.kwargs': {'folder': sys.argv[1]}})\n"
        "pool = LocalPool(2, work=work)\n"
        "for number in range(2):\n"
        "    pool.submit(Job(specs=tuning_runs(study, {'fault': 'sleep'}, number)))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    deadline = time.monotonic() + 30
    while len(notes := list(tmp_path.glob("*-*-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [psutil.Process(int(note.name.rpartition("-")[2])) for note in notes]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert alive == []


def test_memory_is_limited_only_where_there_is_a_process_to_stop() -> None:
    with pytest.raises(SpecError, match=r"execution.run_memory_mb = 512: needs a worker process"):
        make_executor(0, memory_mb=512.0)


def test_the_number_of_workers_is_checked() -> None:
    assert isinstance(make_executor(0, timeout_s=None), InProcess)
    with pytest.raises(SpecError, match=r"must be 0 .* or more, but got -1"):
        make_executor(-1, timeout_s=None)
    with pytest.raises(
        SpecError, match=r"execution.run_timeout_s = 3: needs a worker process.*Use 1 or more"
    ):
        make_executor(0, timeout_s=3.0)


def test_without_a_number_there_is_one_worker_per_core_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executors, "cpu_count", lambda: 3)
    monkeypatch.setattr(
        executors, "LocalPool", lambda n_workers, **options: SimpleNamespace(n_workers=n_workers)
    )
    assert make_executor(None, timeout_s=None).n_workers == 3


# --- once each -------------------------------------------------------------------------------------------------------


def test_stored_results_are_not_computed_again(store: ResultStore, tmp_path: Path) -> None:
    specs = runs(tmp_path, [None] * 6)
    drive(store, Synthetic(), specs[:4])
    again = Synthetic()
    results = drive(store, again, specs)
    assert again.submitted == [spec.run_id for spec in specs[4:]]
    assert set(results) == {spec.run_id for spec in specs}


@pytest.mark.timeout(60)
def test_two_tasks_that_want_the_same_run_share_it(store: ResultStore, tmp_path: Path) -> None:
    (spec,) = runs(tmp_path, [None])
    executor = Synthetic(3, delay_s=0.2)
    with Claims(store.engine) as claims, executor:
        tasks = [one(spec), one(spec), one(spec)]
        results = list(Driver(store, claims, executor).drive(iter(tasks)))
    assert executor.submitted == [spec.run_id]
    assert len(results) == 3
    assert len({result.run_id for result in results}) == 1


class Gate:
    """Jobs of which the first is held back until all others have ended."""

    def __init__(self, n_others: int) -> None:
        self._others = threading.Semaphore(0)
        self._n_others = n_others
        self._first: str | None = None
        self.was_opened = False

    def __call__(self, spec: RunSpec) -> RunStatus:
        if self._first is None:
            self._first = spec.run_id
        if spec.run_id == self._first:
            self.was_opened = all(self._others.acquire(timeout=5) for _ in range(self._n_others))
        else:
            self._others.release()
        return RunStatus.COMPLETED


def test_a_free_worker_gets_the_next_task_at_once(store: ResultStore, tmp_path: Path) -> None:
    gate = Gate(5)
    drive(store, Synthetic(2, behaviour=gate), runs(tmp_path, [None] * 6))
    assert gate.was_opened


def test_a_worker_freed_by_one_of_several_jobs_gets_the_next_task_at_once(
    store: ResultStore, tmp_path: Path
) -> None:
    gate = Gate(5)
    specs = runs(tmp_path, [None] * 6)
    executor = Synthetic(2, behaviour=gate)
    with Claims(store.engine) as claims, executor:
        tasks = [together(specs[:2]), *([together([spec]) for spec in specs[2:]])]
        ended = list(Driver(store, claims, executor).drive(iter(tasks)))
    assert gate.was_opened
    assert sorted(len(results) for results in ended) == [1, 1, 1, 1, 2]


def test_results_reach_a_task_in_the_order_of_its_jobs(store: ResultStore, tmp_path: Path) -> None:
    specs = runs(tmp_path, [None] * 8)
    drive(store, Synthetic(), specs[3:5])
    with Claims(store.engine) as claims, Synthetic(4, delay_s=0.05) as executor:
        (results,) = Driver(store, claims, executor).drive(iter([together(specs)]))
    assert [result.run_id for result in results] == [spec.run_id for spec in specs]


def test_failures_are_results_and_are_not_tried_twice(store: ResultStore, tmp_path: Path) -> None:
    executor = Failing({1}).executor()
    results = drive(store, executor, runs(tmp_path, [None] * 3), max_attempts=5)
    assert Counter(result.status for result in results.values()) == {
        RunStatus.COMPLETED: 2,
        RunStatus.FAILED: 1,
    }
    assert len(executor.submitted) == 3


@pytest.mark.thorough
def test_two_processes_that_share_a_database_share_the_work(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.support.studies import Synthetic, make_study, open_results\n"
        "from robusttune.execution.driver import Driver\n"
        "from robusttune.execution.executors import Job\n"
        "from robusttune.results.claims import Claims\n"
        "from robusttune.declaration.study_runs import tuning_runs\n"
        "def one(spec):\n"
        "    return (yield [Job(specs=(spec,))])[0]\n"
        "study = make_study()\n"
        "specs = [tuning_runs(study, {}, number)[0] for number in range(30)]\n"
        "executor = Synthetic(delay_s=0.1)\n"
        "with open_results(Path(sys.argv[1])) as store, Claims(store.engine) as claims, executor:\n"
        "    tasks = (one(spec) for spec in specs)\n"
        "    results = list(Driver(store, claims, executor).drive(tasks, look_ahead=32))\n"
        "assert len(results) == 30\n"
        "print(*executor.submitted)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    done = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len(done[0] + done[1]) == len({*done[0], *done[1]}) == 30
    assert min(len(done[0]), len(done[1])) >= 5


# --- equal spec, equal run -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_is_the_same_in_this_process_and_in_a_worker_beside_another(
    store: ResultStore, tmp_path: Path
) -> None:
    seeds = [run_seed(3, Stage.TUNING, index) for index in range(3)]
    specs = [
        RunSpec(
            training=Sb3Training(
                environment=EnvironmentSpec(id="CartPole-v1", n_envs=2),
                algorithm=AlgorithmSpec(name="ppo", total_timesteps=256),
            ),
            hyperparameters={"n_steps": 32, "batch_size": 32, "n_epochs": 2, "net_arch": [8]},
            evaluation=EvaluationSpec(every=64, n_episodes=3),
            seed=seed,
            evaluation_seed=evaluation_seed(seed),
        )
        for seed in seeds
    ]
    beside = drive(store, LocalPool(2), specs)
    with open_results(tmp_path / "alone") as alone:
        here = drive(alone, InProcess(), specs[:2])
    for spec in specs[:2]:
        pair = beside[spec.run_id], here[spec.run_id]
        assert pair[0].status is RunStatus.COMPLETED, pair[0].error
        assert pair[0].episode_returns == pair[1].episode_returns
        assert pair[0].curve == pair[1].curve
        assert pair[0].provenance["torch_threads"] == 1
