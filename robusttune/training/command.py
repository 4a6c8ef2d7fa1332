"""Runs of a command, each in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.command import CommandTraining
from robusttune.errors import SpecError
from robusttune.results.records import RunResult, RunStatus
from robusttune.results.running import Tell
from robusttune.training.command_score import read_score, require_reader
from robusttune.training.interfaces import Choice, StopRule, make_result, scored
from robusttune.training.memory import resident

OUTPUT = "output.txt"
_TAIL = 20  # lines of output in an error
_POLL_S = 0.2


def train(specs: Sequence[RunSpec], stop_rule: StopRule | None, tell: Tell | None = None) -> list[RunResult]:
    """Run the command for one run after the other; before its end nothing is known, and nobody asked or told."""
    return [_train_one(spec) for spec in specs]


def check(study: StudySpec) -> Choice:
    """Raise `SpecError` if the program is not there."""
    training = study.training
    assert isinstance(training, CommandTraining)
    require_reader(training.score)
    program = _arguments(training, shlex.split(training.run))[0]
    if shutil.which(program) is None:
        raise SpecError(f"command.run = {training.run!r}: there is no program {program!r}.")
    return Choice(trainer=training.TRAINERS[0])


def _train_one(spec: RunSpec) -> RunResult:
    training = spec.training
    assert isinstance(training, CommandTraining)
    begin = time.perf_counter()
    with _folder(training, spec.run_id) as folder:
        arguments = _arguments(training, training.arguments(spec.hyperparameters, spec.seed))
        reason, status = _run(arguments, folder, training.memory_gb), RunStatus.CRASHED
        if reason is None or reason.startswith(("ended", "cannot be started")):
            status = RunStatus.FAILED
        if reason is None:
            try:
                values = read_score(training.score, folder, folder / OUTPUT)
                return scored(spec, values, wall_time_s=time.perf_counter() - begin)
            except (
                Exception
            ) as error:  # csv, JSON and TensorBoard each have their own, float its OverflowError
                reason = f"has ended, but its score cannot be read: {error}"
        error_text = f"`{shlex.join(arguments)}` {reason}\n{_tail(folder / OUTPUT)}"
    return make_result(spec, status, wall_time_s=time.perf_counter() - begin, error=error_text)


def _run(arguments: Sequence[str], folder: Path, memory_gb: float | None) -> str | None:
    """Run a command to its end and return what went wrong, if anything."""
    try:
        with (folder / OUTPUT).open("wb") as output:
            process = subprocess.Popen(
                arguments,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:  # a script without its first line #!, a zero byte in a value
        return f"cannot be started: {error}"
    with _ended_with_us(process):
        while memory_gb is not None and process.poll() is None:
            if sum(resident(process.pid).values()) > 1e9 * memory_gb:
                return f"held more than command.memory_gb = {memory_gb:g} of memory and was stopped."
            time.sleep(_POLL_S)
        code = process.wait()
    if code < 0:
        return f"died of {next((one.name for one in signal.Signals if one == -code), f'signal {-code}')}."
    return None if code == 0 else f"ended with exit code {code}."


@contextlib.contextmanager
def _ended_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a command and all that it started, however this process ends: a worker may be killed at its timeout."""
    if os.name != "posix":
        try:
            yield
        finally:
            process.kill()
            process.wait()
        return
    # Reads nothing until this process closes the pipe, and kills unless it was told that all is well.
    guard = 'read line || kill -KILL "-$0"'
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", guard, str(process.pid)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        watcher.communicate(b"done\n")


def _arguments(training: CommandTraining, filled: Sequence[str]) -> list[str]:
    """Return arguments with files beside the study file by their full paths, as each run has its own folder."""
    found = []
    for place, (word, value) in enumerate(zip(shlex.split(training.run), filled, strict=True)):
        if place == 0 and word in ("python", "python3"):
            found.append(sys.executable)
            continue
        beside = Path(training.folder or ".").resolve() / word
        found.append(str(beside) if word == value and beside.is_file() else value)
    return found


@contextlib.contextmanager
def _folder(training: CommandTraining, run_id: str) -> Iterator[Path]:
    """Give a run an empty folder; without a study's folder it is gone afterwards."""
    if training.work is None:
        with tempfile.TemporaryDirectory(prefix="robusttune-") as name:
            yield Path(name)
        return
    folder = Path(training.work) / run_id
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
    folder.mkdir(parents=True)
    yield folder


def _tail(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    shown = "\n".join(lines[-_TAIL:])
    return f"The end of {output}:\n{shown}" if shown else f"It printed nothing ({output})."
