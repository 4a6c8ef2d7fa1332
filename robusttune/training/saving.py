"""Trained policies, saved after a run."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from robusttune.declaration.run import RunSpec
from robusttune.results.models import MODEL, STATISTICS, saving
from robusttune.results.records import RunResult, RunStatus


def keep(
    models: Path,
    spec: RunSpec,
    result: RunResult,
    policy: Callable[[], tuple[BaseAlgorithm, VecNormalize | None]],
) -> RunResult:
    """Save the policy of a completed run; return its result, which stands whether or not that works.

    Parameters
    ----------
    models : Path
        Folder of the study's policies.
    spec : RunSpec
    result : RunResult
    policy : callable
        Returns the model as trained and, under VecNormalize, the statistics of training.
    """
    if result.status is not RunStatus.COMPLETED:
        return result
    try:
        model, statistics = policy()
        with saving(models, spec) as folder:
            model.save(folder / MODEL)
            if statistics is not None:
                statistics.training = False  # as who loads it will want it
                statistics.save(str(folder / STATISTICS))
    except Exception as error:  # a full disk, or a model that cannot be pickled: no reason to lose the score
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        return dataclasses.replace(
            result, warning=f"Results stand, but policies could not be saved in {models}: {reason}"
        )
    return result


def n_bytes(model: BaseAlgorithm) -> int:
    """Return how large the file of a saved model is."""
    buffer = io.BytesIO()
    model.save(buffer)
    return buffer.tell()
