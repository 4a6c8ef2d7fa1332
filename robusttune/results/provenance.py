"""Where a result was made, and with what."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("robusttune", "stable-baselines3", "torch", "gymnasium", "numpy", "optuna", "scipy", "pandas")


@functools.cache
def _static() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "git_revision": _git_revision(),
        "platform": platform.platform(),
        "host": platform.node(),
        "cpu": _cpu(),
        "n_cores": os.cpu_count(),
    }


def provenance() -> dict[str, Any]:
    """Return versions, host, processor, git revision and the torch threads of this process."""
    torch = sys.modules.get("torch")
    return {**_static(), "torch_threads": torch.get_num_threads() if torch else None}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in words what two provenances record differently"""
    found: list[str] = []
    for key in (*before, *(key for key in after if key not in before)):
        then, now = before.get(key), after.get(key)
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            found += differences(then, now)
        elif then != now:
            found.append(f"{key.replace('_', ' ')} {_word(then)} then, {_word(now)} now")
    return tuple(found)


def _word(value: Any) -> str:
    return "unknown" if value is None else str(value)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git_revision() -> str | None:
    """Return the revision of the folder that the study runs in, marked where it has uncommitted changes."""
    try:
        revision = _git("rev-parse", "HEAD")
        return revision + ("-dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
