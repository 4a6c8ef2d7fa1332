"""Tables as spreadsheets and pandas save them are read as they are meant, and what is no table is refused."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import robusttune as rt
from robusttune.errors import SpecError
from robusttune.report.model import Ranking

RNG = np.random.default_rng(8)
SCORES = {"ppo": RNG.normal(10, 1, 4), "sac": RNG.normal(12, 1, 4)}
LONG = pd.DataFrame(
    [{"algo": name, "seed": seed, "score": x} for name, own in SCORES.items() for seed, x in enumerate(own)]
)
WIDE = pd.DataFrame(SCORES)


def ranked(results: Any, **options: Any) -> Ranking:
    found = rt.compare(results, **options)
    assert isinstance(found, Ranking)
    return found


def check(results: Any, **options: Any) -> Ranking:
    found = ranked(results, **options)
    means = {row.name: row.analysis.mean.estimate for row in found.rows}
    assert means == pytest.approx({name: own.mean() for name, own in SCORES.items()})
    return found


SAVED: dict[str, tuple[str, bytes]] = {
    "with a byte order mark": ("x.csv", b"\xef\xbb\xbf" + LONG.to_csv(index=False).encode()),
    "in UTF-16": ("x.csv", LONG.to_csv(index=False).encode("utf-16")),
    "with Windows' line ends": ("x.csv", LONG.to_csv(index=False, lineterminator="\r\n").encode()),
    "with decimal commas": ("x.csv", LONG.to_csv(index=False, sep=";", decimal=",").encode()),
    "with tabs": ("x.csv", LONG.to_csv(index=False, sep="\t").encode()),
    "with commas as text": ("x.txt", LONG.to_csv(index=False).encode()),
    "compressed JSON": ("x.json.gz", gzip.compress(LONG.to_json(orient="records").encode())),
    "compressed lines": ("x.jsonl.gz", gzip.compress(LONG.to_json(orient="records", lines=True).encode())),
    "compressed": ("x.csv.gz", gzip.compress(LONG.to_csv(index=False).encode())),
    "with row numbers": ("x.csv", LONG.to_csv().encode()),
    "wide, with row numbers": ("x.csv", WIDE.to_csv().encode()),
    "wide, with seeds": ("x.csv", WIDE.rename_axis("seed").to_csv().encode()),
}


@pytest.mark.parametrize("how", SAVED)
def test_a_table_is_read_however_it_was_saved(tmp_path: Path, how: str) -> None:
    name, content = SAVED[how]
    (tmp_path / name).write_bytes(content)
    check(tmp_path / name)


def test_what_a_groupby_leaves_in_the_index_are_columns() -> None:
    check(LONG.groupby(["algo", "seed"]).mean())


def test_a_column_for_each_configuration_is_told_and_its_seeds_are_kept() -> None:
    found = check(WIDE.assign(seed=[7, 8, 9, 11]))
    assert found.given is not None
    assert found.given.notes == ("Each column is a configuration, each row a seed.",)
    assert found.row("ppo").runs.seeds == (7, 8, 9, 11)


def test_columns_that_are_named_are_no_configurations() -> None:
    frame = LONG.assign(lr=LONG["algo"].map({"ppo": 0.1, "sac": 0.2})).drop(columns=["algo", "seed"])
    found = ranked(frame.rename(columns={"score": "x"}), configuration="lr", seed="row", score="x")
    assert {row.name for row in found.rows} == {"0.1", "0.2"}


REFUSED: dict[str, tuple[bytes, str]] = {
    "a column twice": (b"algo,seed,seed\na,1,2\na,2,3\n", "the column 'seed' appears twice"),
    "nothing": (b"\n\n", "is empty"),
    "another encoding": ("algo,seed,score\né,1,2\n".encode("latin-1"), "no UTF-8 text.*Save it as UTF-8"),
    "zero bytes": ("algo,seed,score\n".encode("utf-16-le"), "zero bytes.*Save it as UTF-8"),
    "no scores": (b"a,b\n,\n,\n", "no column holds a score"),
    "cells without a name": (
        b"algo,seed,score\na,1,2,\na,2,3,\n",
        "more cells than its first line has names",
    ),
    "two cells without a name": (
        b"algo,seed,score\na,1,2,3,4\nb,1,3,4,5\n",
        "more cells than its first line",
    ),
    "a quotation without an end": (
        b'algo,seed,score\n"a,1,2\n',
        r"as csv \(.*EOF inside string.*save it again",
    ),
    "another format": (b"\x89PNG\r\n\x1a\n", "no UTF-8 text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_with_the_reason(tmp_path: Path, case: str) -> None:
    content, message = REFUSED[case]
    refuses(tmp_path / "x.csv", content, message)


REFUSED_FILES: dict[str, tuple[bytes, str]] = {
    "x.csv.gz": (b"algo,seed,score\n", "as csv .*Not a gzipped file.*It is damaged or has another format"),
    "y.csv.gz": (gzip.compress(bytes(10_000))[:20], "as csv .*ended before the end-of-stream"),
    "x.csv.xz": (b"algo", "as csv"),
    "x.csv.bz2": (b"algo", "as csv .*Invalid data stream"),
    "x.csv.zip": (b"PK", "as csv .*not a zip file"),
    "x.json": (b'[{"algo": "a", "sc', "as json .*Unterminated string"),
    "deep.json": (b"[" * 100_000, "as json .*recursion"),
    "digits.json": (b'[{"algo": "a", "seed": ' + b"9" * 5000 + b"}]", "as json .*4300 digits"),
    "twice.json": (
        b'[{"algo": "a", "seed": 1, "algo": "b"}]',
        "'algo' appears twice in an object. Rename one",
    ),
    "scores.json": (b'{"ppo": [1, 2], "ppo": [3, 4]}', "'ppo' appears twice in an object"),
    "x.jsonl": (b'{"algo": "a"}\n\n{bad\n', "as jsonl .line 3, column 2: Expecting property name"),
}


@pytest.mark.parametrize("name", REFUSED_FILES)
def test_files_that_are_damaged_are_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    refuses(tmp_path / name, *REFUSED_FILES[name])


def refuses(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message) as caught:
        rt.compare(path)
    assert "\n" not in str(caught.value)


def parquet(frame: Any, notes: bytes | None = None) -> bytes:
    """Return a data frame, or columns, as a parquet file, which pandas' notes describe."""
    pyarrow, writer = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    table = pyarrow.Table.from_pandas(frame) if isinstance(frame, pd.DataFrame) else pyarrow.table(*frame)
    writer.write_table(table if notes is None else table.replace_schema_metadata({b"pandas": notes}), out)
    return out.getvalue()


def described(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a parquet file with something else in its description of itself, which is at its end."""
    begin = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    changed = change(content[begin:-8])
    return content[:begin] + changed + len(changed).to_bytes(4, "little") + content[-4:]


N_ROWS = bytes([0x16, 2 * len(LONG)])  # a number of that size in the file's description
TOO_MANY = b"\x16" + b"\xff" * 6 + b"\x01"
DAMAGED_PARQUET: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda content: b"", "size is 0 bytes"),
    "another format": (lambda content: LONG.to_csv().encode(), "magic bytes"),
    "half of it": (lambda content: content[: len(content) // 2], "magic bytes"),
    "another end": (lambda content: content[:-4] + b"XXXX", "magic bytes"),
    "a description longer than the file": (lambda content: content[:-8] + b"\xff" * 4 + b"PAR1", "smaller than"),
    "no description": (lambda content: described(content, lambda own: bytes(len(own))), "thrift"),
    "too many rows": (lambda content: described(content, lambda own: own.replace(N_ROWS, TOO_MANY)), "at most"),
    "parts of other lengths": (
        lambda content: described(content, lambda own: own.replace(N_ROWS, TOO_MANY, 1)),
        "declares .* rows, its parts 8",
    ),
    "a page of another length": (lambda content: content.replace(b"\x15\x10", b"\x15\x7e", 1), "num_values"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED_PARQUET)
def test_damaged_parquet_is_refused_with_the_reason(tmp_path: Path, damage: str) -> None:
    change, message = DAMAGED_PARQUET[damage]
    refuses(
        tmp_path / "x.parquet", change(parquet(LONG)), f"cannot be read as parquet .*{message}.*save it again"
    )


@pytest.mark.parametrize("notes", [b"{", b"{}", b"5", b"[]", b'{"index_columns": ["x"], "columns": [{}]}'])
def test_notes_of_pandas_that_are_damaged_are_refused(tmp_path: Path, notes: bytes) -> None:
    refuses(tmp_path / "x.parquet", parquet(LONG, notes), "cannot be read as parquet .*save it again")


CELLS: dict[str, tuple[dict[str, Any], str]] = {
    "tables": ({"score": [{"x": 1.0}] * 2}, "must hold numbers, but row 1 has"),
    "lists": ({"score": [[1.0]] * 2}, "must hold numbers, but row 1 has"),
    "lists for seeds": ({"seed": [[1]] * 2}, r"seed \[1\] of a appears twice"),
    "tables for names": ({"algo": [{"x": 1}] * 2, "seed": [1, 1]}, "appears twice"),
    "bytes": ({"score": [b"x"] * 2}, "must hold numbers, but row 1 has"),
    "nothing for names": ({"algo": [None] * 2}, "'algo' is empty in row 1"),
    "no rows": ({"algo": [], "seed": [], "score": []}, "has no rows"),
}


@pytest.mark.parametrize("case", CELLS)
def test_cells_of_parquet_that_are_no_scores_are_refused(tmp_path: Path, case: str) -> None:
    cells, message = CELLS[case]
    columns = {"algo": ["a", "a"], "seed": [1, 2], "score": [1.0, 2.0]} | cells
    refuses(tmp_path / "x.parquet", parquet([columns]), message)


def test_a_column_of_parquet_that_appears_twice_is_refused(tmp_path: Path) -> None:
    content = parquet([[["a"], [1], [1.0], [2.0]], ["algo", "seed", "score", "score"]])
    refuses(tmp_path / "x.parquet", content, "the column 'score' appears twice. Rename one")


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.parquet"])
@pytest.mark.parametrize("what", ["a pipe", "an endless file", "a link to itself", "no file"])
def test_what_has_no_end_or_is_absent_is_not_read(tmp_path: Path, name: str, what: str) -> None:
    path = tmp_path / name
    if what == "a pipe":
        os.mkfifo(path)
    elif what != "no file":
        path.symlink_to("/dev/zero" if what == "an endless file" else name)
    with pytest.raises(
        SpecError, match=r"must be a file|cannot be read \(.*Check its name and its permissions"
    ):
        rt.compare(path)


def test_rows_that_are_numbered_as_r_writes_them_are_read(tmp_path: Path) -> None:
    lines = LONG.to_csv().removeprefix(",")
    (tmp_path / "x.csv").write_text(lines)
    check(tmp_path / "x.csv")


def test_a_seed_of_very_many_digits_is_a_name(tmp_path: Path) -> None:
    long = "9" * 5000
    (tmp_path / "x.csv").write_text(f"algo,seed,score\na,{long},1\na,1,2\nb,1,3\nb,2,4\n")
    assert ranked(tmp_path / "x.csv").row("a").runs.seeds == (long, 1)


def test_a_table_of_very_many_columns_is_told_at_once(tmp_path: Path) -> None:
    names = ",".join(f"x{i}" for i in range(20_000))
    refuses(tmp_path / "x.csv", f"{names},x7\n{names},1\n".encode(), "the column 'x7' appears twice")


def test_durations_are_no_scores() -> None:
    with pytest.raises(SpecError, match="must hold numbers, but holds timedelta64"):
        rt.compare(LONG.assign(score=pd.to_timedelta(LONG["score"], unit="s")))
