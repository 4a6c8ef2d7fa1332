"""Each claim of the protocol study as a sentence with its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from analysis.protocols import DECLARED, SINGLE, Averages, Interval, coverage, is_multi

SOURCES: Mapping[str, str] = {
    "synthetic": "declared truths",
    "own": "the project's own tables",
    "own-smooth": "the project's own tables, interpolated",
    "arlbench": "ARLBench",
    "arlbench-smooth": "ARLBench, interpolated",
}
ADAPTIVE = ("elimination", "ocba")
TARGET_BUDGET = 240
_SAME_RESERVE = "top 10 × 5"
"""As many runs as OCBA has at the target budget, shared out evenly among as many candidates."""


def claims(results: pd.DataFrame) -> Iterator[str]:
    """Yield the claims: two stages, optimism, adaptive second stages, then ways to search."""
    for source, title in SOURCES.items():
        for search in ("random", "tpe"):
            yield from _two_stages(results, source, search, title)
    for source, title in SOURCES.items():
        yield from _optimism(results, source, main_search(results, source), title)
    for source, title in SOURCES.items():
        yield from _adaptive(results, source, main_search(results, source), title)
    for source, title in SOURCES.items():
        for base in ("random", "tpe"):
            yield from _several_seeds_and_judged(results, source, base, title)
        yield from _searches(results, source, title)


def select(results: pd.DataFrame, source: str, search: str, budget: int | None = None) -> pd.DataFrame:
    """Return the rows of one source and one search, of one budget or of all."""
    rows = results[(results["source"] == source) & (results["search"] == search)]
    return rows if budget is None else rows[rows["budget"] == budget]


def main_search(results: pd.DataFrame, source: str) -> str:
    """Return the search that speaks for a source: tables of rows can only be drawn from at random."""
    return "random" if select(results, source, "tpe").empty else "tpe"


def budget_of(rows: pd.DataFrame, most: int = TARGET_BUDGET) -> int:
    """Return the largest budget of the rows, no larger than `most`; 0 without rows."""
    known = [budget for budget in rows["budget"].to_numpy(dtype=int).tolist() if budget <= most]
    return max(known, default=0)


def percent(interval: Interval) -> str:
    """Return a proportion with its interval."""
    return f"{interval:.0%}"


def _two_stages(results: pd.DataFrame, source: str, search: str, title: str) -> Iterator[str]:
    rows = select(results, source, search)
    budget = budget_of(rows)
    if not budget:
        return
    averages = Averages(rows[rows["budget"] == budget])
    multis = [name for name in averages.protocols if is_multi(name)]
    split = DECLARED[budget]
    ratio, difference, best = averages.against_best(split, multis)
    single, _, _ = averages.against_best(SINGLE, multis)
    aim = " Aimed at: at most 0.7." if budget == TARGET_BUDGET else ""
    yield (
        f"{title}, {search}, {budget} runs: single-seed trials and {split} fresh seeds have **{ratio:.2f} times** the "
        f"regret of the best protocol that only gives trials several seeds ({' / '.join(best)}; difference "
        f"{difference:+.3f}). To believe the best single seed has {single:.2f} times.{aim}"
    )


def _optimism(results: pd.DataFrame, source: str, search: str, title: str) -> Iterator[str]:
    rows = select(results, source, search)
    budget = budget_of(rows)
    if not budget:
        return
    rows, split, multi = rows[rows["budget"] == budget], DECLARED[budget], "3 seeds a trial"
    optimism = Averages(rows, "optimism")
    yield (
        f"{title}, {search}, {budget} runs: the best single seed reports {optimism.interval(SINGLE):.2f} too much, the "
        f"best of {multi} {optimism.interval(multi):.2f}, the best of {split} {optimism.interval(split):.2f}. The "
        f"reported 95 % interval holds the truth in {percent(coverage(rows, multi))} (t interval, {multi}) and "
        f"{percent(coverage(rows, split))} ({split}, corrected for the choice)."
    )


def _adaptive(results: pd.DataFrame, source: str, search: str, title: str) -> Iterator[str]:
    rows = select(results, source, search, TARGET_BUDGET)
    if rows.empty:
        return
    regrets, runs = Averages(rows), Averages(rows, "runs")
    told = "; ".join(
        f"{rule} {regrets.interval(rule):.3f} with {runs.interval(rule).value:.0f} runs in all, difference "
        f"{regrets.difference(rule, _SAME_RESERVE):+.3f}"
        for rule in ADAPTIVE
    )
    yield (
        f"{title}, {search}, {TARGET_BUDGET} runs, regret of adaptive second stages against {_SAME_RESERVE} "
        f"({regrets.interval(_SAME_RESERVE):.3f}): {told}."
    )


def _several_seeds_and_judged(results: pd.DataFrame, source: str, base: str, title: str) -> Iterator[str]:
    split, multi = DECLARED[TARGET_BUDGET], "3 seeds a trial"
    names = (f"{base}: {split}", f"{base}: {multi}", f"{base}+seeds: {multi}, {split}")
    averages = _across(results, source, TARGET_BUDGET, names)
    if averages is not None:
        fixed, seeds, both = names
        gain, stage = averages.difference(both, fixed), averages.difference(both, seeds)
        yield (
            f"{title}, {base}, {TARGET_BUDGET} runs: regret of 3 seeds a trial and {split} fresh seeds "
            f"{averages.interval(both):.3f}, against {averages.interval(fixed):.3f} with single-seed trials "
            f"(difference {gain:+.3f}) and {averages.interval(seeds):.3f} without the second stage "
            f"(difference {stage:+.3f})."
        )


def _searches(results: pd.DataFrame, source: str, title: str) -> Iterator[str]:
    """Compare ways to search with tpe, at protocols that were named before."""
    for search in [name for name in results["search"].unique() if name != "tpe" and "+seeds" not in name]:
        budget = budget_of(select(results, source, search))
        told = []
        for protocol in (SINGLE, "3 seeds a trial", DECLARED.get(budget, "")):
            names = (f"{search}: {protocol}", f"tpe: {protocol}")
            averages = _across(results, source, budget, names)
            if averages is not None:
                mine, tpe = (averages.interval(name) for name in names)
                difference = averages.difference(*names)
                told.append(f"{protocol} {mine:.3f} against {tpe:.3f} (difference {difference:+.3f})")
        if told:
            yield f"{title}, regret of {search} against tpe, {budget} runs: {'; '.join(told)}."


def _across(results: pd.DataFrame, source: str, budget: int, names: Sequence[str]) -> Averages | None:
    """Return averages of protocols of different searches, named `search: protocol`; None where one has no rows."""
    rows = results[(results["source"] == source) & (results["budget"] == budget)]
    rows = rows.assign(protocol=rows["search"] + ": " + rows["protocol"])
    rows = rows[rows["protocol"].isin(names)]
    if set(rows["protocol"]) != set(names):
        return None
    averages = Averages(rows, protocols=names)
    return averages if averages.n_repetitions else None
