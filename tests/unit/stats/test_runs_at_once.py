"""Thousands of runs that have one length are checked and averaged at once: the values are those of each alone."""

from __future__ import annotations

import numpy as np
import pytest

from robusttune.stats._checks import as_runs, as_sample
from robusttune.stats.estimates.noise import _means, _squares


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 127, 128, 129, 1000])
def test_rows_of_one_length_are_what_each_is_alone(length: int) -> None:
    rng = np.random.default_rng(length)
    rows = [10 ** rng.uniform(-5, 5) * rng.standard_normal(length) for _ in range(20)]
    together = as_runs(rows)
    assert len(together) == len(rows)
    for one, row in zip(together, rows, strict=True):
        assert one is not row
        assert (one == as_sample(row)).all()
    means = _means(together)
    assert means.tolist() == [float(row.mean()) for row in rows]
    assert _squares(together, means) == [float(((row - row.mean()) ** 2).sum()) for row in rows]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e141])
def test_a_row_among_those_of_one_length_is_refused_by_its_name(bad: float) -> None:
    rows = [np.ones(3), np.array([1.0, bad, 1.0])]
    with pytest.raises(ValueError, match=r"`scores\[1\]` must"):
        as_runs(rows)
