"""Whatever is given, the answer is a comparison or an error of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import robusttune as rt
from robusttune.errors import RobusttuneError
from robusttune.report.model import Ranking

FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = (
    "algo",
    "seed",
    "score",
    "env",
    "step",
    "episode",
    "tuning_score",
    "lr",
    "Name",
    "",
    "0",
    "config",
    "summary",
)
NUMBERS = st.one_of(
    st.floats(), st.integers(-3, 3), st.integers(), st.sampled_from([0.0, 1.0, 1e-320, 1e99, -1e99, 1e18])
)
CELLS = st.one_of(
    NUMBERS,
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.sampled_from(["a", "b", "{}", "nan", "[1]"]),
    st.lists(NUMBERS, max_size=2),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["step_0", "absolute_metrics", "data", "columns", *NAMES]), inner, max_size=3
        ),
    ),
    max_leaves=12,
)


def compared(results: Any, **options: Any) -> None:
    try:
        found = rt.compare(results, **options)
    except RobusttuneError:
        return
    assert all(found.answer)
    if isinstance(found, Ranking):
        assert np.isfinite([row.analysis.mean.estimate for row in found.rows]).all()
        assert found.findings is not None
        assert found.methods


@FIXTURES
@given(
    suffix=st.sampled_from([".csv", ".tsv", ".json", ".jsonl", ".parquet", ".csv.gz"]),
    content=st.binary(max_size=200),
)
@example(suffix=".csv", content=b"algo,seed,score\n\xff,1,2\n")
@example(suffix=".json", content=b"[" * 100_000)
@example(suffix=".json", content=b"[{}]")
@example(suffix=".parquet", content=b"PAR1PAR1")
def test_any_bytes(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"results{suffix}"
    path.write_bytes(content)
    compared(path)


@FIXTURES
@given(
    name=st.sampled_from(["evaluations.npz", "0.monitor.csv", "events.out.tfevents.1"]),
    content=st.binary(max_size=200),
)
def test_any_bytes_in_a_folder_of_runs(tmp_path: Path, name: str, content: bytes) -> None:
    run = tmp_path / "ppo" / "seed_1"
    run.mkdir(parents=True, exist_ok=True)
    for old in run.iterdir():
        old.unlink()
    (run / name).write_bytes(content)
    compared(tmp_path)


@given(
    evaluations=st.dictionaries(
        st.sampled_from(["step_0", "step_1", "absolute_metrics"]),
        st.dictionaries(
            st.sampled_from(["step_count", "return"]), NUMBERS | st.lists(CELLS, max_size=2), max_size=2
        )
        | CELLS,
        max_size=3,
    ),
    score=st.sampled_from([None, "return", "absent"]),
)
def test_any_runs_of_marl_eval(evaluations: dict[str, Any], score: str | None) -> None:
    compared(
        {"smac": {"3m": {algo: {"run_0": evaluations, "run_1": evaluations} for algo in "ab"}}}, score=score
    )


@FIXTURES
@given(document=JSON)
@example(document=[{"algo": False, "seed": 9.223372036854776e18, "score": 1.0}])
def test_any_json(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    compared(path)
    if isinstance(document, dict):
        compared(document)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, NUMBERS, CELLS, CELLS), max_size=6),
    others=st.lists(st.sampled_from(NAMES[3:]), min_size=2, max_size=2),
    minimize=st.booleans(),
)
def test_any_frame(rows: list[tuple[Any, ...]], others: list[str], minimize: bool) -> None:
    compared(pd.DataFrame(rows, columns=[*NAMES[:3], *others]), minimize=minimize)


@pytest.mark.thorough
@given(
    scores=st.lists(st.lists(NUMBERS, min_size=1, max_size=4), min_size=1, max_size=5),
    tuning=NUMBERS,
    statistic=st.sampled_from(["mean", "iqm"]),
    n_tasks=st.integers(1, 2),
    normalized=st.booleans(),
)
@example(scores=[[1e99, -1e99], [0.0, 1e-320]], tuning=1e99, statistic="mean", n_tasks=2, normalized=True)
@example(
    scores=[[1e99, -1e99], [5e98, 1.0], [1.0]], tuning=-1e99, statistic="iqm", n_tasks=1, normalized=False
)
def test_any_scores(
    scores: list[list[float]], tuning: float, statistic: Any, n_tasks: int, normalized: bool
) -> None:
    rows = [
        {
            "task": task,
            "algo": f"a{i}",
            "seed": seed,
            "score": score,
            "tuning_score": tuning if i == 0 else None,
        }
        for task in range(n_tasks)
        for i, own in enumerate(scores)
        for seed, score in enumerate(own)
    ]
    compared(pd.DataFrame(rows), statistic=statistic, normalized=normalized, target=1.0)


@pytest.mark.thorough
# Each writes a whole report but for most figures; unit/report tries names file by file.
@settings(FIXTURES, max_examples=40)
@given(name=st.text(min_size=1, max_size=12))
@example(name="</pre><script>alert(1)</script>")
@example(name="a|b & 100% $x_1$ [red]")
def test_any_name_is_reported(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame(
        {"algo": [name] * 3 + ["other"] * 3, "seed": [1, 2, 3] * 2, "score": [1.0, 2, 3, 3, 4, 6]}
    )
    compared(frame, out=tmp_path)
    page = tmp_path / "compare-the-data-frame" / "report.html"
    assert not page.exists() or page.read_text(encoding="utf-8").count("<script") == 1  # ours
