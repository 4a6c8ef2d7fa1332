"""Run the protocol study, or what is missing of it: `python -m experiments.protocols`.

One unit is one landscape, one way to search and one repetition; all budgets and second stages share its searches. The
results are rows of `results.parquet`; whatever is stored there is not run again.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.protocols.landscapes import Landscape, synthetic
from experiments.protocols.protocols import BUDGETS, SEEDS_PER_TRIAL, outcome, protocols, search
from experiments.protocols.tables import arlbench, own
from robusttune.errors import MissingDependencyError

RESULTS = Path(__file__).with_name("results.parquet")
WRITE_EVERY = 10
SOURCES: Mapping[str, Callable[[], list[Landscape]]] = {
    "synthetic": synthetic,
    "own": functools.partial(own, interpolated=False),
    "own-smooth": functools.partial(own, interpolated=True),
    "arlbench": functools.partial(arlbench, interpolated=False),
    "arlbench-smooth": functools.partial(arlbench, interpolated=True),
}
KEY = ["source", "landscape", "search", "repetition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to search.

    Attributes
    ----------
    tuning : mapping
        Sampler and pruner.
    largest_budget : int
        A Gaussian process is too slow for the largest budgets; a search with a pruner has several times the trials.
    seeds_per_trial : tuple of int
        One search each.
    second_stage : tuple of int
        Those of them whose best trials are post-evaluated too.
    """

    tuning: Mapping[str, Any]
    largest_budget: int = max(BUDGETS)
    seeds_per_trial: tuple[int, ...] = SEEDS_PER_TRIAL
    second_stage: tuple[int, ...] = (1,)


WAYS: Mapping[str, Way] = {
    "random": Way(tuning={"sampler": "random"}),
    "tpe": Way(tuning={"sampler": "tpe"}),
    "gp": Way(tuning={"sampler": "gp"}, largest_budget=120),
    "random+seeds": Way(
        tuning={"sampler": "random"}, largest_budget=240, seeds_per_trial=(2, 3), second_stage=(2, 3)
    ),
    "tpe+seeds": Way(
        tuning={"sampler": "tpe"}, largest_budget=240, seeds_per_trial=(2, 3), second_stage=(2, 3)
    ),
    "heteroscedastic-gp": Way(tuning={"sampler": "heteroscedastic-gp"}, largest_budget=120),
    "tpe+incumbents": Way(
        tuning={"sampler": "tpe", "incumbent_seeds": 5}, largest_budget=240, seeds_per_trial=(1,)
    ),
    "tpe+median": Way(
        tuning={"sampler": "tpe", "pruner": "median"}, largest_budget=120, seeds_per_trial=(1,)
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What one process does at a time."""

    source: str
    landscape: str
    way: str
    repetition: int


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", nargs="+", choices=list(SOURCES), default=list(SOURCES))
    parser.add_argument("--searches", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    stored = [pd.read_parquet(options.results)] if options.results.exists() else []
    searches = [name for name in options.searches if _can_search(name)]
    done = {tuple(row) for frame in stored for row in frame[KEY].drop_duplicates().to_numpy().tolist()}
    missing = [
        unit
        for unit in _units(options.sources, searches, options.repetitions)
        if (unit.source, unit.landscape, unit.way, unit.repetition) not in done
    ]
    with ProcessPoolExecutor(options.workers) as pool:
        futures = [pool.submit(run, unit) for unit in missing]
        try:
            for n_done, future in enumerate(as_completed(futures), start=1):
                stored.append(future.result())
                if n_done % WRITE_EVERY == 0 or n_done == len(futures):
                    stored = [_write(stored, options.results)]
                    sys.stdout.write(f"{n_done}/{len(futures)} units\n")
                    sys.stdout.flush()
        except BaseException:  # what is done must not be lost, and what is not must not begin
            pool.shutdown(wait=False, cancel_futures=True)
            if stored:
                _write(stored, options.results)
            raise


def run(unit: Unit) -> pd.DataFrame:
    """Return the rows of one unit."""
    return pd.DataFrame(_rows(unit)).astype({"covered": "boolean", "width": "float64"})


def _rows(unit: Unit) -> Iterator[dict[str, Any]]:
    landscape, way = _landscape(unit.source, unit.landscape), WAYS[unit.way]
    largest = min(way.largest_budget, landscape.largest_budget or max(BUDGETS))
    budgets = [budget for budget in BUDGETS if budget <= largest]
    for n_seeds in way.seeds_per_trial:
        tuning = {**way.tuning, "seeds_per_trial": n_seeds}
        found = search(landscape, tuning=tuning, budget=budgets[-1], root_seed=unit.repetition)
        for budget in budgets:
            for protocol in protocols(budget, n_seeds, with_second_stage=n_seeds in way.second_stage):
                yield {
                    "source": unit.source,
                    "landscape": unit.landscape,
                    "search": unit.way,
                    "repetition": unit.repetition,
                    "budget": budget,
                    "protocol": protocol.name,
                    **asdict(outcome(found, protocol, budget)),
                }


def _can_search(name: str) -> bool:
    """Whether a sampler is there; OptunaHub's cannot be had everywhere."""
    try:
        search(synthetic()[0], tuning=WAYS[name].tuning, budget=2, root_seed=0)
    except MissingDependencyError as error:
        sys.stdout.write(f"{name} is left out: {error}\n")
        return False
    return True


def _units(sources: Sequence[str], ways: Sequence[str], n_repetitions: int) -> Iterator[Unit]:
    """Yield a repetition of everything, then the next: cut off anywhere, the study is balanced."""
    known = [(source, landscape) for source in sources for landscape in _of(source)]
    for repetition, way, (source, landscape) in itertools.product(range(n_repetitions), ways, known):
        has_curves, has_model = landscape.n_evaluations > 1, not way.startswith("random")
        if (has_curves or "pruner" not in WAYS[way].tuning) and (landscape.is_searchable or not has_model):
            yield Unit(source=source, landscape=landscape.name, way=way, repetition=repetition)


@functools.cache
def _of(source: str) -> tuple[Landscape, ...]:
    return tuple(SOURCES[source]())


def _landscape(source: str, name: str) -> Landscape:
    return next(landscape for landscape in _of(source) if landscape.name == name)


def _write(frames: Sequence[pd.DataFrame], path: Path) -> pd.DataFrame:
    """Write all rows to a file that is whole at every moment; return them."""
    table = pd.concat(frames, ignore_index=True).sort_values(
        [*KEY, "budget", "protocol"], ignore_index=True, kind="stable"
    )
    for column in ("runs", "regret", "optimism", "width"):
        table[column] = table[column].astype("float32")
    partial = path.with_suffix(".partial")
    table.to_parquet(partial, compression="zstd", index=False)
    partial.replace(path)
    return table


if __name__ == "__main__":
    main()
