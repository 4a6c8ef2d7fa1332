"""Promised against measured on every shape of noise, made up and real: means, winners, luck, claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks import cells, luck_cells, mean_cells, wrong
from benchmarks.noise import NOISES, FloatArray, Study, landscapes, opposite
from benchmarks.rows import Row, at_least, at_most, control, fresh, information, must_be_above, must_be_below

ALPHA = 0.05


def shapes(k: int, tables: list[FloatArray]) -> Iterator[tuple[str, Callable[[int], cells.Maker]]]:
    """Yield every kind of study: its name, and a maker of it for a number of seeds."""
    for name, draw in {**NOISES, "opposite lognormal": opposite}.items():
        yield f"{name}, equal means", partial(cells.synthetic, draw, k)
        yield f"{name}, step 0.5", partial(cells.synthetic, draw, k, step=0.5)
    yield "SAC-like, top of 64", partial(cells.sac_like, k=k)
    if tables:
        yield "real landscapes, top of 64", partial(cells.real, tables, k=k)
        yield "real landscapes, smoothed", partial(cells.real, tables, k=k, jitter=0.3)


def interval_shape_rows(scale: float) -> Iterator[Row]:
    """Yield the coverage of the winner's intervals that is promised, for ten candidates.

    `python -m benchmarks.interval_shapes` has every shape and number of candidates, and printed means.
    """
    studies, tables = int(1000 * scale), list(landscapes().values())
    for shape, make in shapes(10, tables):
        if shape.startswith(("normal", "heavy", "SAC", "real")):
            for n in (3, 5, 10, 20):
                setting = f"{shape}, k=10, n={n}"
                found = mean_cells.winner(make(n + 10), studies=studies, rng=fresh("winner " + setting))
                yield from _winner_rows(setting, found, n, studies)


def _winner_rows(setting: str, found: mean_cells.WinnerCell, n: int, studies: int) -> Iterator[Row]:
    yield at_least("winner's corrected interval", setting, found.corrected, 0.94, studies)
    confirmed = "winner's interval, 10 confirmation seeds"
    if setting.startswith(("normal", "heavy")):
        yield at_least(confirmed, setting, found.confirmed, 0.94, studies)
    else:
        yield information(confirmed, setting, found.confirmed)
    yield information("Student's t on 10 confirmation seeds", setting, found.confirmed_t)
    yield information("winner's corrected width over the naive one", setting, found.width)
    if setting.startswith("SAC") and 3 < n < 20:
        for what, rate, bound in (
            ("winner, corrected with its own spread", found.own_spread, 0.94),
            ("winner's naive interval", found.naive, 0.9),
        ):
            yield must_be_below(what, setting, rate, bound)
    else:
        yield information("winner's naive interval", setting, found.naive)


REACH = {5: 0.35, 10: 0.70, 20: 0.90}  # P(LUCKY | overstated by more than one SD)


def luck_rows(scale: float) -> Iterator[Row]:
    """Yield how often luck is named where it happened, and where it did not."""
    studies, tables = int(1000 * scale), list(landscapes().values())
    makers: dict[str, Callable[[int], Callable[[np.random.Generator], Study]]] = {
        "SAC-like, top 10 of 64": luck_cells.sac_luck
    }
    if tables:
        makers["real landscapes, top 10 of 64"] = partial(luck_cells.table_luck, tables)
    for where, make in makers.items():
        for n in (3, 5, 10, 20):
            setting = f"{where}, n={n}"
            found = luck_cells.luck_rates(make(n), studies=studies, rng=fresh("luck " + setting))
            reached = "LUCKY, if overstated by more than one SD"
            if n in REACH and where.startswith("real"):
                yield at_least(reached, setting, found.found, REACH[n], studies)
            else:
                yield information(reached, setting, found.found)
            yield at_most("LUCKY, if not overstated", setting, found.false, 0.01, studies)
            yield at_most(
                "LUCKY, if overstated by a quarter SD at most", setting, found.slight, 0.03, studies
            )
            name, overstated = "overstated by more than one SD, if CONSISTENT", found.consistent_wrong
            if n >= 10:
                yield at_most(name, setting, overstated, 0.03, studies)
            else:
                yield information(name, setting, overstated)
            if n == 20:
                yield at_most("INCONCLUSIVE", setting, found.inconclusive, 0.10, studies)
            else:
                yield information("INCONCLUSIVE", setting, found.inconclusive)
            yield information("interval of the luck", setting, found.covered)
            yield from _wrong_luck_rows(setting, make(n), n, studies)


def _wrong_luck_rows(
    setting: str, make: Callable[[np.random.Generator], Study], n: int, studies: int
) -> Iterator[Row]:
    """Yield how two wrong rules break the promises: one asks what could be drawn, one believes every gap."""

    def rates(rule: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]) -> luck_cells.LuckCell:
        return luck_cells.luck_rates(make, studies=studies, rng=fresh("luck " + setting), wrong=rule)

    drawn, gap = rates(wrong.drawn_luck), rates(wrong.gap_luck)
    if n in REACH:
        name, bound = "could be drawn: LUCKY, if overstated by more than one SD", REACH[n]
        yield must_be_below(name, setting, drawn.found, bound)
    if n in (5, 10):
        for name, rate, bound in (
            ("gap alone: LUCKY, if not overstated", gap.false, 0.01),
            ("gap alone: LUCKY, if overstated by a quarter SD at most", gap.slight, 0.03),
        ):
            yield must_be_above(name, setting, rate, bound)
    if n == 20:
        for name, rate, bound in (
            ("could be drawn: overstated, if CONSISTENT", drawn.consistent_wrong, 0.03),
            *(
                [("could be drawn: INCONCLUSIVE", drawn.inconclusive, 0.10)]
                if setting.startswith("real")
                else []
            ),
        ):
            yield must_be_above(name, setting, rate, bound)


SIZES = {
    5: 6.7,
    10: 4.9,
    20: 3.8,
}  # best sets of ten real configurations with the configurations' own spreads
WIDTHS = {5: 9.2, 10: 7.8, 20: 6.4}


def claim_rows(scale: float) -> Iterator[Row]:
    """Yield the errors of claims, differences, regrets and best sets on shapes of real scores."""
    studies, tables = int(1000 * scale), list(landscapes().values())
    makers = _makers(tables, 10)
    if tables:
        makers["real landscapes, smoothed"] = partial(cells.real, tables, k=10, jitter=0.3)
    for where, make in makers.items():
        for n in (5, 10, 20):
            yield from _claim_rows(f"{where}, k=10, n={n}", make(n), n, studies)
            yield from _equal_rows(f"{where}, k=10, n={n}", make(n), n, studies)


def few_candidates_rows(scale: float) -> Iterator[Row]:
    """Yield the same for five and three candidates."""
    studies, tables = int(1000 * scale), list(landscapes().values())
    for k, seeds in {5: (5, 10, 20), 3: (3, 5, 10, 20)}.items():
        for where, make in _makers(tables, k).items():
            for n in seeds:
                yield from _claim_rows(f"{where}, k={k}, n={n}", make(n), n, studies)
                yield from _equal_rows(f"{where}, k={k}, n={n}", make(n), n, studies)


def _makers(tables: list[FloatArray], k: int) -> dict[str, Callable[[int], cells.Maker]]:
    found: dict[str, Callable[[int], cells.Maker]] = {"SAC-like, top of 64": partial(cells.sac_like, k=k)}
    if tables:
        found["real landscapes, top of 64"] = partial(cells.real, tables, k=k)
    return found


def _claim_rows(setting: str, make: cells.Maker, n: int, studies: int) -> Iterator[Row]:
    ten = ", k=10, " in setting
    cell = cells.ranking(make, robust=n >= 10 and ten, studies=studies, rng=fresh(setting))
    yield at_most("any claim is wrong", setting, cell.error, ALPHA, studies)
    yield at_least("best configuration in the best set", setting, cell.best_kept, 0.95, studies)
    for what, rate, made_up in (
        ("all difference intervals", cell.differences, 0.93),
        ("all regret bounds", cell.regrets, 0.93),
    ):
        if setting.startswith("SAC") and n >= 5:
            yield at_least(what, setting, rate, made_up, studies)
        else:
            yield information(what, setting, rate)
    yield information("share of pairs that are claimed", setting, cell.claimed)
    if "landscapes, top of 64, k=10" in setting and n in SIZES:
        yield at_most("best-set size", setting, cell.best_set_size, SIZES[n], None)
        yield at_most("rank-interval width", setting, cell.width, WIDTHS[n], None)
        for what, rate, bound in (
            ("the highest mean is the best", cell.highest_is_best, 0.95),
            ("the observed gaps bound all regrets", cell.gaps_bound_regrets, 0.80),
        ):
            yield must_be_below(what, setting, rate, bound)
    else:
        yield information("best-set size", setting, cell.best_set_size)
    if n >= 10 and ten:
        yield at_least("simultaneous coverage, robust claims", setting, 1 - cell.robust_error, 0.93, studies)


def iqm_rows(scale: float) -> Iterator[Row]:
    """Yield what ranking the interquartile mean costs and gains on real landscapes, beside the mean."""
    studies, tables = int(1000 * scale), list(landscapes().values())
    for n in (10, 20) if tables else ():
        setting = f"real landscapes, top of 64, k=10, n={n}"
        for truth in ("iqm", "mean"):
            make = cells.real(tables, n, statistic=truth)
            found = cells.ranking(
                make, robust=False, studies=studies, rng=fresh("iqm " + setting), statistic="iqm"
            )
            if truth == "iqm":
                yield at_most("ranking the IQM: any claim is wrong", setting, found.error, ALPHA, studies)
            else:
                yield information("ranking the IQM: any claim is wrong of the means", setting, found.error)
                yield information("ranking the IQM: share of pairs that are claimed", setting, found.claimed)


def _equal_rows(setting: str, make: cells.Maker, n: int, studies: int) -> Iterator[Row]:
    """Yield what happens where all true means are equal: every claim is wrong."""
    make, ten = cells.equal_means(make), ", k=10, " in setting
    cell = cells.ranking(make, robust=n >= 10 and ten, studies=studies, rng=fresh("equal " + setting))
    yield information("equal means: any claim is made", setting, cell.error)
    if n >= 10 and ten:
        yield information("equal means: any robust claim is made", setting, cell.robust_error)
    what = "equal means: all difference intervals"
    if setting.startswith("SAC") and n >= 5:
        yield at_least(what, setting, cell.differences, 0.93, studies)
    else:
        yield information(what, setting, cell.differences)
    if "landscapes, top of 64, k=10" in setting and n <= 10:
        own = cells.ranking(make, robust=False, studies=studies, rng=fresh("own " + setting), borrow=False)
        yield control(
            what + ", own spreads",
            setting,
            own.differences,
            fails=own.differences < cell.differences - 0.05,
            words="must be lower by .05",
        )
