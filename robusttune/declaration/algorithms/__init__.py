"""The registry of algorithms: all that is known of one without importing torch, so that declaring and reading are fast.

To add an algorithm, add an entry to `sb3`, `contrib` or `sbx`; names of classes are import paths, loaded when a run is
trained.
"""

from __future__ import annotations

from collections.abc import Mapping

from robusttune.declaration.algorithms.base import Algorithm, Lockstep
from robusttune.declaration.algorithms.contrib import CONTRIB
from robusttune.declaration.algorithms.own import is_import_path, read, unread
from robusttune.declaration.algorithms.sb3 import SB3
from robusttune.declaration.algorithms.sbx import SBX

ALGORITHMS: Mapping[str, Algorithm] = {entry.name: entry for entry in (*SB3, *CONTRIB, *SBX)}
# Everything that a policy of the registry takes.
POLICY_NAMES = tuple(dict.fromkeys(name for entry in ALGORITHMS.values() for name in entry.policy))


def algorithm_of(name: str) -> Algorithm:
    """Return the entry of an algorithm; of a class by import path, what can be said without importing it."""
    return unread(name, POLICY_NAMES) if is_import_path(name) else ALGORITHMS[name]


def loaded(name: str) -> Algorithm:
    """Return the entry of an algorithm; a class by import path is imported for it.

    Raises
    ------
    SpecError
        If it cannot be imported, does not follow Stable-Baselines3's interface, or needs a package that is missing.
    """
    entry = read(name) if is_import_path(name) else ALGORITHMS[name]
    entry.check_installed()
    return entry


__all__ = ["ALGORITHMS", "Algorithm", "Lockstep", "algorithm_of", "is_import_path", "loaded"]
