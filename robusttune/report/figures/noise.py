"""Where the variance of a single score comes from: the configurations, the training seeds, the episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import NARROW, SMALL, WIDE, styled
from robusttune.report.model import Ranking
from robusttune.report.output import new_figure
from robusttune.report.prose import figures as prose
from robusttune.report.prose import marks
from robusttune.stats.luck.reliability import Correlation

if TYPE_CHECKING:
    import pandas as pd

_COLOURS = {
    prose.CONFIGURATIONS: ("#0072B2", "white", ""),
    prose.TRAINING_SEEDS: ("#E69F00", "black", "//"),
    prose.EPISODES: ("#F5DEB0", "black", "\\\\"),
    prose.RUNS: ("#E69F00", "black", "//"),
}
_FITS = 0.09  # share of the bar that holds a number


class _Bar(NamedTuple):
    """The shares of the variance of a score among some configurations."""

    among: str
    shares: dict[str, float]
    low: float | None
    high: float | None


def _bars(ranking: Ranking) -> list[_Bar]:
    analysis = ranking.analysis
    found = [
        (prose.among_all(ranking), analysis.reliability),
        (prose.AMONG_BEST, analysis.best_set_reliability),
    ]
    return [_bar(ranking, among, icc) for among, icc in found if icc is not None and icc.estimate is not None]


def _bar(ranking: Ranking, among: str, icc: Correlation) -> _Bar:
    """Return shares that add up to one; a negative estimate of the first is none."""
    between, noise = min(1.0, max(0.0, icc.estimate or 0.0)), ranking.analysis.noise
    rest = 1.0 - between
    if noise is None:
        shares = {prose.CONFIGURATIONS: between, prose.RUNS: rest}
    else:
        of_episodes = rest * noise.evaluation_share
        shares = {
            prose.CONFIGURATIONS: between,
            prose.TRAINING_SEEDS: rest - of_episodes,
            prose.EPISODES: of_episodes,
        }
    low, high = (None if end is None else min(1.0, max(0.0, end)) for end in (icc.low, icc.high))
    return _Bar(among, shares, low, high)


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return a bar for all configurations and one for those that may be the best; whiskers on the first share."""
    bars = _bars(ranking)
    with styled():
        figure, axes = new_figure(NARROW if narrow else WIDE, 1.2 + 0.75 * len(bars), layout="constrained")
        for y, bar in enumerate(bars):
            start = 0.0
            for name, share in bar.shares.items():
                colour, ink, hatch = _COLOURS[name]
                patches = axes.barh(
                    [y], [share], 0.42, left=start, color=colour, hatch=hatch, edgecolor="white", lw=0.6,
                    label=name if y == 0 else None,
                )  # fmt: skip
                if not narrow:
                    figure.tell(patches[0], [marks.noise_tip(name, share, bar.among)])
                if share >= _FITS:
                    box = {"fc": colour, "ec": "none", "pad": 1.5}
                    axes.text(
                        start + share / 2, y, f"{share:.0%}", color=ink, ha="center", va="center", bbox=box
                    )
                start += share
            if bar.low is not None and bar.high is not None:
                axes.plot([bar.low, bar.high], [y + 0.3] * 2, "|-", color="black", lw=1, ms=6)
            axes.text(0.0, y - 0.29, bar.among, va="bottom", fontsize=SMALL)
        axes.set_xlim(0, 1)
        axes.set_ylim(len(bars) - 0.5, -0.62)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set_xlabel(prose.noise_axis(narrow=narrow))
        figure.legend(
            loc="outside upper left",
            ncols=2 if narrow else 3,
            frameon=False,
            fontsize=SMALL,
            handlelength=1.2,
        )
    return figure


def data(ranking: Ranking) -> pd.DataFrame:
    """Return a line per share."""
    import pandas as pd  # slow to load

    records = [
        (
            bar.among,
            name,
            share,
            bar.low if name == prose.CONFIGURATIONS else None,
            bar.high if name == prose.CONFIGURATIONS else None,
            ranking.analysis.level,
        )
        for bar in _bars(ranking)
        for name, share in bar.shares.items()
    ]
    return pd.DataFrame(records, columns=["among", "component", "share", "low", "high", "level"])


PLOT = Plot(
    name="noise",
    heading=prose.NOISE,
    applies=lambda ranking: bool(_bars(ranking)),
    draw=draw,
    data=data,
    caption=prose.noise_caption,
)
