"""What is said of the protocol study follows from its stored results, to the digit."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pandas as pd
import pytest

from analysis.protocols import PAGE, page, splits_json
from robusttune.declaration.allocation import AllocationSpec
from robusttune.declaration.post_evaluation import PostEvaluationSpec
from robusttune.pipeline.planning.advice import Finding, findings
from tests.support.places import ROOT

RESULTS = ROOT / "experiments" / "protocols" / "results.csv"
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


def parts(text: str) -> tuple[str, list[float]]:
    """Return a text without its numbers, and the numbers."""
    return _NUMBER.sub("#", text), [float(number) for number in _NUMBER.findall(text)]


@pytest.mark.thorough
def test_the_page_is_made_from_the_results_and_short() -> None:
    made_words, made_numbers = parts(str(page(pd.read_csv(RESULTS))[PAGE]))
    text = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
    words, numbers = parts(text)
    assert words == made_words
    # Another version of numpy may round the last digit otherwise.
    assert numbers == pytest.approx(made_numbers, abs=0.0101)
    assert len(text.splitlines()) <= 150


def test_the_advice_is_made_from_the_results() -> None:
    made: dict[str, list[dict[str, Any]]] = json.loads(splits_json(pd.read_csv(RESULTS)))
    assert made.keys() == findings().keys()
    for sampler, entries in made.items():
        for known, entry in zip(findings()[sampler], entries, strict=True):
            numbers = ("regret", "single_seed", "multi_seed")
            expected = dataclasses.asdict(Finding(**entry))
            stored = dataclasses.asdict(known)
            assert [stored.pop(name) for name in numbers] == pytest.approx(
                [expected.pop(name) for name in numbers], abs=1e-3
            )
            assert stored == expected


def test_a_study_file_can_ask_for_what_is_advised() -> None:
    for known in findings().values():
        for one in known:
            PostEvaluationSpec(
                top_k=one.top_k,
                n_seeds=one.n_seeds,
                select=one.select,
                recommend=one.recommend,
                allocation=AllocationSpec(rule=one.allocation),
            )


def test_the_stored_study_is_whole() -> None:
    rows = pd.read_csv(RESULTS)
    keys = ["source", "landscape", "sampler", "budget", "protocol"]
    assert not rows.duplicated(keys).any()
    assert (rows["n"] >= 200).all()
    assert (rows["runs"] <= rows["budget"] + 1e-3).all()
    for (_, sampler), own in rows.groupby(["source", "sampler"]):
        protocols = own.groupby(["landscape", "budget"])["protocol"].nunique()
        assert protocols.groupby("budget").nunique().eq(1).all(), sampler
