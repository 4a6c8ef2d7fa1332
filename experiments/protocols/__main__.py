"""Run the protocol study, or what is missing of it: `python -m experiments.protocols`.

One unit is one landscape, sampler and group of budgets, with all its repetitions and protocols. Its cells are rows of
`results.csv`; whatever is stored there is not run again. About an hour on one core.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.protocols.judge import Judge, Outcome
from experiments.protocols.landscapes import Declared, FloatArray
from experiments.protocols.protocols import BUDGETS, KINDS, protocols
from experiments.protocols.searches import Searches, search_declared, search_nearest, search_rows
from experiments.protocols.shapes import declared
from experiments.protocols.tables import Table, arlbench, own

RESULTS = Path(__file__).with_name("results.csv")
KEY = ["source", "landscape", "sampler", "budgets"]
SAMPLERS = ("tpe", "random")
LARGE = "480"
GROUPS = {"60-240": (60, 120, 240), LARGE: (480,)}
WITHOUT_MODEL = "ARLBench"
"""Random search of its rows is judged without a model: all that a model does there is shown on our own tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What one process does at a time."""

    source: str
    landscape: str
    sampler: str
    budgets: str
    n_searches: int


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", nargs="+", default=["own tables", "ARLBench", "declared"])
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--budgets", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--searches", type=int, default=200, help="repetitions of each cell")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    stored = [pd.read_csv(options.results)] if options.results.exists() else []
    done = {tuple(row) for frame in stored for row in frame[KEY].drop_duplicates().to_numpy().tolist()}
    asked = [
        Unit(
            source=source,
            landscape=landscape.name,
            sampler=sampler,
            budgets=budgets,
            n_searches=options.searches,
        )
        for budgets in options.budgets
        for sampler in options.samplers
        for source, landscape in _landscapes(options.sources)
        if _can_search(landscape, sampler, budgets)
    ]
    missing = [unit for unit in asked if tuple(getattr(unit, name) for name in KEY) not in done]
    with ProcessPoolExecutor(options.workers) as pool:
        for n_done, future in enumerate(as_completed([pool.submit(run, unit) for unit in missing]), start=1):
            stored = [_write([*stored, future.result()], options.results)]
            sys.stdout.write(f"{n_done}/{len(missing)} units\n")
            sys.stdout.flush()


def run(unit: Unit) -> pd.DataFrame:
    """Return the rows of one unit."""
    known = {(source, landscape.name): landscape for source, landscape in _landscapes([unit.source])}
    landscape = known[unit.source, unit.landscape]
    seed = zlib.crc32(f"{unit.landscape} {unit.sampler}".encode())
    searches = {
        kind: _search(landscape, unit, kind, np.random.default_rng([seed, place]))
        for place, kind in enumerate(KINDS)
        if kind in _kinds(landscape, unit)
    }
    judge = Judge(searches, seed)
    rows = []
    for budget in _within(landscape, unit.sampler, unit.budgets):
        comparator = judge.outcome(next(protocols(budget)), budget)
        for protocol in protocols(budget):
            if protocol.kind in searches and not (protocol.needs_model and unit.source == WITHOUT_MODEL):
                outcome = judge.outcome(protocol, budget)
                cell = {
                    "budget": budget,
                    "protocol": protocol.name,
                    "k": protocol.k,
                    "second_stage": protocol.runs,
                    **_cell(outcome, comparator.regret),
                }
                rows.append({**{name: getattr(unit, name) for name in KEY}, **cell})
    return pd.DataFrame(rows)


def _kinds(landscape: Declared | Table, unit: Unit) -> set[str]:
    kinds = {one.kind for budget in GROUPS[unit.budgets] for one in protocols(budget)}
    draws_rows = isinstance(landscape, Table) and unit.sampler == "random"
    return {kind for kind in kinds if not (draws_rows and kind.endswith("incumbents"))}


def _within(landscape: Declared | Table, sampler: str, group: str) -> list[int]:
    """Return the budgets of a group that a landscape has configurations for."""
    most = len(landscape.scores) if isinstance(landscape, Table) and sampler == "random" else max(BUDGETS)
    return [budget for budget in GROUPS[group] if budget <= most]


def _can_search(landscape: Declared | Table, sampler: str, group: str) -> bool:
    if sampler == "tpe" and isinstance(landscape, Table) and not landscape.fills_its_space:
        return False
    if sampler == "random" and group == LARGE:  # hardly a table has so many rows
        return False
    return bool(_within(landscape, sampler, group))


def _search(landscape: Declared | Table, unit: Unit, kind: str, rng: np.random.Generator) -> Searches:
    most = max(_within(landscape, unit.sampler, unit.budgets))
    n_searches = unit.n_searches
    if isinstance(landscape, Declared):
        return search_declared(
            landscape, unit.sampler, n_searches=n_searches, n_runs=most, kind=kind, rng=rng
        )
    if unit.sampler == "tpe":
        return search_nearest(landscape, n_searches=n_searches, n_runs=most, kind=kind, rng=rng)
    return search_rows(landscape, n_searches=n_searches, n_runs=most, n_seeds=int(kind[0]), rng=rng)


def _cell(outcome: Outcome, comparator: FloatArray) -> Mapping[str, float]:
    """Return means over searches, with standard errors, and the paired difference to the comparator."""
    difference = outcome.regret - comparator
    n = len(difference)
    intervals = {}
    for name, (covered, width) in outcome.intervals.items():
        intervals[f"covered: {name}"], intervals[f"width: {name}"] = covered.mean(), width.mean()
    return {
        "n": n,
        "regret": outcome.regret.mean(),
        "regret_se": outcome.regret.std(ddof=1) / np.sqrt(n),
        "difference": difference.mean(),
        "difference_se": difference.std(ddof=1) / np.sqrt(n),
        "optimism": outcome.optimism.mean(),
        "runs": outcome.runs.mean(),
        **intervals,
    }


def _landscapes(sources: Sequence[str]) -> Iterator[tuple[str, Declared | Table]]:
    makers: Mapping[str, Callable[[], Iterable[Declared | Table]]]
    makers = {"own tables": own, "ARLBench": arlbench, "declared": declared}
    for source in sources:
        for landscape in makers[source]():
            yield source, landscape


def _write(frames: Sequence[pd.DataFrame], path: Path) -> pd.DataFrame:
    """Write all rows to a file that is whole at every moment; return them."""
    table = pd.concat(frames, ignore_index=True).sort_values(
        [*KEY, "budget"], ignore_index=True, kind="stable"
    )
    partial = path.with_suffix(".partial")
    table.to_csv(partial, index=False, float_format="%.4g")
    partial.replace(path)
    return table


if __name__ == "__main__":
    main()
