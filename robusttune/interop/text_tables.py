"""Tables in text files as people save them: compressed or not, with the encodings and separators of spreadsheets."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from robusttune.errors import SpecError

_OPEN: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = (*_OPEN, ".zip")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = ",\t;"
_DECIMAL_COMMA = r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*|\s*[+-]?\d+\s*"


def read_text(path: Path) -> str:
    """Return a file's text: UTF-8, or UTF-16 as spreadsheets save it; uncompressed where its name says that it is.

    Raises
    ------
    SpecError
        If it is empty or no text.
    """
    data = _uncompressed(path)
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path}: is no UTF-8 text (byte {error.start + 1} is none). Save it as UTF-8."
        ) from None
    if "\0" in text:
        raise SpecError(f"{path}: holds zero bytes, so it is no text in UTF-8. Save it as UTF-8.")
    if not text.strip():
        raise SpecError(f"{path}: is empty.")
    return text


def _uncompressed(path: Path) -> bytes:
    if path.suffix in _OPEN:
        with _OPEN[path.suffix](path) as file:
            return bytes(file.read())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise SpecError(f"{path}: must hold one file, but holds {len(names)}.")
            return archive.read(names[0])
    return path.read_bytes()


def read_separated(text: str, source: str) -> pd.DataFrame:
    """Return a table whose columns are separated by commas, tabs or semicolons, whichever its first line has most of.

    Raises
    ------
    SpecError
        If two columns have one name, which a reader would rename in silence.
    """
    header = text.lstrip("\r\n").splitlines()[0]
    names, separator = max(
        ((next(csv.reader([header], delimiter=one)), one) for one in _SEPARATORS),
        key=lambda found: len(found[0]),
    )
    unique_names([name.strip() for name in names if name.strip()], source)
    frame = pd.read_csv(io.StringIO(text), sep=separator, low_memory=False)
    if separator == ";" and any(_has_decimal_commas(frame[name]) for name in frame.columns):
        return pd.read_csv(io.StringIO(text), sep=separator, low_memory=False, decimal=",")
    return frame


def unique_names(names: list[str], source: str) -> None:
    """Raise `SpecError` if a column's name appears twice."""
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"{source}: the column {name!r} appears twice. Rename one.")


def _has_decimal_commas(column: pd.Series[Any]) -> bool:
    if pd.api.types.is_numeric_dtype(column):
        return False
    cells = column.dropna().astype(str)
    return bool(cells.str.contains(",").any() and cells.str.fullmatch(_DECIMAL_COMMA).all())
