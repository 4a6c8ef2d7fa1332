"""Means over repetitions and their intervals, for experiments that repeat whole searches."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over repetitions and half of its interval, by Student's t."""

    mean: float
    half_width: float

    def __str__(self) -> str:
        return f"{self.mean:.0f} ± {self.half_width:.0f}".replace("-", "−")

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return abs(self.mean) > self.half_width


def mean_of(values: pd.Series[float]) -> Mean:
    """Return the mean of one number per repetition."""
    half_width = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Mean(mean=float(values.mean()), half_width=float(half_width))


def chosen(rows: pd.DataFrame, column: str, **where: Hashable) -> pd.Series[float]:
    """Return a column's values where other columns have some values, one per repetition."""
    conditions: Mapping[str, Hashable] = where
    kept = np.logical_and.reduce([rows[name] == value for name, value in conditions.items()])
    return rows[kept].set_index("repetition")[column].sort_index()
