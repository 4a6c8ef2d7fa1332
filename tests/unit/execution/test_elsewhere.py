"""Runs that are carried out by the workers of another library: what is sent, and what comes of accidents."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from loky.backend import get_context
from typer.testing import CliRunner

import robusttune as rt
from robusttune.cli import app
from robusttune.declaration.cluster import ClusterSpec
from robusttune.declaration.toml import load_study
from robusttune.errors import SpecError, StudyError
from robusttune.execution import batch
from robusttune.execution.choose import choose_executor
from robusttune.execution.remote import Terms, carry_out, versions
from robusttune.execution.sent import Modules, folder_of, modules_of
from tests.support.clusters import Lines, calls, cluster_of, statuses, write_study
from tests.support.places import ROOT
from tests.support.studies import drawn, make_study

T = TypeVar("T")
ROBUSTTUNE = (sys.executable, "-m", "robusttune", "evaluate")
SLURM: dict[str, Any] = {"system": "slurm", "cores": 4, "memory": "8GB"}
FAULTS: dict[str, dict[str, Any]] = {
    "fine": {"rate": 2.0},
    "bad": {"fault": "exit"},
    "shaken": {"fault": "exit-once"},
    "slow": {"fault": "sleep"},
}


# --- what is declared ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"execution.executor": "ray"},
            "execution.executor = 'ray': must be 'local', 'dask' or 'dask://host:port'",
        ),
        ({"execution.executor": "dask://host"}, "must be 'local', 'dask' or"),
        ({"cluster": {**SLURM, "system": "slrm"}}, "cluster.system = 'slrm': must be one of slurm, pbs, lsf"),
        ({"cluster": {**SLURM, "memory": "8"}}, "cluster.memory = '8'"),
        ({"cluster": {**SLURM, "walltime": "90"}}, "cluster.walltime = '90'"),
        ({"cluster": {**SLURM, "core": 3}}, "cluster.core: unknown key (did you mean 'cores'?)"),
    ],
)
def test_faulty_declarations_are_refused_with_the_way_out(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError) as error:
        make_study(changes)
    assert told in str(error.value)


def test_an_executor_that_is_none_is_refused() -> None:
    study = make_study()
    with pytest.raises(SpecError, match=r"`executor` = 'dsk': must be one of 'local', 'dask', 'dask://"):
        choose_executor(study, "dsk", None)
    with pytest.raises(SpecError, match=r"`executor` = 3: must be"):
        choose_executor(study, 3, None)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"`workers` = 0: must be at least 1"):
        choose_executor(study, ThreadPoolExecutor(1), 0)
    with pytest.raises(SpecError, match=r"`workers` = None: how many jobs Executor"):
        choose_executor(study, Executor(), None)


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_python_files_are_sent_and_found_where_the_folder_is_not_or_differs(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for name in ("own.py", "package/inner/deep.py", "package/__init__.py", "results/data.csv", ".venv/x.py"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    found = modules_of(str(here))
    assert found is not None
    assert set(found.files) == {"own.py", "package/__init__.py", "package/inner/deep.py"}
    assert folder_of(found) == (str(here), None)
    shutil.copytree(here, there)
    elsewhere = Modules(folder=str(there), files=found.files)
    assert folder_of(elsewhere) == (str(there), None)
    (there / "own.py").write_text("another version")
    folder, copy = folder_of(elsewhere)
    assert copy is not None
    assert folder == copy.name
    assert (Path(folder) / "own.py").read_text() == "own.py"
    assert (Path(folder) / "package" / "inner" / "deep.py").exists()
    copy.cleanup()


def test_files_too_large_to_be_sent_must_be_on_the_worker(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_bytes(b"#" * (2 << 20))
    found = modules_of(str(tmp_path))
    assert found == Modules(folder=str(tmp_path), files={})
    assert folder_of(found) == (str(tmp_path), None)
    with pytest.raises(StudyError, match=r"has no folder /none.*Put it on a file system that all workers"):
        folder_of(Modules(folder="/none", files={}))


def test_a_worker_with_other_versions_is_refused_in_one_line() -> None:
    terms = Terms(session="x", versions={**versions(), "numpy": "0.1", "torch": None})
    with pytest.raises(
        StudyError, match=r"has torch \d.*, numpy \d.*this process has torch \(missing\), numpy 0.1: "
    ):
        carry_out(terms, b"", 1)


# --- job scripts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {
                "walltime": "24:00:00",
                "queue": "long",
                "account": "lab",
                "gpus": 2,
                "prologue": ["module load x"],
            },
            [
                "#SBATCH -J robusttune",
                "#SBATCH -p long",
                "#SBATCH -A lab",
                "#SBATCH -n 1",
                "#SBATCH --cpus-per-task=4",
                "#SBATCH --mem=8G",
                "#SBATCH -t 24:00:00",
                "#SBATCH --gres=gpu:2",
                "module load x",
            ],
        ),
        (
            {"system": "pbs", "gpus": 1, "walltime": "01:00:00", "directives": ["-m n"]},
            [
                "#PBS -N robusttune",
                "#PBS -l select=1:ncpus=4:mem=7630MB:ngpus=1",
                "#PBS -l walltime=01:00:00",
                "#PBS -m n",
            ],
        ),
        (
            {"system": "lsf", "queue": "short", "account": "lab", "walltime": "01:30:00", "gpus": 1},
            [
                "#BSUB -J robusttune",
                "#BSUB -q short",
                '#BSUB -P "lab"',
                "#BSUB -n 4",
                '#BSUB -R "span[hosts=1]"',
                "#BSUB -M 8000000",
                "#BSUB -W 01:30",
                '#BSUB -gpu "num=1"',
            ],
        ),
    ],
    ids=["slurm", "pbs", "lsf"],
)
def test_a_job_script_says_what_the_cluster_is_declared_to_be(
    tmp_path: Path, changes: dict[str, Any], expected: list[str]
) -> None:
    pytest.importorskip("dask_jobqueue")
    cluster = {**SLURM, **changes}
    listed = "\n".join(f"{key} = {value!r}" for key, value in cluster.items())
    (tmp_path / "study.toml").write_text(
        'name = "x"\nsynthetic = {}\npost_evaluation.controls = [{name = "c", hyperparameters = {a = 1}}]\n'
        f"[cluster]\n{listed}\n"
    )
    done = CliRunner().invoke(
        app, ["cluster", "script", str(tmp_path / "study.toml"), "--executor", "dask://login:8786"]
    )
    assert done.exit_code == 0, done.output
    *head, worker = done.output.strip().splitlines()
    assert [line for line in head[1:] if line] == expected
    assert worker.startswith(f"{sys.executable} -m distributed.cli.dask_worker tcp://login:8786 ")
    assert "--nthreads 4 " in worker
    assert ("--resources GPU=" in worker) == bool(cluster.get("gpus"))
    seconds = {"24:00:00": 86_280, "01:00:00": 3_480, "01:30:00": 5_280}[str(cluster["walltime"])]
    assert f"--lifetime {seconds}s" in worker


def test_a_script_needs_a_cluster_and_submitting_needs_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecError, match=r"the study has no table \[cluster\]"):
        batch.study_script(make_study())
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match=r"cluster.system = 'slurm': the command sbatch is not on this mach"):
        batch.open_cluster(ClusterSpec(**SLURM))


@pytest.mark.parametrize(
    ("sbatch", "told"),
    [
        ("echo 'invalid partition: long' >&2; exit 1", "invalid partition: long"),
        ("echo Welcome", "Could not parse job id .*Welcome"),
    ],
)
@pytest.mark.parametrize("adapt", [False, True])
def test_a_batch_system_that_takes_no_job_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sbatch: str, told: str, adapt: bool
) -> None:
    pytest.importorskip("dask_jobqueue")
    program(tmp_path / "sbatch", sbatch)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    cluster = ClusterSpec(**SLURM, jobs=2, adapt=adapt)
    with pytest.raises(
        StudyError, match=f"'slurm': sbatch takes no job: {told}.* Compare the table"
    ) as error:
        batch.open_cluster(cluster)
    assert len(str(error.value).splitlines()) == 1


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)


# --- any executor ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "threads":
        with ThreadPoolExecutor(2) as opened:
            yield opened
    elif request.param == "processes":
        with ProcessPoolExecutor(2, mp_context=get_context("loky")) as opened:
            yield opened
    else:
        pytest.importorskip("distributed")
        with cluster_of(2) as client:
            yield client


@pytest.mark.slow
def test_accidents_end_as_in_a_local_pool_and_modules_are_found_where_their_folder_is_not(
    tmp_path: Path, executor: Any
) -> None:
    study = write_study(tmp_path / "own", FAULTS, n_seeds=2)
    study = load_study(
        tmp_path / "own" / "study.toml",
        overrides=("execution.run_timeout_s=4", "execution.max_attempts=2"),
    )
    original = tmp_path / "own" / "own_work.py"

    class Hiding(Lines):
        def stage(self, title: str, *, done: int, total: int | None) -> None:
            original.unlink(missing_ok=True)  # the workers never saw it

    found = rt.evaluate_study(study, out=tmp_path, executor=executor, reporter=Hiding())
    assert statuses(tmp_path, study) == {"completed": 4, "crashed": 2, "timed_out": 2}
    assert sorted(calls(tmp_path / "own").values()) == [1, 1, 2, 2, 2, 2, 2, 2]
    by_name = dict(zip((one.name for one in found.candidates), found.scores.scores, strict=True))
    assert len(by_name["fine"]) == 2
    assert len(by_name["shaken"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["dask"], indirect=True)
def test_policies_and_rankings_are_those_of_this_machine(tmp_path: Path, executor: Any) -> None:
    changes = {
        "algorithm.hyperparameters": {"n_epochs": 1, "net_arch": [8], "n_steps": 8, "batch_size": 8},
        "search_space": None,
        "tuning": None,
        "post_evaluation": {"n_seeds": 2, "controls": [{"name": "slow", "hyperparameters": {"gamma": 0.9}}]},
        "execution.save_models": "best",
    }
    study = make_study(changes)
    rankings, saved = [], []
    for name, where in (("here", None), ("there", executor)):
        ranking = rt.run_study(study, out=tmp_path / name, workers=2, executor=where)
        rankings.append(ranking.to_frame()[["configuration", "mean", "mean_low"]].to_dict())
        models = tmp_path / name / study.name / "models"
        saved.append({str(path.relative_to(models)) for path in models.rglob("*.*") if path.is_file()})
        policy, _ = rt.load_policy(study, out=tmp_path / name)
        assert policy.num_timesteps > 0
    assert rankings[0] == rankings[1]
    assert saved[0] == saved[1] != set()


def test_a_broken_pool_is_one_line(tmp_path: Path) -> None:
    study = make_study(drawn("synthetic", {}))
    pool = ThreadPoolExecutor(1, initializer=sys.exit)
    with (
        choose_executor(study, pool, None) as opened,
        pytest.raises(StudyError, match=r"carries out no more"),
    ):
        opened.call(print)
    pool.shutdown()


# --- Dask ------------------------------------------------------------------------------------------------------------


def begin_study(folder: Path, executor: str, out: Path) -> subprocess.Popen[str]:
    command = [*ROBUSTTUNE, str(folder / "study.toml"), "--executor", executor, "--out", str(out)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def wait_until(look: Callable[[], T], seconds: float = 300.0) -> T:
    """Return what is looked for, once it is there."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found
    return found


def test_an_unreachable_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    dask = pytest.importorskip("robusttune.execution.dask")
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask, "_CONNECT_S", 0.2)
    opened = choose_executor(make_study(), "dask://127.0.0.1:1", None)
    with pytest.raises(
        StudyError, match=r"`executor` = 'dask://127.0.0.1:1': no Dask scheduler answers"
    ) as error:
        opened.__enter__()
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.slow
def test_a_study_through_dask_is_the_same_as_without_and_needs_no_guard(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "study.toml").write_text(
        'name = "small"\nsynthetic = {mean = 100.0, sd = 20.0, start = 0.0}\n'
        'search_space.parameters.rate = {type = "float", low = 1e-5, high = 1e-1, scale = "log"}\n'
        'tuning = {n_trials = 8, pruner = "median", batch_size = 4}\n'
        "evaluation = {every = 250, n_episodes = 2}\n"
        "post_evaluation = {top_k = 3, n_seeds = 5, default_control = false}\n"
    )
    (tmp_path / "script.py").write_text(
        "import robusttune\n"
        "study = robusttune.load_study('study.toml', overrides=['execution.executor=dask'])\n"
        "robusttune.run_study(study, out='dask', workers=2)\n"
        "robusttune.run_study(study, out='local', executor='local')\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    tables = [(tmp_path / name / "small" / "ranking.csv").read_text() for name in ("dask", "local")]
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_killed_workers_lose_no_run_and_double_none(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    many = {"a": {"seconds": 0.05}, "b": {"rate": 2.0, "seconds": 0.05}}
    study = write_study(tmp_path / "own", many, n_seeds=30)
    with cluster_of(3) as client:
        reporter = Lines(10, client)
        rt.evaluate_study(study, out=tmp_path, executor=client, reporter=reporter)
    assert reporter.n_kills == 6
    assert statuses(tmp_path, study) == {"completed": 60}
    assert Counter(reporter.lines).most_common(1)[0][1] == 1
    assert len(reporter.lines) == 60
    begun = calls(tmp_path / "own")
    assert len(begun) == 60
    assert max(begun.values()) > 1, "no kill hit a run"


@pytest.mark.slow
def test_a_scheduler_that_goes_is_one_line_and_finished_runs_stay(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    own = tmp_path / "own"
    study = write_study(own, {"a": {"seconds": 0.3}, "b": {"rate": 2.0, "seconds": 0.3}}, n_seeds=20)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    dask = [sys.executable, "-m", "dask"]
    host, port = address.split(":")
    with contextlib.ExitStack() as stack:
        scheduler, _ = (
            stack.enter_context(subprocess.Popen([*dask, *arguments, "--no-dashboard"]))
            for arguments in (
                ["scheduler", "--host", host, "--port", port],
                ["worker", address, "--nworkers", "1", "--nthreads", "2", "--death-timeout", "10"],
            )
        )
        driver = begin_study(own, f"dask://{address}", tmp_path)
        wait_until(lambda: len(calls(own)) > 6)
        scheduler.kill()
        _, told = driver.communicate(timeout=60)
    assert driver.returncode == 1
    assert re.fullmatch(
        r"error: The Dask scheduler at .* is gone.*Finished runs are stored.*", told.strip().splitlines()[-1]
    )
    assert "Traceback" not in told, told
    assert statuses(tmp_path, study)["completed"] >= 4
    rt.evaluate_study(study, out=tmp_path, workers=2)
    assert statuses(tmp_path, study) == {"completed": 40}


@pytest.mark.slow
def test_a_scheduler_without_workers_is_told_and_runs_wait_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("robusttune.execution.dask._COUNT_EVERY_S", 0.2)
    study = write_study(tmp_path / "own", {"a": {}, "b": {"rate": 2.0}}, n_seeds=2)
    with (
        ThreadPoolExecutor(1) as threads,
        distributed.LocalCluster(
            n_workers=0, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        found = threads.submit(rt.evaluate_study, study, out=tmp_path, executor=client)
        wait_until(lambda: re.search("has no worker: runs wait for one", caplog.text), 20.0)
        assert not found.done()
        cluster.scale(1)
        found.result(timeout=60)
        assert caplog.text.count("has no worker") == 1
    assert statuses(tmp_path, study) == {"completed": 4}


@pytest.mark.slow
def test_a_cluster_that_adapts_grows_from_nothing_and_shrinks_again(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    study = write_study(
        tmp_path / "own", {"a": {"seconds": 0.5}, "b": {"rate": 2.0, "seconds": 0.5}}, n_seeds=8
    )
    with cluster_of(0) as client:
        client.cluster.adapt(minimum=0, maximum=2, interval="500ms", target_duration="500ms")
        rt.evaluate_study(study, out=tmp_path, executor=client, workers=2)
        assert len(client.scheduler_info(n_workers=-1)["workers"]) >= 1
        wait_until(lambda: not client.scheduler_info(n_workers=-1)["workers"])
    assert statuses(tmp_path, study) == {"completed": 16}


SBATCH = """
bash "$1" >> {folder}/jobs.log 2>&1 &
echo $! >> {folder}/pids
echo "Submitted batch job $!"
"""


@pytest.mark.slow
def test_jobs_of_slurm_are_submitted_carry_out_the_runs_and_are_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask_jobqueue")
    program(tmp_path / "sbatch", SBATCH.format(folder=tmp_path))
    program(tmp_path / "scancel", 'kill "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own"
    write_study(own, {"a": {}, "b": {"rate": 2.0}}, n_seeds=4)
    with (own / "study.toml").open("a") as file:
        file.write('[cluster]\nsystem = "slurm"\ncores = 1\nmemory = "1GB"\njobs = 2\n')
    study = load_study(own / "study.toml", overrides=["execution.executor=dask"])
    rt.evaluate_study(study, out=tmp_path)
    assert statuses(tmp_path, study) == {"completed": 8}
    assert len((tmp_path / "pids").read_text().split()) == 2


@pytest.mark.slow
def test_an_interrupt_ends_what_runs_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    write_study(tmp_path / "own", {"a": {"seconds": 60.0}, "b": {"rate": 2.0}}, n_seeds=2)
    with cluster_of(1) as client:
        address = client.scheduler.address.replace("tcp", "dask")
        process = begin_study(tmp_path / "own", address, tmp_path)
        begun = wait_until(lambda: list((tmp_path / "own" / "calls").iterdir()))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 130, told
        assert told.splitlines()[-1].startswith("Stopped. Finished runs are kept")
        assert "Traceback" not in told
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended before the driver did
            psutil.Process(int(begun[0].name.split("-")[1])).wait(timeout=5)


@pytest.mark.slow
def test_threads_are_free_again_when_a_study_is_interrupted(tmp_path: Path) -> None:
    study = write_study(tmp_path / "own", {"a": {"seconds": 60.0}, "b": {"rate": 2.0}}, n_seeds=2)

    class Interrupting(Lines):
        def advance(self, line: str, *, best: str = "") -> None:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as threads:
        with pytest.raises(KeyboardInterrupt):
            rt.evaluate_study(study, out=tmp_path, executor=threads, reporter=Interrupting())
        begin = time.monotonic()
    assert time.monotonic() - begin < 30
