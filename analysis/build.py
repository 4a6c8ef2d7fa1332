"""Make the tables and figures of the paper: `python -m analysis.build [NAME…]`; without a name, all of them.

Nothing is typed by hand: every module reads what is committed, and has the same functions:
`load`, `table` and `figure`, some also `page`. Tables and figures go to `analysis/out/`; what the documentation shows
is written there, too. analysis/README.md says which module makes what.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType

from analysis import (
    algorithms_over_environments,
    calibration,
    lucky_vs_consistent,
    protocols,
    quickstart,
    search_budget,
    search_space,
    seeds_and_pruner,
    seeds_needed,
    trainers,
)
from analysis.kept import NothingKeptError, Places
from analysis.output import write_pages, write_paper

ROOT = Path(__file__).resolve().parents[1]
MODULES: Mapping[str, ModuleType] = MappingProxyType(
    {
        module.__name__.rpartition(".")[2]: module
        for module in (
            quickstart,
            lucky_vs_consistent,
            protocols,
            search_budget,
            seeds_and_pruner,
            seeds_needed,
            search_space,
            algorithms_over_environments,
            calibration,
            trainers,
        )
    }
)


def build(names: Sequence[str], places: Places, *, out: Path, pages: Path) -> Iterator[str]:
    """Make what some modules make; yield a line for each file, and for each module that has nothing to read yet.

    Parameters
    ----------
    names : sequence of str
        Of `MODULES`.
    places : Places
        Where they read.
    out : Path
        Folder of the paper's tables and figures.
    pages : Path
        Below it, pages of the documentation are written.
    """
    for name in names:
        module = MODULES[name]
        try:
            data = module.load(places)
        except NothingKeptError as missing:
            yield f"{name}: nothing made, for {missing}"
            continue
        written = write_paper(module.table(data), module.figure(data), out)
        if hasattr(module, "page"):
            written += write_pages(module.page(data), pages)
        yield from (f"{name}: {_short(path, pages)}" for path in written)


def _short(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def main() -> None:
    """Build what is named, or everything."""
    parser = argparse.ArgumentParser(description="Make the tables and figures of the paper.")
    parser.add_argument("names", nargs="*", choices=[[], *MODULES], metavar="NAME", help=", ".join(MODULES))
    parser.add_argument(
        "--results",
        type=Path,
        default=ROOT / quickstart.KEPT,
        help="folder that holds the folder of the quickstart study; `results` after make demo (default: what is kept)",
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "analysis" / "out", help="folder of tables and figures"
    )
    arguments = parser.parse_args()
    places = Places(root=ROOT, results=arguments.results)
    for line in build(arguments.names or list(MODULES), places, out=arguments.out, pages=ROOT):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
