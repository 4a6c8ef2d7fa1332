"""Files that people name: only regular ones are read, for a pipe or a device may have no end."""

from __future__ import annotations

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
