"""Progress in the terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from robusttune.cli.options import in_flags
from robusttune.execution.board import Outlook
from robusttune.execution.progress import Reporter, SilentReporter

_QUIET_S = 30.0  # a pipe is told something at least this often, …
_QUIET_SHARE = 0.05  # … in long studies after this share of the time that they have taken
_MOST_SHOWN = 6


class PlainReporter(SilentReporter):
    """One line per finished step, and now and then one on what is running: for logs, pipes and CI.

    Parameters
    ----------
    console : rich.console.Console
    quiet_s : float
        After so many seconds without a line there is one.
    """

    def __init__(self, console: Console, *, quiet_s: float = _QUIET_S) -> None:
        self._console, self._quiet_s = console, quiet_s
        self._title, self._done = "", 0
        self._total: int | None = None
        self._outlook: Callable[[], Outlook] = Outlook
        self._stop, self._began, self._last = threading.Event(), time.monotonic(), time.monotonic()
        self._thread = threading.Thread(target=self._tell, name="robusttune-progress", daemon=True)

    def watch(self, outlook: Callable[[], Outlook]) -> None:
        """Look there for what is running."""
        self._outlook = outlook

    def stage(self, title: str, *, done: int, total: int | None) -> None:
        """Print the title and where the stage stands."""
        self._title, self._done, self._total = title, done, total
        self.message(f"{title}: {_count(done, total)} done")

    def advance(self, line: str, *, best: str = "") -> None:
        """Print the step, the count and the best so far."""
        self._done += 1
        count = _count(self._done, self._total)
        self.message(f"{self._title} {count}: {line}" + (f"; best so far {best}" if best else ""))

    def message(self, text: str) -> None:
        """Print the text."""
        self._last = time.monotonic()
        self._console.print(in_flags(text), highlight=False, markup=False, soft_wrap=True)

    def _tell(self) -> None:
        while not self._stop.wait(self._quiet_s / 10):
            now = time.monotonic()
            if now - self._last >= max(self._quiet_s, _QUIET_SHARE * (now - self._began)):
                outlook = self._outlook()
                if outlook.running:
                    count = _count(self._done, self._total)
                    self.message(
                        f"{self._title} {count}: running: {running_text(outlook)}{left_text(outlook, '; ')}"
                    )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()


class LiveReporter(SilentReporter):
    """A progress bar with stage, steps, best so far and time left, and below it what is running.

    Parameters
    ----------
    console : rich.console.Console
    verbose : bool
        Also print a line per finished step, above the bar.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._outlook: Callable[[], Outlook] = Outlook
        self._progress = _Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[best]}"),
            TimeElapsedColumn(),
            console=console,
            refresh_per_second=4,
        )
        self._task: TaskID | None = None
        self._title, self._done = "", 0
        self._total: int | None = None

    def watch(self, outlook: Callable[[], Outlook]) -> None:
        """Show what it gives."""
        self._outlook = outlook
        self._progress.below = self._below

    def stage(self, title: str, *, done: int, total: int | None) -> None:
        """Open a bar for the stage; rounds of one stage share it."""
        count = _count(done, total)
        if self._task is not None and title == self._title:
            self._progress.update(self._task, completed=done, total=total, count=count)
        else:
            self._task = self._progress.add_task(title, completed=done, total=total, best="", count=count)
        self._title, self._done, self._total = title, done, total

    def advance(self, line: str, *, best: str = "") -> None:
        """Move the bar."""
        if self._task is None:
            return
        self._done += 1
        best = f"best {best}" if best else ""
        count = _count(self._done, self._total)
        self._progress.update(self._task, completed=self._done, count=count, best=best)
        if self._verbose:
            self.message(line)

    def message(self, text: str) -> None:
        """Print above the bars."""
        self._progress.console.print(in_flags(text), highlight=False, markup=False, soft_wrap=True)

    def _below(self) -> RenderableType | None:
        outlook = self._outlook()
        if self._task is None or not outlook.running:
            return None
        self._progress.update(self._task, completed=self._done + outlook.done)
        return Text(f"  running: {running_text(outlook)}{left_text(outlook, ' · ')}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()


class _Bars(Progress):
    """Bars with something below them that is made anew each time they are shown."""

    below: Callable[[], RenderableType | None] | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        below = None if self.below is None else self.below()
        yield from super().get_renderables()
        if below is not None:
            yield below


def running_text(outlook: Outlook) -> str:
    """Return what is running, and how far it is."""
    names = [
        label if share is None else f"{label} {share:.0%}" for label, share in outlook.running[:_MOST_SHOWN]
    ]
    n_more = len(outlook.running) - len(names)
    return ", ".join(names) + (f" and {n_more} more" if n_more else "")


def left_text(outlook: Outlook, before: str) -> str:
    """Return how long the rest takes, after a text; empty where that is not known."""
    if outlook.left_s is None:
        return ""
    text = f"{before}{duration(outlook.left_s)} left"
    if outlook.all_left_s is not None and outlook.all_left_s > outlook.left_s:
        text += f", {duration(outlook.all_left_s)} for the whole study"
    return text


def duration(seconds: float) -> str:
    """Return seconds as hours, minutes and seconds."""
    return str(timedelta(seconds=max(1, round(seconds))))


def _count(done: int, total: int | None) -> str:
    return f"{done}/{total}" if total is not None else str(done)


def make_reporter(console: Console, *, verbose: bool = False) -> Reporter:
    """Return the reporter that suits the console."""
    return LiveReporter(console, verbose=verbose) if console.is_terminal else PlainReporter(console)
