"""Trainers: they turn RunSpecs into RunResults. torch is loaded when the first run is trained."""

from __future__ import annotations

import importlib
import time
import traceback
import warnings
from collections.abc import Sequence

from robusttune.declaration.run import RunSpec
from robusttune.results.records import RunResult, RunStatus
from robusttune.training.protocol import StopRule, Trainer, make_result

_TRAINERS = {
    "sb3": "robusttune.training.sb3",
    "lockstep": "robusttune.training.lockstep_runs",
    "synthetic": "robusttune.training.synthetic",
    "tabular": "robusttune.training.tabular",
}


def train(specs: Sequence[RunSpec], stop_rule: StopRule | None = None) -> list[RunResult]:
    """Train and evaluate runs that share all but their seed.

    An exception in training is data: the run is FAILED and keeps its traceback.

    Parameters
    ----------
    specs : sequence of RunSpec
        At least one; all with the same trainer.
    stop_rule : StopRule, optional
        Asked at each evaluation during training.

    Returns
    -------
    list of RunResult
        In the order of `specs`.
    """
    begin = time.perf_counter()
    try:
        trainer: Trainer = importlib.import_module(_TRAINERS[specs[0].trainer]).train
        with warnings.catch_warnings():
            # A minibatch size that does not divide the rollout is the search's choice, not a mistake.
            warnings.filterwarnings("ignore", message="You have specified a mini-batch size of")
            return trainer(specs, stop_rule)
    except Exception:
        if len(specs) > 1:  # one bad run must not take its companions with it
            return [result for spec in specs for result in train([spec])]
        wall_time_s = (time.perf_counter() - begin) / len(specs)
        error = traceback.format_exc()
        return [make_result(spec, RunStatus.FAILED, wall_time_s=wall_time_s, error=error) for spec in specs]
