"""Files that people name: what is read is a file, for a pipe or a device may have no end; what is written is whole."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from robusttune.errors import SpecError


def regular(path: Path, *, where: str = "") -> Path:
    """Return a path, unless it is there and is no file; a file that is missing is told by whoever reads it.

    Parameters
    ----------
    path : Path
    where : str, optional
        What names the file, for the message; by default the path.

    Raises
    ------
    SpecError
        If it is a folder, a pipe or a device.
    """
    try:
        is_other = path.exists() and not path.is_file()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise SpecError(f"{where or path!s:.300}: names no file ({error!s:.100}).") from None
    if is_other:
        raise SpecError(f"{where or path}: must be a file, but {path} is a folder, a pipe or a device.")
    return path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and move it there if nothing went wrong: it is whole, or as it was before.

    Its permissions are those that the user's mask gives. What is no file, as /dev/stdout, is written itself.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
