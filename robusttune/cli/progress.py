"""Progress in the terminal."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from robusttune.cli.options import in_flags
from robusttune.execution.progress import Reporter, SilentReporter


class PlainReporter(SilentReporter):
    """One line per finished step: for logs, pipes and CI."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._title, self._done = "", 0
        self._total: int | None = None

    def stage(self, title: str, *, done: int, total: int | None) -> None:
        """Print the title and where the stage stands."""
        self._title, self._done, self._total = title, done, total
        self.message(f"{title}: {self._count()} done")

    def advance(self, line: str, *, best: str = "") -> None:
        """Print the step, the count and the best so far."""
        self._done += 1
        self.message(f"{self._title} {self._count()}: {line}" + (f"; best so far {best}" if best else ""))

    def message(self, text: str) -> None:
        """Print the text."""
        self._console.print(in_flags(text), highlight=False, markup=False, soft_wrap=True)

    def _count(self) -> str:
        return f"{self._done}/{self._total}" if self._total is not None else str(self._done)


class LiveReporter(SilentReporter):
    """A progress bar with stage, steps, best so far and time left.

    Parameters
    ----------
    console : rich.console.Console
    verbose : bool
        Also print a line per finished step, above the bar.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[best]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID | None = None

    def stage(self, title: str, *, done: int, total: int | None) -> None:
        """Open a bar for the stage."""
        task = self._task = self._progress.add_task(title, total=total, best="")
        # Steps that had been done before must not count as speed.
        self._progress.reset(task, completed=done, total=total)

    def advance(self, line: str, *, best: str = "") -> None:
        """Move the bar."""
        if self._task is None:
            return
        self._progress.update(self._task, advance=1, best=f"best {best}" if best else "")
        if self._verbose:
            self.message(line)

    def message(self, text: str) -> None:
        """Print above the bars."""
        self._progress.console.print(in_flags(text), highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()


def make_reporter(console: Console, *, verbose: bool = False) -> Reporter:
    """Return the reporter that suits the console."""
    return LiveReporter(console, verbose=verbose) if console.is_terminal else PlainReporter(console)
