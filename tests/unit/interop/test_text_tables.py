"""Tables as spreadsheets and pandas save them are read as they are meant, and what is no table is refused."""

from __future__ import annotations

import gzip
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
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_with_the_reason(tmp_path: Path, case: str) -> None:
    content, message = REFUSED[case]
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(SpecError, match=message):
        rt.compare(tmp_path / "x.csv")


def test_durations_are_no_scores() -> None:
    with pytest.raises(SpecError, match="must hold numbers, but holds timedelta64"):
        rt.compare(LONG.assign(score=pd.to_timedelta(LONG["score"], unit="s")))
