"""What worker processes do in tests of the pool: no training, and torch is not loaded."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from robusttune.execution.executors import Job
from robusttune.results.records import RunResult, RunStatus
from robusttune.training.interfaces import make_result
from tests.support.studies import synthetic_result

_poison: list[bool] = []


def work(job: Job) -> list[RunResult]:
    """Do what the environment's arguments say, and note each attempt in a folder."""
    (spec,) = job.specs
    orders = spec.training.environment.kwargs
    folder = Path(str(orders["folder"]))
    attempt = len(list(folder.glob(f"{spec.run_id}-*")))
    (folder / f"{spec.run_id}-{attempt}-{os.getpid()}").touch()
    fault = spec.hyperparameters.get("fault")
    if fault == "exit" or (fault == "exit-once" and attempt == 0):
        os._exit(7)
    if fault == "sys.exit" and attempt == 0:
        sys.exit("the licence has expired")
    if fault == "interrupt" and attempt == 0:
        raise KeyboardInterrupt
    if fault == "memory" and attempt == 0:
        raise MemoryError
    if fault == "poisoned" and _poison:  # what ran out of memory once leaves a process that cannot go on
        raise ValueError("this process is poisoned")
    if fault == "poison" and attempt == 0:
        _poison.append(True)
        return [
            make_result(
                spec, RunStatus.FAILED, error="Traceback …\nRuntimeError: can't allocate memory: 8 bytes"
            )
        ]
    if fault == "hold":
        held = bytearray(200_000_000)
        time.sleep(60)
        del held
    if fault == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    if fault == "sleep" or (fault == "sleep-once" and attempt == 0):
        time.sleep(60)
    return [synthetic_result(spec, stop_rule=job.stop_rule)]
