"""Tune reinforcement-learning hyperparameters, then find out which of the best trials were lucky.

The public names load their modules when first used: `import robusttune` loads neither torch nor optuna.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robusttune.declaration.study import StudySpec
    from robusttune.declaration.toml import load_matrix, load_studies, load_study
    from robusttune.pipeline import (
        check_study,
        evaluate_study,
        rank_study,
        report_study,
        run_study,
        tune_study,
    )
    from robusttune.pipeline.matrix import report_matrix
    from robusttune.pipeline.simulate import Simulation, simulate_study
    from robusttune.pipeline.status import study_status
    from robusttune.report.model import Ranking

_HOMES = {
    "Ranking": "robusttune.report.model",
    "Simulation": "robusttune.pipeline.simulate",
    "StudySpec": "robusttune.declaration.study",
    "load_matrix": "robusttune.declaration.toml",
    "load_study": "robusttune.declaration.toml",
    "load_studies": "robusttune.declaration.toml",
    "check_study": "robusttune.pipeline",
    "study_status": "robusttune.pipeline.status",
    "run_study": "robusttune.pipeline",
    "tune_study": "robusttune.pipeline",
    "evaluate_study": "robusttune.pipeline",
    "rank_study": "robusttune.pipeline",
    "report_study": "robusttune.pipeline",
    "report_matrix": "robusttune.pipeline.matrix",
    "simulate_study": "robusttune.pipeline.simulate",
}

__all__ = [
    "Ranking",
    "Simulation",
    "StudySpec",
    "check_study",
    "evaluate_study",
    "load_matrix",
    "load_studies",
    "load_study",
    "rank_study",
    "report_matrix",
    "report_study",
    "run_study",
    "simulate_study",
    "study_status",
    "tune_study",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(
            f"module 'robusttune' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}"
        )
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
