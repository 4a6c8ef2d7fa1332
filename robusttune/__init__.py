"""Tune reinforcement-learning hyperparameters, then find out which of the best trials were lucky.

A study is read from a file (`load_study`) or built in Python:

>>> import robusttune as rt
>>> study = rt.StudySpec(
...     name="pendulum",
...     training=rt.Sb3Training(
...         environment=rt.EnvironmentSpec(id="Pendulum-v1", n_envs=4),
...         algorithm=rt.AlgorithmSpec(name="ppo", total_timesteps=40_000),
...     ),
...     search_space=rt.SearchSpace(
...         parameters={
...             "learning_rate": rt.Float(low=1e-5, high=1e-2, scale="log"),
...             "n_steps": rt.Int(low=32, high=4096, scale="pow2"),
...             "activation_fn": rt.Categorical(choices=("tanh", "relu")),
...         }
...     ),
...     tuning=rt.TuningSpec(n_trials=40),
...     post_evaluation=rt.PostEvaluationSpec(top_k=3, n_seeds=10),
... )
>>> ranking = rt.run_study(study)  # doctest: +SKIP
>>> ranking.to_frame()  # doctest: +SKIP

`Sb3Training`, `FunctionTraining`, `CommandTraining`, `SyntheticTraining` and `TabularTraining` are what can be trained;
`tune` and `evaluate` take a function of your own and need no study. A part that breaks a rule raises
`pydantic.ValidationError`, a file `SpecError`; both are ValueErrors. `stats` has the statistics alone, for scores that
come from elsewhere: `rt.stats.analyse`.

The public names load their modules when first used: `import robusttune` loads neither torch nor optuna.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robusttune import stats as stats
    from robusttune.declaration.allocation import AllocationSpec as AllocationSpec
    from robusttune.declaration.cluster import ClusterSpec as ClusterSpec
    from robusttune.declaration.evaluation import EvaluationSpec as EvaluationSpec
    from robusttune.declaration.matrix import Matrix as Matrix
    from robusttune.declaration.matrix import MatrixReportSpec as MatrixReportSpec
    from robusttune.declaration.matrix import MatrixStudy as MatrixStudy
    from robusttune.declaration.matrix import ReferenceScores as ReferenceScores
    from robusttune.declaration.post_evaluation import Configuration as Configuration
    from robusttune.declaration.post_evaluation import Control as Control
    from robusttune.declaration.post_evaluation import PostEvaluationSpec as PostEvaluationSpec
    from robusttune.declaration.presets import preset as preset
    from robusttune.declaration.space import Categorical as Categorical
    from robusttune.declaration.space import Float as Float
    from robusttune.declaration.space import Int as Int
    from robusttune.declaration.space import SearchSpace as SearchSpace
    from robusttune.declaration.study import ExecutionSpec as ExecutionSpec
    from robusttune.declaration.study import StudySpec as StudySpec
    from robusttune.declaration.toml import load_matrix as load_matrix
    from robusttune.declaration.toml import load_studies as load_studies
    from robusttune.declaration.toml import load_study as load_study
    from robusttune.declaration.training.command import CommandScore as CommandScore
    from robusttune.declaration.training.command import CommandTraining as CommandTraining
    from robusttune.declaration.training.environment import Atari as Atari
    from robusttune.declaration.training.environment import EnvironmentSpec as EnvironmentSpec
    from robusttune.declaration.training.environment import Normalization as Normalization
    from robusttune.declaration.training.environment import Wrapper as Wrapper
    from robusttune.declaration.training.function import FunctionTraining as FunctionTraining
    from robusttune.declaration.training.sb3 import AlgorithmSpec as AlgorithmSpec
    from robusttune.declaration.training.sb3 import Sb3Training as Sb3Training
    from robusttune.declaration.training.synthetic import Effect as Effect
    from robusttune.declaration.training.synthetic import SyntheticTraining as SyntheticTraining
    from robusttune.declaration.training.tabular import TabularTraining as TabularTraining
    from robusttune.declaration.tuning import TuningSpec as TuningSpec
    from robusttune.errors import MissingDependencyError as MissingDependencyError
    from robusttune.errors import NoResultsError as NoResultsError
    from robusttune.errors import RobusttuneError as RobusttuneError
    from robusttune.errors import SpecError as SpecError
    from robusttune.errors import StudyError as StudyError
    from robusttune.execution.progress import Reporter as Reporter
    from robusttune.execution.progress import SilentReporter as SilentReporter
    from robusttune.interop.compare import compare as compare
    from robusttune.interop.exports import export as export
    from robusttune.interop.imports import import_optuna as import_optuna
    from robusttune.interop.imports import import_rl_zoo as import_rl_zoo
    from robusttune.interop.study_file import Setting as Setting
    from robusttune.pipeline import check_study as check_study
    from robusttune.pipeline import evaluate_study as evaluate_study
    from robusttune.pipeline import rank_study as rank_study
    from robusttune.pipeline import report_study as report_study
    from robusttune.pipeline import run_study as run_study
    from robusttune.pipeline import tune_study as tune_study
    from robusttune.pipeline.doctor import check_installation as check_installation
    from robusttune.pipeline.functions import evaluate as evaluate
    from robusttune.pipeline.functions import tune as tune
    from robusttune.pipeline.matrix import report_matrix as report_matrix
    from robusttune.pipeline.null import null_study as null_study
    from robusttune.pipeline.planning.required_seeds import seeds_from_figures as seeds_from_figures
    from robusttune.pipeline.planning.required_seeds import seeds_from_pilot as seeds_from_pilot
    from robusttune.pipeline.planning.study_file import write_study_file as write_study_file
    from robusttune.pipeline.policies import load_policy as load_policy
    from robusttune.pipeline.policies import play_study as play_study
    from robusttune.pipeline.reproduce import Reproduction as Reproduction
    from robusttune.pipeline.reproduce import reproduce_study as reproduce_study
    from robusttune.pipeline.simulate import Simulation as Simulation
    from robusttune.pipeline.simulate import simulate_study as simulate_study
    from robusttune.pipeline.status import study_status as study_status
    from robusttune.report.matrix.result import MatrixReport as MatrixReport
    from robusttune.report.model import Ranking as Ranking

# Module → names, as imported above.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "declaration.allocation": ("AllocationSpec",),
    "declaration.cluster": ("ClusterSpec",),
    "declaration.evaluation": ("EvaluationSpec",),
    "declaration.matrix": ("Matrix", "MatrixReportSpec", "MatrixStudy", "ReferenceScores"),
    "declaration.post_evaluation": ("Configuration", "Control", "PostEvaluationSpec"),
    "declaration.presets": ("preset",),
    "declaration.space": ("Categorical", "Float", "Int", "SearchSpace"),
    "declaration.study": ("ExecutionSpec", "StudySpec"),
    "declaration.toml": ("load_matrix", "load_studies", "load_study"),
    "declaration.training.command": ("CommandScore", "CommandTraining"),
    "declaration.training.environment": ("Atari", "EnvironmentSpec", "Normalization", "Wrapper"),
    "declaration.training.function": ("FunctionTraining",),
    "declaration.training.sb3": ("AlgorithmSpec", "Sb3Training"),
    "declaration.training.synthetic": ("Effect", "SyntheticTraining"),
    "declaration.training.tabular": ("TabularTraining",),
    "declaration.tuning": ("TuningSpec",),
    "errors": ("MissingDependencyError", "NoResultsError", "RobusttuneError", "SpecError", "StudyError"),
    "execution.progress": ("Reporter", "SilentReporter"),
    "interop.compare": ("compare",),
    "interop.exports": ("export",),
    "interop.imports": ("import_optuna", "import_rl_zoo"),
    "interop.study_file": ("Setting",),
    "pipeline": ("check_study", "evaluate_study", "rank_study", "report_study", "run_study", "tune_study"),
    "pipeline.doctor": ("check_installation",),
    "pipeline.functions": ("evaluate", "tune"),
    "pipeline.matrix": ("report_matrix",),
    "pipeline.null": ("null_study",),
    "pipeline.planning.required_seeds": ("seeds_from_figures", "seeds_from_pilot"),
    "pipeline.planning.study_file": ("write_study_file",),
    "pipeline.policies": ("load_policy", "play_study"),
    "pipeline.reproduce": ("Reproduction", "reproduce_study"),
    "pipeline.simulate": ("Simulation", "simulate_study"),
    "pipeline.status": ("study_status",),
    "report.matrix.result": ("MatrixReport",),
    "report.model": ("Ranking",),
}
_HOMES = {name: f"robusttune.{module}" for module, names in _NAMES.items() for name in names}

__all__ = sorted([*_HOMES, "stats"])


def __getattr__(name: str) -> Any:
    if name == "stats":
        return importlib.import_module("robusttune.stats")
    if name not in _HOMES:
        raise AttributeError(f"module 'robusttune' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
