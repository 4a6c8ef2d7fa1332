"""Damaged study files, tables and databases: a case is a function of its number."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import shutil
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import robusttune as rt
from robusttune.declaration.toml import load_matrix, load_study
from robusttune.declaration.training.tabular import TabularTraining
from robusttune.pipeline import rank_study
from robusttune.pipeline.status import study_status
from robusttune.training.table_file import read_table
from tests.support.places import ROOT

STORED = ROOT / "tests" / "data" / "store_v1"
_SYNTHETIC = b"""
name = "shared"
synthetic = {mean = 100.0, sd = 20.0, start = 0.0}
search_space.parameters.learning_rate = {type = "float", low = 1e-5, high = 1e-1, scale = "log"}
tuning = {n_trials = 8, pruner = "median", batch_size = 4, sampler = "tpe", sampler_options = {n_startup_trials = 3}}
evaluation = {every = 250, n_episodes = 2}
[post_evaluation]
top_k = 3
allocation = {rule = "ocba"}
controls = [{name = "a", hyperparameters = {gamma = 0.9}}]
[matrix]
"synthetic.mean" = [1.0, 2.0]
[matrix.report]
target = 0.5
"""
_VALUES = (
    "5", "-1", "0", "1e999", "-0.0", "nan", "inf", "5e-324", "1e308", "9" * 5000,
    "0x7fffffffffffffffff", "true", '""', '"a"',
    "[]", "[[]]", "[{}]", "{}", '[""]', "[1, 'a']", "[" * 2000 + "]" * 2000, "{a.b.c.d = 1}",
    "1979-05-27", "07:32:00",
    '"\\u0000"', '"é\\u202e"', "'$\\foo$'", '"../../etc/passwd"', '"os:system"', '"/dev/zero"',
    '"rl-zoo"', '"auto"', '"grid"',
    "{type = 'int', low = 0, high = 9223372036854775807}", "{type = 'categorical', choices = []}",
    "{type = 'float', low = 0.0, high = 1.0, step = 5e-324}", "{preset = 'rl-zoo', parameters = 5}",
    "18446744073709551615",
)  # fmt: skip


def corpus() -> list[bytes]:
    """Return valid study files."""
    paths = [*ROOT.glob("examples/*.toml"), *ROOT.glob("experiments/*/*.toml"), STORED / "study.toml"]
    return [*(path.read_bytes() for path in sorted(paths)), _SYNTHETIC]


def damaged_study(chance: random.Random, texts: list[bytes]) -> bytes:
    """Return a study file with some damage."""
    content = chance.choice(texts)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        with contextlib.suppress(RecursionError, LookupError):  # damage that this module cannot do
            content = chance.choice(_STUDY_DAMAGE)(chance, content, chance.choice(texts))
    return content


def _structure(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """Put a wrong value, a value from elsewhere, a further key or nothing at a place of a document that can be read."""
    try:
        document, source = (tomllib.loads(text.decode()) for text in (content, other))
    except ValueError:
        return content
    table, key = chance.choice(list(_places(document)) or [(document, "name")])
    match chance.randrange(5):
        case 0 | 1:
            table[key] = _Raw(chance.choice(_VALUES))
        case 2:
            del table[key]
        case 3:
            elsewhere, name = chance.choice(list(_places(source)) or [(source, "name")])
            table[key] = elsewhere.get(name) if isinstance(elsewhere, dict) else elsewhere[name]
        case 4 if isinstance(table, dict):
            table[chance.choice([name for _, name in _places(source) if isinstance(name, str)] or ["x"])] = (
                table[key]
            )
    return "\n".join(f"{json.dumps(name)} = {_toml(value)}" for name, value in document.items()).encode()


class _Raw(str):
    """A value as TOML has it."""


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in list(node.items()) if isinstance(node, dict) else list(enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _toml(value: Any) -> str:
    if isinstance(value, _Raw):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, default=str)


def _value(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """Replace what stands behind one equals sign."""
    lines = content.split(b"\n")
    places = [i for i, line in enumerate(lines) if b"=" in line]
    if places:
        place = chance.choice(places)
        parts = lines[place].split(b"=")
        at = chance.randrange(1, len(parts))
        rest = parts[at].partition(b",") if at < len(parts) - 1 or chance.random() < 0.3 else (b"", b"", b"")
        parts[at] = b" " + chance.choice(_VALUES).encode() + rest[1] + rest[2]
        lines[place] = b"=".join(parts)
    return b"\n".join(lines)


def _key(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """Add a key that is known somewhere, anywhere."""
    names = (
        "name", "parameters", "preset", "imports", "step", "kwargs", "wrappers", "n_seeds", "controls",
        "configurations", "matrix",
        "report", "reference", "hyperparameters", "n_envs", "allocation", "tabular", "function",
        "command", "path", "a." * 500 + "b",
        '"a b"', "algorithm.name", "environment.folder", "search_space.parameters.gamma", "tuning.sampler_options",
    )  # fmt: skip
    lines = content.split(b"\n")
    lines.insert(chance.randint(0, len(lines)), f"{chance.choice(names)} = {chance.choice(_VALUES)}".encode())
    return b"\n".join(lines)


def _lines(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """Delete, double or move some lines, or take them from another file."""
    lines, source = content.split(b"\n"), other.split(b"\n")
    begin = chance.randrange(len(source))
    piece = source[begin : begin + chance.randint(1, 5)] if chance.random() < 0.7 else []
    at = chance.randrange(len(lines))
    return b"\n".join(lines[:at] + piece + lines[at + chance.randint(0, 2) :])


def flip_bytes(chance: random.Random, content: bytes, _: bytes = b"") -> bytes:
    """Overwrite some bytes."""
    out = bytearray(content)
    for _i in range(chance.randint(1, 8) if out else 0):
        out[chance.randrange(len(out))] = chance.randrange(256)
    return bytes(out)


def cut(chance: random.Random, content: bytes, _: bytes = b"") -> bytes:
    """Keep a beginning, or remove a piece."""
    begin, end = sorted((chance.randint(0, len(content)), chance.randint(0, len(content))))
    return content[:begin] if chance.random() < 0.5 else content[:begin] + content[end:]


def _noise(chance: random.Random, content: bytes, _: bytes) -> bytes:
    at = chance.randint(0, len(content))
    return content[:at] + chance.randbytes(chance.randint(1, 40)) + content[at:]


_STUDY_DAMAGE: tuple[Callable[[random.Random, bytes, bytes], bytes], ...] = (
    *(_structure,) * 20, *(_value,) * 3, *(_key,) * 3, *(_lines,) * 2, flip_bytes, cut, _noise,
)  # fmt: skip


def load_study_file(path: Path) -> None:
    """Read a study file, as every command begins."""
    for one in load_matrix(path).studies:
        one.study.settled(one.study.training.TRAINERS[0]).tuning_id  # noqa: B018


# --- tables -----------------------------------------------------------------------------------------------------------


def damaged_table(chance: random.Random) -> tuple[str, bytes]:
    """Return a suffix and a table of that kind with some damage."""
    rng = np.random.default_rng(chance.randrange(2**32))
    frame = pd.DataFrame(
        {
            "config": np.repeat(["a", "b", "c"], 4),
            "seed": list(range(4)) * 3,
            "score": rng.normal(size=12),
            "lr": np.repeat([0.1, 0.2, 0.3], 4),
        }
    )
    cells = (
        None,
        float("nan"),
        float("inf"),
        "x",
        "",
        {},
        {"a": 1},
        [1.0],
        True,
        10**30,
        -1,
        "[1]",
        "=1",
        b"x",
        1e308,
        "9" * 5000,
        "\0",
    )
    if chance.random() < 0.6:
        column = chance.choice(frame.columns)
        frame[column] = frame[column].astype(object)
        frame.at[chance.randrange(12), column] = chance.choice(cells)
    if chance.random() < 0.2:
        frame = frame.rename(
            columns={chance.choice(frame.columns): chance.choice(["", "seed", "x", "step", "0"])}
        )
    suffix = chance.choice([".csv", ".tsv", ".json", ".jsonl", ".parquet"])
    suffix = ".csv" if frame.columns.duplicated().any() else suffix
    content = _written(frame, suffix)
    if chance.random() < 0.7:
        damage = (
            (_footer,)
            if suffix == ".parquet" and chance.random() < 0.5
            else (flip_bytes, cut, _noise, _as_text)
        )
        content = chance.choice(damage)(chance, content, b"")
    return suffix, content


def _footer(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """Damage what a parquet file says of itself: types, names, numbers of rows and values, or its length."""
    length = int.from_bytes(content[-8:-4], "little")
    begin = len(content) - 8 - length
    if chance.random() < 0.1:
        return content[:-8] + chance.randbytes(4) + content[-4:]
    footer = chance.choice((flip_bytes, cut, _numbers))(chance, content[begin:-8], b"")
    return content[:begin] + footer + len(footer).to_bytes(4, "little") + content[-4:]


def _numbers(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """Replace a number of twelve, which is the rows of these tables, by a huge or a negative one."""
    told, new = b"\x16\x18", chance.choice((b"\x16\x01", b"\x16" + b"\xff" * chance.randint(1, 9) + b"\x01"))
    at = chance.randint(0, len(content))
    return (
        content.replace(told, new)
        if chance.random() < 0.3
        else content[:at] + content[at:].replace(told, new, 1)
    )


def _as_text(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """Put the text into another encoding, or compress it though its name does not say so."""
    codec = chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-7", "gzip"))
    if codec == "gzip":
        return gzip.compress(content)
    return content.decode("latin-1").encode(codec, errors="replace")


def _written(frame: pd.DataFrame, suffix: str) -> bytes:
    if suffix == ".parquet":
        buffer = io.BytesIO()
        try:
            frame.to_parquet(buffer)
        except Exception:  # mixed cells are none that parquet can hold
            frame.astype(str).to_parquet(buffer)
        return buffer.getvalue()
    if suffix in (".csv", ".tsv"):
        return frame.to_csv(index=False, sep="," if suffix == ".csv" else "\t").encode(errors="replace")
    try:
        return frame.to_json(orient="records", lines=suffix == ".jsonl").encode()
    except Exception:
        return b'[{"config": "a"}]'


def read_tables(path: Path) -> None:
    """Read a table in both ways in which one is given."""
    errors = []
    for read in (_as_tabular, rt.compare):
        try:
            read(path)
        except rt.errors.RobusttuneError as error:
            errors.append(error)
    if len(errors) == 2:
        raise errors[0]


def _as_tabular(path: Path) -> None:
    read_table.__wrapped__(TabularTraining(path=str(path), config="config", score="score"))


# --- databases --------------------------------------------------------------------------------------------------------


_TEXTS = (
    "",
    "{",
    "null",
    "[]",
    "{}",
    '"x"',
    "[1, 2]",
    "nan",
    "\x00",
    "9" * 5000,
    "[" * 5000,
    "unknown",
    "abc",
    "-1",
    "1e999",
)


def damaged_database(chance: random.Random, folder: Path) -> None:
    """Copy a stored study to a folder, with some damage to its database."""
    shutil.copytree(STORED / "results", folder, dirs_exist_ok=True)
    (path,) = folder.glob("*/study.db")
    for _ in range(chance.randint(1, 2)):
        if chance.random() < 0.4:
            content = path.read_bytes()
            if chance.random() < 0.3 and len(content) > 8192:
                at = 4096 * chance.randrange(len(content) // 4096)
                page = chance.randbytes(4096) if chance.random() < 0.5 else bytes(4096)
                path.write_bytes(content[:at] + page + content[at + 4096 :])
            else:
                path.write_bytes(chance.choice((flip_bytes, cut))(chance, content))
        else:
            try:
                _change_rows(chance, path)
            except (sqlite3.Error, UnicodeDecodeError):  # an earlier damage was too great
                continue


def _change_rows(chance: random.Random, path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        table = chance.choice([name for name in tables if name.startswith("robusttune")] or tables)
        columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
        column = chance.choice(columns)
        match chance.randrange(5):
            case 0:
                connection.execute(f"alter table {table} drop column {column}")
            case 1:
                connection.execute(f"drop table {table}")
            case 2:  # without its rules, a column may hold NULL
                connection.execute(f"create table copied as select * from {table}")
                connection.execute(f"drop table {table}")
                connection.execute(f"alter table copied rename to {table}")
                connection.execute(f"update {table} set {column} = null where abs(random()) % 3 = 0")
            case 3:
                connection.execute(f"update {table} set {column} = ?", (chance.choice(_TEXTS),))
            case 4:
                rowid = f"(select min(rowid) from {table})"
                text = chance.choice((*_TEXTS, 5, -1.5, b"\xff\xfe"))
                connection.execute(f"update {table} set {column} = ? where rowid = {rowid}", (text,))
        connection.commit()
    finally:
        connection.close()


def read_database(folder: Path, *, whole: bool) -> None:
    """Read what is stored of a study; its ranking too, which takes longer, if `whole`."""
    study = load_study(STORED / "study.toml")
    study_status(study, out=folder)
    if whole:
        rank_study(study, out=folder)
