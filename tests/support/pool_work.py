"""What worker processes do in tests of the pool: no training, and torch is not loaded."""

from __future__ import annotations

import os
import time
from pathlib import Path

from robusttune.execution.executors import Job
from robusttune.results.records import RunResult
from tests.support.studies import synthetic_result


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
    if fault == "sleep" or (fault == "sleep-once" and attempt == 0):
        time.sleep(60)
    return [synthetic_result(spec, stop_rule=job.stop_rule)]
