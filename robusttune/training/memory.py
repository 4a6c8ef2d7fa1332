"""How much memory a process holds."""

from __future__ import annotations

import contextlib

import psutil


def resident(pid: int) -> dict[psutil.Process, int]:
    """Return the resident bytes of a process and of each that it has started, shared parts counted once for each."""
    found: dict[psutil.Process, int] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                found[one] = one.memory_info().rss
    return found
