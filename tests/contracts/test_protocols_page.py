"""What is said of the protocol study follows from its stored results, to the digit."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd
import pytest

from analysis.protocols_page import page, splits_json
from robusttune.pipeline.planning.advice import Finding, findings
from tests.support.places import ROOT

RESULTS = ROOT / "experiments" / "protocols" / "results.parquet"
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")

pytest.importorskip("pyarrow")


def parts(text: str) -> tuple[str, list[float]]:
    """Return a text without its numbers, and the numbers."""
    return _NUMBER.sub("#", text), [float(number) for number in _NUMBER.findall(text)]


@pytest.mark.thorough
def test_the_page_is_made_from_the_results() -> None:
    made_words, made_numbers = parts(page(pd.read_parquet(RESULTS)))
    words, numbers = parts((ROOT / "docs" / "protocols.md").read_text(encoding="utf-8"))
    assert words == made_words
    # Another version of numpy may round the last digit otherwise; percentages have none after the point.
    assert numbers == pytest.approx(made_numbers, abs=0.0101)


def test_the_advice_is_made_from_the_results() -> None:
    made: dict[str, list[dict[str, Any]]] = json.loads(splits_json(pd.read_parquet(RESULTS)))
    assert made.keys() == findings().keys()
    for sampler, entries in made.items():
        for known, entry in zip(findings()[sampler], entries, strict=True):
            made_finding = Finding(**entry)
            for name in ("budget", "seeds_per_trial", "top_k", "n_seeds"):
                assert getattr(known, name) == getattr(made_finding, name)
            for name in ("regret", "single_seed", "multi_seed"):
                assert getattr(known, name) == pytest.approx(getattr(made_finding, name), abs=1e-3)


def test_no_unit_of_the_study_is_there_twice_or_in_part() -> None:
    rows = pd.read_parquet(RESULTS)
    keys = ["source", "landscape", "search", "repetition", "budget", "protocol"]
    assert not rows.duplicated(keys).any()
    counts = rows.groupby(["source", "landscape", "search", "repetition"]).size()
    for (_, _, _), own in counts.groupby(level=["source", "landscape", "search"]):
        assert own.nunique() == 1
    assert (rows["runs"] <= rows["budget"] + 1e-3).all()
    assert rows["regret"].min() > -1e-6
    # A fixed second stage and a search without pruner spend what they have, down to the seeds of one trial.
    fixed = rows[~rows["protocol"].str.contains("elimination") & ~rows["search"].str.contains("median")]
    assert (fixed["budget"] - fixed["runs"] < 5).all()
