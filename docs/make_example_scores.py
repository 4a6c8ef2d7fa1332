"""Write examples/scores.csv, a table to try `robusttune compare` on: the tutorial's ten best trials on fresh seeds.

Run from the root: `python -m docs.make_example_scores`. A test compares the file with what this makes.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "experiments" / "tutorial"
TARGET = ROOT / "examples" / "scores.csv"


def render() -> str:
    """Return the table: a row per fresh seed, and what the search saw of its configuration, if it did."""
    runs = pd.read_csv(SOURCE / "runs.csv")
    ranking = pd.read_csv(SOURCE / "ranking.csv").set_index("configuration")
    fresh = runs[runs["purpose"] == "post-evaluation"].round({"score": 1})
    searched = ranking.loc[ranking["proposed_by"].notna(), "tuning_score"].round(1)
    fresh = fresh.assign(tuning_score=fresh["configuration"].map(searched))
    columns = ["configuration", "seed", "score", "tuning_score"]
    return str(fresh[columns].to_csv(index=False))


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
