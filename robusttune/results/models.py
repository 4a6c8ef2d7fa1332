"""Where trained policies are kept: a folder per run, there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from robusttune.declaration.run import RunSpec

MODELS = "models"
MODEL, STATISTICS, CARD = "model.zip", "vecnormalize.pkl", "README.md"
_RUN = "run.json"


def model_folder(models: Path, spec: RunSpec) -> Path:
    """Return the folder of a run's policy, whether or not it exists."""
    return models / spec.config_id / str(spec.seed)


def is_saved(models: Path, spec: RunSpec) -> bool:
    """Return whether the policy of this very run is there; one of an equal seed may be of an earlier study file."""
    try:
        run = json.loads((model_folder(models, spec) / _RUN).read_text(encoding="utf-8"))
        return bool(run["run_id"] == spec.run_id)
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def saving(models: Path, spec: RunSpec) -> Iterator[Path]:
    """Give an empty folder to write to, which becomes the folder of the run's policy if all goes well.

    A process that is killed leaves a hidden folder, which nobody reads and the next attempt at the run removes.
    """
    target = model_folder(models, spec)
    begun = target.with_name(f".{target.name}")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    try:
        yield begun
        run = {"run_id": spec.run_id, "run": json.loads(spec.to_json())}
        (begun / _RUN).write_text(json.dumps(run, indent=1), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)  # of an earlier study file
        begun.rename(target)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def discard(models: Path, spec: RunSpec) -> None:
    """Remove the policy of a run, if it is there."""
    if is_saved(models, spec):
        folder = model_folder(models, spec)
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # others of the configuration are still there
            folder.parent.rmdir()
