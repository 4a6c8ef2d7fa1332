"""The figures of a study's page, in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from robusttune.report.figures import lucky_figure, seeds_figure
from robusttune.report.model import Ranking

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure, its data and its caption."""

    name: str
    heading: str
    applies: Callable[[Ranking], bool]
    draw: Callable[..., Figure]
    data: Callable[[Ranking], pd.DataFrame]
    caption: Callable[[Ranking], str]


def _rows(ranking: Ranking) -> pd.DataFrame:
    return ranking.to_frame()


def _seeds(ranking: Ranking) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"configuration": row.name, "seed": seed, "score": score}
            for row in ranking.rows
            for seed, score in zip(row.runs.seeds, row.runs.scores, strict=True)
        ]
    )


PLOTS = (
    Plot(
        name="tuning_vs_post_evaluation",
        heading="Lucky against consistent",
        applies=lambda ranking: ranking.given is None or ranking.has_tuning,
        draw=lambda ranking, narrow=False: lucky_figure(ranking),
        data=_rows,
        caption=lambda ranking: "From the tuning score to the mean over fresh seeds.",
    ),
    Plot(
        name="seeds",
        heading="Every seed",
        applies=lambda ranking: True,
        draw=lambda ranking, narrow=False: seeds_figure(ranking),
        data=_seeds,
        caption=lambda ranking: "A mean says little about a configuration that sometimes fails: look at the dots.",
    ),
    *(
        Plot(
            name=name,
            heading=heading,
            applies=lambda ranking: False,
            draw=lambda ranking, narrow=False: seeds_figure(ranking),
            data=_seeds,
            caption=lambda ranking: "",
        )
        for name, heading in (
            ("learning_curves", "Learning curves"),
            ("pairs", "Every two configurations"),
            ("noise", "What one seed tells"),
            ("search_space", "Search space"),
            ("budget", "Budget and time"),
        )
    ),
)
