"""What `import robusttune` offers: all that a study in Python needs, and nothing heavy before it is used."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import robusttune as rt
from robusttune.declaration.training import kinds


def imported_for_type_checkers() -> dict[str, str]:
    """Return name → module of the imports that are there for type checkers."""
    tree = ast.parse(Path(str(rt.__file__)).read_text(encoding="utf-8"))
    return {
        alias.name: str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("robusttune.")
        for alias in node.names
    }


def test_type_checkers_and_python_find_the_same_names_in_the_same_modules() -> None:
    known = imported_for_type_checkers()
    assert {*known, "stats"} == set(rt.__all__)
    for name, module in known.items():
        assert getattr(rt, name) is getattr(importlib.import_module(module), name)
    assert rt.stats.analyse.__module__.startswith("robusttune.stats.")


def test_an_unknown_name_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tuned'; it has AlgorithmSpec"):
        rt.tuned  # noqa: B018


def parts(kind: type) -> set[type]:
    """Return the types of our own that a declaration is made of, found from its fields."""
    found: set[type] = set()
    hints = [typing.get_type_hints(kind)[field.name] for field in dataclasses.fields(kind)]
    while hints:
        hint = hints.pop()
        hints += typing.get_args(hint)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint not in found:
            found |= {hint, *parts(hint)}
    return found


def test_every_part_of_a_study_is_public() -> None:
    needed = {rt.StudySpec, rt.Matrix, *parts(rt.StudySpec), *parts(rt.Matrix), *kinds().values()}
    assert len(needed) > 15
    assert {kind.__name__ for kind in needed} <= set(rt.__all__)


def test_a_study_that_is_built_from_public_names_runs_and_gives_a_frame(tmp_path: Path) -> None:
    study = rt.StudySpec(
        name="built",
        training=rt.SyntheticTraining(sd=2.0, effects={"rate": rt.Effect(best=1e-3, drop=5.0, scale="log")}),
        search_space=rt.SearchSpace(parameters={"rate": rt.Float(low=1e-5, high=1e-1, scale="log")}),
        tuning=rt.TuningSpec(n_trials=6, sampler="random"),
        post_evaluation=rt.PostEvaluationSpec(
            top_k=2,
            allocation=rt.AllocationSpec(rule="fixed"),
            n_seeds=4,
            default_control=False,
            controls=(rt.Control(name="paper", hyperparameters={"rate": 1e-3}),),
        ),
    )
    frame = rt.run_study(study, out=tmp_path).to_frame()
    assert set(frame["configuration"]) > {"paper"}
    assert frame["n_seeds"].tolist() == [4, 4, 4]
    assert rt.rank_study(study, out=tmp_path).to_frame().equals(frame)


def test_a_part_that_breaks_a_rule_is_a_value_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="n_trails"):
        rt.TuningSpec(n_trails=4)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"one of n_trials and timeout_s is needed"):
        rt.TuningSpec()


def test_the_example_of_the_package_builds_its_study() -> None:
    assert doctest.testmod(rt).attempted > 1
    assert doctest.testmod(rt).failed == 0


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {
        "torch",
        "optuna",
        "gymnasium",
        "stable_baselines3",
        "numpy",
        "scipy",
        "pandas",
        "pydantic",
        "rich",
    }
    code = f"import sys, robusttune; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
