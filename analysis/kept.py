"""What the experiments keep in the repository, read back; `experiments/kept.py` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

NOISE_TABLES = "experiments/noise_table/*.parquet"
"""Every configuration of a space on many seeds; the study of each is the TOML file beside it."""


class NothingKeptError(Exception):
    """Nothing has been kept yet that an analysis could read; says what would make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where analyses read.

    Attributes
    ----------
    root : Path
        The repository.
    results : Path
        Folder of the quickstart study's folder, in which its database is.
    """

    root: Path
    results: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStudy:
    """One study of an experiment.

    Attributes
    ----------
    name : str
    folder : Path
    ranking : DataFrame
        A row per configuration that was evaluated on fresh seeds, best first.
    """

    name: str
    folder: Path
    ranking: pd.DataFrame

    @property
    def trials(self) -> pd.DataFrame:
        """Those of the ranking that its search proposed."""
        return self.ranking[self.ranking["tuning_score"].notna() & self.ranking["proposed_by"].notna()]

    @property
    def published(self) -> pd.DataFrame:
        """Those of the ranking whose score comes from elsewhere, not from its search."""
        return self.ranking[self.ranking["tuning_score"].notna() & self.ranking["proposed_by"].isna()]

    @property
    def recommended(self) -> str:
        """The first of the best set, as its report recommends it."""
        return str(self.ranking[self.ranking["in_best_set"]]["configuration"].iloc[0])

    @property
    def champion(self) -> pd.Series[Any]:
        """The row of the trial with the highest tuning score."""
        return self.trials.sort_values("tuning_score", ascending=False, kind="stable").iloc[0]

    def results(self) -> dict[str, Any] | None:
        """Return the settled study and what its analysis found; None if it was kept before these were."""
        path = self.folder / "results.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def fresh_scores(self) -> dict[str, list[float]]:
        """Return the scores over post-evaluation seeds, by configuration; nothing if its runs were not kept."""
        path = self.folder / "runs.csv"
        if not path.exists():
            return {}
        runs = pd.read_csv(path)
        fresh = runs[(runs["purpose"] == "post-evaluation") & runs["score"].notna()]
        return {str(name): own["score"].tolist() for name, own in fresh.groupby("configuration", sort=False)}


def kept_studies(root: Path) -> Iterator[KeptStudy]:
    """Yield the studies whose ranking is kept, by their folders."""
    for path in sorted(root.glob("experiments/**/ranking.csv")):
        yield KeptStudy(name=path.parent.name, folder=path.parent, ranking=pd.read_csv(path))
