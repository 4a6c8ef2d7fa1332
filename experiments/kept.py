"""What is kept of an experiment's studies beside its page, small enough for a repository; `analysis` reads it.

For each study: `ranking.csv`, `runs.csv` and its figure, as its report has them; `trials.csv`, a line per trial of the
search; `results.json`, the settled study and what was found that is no line of a table. For a matrix, `rankings.csv`
and `matrix.csv` of the report across studies.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from robusttune.declaration.files import whole_file
from robusttune.report.model import Ranking
from robusttune.report.output import to_csv
from robusttune.report.tables import to_document

FIGURE = "tuning_vs_post_evaluation.png"
RESULTS_JSON = "results.json"
TRIALS = "trials.csv"
_OF_STUDY = ("ranking.csv", "runs.csv", FIGURE)
_OF_MATRIX = ("rankings.csv", "matrix.csv")
_FOUND = (
    "recommended", "best_set", "winner_is_clear", "champion", "confirmed", "mean_luck", "reliability",
    "best_set_reliability", "tuning_agreement", "noise", "plan", "statistic", "method", "level",
)  # fmt: skip
"""Parts of a study's analysis that are about no single configuration or pair."""


def keep_study(ranking: Ranking, effort: Mapping[str, Any], *, report: Path, folder: Path) -> None:
    """Keep what came of a study, whose report is in a folder of the results, in a folder of the experiment."""
    folder.mkdir(exist_ok=True)
    _copy(_OF_STUDY, report, folder)
    document = to_document(ranking)
    found = {key: document["analysis"][key] for key in _FOUND}
    results = {"study": document["study"], "effort": dict(effort), **found, "advice": document["advice"]}
    _write(folder / RESULTS_JSON, json.dumps(results, indent=1, allow_nan=False) + "\n")
    if ranking.trials:
        _write(folder / TRIALS, to_csv(trials_frame(ranking)))


def keep_matrix(*, report: Path, folder: Path) -> None:
    """Keep the tables across the studies of an experiment."""
    _copy(_OF_MATRIX, report, folder)


def trials_frame(ranking: Ranking) -> pd.DataFrame:
    """Return a line per trial: how it ended, its objective value, its hyperparameters."""
    return pd.DataFrame(
        {
            "trial": trial.number,
            "state": trial.state.value,
            "objective_value": trial.objective_value,
            "n_runs": len(trial.run_ids),
            "n_diverged": trial.n_diverged,
            "config_id": trial.config_id,
            **{f"hyperparameter_{name}": value for name, value in trial.hyperparameters.items()},
        }
        for trial in ranking.trials
    )


def _copy(names: tuple[str, ...], source: Path, target: Path) -> None:
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # a study without tuning scores has no figure of them
            shutil.copyfile(source / name, target / name)


def _write(path: Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
