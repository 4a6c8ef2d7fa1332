"""Tables in files as people save them: parquet, or text in any encoding and with any separator of a spreadsheet."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from robusttune.errors import MissingDependencyError, RobusttuneError, SpecError, reason

_OPEN: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = (*_OPEN, ".zip")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = ",\t;"
_DECIMAL_COMMA = r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*|\s*[+-]?\d+\s*"
# More fit in no memory; arrow begins with what a damaged file declares, and does not come back.
_MOST_ROWS = 10**9


@contextlib.contextmanager
def readable(where: object, form: str) -> Iterator[None]:
    """Say in one sentence what a file system, or a parser of bytes that are not its format, says.

    Parameters
    ----------
    where : path or str
        What the message begins with.
    form : str
        The format, for the message.

    Raises
    ------
    SpecError
        In the body.
    MissingDependencyError
        If a parser is not installed.
    """
    try:
        yield
    except RobusttuneError:
        raise
    except ImportError:
        raise MissingDependencyError(
            f"{where}: parquet needs `pip install pyarrow`; CSV and JSON need nothing."
        ) from None
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise SpecError(
                f"{where}: cannot be read ({error.strerror}). Check its name and its permissions."
            ) from None
        raise SpecError(
            f"{where}: cannot be read as {form} ({reason(error)}). It is damaged or has another format: save it again."
        ) from None


def read_parquet(path: Path) -> pd.DataFrame:
    """Return a table from a parquet file, unless the numbers of rows that it declares are none that it can have.

    Raises
    ------
    SpecError
        If two columns have one name.
    ValueError
        If it declares numbers of rows that it cannot have.
    """
    from pyarrow import parquet

    declared = parquet.read_metadata(path)
    unique_names([field.name for field in declared.schema.to_arrow_schema()], str(path))
    n_rows = [declared.row_group(place).num_rows for place in range(declared.num_row_groups)]
    if sum(n_rows) != declared.num_rows or not all(0 <= n <= _MOST_ROWS for n in n_rows):
        raise ValueError(
            f"it declares {declared.num_rows:,} rows, its parts {sum(n_rows):,}; at most {_MOST_ROWS:,} can be"
        )
    frame = pd.read_parquet(path)
    if len(frame) != declared.num_rows:
        raise ValueError(f"it declares {declared.num_rows:,} rows and holds {len(frame):,}")
    return frame


def read_text(path: Path, where: object = None) -> str:
    """Return a file's text: UTF-8, or UTF-16 as spreadsheets save it; uncompressed where its name says that it is.

    Parameters
    ----------
    path : Path
    where : path or str, optional
        What messages begin with; by default the path.

    Raises
    ------
    SpecError
        If it is empty or no text.
    """
    where = where or path
    data = _uncompressed(path)
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{where}: is no UTF-8 text (byte {error.start + 1} is none). Save it as UTF-8."
        ) from None
    if "\0" in text:
        raise SpecError(f"{where}: holds zero bytes, so it is no text in UTF-8. Save it as UTF-8.")
    if not text.strip():
        raise SpecError(f"{where}: is empty.")
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
        If two columns have one name, which a reader would rename in silence, or rows have cells beyond the last name.
    """
    header = text.lstrip("\r\n").splitlines()[0]
    names, separator = max(
        ((next(csv.reader([header], delimiter=one)), one) for one in _SEPARATORS),
        key=lambda found: len(found[0]),
    )
    unique_names([name.strip() for name in names if name.strip()], source)
    frame = pd.read_csv(io.StringIO(text), sep=separator, low_memory=False)
    # A first cell without a name is a row's own, as R writes it. Otherwise all names would move by one cell.
    if not isinstance(frame.index, pd.RangeIndex) and (frame.index.nlevels > 1 or not frame.index.is_unique):
        raise SpecError(
            f"{source}: its rows have more cells than its first line has names. Name each column, or remove the cells "
            "without a name."
        )
    if separator == ";" and any(_has_decimal_commas(frame[name]) for name in frame.columns):
        return pd.read_csv(io.StringIO(text), sep=separator, low_memory=False, decimal=",")
    return frame


def unique_names(names: list[str], source: str) -> None:
    """Raise `SpecError` if a column's name appears twice."""
    for name, n in Counter(names).items():
        if n > 1:
            raise SpecError(f"{source}: the column {name!r} appears twice. Rename one.")


def _has_decimal_commas(column: pd.Series[Any]) -> bool:
    if pd.api.types.is_numeric_dtype(column):
        return False
    cells = column.dropna().astype(str)
    return bool(cells.str.contains(",").any() and cells.str.fullmatch(_DECIMAL_COMMA).all())
