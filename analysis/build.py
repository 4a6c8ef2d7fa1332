"""Make the figures and tables of papers and documentation from stored results: `python -m analysis.build NAME`.

Nothing is typed by hand: each function reads a results database and writes its files.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from analysis import lucky_vs_consistent, protocols_page, search_budget
from robusttune import load_study, rank_study
from robusttune.report.figures import luck
from robusttune.report.write import to_markdown

ROOT = Path(__file__).resolve().parents[1]


def quickstart(results: Path) -> tuple[Path, ...]:
    """Write the README's picture and its ranking, from the quickstart study (`make demo`)."""
    path = "experiments/quickstart/ppo_pendulum.toml"
    ranking = rank_study(load_study(ROOT / path), out=results, command=f"robusttune run {path}")
    picture, table = ROOT / "docs" / "images" / "quickstart.png", ROOT / "docs" / "quickstart.md"
    luck.draw(ranking).savefig(picture, dpi=130, bbox_inches="tight")
    table.write_text(to_markdown(ranking), encoding="utf-8")
    kept = ROOT / "experiments" / "quickstart" / "ranking.csv"
    ranking.to_frame().to_csv(kept, index=False)
    return picture, table, kept


def protocols(results: Path) -> tuple[Path, ...]:
    """Write what the protocol study found, and the advice that follows, from its committed results."""
    return protocols_page.write(pd.read_csv(ROOT / "experiments" / "protocols" / "results.csv"), ROOT)


def real_searches(results: Path) -> tuple[Path, ...]:
    """Write what searches with real training found, from their committed results."""
    return search_budget.write(pd.read_csv(ROOT / search_budget.ROWS), ROOT)


def lucky_and_consistent(results: Path) -> tuple[Path, ...]:
    """Write how lucky the trials of the kept experiments were (`python -m experiments.run`)."""
    return lucky_vs_consistent.write(ROOT)


TARGETS: Mapping[str, Callable[[Path], tuple[Path, ...]]] = {
    "quickstart": quickstart,
    "protocols": protocols,
    "search_budget": real_searches,
    "lucky_vs_consistent": lucky_and_consistent,
}


def main() -> None:
    """Build one target."""
    parser = argparse.ArgumentParser(description="Make figures and tables from stored results.")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument(
        "--results", type=Path, default=ROOT / "results", help="folder that holds a folder per study"
    )
    arguments = parser.parse_args()
    for path in TARGETS[arguments.target](arguments.results):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
