"""Write docs/python-api.md, the public names with their docstrings, from the source.

Run from the root: `python -m docs.make_python_api`. A test compares the file with what this makes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from numpydoc.docscrape import NumpyDocString

import robusttune
from robusttune import stats

TARGET = Path(__file__).with_name("python-api.md")

_HEAD = """# Python

`run_study` carries out a study that `load_study` read or that Python built, `tune` and `evaluate` take a function
of your own, and `compare` ranks scores that exist already; each returns a `Ranking`. Errors for people are
`RobusttuneError`; a part of a study that breaks a rule raises `pydantic.ValidationError`, and both are ValueErrors
where a value is at fault. Importing the package loads neither torch nor optuna: names load their modules when first
used.

What study files may say is the same as what these types may: [study-files.md](study-files.md). Runnable examples:
[recipes.md](recipes.md). This page is generated from the docstrings by `python -m docs.make_python_api`.
"""

_DECLARED = "Declare a study"  # plain data: what else these types have is for the library
_GROUPS: tuple[tuple[str, str, Sequence[str]], ...] = (
    (
        "Run a study",
        "A command of the command line is one of these calls.",
        [
            "load_study",
            "load_studies",
            "load_matrix",
            "run_study",
            "check_study",
            "tune_study",
            "evaluate_study",
            "rank_study",
            "report_study",
            "report_matrix",
            "study_status",
            "Ranking",
            "MatrixReport",
            "Reporter",
            "SilentReporter",
        ],
    ),
    (
        "Functions and scores of your own",
        "No study file is needed.",
        ["tune", "evaluate", "compare"],
    ),
    (
        "Plan, simulate, repeat",
        "Before a study, and after it.",
        [
            "write_study_file",
            "seeds_from_figures",
            "seeds_from_pilot",
            "simulate_study",
            "Simulation",
            "null_study",
            "reproduce_study",
            "Reproduction",
            "load_policy",
            "play_study",
            "check_installation",
        ],
    ),
    (
        "To and from other tools",
        "See [import.md](import.md).",
        ["import_optuna", "import_rl_zoo", "Setting", "export"],
    ),
    (
        _DECLARED,
        "The tables of a study file as frozen types, checked when they are made.",
        [
            "StudySpec",
            "Sb3Training",
            "EnvironmentSpec",
            "AlgorithmSpec",
            "Atari",
            "Normalization",
            "Wrapper",
            "FunctionTraining",
            "CommandTraining",
            "CommandScore",
            "SyntheticTraining",
            "Effect",
            "TabularTraining",
            "SearchSpace",
            "Float",
            "Int",
            "Categorical",
            "preset",
            "TuningSpec",
            "EvaluationSpec",
            "PostEvaluationSpec",
            "AllocationSpec",
            "Configuration",
            "Control",
            "ExecutionSpec",
            "ClusterSpec",
            "Matrix",
            "MatrixStudy",
            "MatrixReportSpec",
            "ReferenceScores",
        ],
    ),
    (
        "Errors",
        "Each message has the rule, the value and the way out.",
        ["RobusttuneError", "SpecError", "StudyError", "NoResultsError", "MissingDependencyError"],
    ),
)


def render() -> str:
    """Return the page.

    Raises
    ------
    ValueError
        If the groups above leave out a public name, or have one that is none.
    """
    grouped = [name for _, _, names in _GROUPS for name in names]
    if sorted(grouped) != sorted(set(robusttune.__all__) - {"stats"}):
        raise ValueError(f"Group these names: {sorted(set(robusttune.__all__) ^ set(grouped))}.")
    parts = [_HEAD]
    for title, about, names in _GROUPS:
        own = title != _DECLARED
        parts.append(f"## {title}\n\n{about}\n")
        parts += [_entry(getattr(robusttune, name), name, members=own) for name in names]
    parts.append(f"## `robusttune.stats`\n\n{_text(inspect.getdoc(stats) or '')}\n")
    parts += [
        _entry(value, f"stats.{name}") for name in stats.__all__ if callable(value := getattr(stats, name))
    ]
    return "\n".join(parts)


def _entry(value: Any, name: str, *, members: bool = True) -> str:
    """Return the section of one name."""
    doc = NumpyDocString(inspect.getdoc(value) or "")
    parts = [f"### `{name}`\n"]
    if not (_is_error(value) or getattr(value, "_is_protocol", False)):
        parts.append(f"```python\n{_signature(value, name)}\n```\n")
    parts += [_text("\n".join(doc["Summary"])) + "\n", _text("\n".join(doc["Extended Summary"])) + "\n"]
    for title in ("Parameters", "Attributes", "Returns", "Yields", "Raises"):
        if doc[title]:
            parts += [f"**{title}**\n", *(_item(one) for one in doc[title]), ""]
    if members and isinstance(value, type) and not _is_error(value) and (found := list(_members(value))):
        parts += ["**Methods and properties**\n", *found, ""]
    if doc["Notes"]:
        parts.append("**Notes**\n\n" + _text("\n".join(doc["Notes"])) + "\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def _is_error(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


def _members(kind: type) -> Iterable[str]:
    """Return what a class has besides its attributes, each as an item of a list."""
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        shown = f"{name}`" if isinstance(member, property) else f"{_signature(function, name)}`"
        yield f"- `{shown}: {(inspect.getdoc(function) or '').partition(chr(10) * 2)[0].replace(chr(10), ' ')}"


def _signature(value: Any, name: str) -> str:
    """Return how it is called and what it returns, a parameter a line where one line is too long."""
    signature = inspect.signature(value)
    shown = [str(one.replace(annotation=inspect.Parameter.empty)) for one in _marked(signature)]
    shown = [one.replace("=<factory>", "=...") for one in shown if one != "self"]
    returned = signature.return_annotation
    end = (
        "" if isinstance(value, type) or returned in (inspect.Signature.empty, "None") else f" -> {returned}"
    )
    line = f"{name}({', '.join(shown)}){end}"
    return line if len(line) <= 100 else f"{name}(\n" + "".join(f"    {one},\n" for one in shown) + f"){end}"


def _marked(signature: inspect.Signature) -> Iterable[Any]:
    """Return the parameters, with the `*` after which they are given by name."""
    star = False
    for one in signature.parameters.values():
        if one.kind is inspect.Parameter.VAR_POSITIONAL:
            star = True
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not star:
            star = True
            yield _Star()
        yield one


class _Star:
    """Stands between parameters by place and by name."""

    def replace(self, **_: Any) -> str:
        """Return how it is written."""
        return "*"


def _item(one: Any) -> str:
    """Return a parameter, attribute, result or error as an item of a list."""
    head = f"`{one.name}`" if one.name else ""
    kind = f" ({one.type})" if head and one.type else one.type
    kind = kind if head else f"`{kind}`"
    said = " ".join(line.strip() for line in one.desc)
    return f"- {head}{kind}{f': {said}' if said else ''}"


def _text(text: str) -> str:
    """Return prose of a docstring as Markdown: its examples are blocks."""
    return re.sub(r"((?:^(?:>>>|\.\.\.) .*\n?)+)", r"```python\n\1```\n", text, flags=re.MULTILINE)


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
