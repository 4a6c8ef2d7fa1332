"""Runs go out to TensorBoard and Weights & Biases as they are stored; whatever happens there, the study goes on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, Self

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.errors import reason, require
from robusttune.results.records import RunResult

_CURVE = "evaluation/mean_return"


class Sink(Protocol):
    """Takes finished runs elsewhere."""

    name: str

    def write(self, spec: RunSpec, result: RunResult) -> None:
        """Take one run: its evaluation curve, its score, its configuration and seed."""
        ...


class TensorBoard:
    """Event files, a folder per run: `<folder>/<study>/<stage>/<configuration>/<seed>`."""

    name = "TensorBoard"

    def __init__(self, folder: Path, study: str) -> None:
        require("tensorboard", "tensorboard", who_needs="execution.tensorboard needs")
        self._folder = folder / study

    def write(self, spec: RunSpec, result: RunResult) -> None:
        """Write the scalars `evaluation/mean_return` and `score`, and the hyperparameters."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        folder = self._folder / result.stage.value / result.config_id / str(result.seed)
        writer = EventFileWriter(str(folder))
        try:
            plain = {
                key: x if isinstance(x, bool | int | float) else str(x) for key, x in _config(spec).items()
            }
            writer.add_event(Event(summary=hparams_pb(plain, trial_id=result.run_id), step=0))
            for tag, step, value in _scalars(result):
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
                writer.add_event(Event(summary=summary, step=step))
        finally:
            writer.close()


class WeightsAndBiases:
    """Runs of a project, grouped by study."""

    name = "Weights & Biases"

    def __init__(self, project: str, study: str) -> None:
        require("wandb", "wandb", who_needs="execution.wandb needs")
        self._project, self._study = project, study

    def write(self, spec: RunSpec, result: RunResult) -> None:
        """Log the evaluation curve and the score; configuration and seed are the run's name and config."""
        import wandb

        run = wandb.init(
            project=self._project,
            group=self._study,
            job_type=result.stage.value,
            name=f"{result.config_id} seed {result.seed}",
            id=result.run_id,
            config=_config(spec),
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )
        try:
            for point in result.curve:
                run.log({_CURVE: point.mean_return}, step=point.timesteps)
            run.summary.update({"score": result.score, "status": result.status.value})
        finally:
            run.finish()


class Exports:
    """Hands each stored run to all sinks, in a thread of its own; a context manager, which waits for them at its end.

    Parameters
    ----------
    study : StudySpec
    tell : callable
        Told once of each sink that fails; nothing more goes there.

    Raises
    ------
    MissingDependencyError
        If the package of a sink is not installed.
    """

    def __init__(self, study: StudySpec, tell: Callable[[str], None]) -> None:
        tensorboard, project = study.execution.tensorboard, study.execution.wandb
        self._sinks: list[Sink] = []
        if tensorboard is not None:
            self._sinks.append(TensorBoard(Path(tensorboard), study.name))
        if project is not None:
            self._sinks.append(WeightsAndBiases(project, study.name))
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="robusttune-exports")

    def write(self, spec: RunSpec, result: RunResult) -> None:
        """Hand over a run; returns at once."""
        if self._sinks:
            self._thread.submit(self._write, spec, result)

    def _write(self, spec: RunSpec, result: RunResult) -> None:
        for sink in list(self._sinks):
            try:
                sink.write(spec, result)
            # No network, a full disk, a changed package: no reason to lose a study.
            except Exception as error:
                self._sinks.remove(sink)
                self._tell(
                    f"{sink.name}: no more runs are written there ({type(error).__name__}: {reason(error)}). The study "
                    "goes on, and its results are stored."
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=kind is not None)


def _config(spec: RunSpec) -> dict[str, Any]:
    return {**spec.hyperparameters, "seed": spec.seed, "config_id": spec.config_id, "stage": spec.stage.value}


def _scalars(result: RunResult) -> list[tuple[str, int, float]]:
    """Return (tag, timesteps, value) of the curve and, last, of the score."""
    found = [(_CURVE, point.timesteps, point.mean_return) for point in result.curve]
    return found if result.score is None else [*found, ("score", result.timesteps, result.score)]
