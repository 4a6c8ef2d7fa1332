"""Modules of the user's own, such as those beside a study file."""

from __future__ import annotations

import contextlib
import gc
import importlib
import operator
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def modules_from(folder: str | None) -> Iterator[None]:
    """Look for modules in a folder first, also for those that are imported later on in the block."""
    if folder is None:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def import_from(folder: str | None, module: str) -> ModuleType:
    """Return a module, looked for in a folder first."""
    if folder is not None:
        _forget_namesake(module.partition(".")[0], folder)
    with modules_from(folder):
        return importlib.import_module(module)


def import_heavy(module: str) -> ModuleType:
    """Return a module that brings torch along, imported without the garbage collector."""
    with uncollected():
        return importlib.import_module(module)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Work without the garbage collector, where what is made stays.

    To look through all of it again and again takes a tenth of the time and more.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def load(entry_point: str, folder: str | None) -> Any:
    """Return what an entry point names: `"module:name"`.

    Raises
    ------
    ImportError, AttributeError
        If there is no such module, or nothing of that name in it; and whatever the module raises.
    """
    module, _, name = entry_point.partition(":")
    return operator.attrgetter(name)(import_from(folder, module))


def _forget_namesake(name: str, folder: str) -> None:
    """Make Python forget a module of the same name that another study has beside it."""
    importlib.invalidate_caches()
    found, loaded = PathFinder.find_spec(name, [folder]), sys.modules.get(name)
    if found is None or loaded is None or getattr(loaded, "__file__", None) == found.origin:
        return
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
