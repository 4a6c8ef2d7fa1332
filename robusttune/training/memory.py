"""How much memory a process holds, and what it does with what is freed."""

from __future__ import annotations

import contextlib
import ctypes

import psutil

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # the names of two of glibc's parameters, M_… in malloc.h
_LARGEST_BLOCK, _MOST_KEPT = 1 << 26, 1 << 28


def resident(pid: int) -> dict[psutil.Process, int]:
    """Return the resident bytes of a process and of each that it has started, shared parts counted once for each."""
    found: dict[psutil.Process, int] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                found[one] = one.memory_info().rss
    return found


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for what is asked for next, up to 256 MiB, if it is glibc.

    Left to itself, it gives the tens of megabytes of a minibatch of images back to the system after each; that the next
    minibatch gets them page by page takes a fifth of its time.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK)
        libc.mallopt(_TRIM_THRESHOLD, _MOST_KEPT)
