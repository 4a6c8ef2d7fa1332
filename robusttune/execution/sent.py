"""Modules beside a study file, sent to machines that may not have them."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from robusttune.errors import StudyError

_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """The Python files of a folder, for machines that do not have it.

    Attributes
    ----------
    folder : str
    files : mapping
        Relative path → content; empty if they are too large to be sent with each job.
    """

    folder: str
    files: Mapping[str, bytes]


def modules_of(folder: str | None) -> Modules | None:
    """Return the Python files of a folder and of the packages in it, or None if there are none."""
    if folder is None:
        return None
    top = Path(folder)
    paths = _python_files(top)
    if not paths:
        return None
    if sum(path.stat().st_size for path in paths) > _MAX_BYTES:
        return Modules(folder=folder, files={})
    return Modules(
        folder=folder, files={path.relative_to(top).as_posix(): path.read_bytes() for path in paths}
    )


def folder_of(modules: Modules | None) -> tuple[str | None, tempfile.TemporaryDirectory[str] | None]:
    """Return where the modules are on this machine: the folder itself if it has them, else a copy."""
    if modules is None:
        return None, None
    here = Path(modules.folder)
    if modules.files and not all(_has(here / name, content) for name, content in modules.files.items()):
        copy = tempfile.TemporaryDirectory(prefix="robusttune-", ignore_cleanup_errors=True)
        for name, content in modules.files.items():
            path = Path(copy.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return copy.name, copy
    if not here.is_dir() and not modules.files:
        raise StudyError(
            f"The worker on {platform.node()} has no folder {here}, and its Python files are too many to be sent with "
            f"each job (more than {_MAX_BYTES >> 20} MiB). Put it on a file system that all workers share."
        )
    return modules.folder, None


def _has(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _python_files(folder: Path) -> list[Path]:
    own = [path for path in sorted(folder.glob("*.py")) if path.is_file()]
    inner = [path for path in folder.glob("[!.]*/") if not path.is_symlink() and any(path.glob("*.py"))]
    return own + [file for path in sorted(inner) for file in _python_files(path)]
