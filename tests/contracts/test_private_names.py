"""Private names: those of Optuna that we rest on are known and exist; those of our rooms stay inside them."""

from __future__ import annotations

import ast
import inspect
import operator
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import optuna
import pytest

from robusttune.tuning import samplers
from tests.support.places import ROOT

SOURCES = sorted((ROOT / "robusttune").rglob("*.py"))

# What we use of Optuna although it is private → makes an object that must have it.
OF_OPTUNA: Mapping[str, Callable[[], object]] = {
    "_study_id": optuna.create_study,
    "_thread_local": optuna.create_study,
    "_thread_local.cached_all_trials": optuna.create_study,
    "_trial_id": lambda: optuna.trial.create_trial(value=0.0),
    "_all_grids": lambda: optuna.samplers.GridSampler({"x": [0, 1]}),
    "_find_sample_id": lambda: optuna.samplers.QMCSampler,
    "_get_unvisited_grid_ids": lambda: optuna.samplers.GridSampler,
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


# --- Optuna's --------------------------------------------------------------------------------------------------------


def attributes(tree: ast.AST, *, of_self: bool) -> Iterator[tuple[int, str]]:
    """Yield line and name of each private attribute of `self`, or of anything else, and what is read from these."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if is_own == of_self:
                yield node.lineno, node.attr
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Attribute(), attr=inner), attr=attr):
                if not of_self and is_private(inner):
                    yield node.lineno, f"{inner}.{attr}"


def inherited(cls: ast.ClassDef) -> Iterator[tuple[int, str]]:
    """Yield the private names that a subclass of an Optuna class overrides, or reads and does not set."""
    yield from ((n.lineno, n.name) for n in cls.body if isinstance(n, ast.FunctionDef) and is_private(n.name))
    own = {n.attr for n in ast.walk(cls) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    yield from ((line, name) for line, name in attributes(cls, of_self=True) if name not in own)


def used_of_optuna() -> dict[str, list[str]]:
    """Return private name → the places that use it, in the modules that import Optuna."""
    places = defaultdict(list)
    for path in SOURCES:
        tree = parse(path)
        names = [
            (line, name) for line, name in imports(tree) if name.split(".")[0] in ("optuna", "optunahub")
        ]
        if not names:
            continue
        found = [*attributes(tree, of_self=False)]
        found += [(line, name) for line, name in names if any(map(is_private, name.split(".")))]
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base).startswith("optuna.") for base in node.bases
            ):
                found += inherited(node)
        for line, name in found:
            places[name].append(f"{path.relative_to(ROOT)}:{line}")
    return places


def test_every_private_name_of_optuna_that_is_used_is_listed_here() -> None:
    used = used_of_optuna()
    assert {name: used.get(name) for name in used.keys() - OF_OPTUNA.keys()} == {}
    assert OF_OPTUNA.keys() - used.keys() == set(), "listed, but no longer used"


@pytest.mark.parametrize("name", OF_OPTUNA)
def test_the_installed_optuna_has_the_private_names_that_are_used(name: str) -> None:
    try:
        operator.attrgetter(name)(OF_OPTUNA[name]())
    except AttributeError:
        places = ", ".join(used_of_optuna()[name])
        pytest.fail(f"Optuna {optuna.__version__} has no {name}, which is used in {places}")


@pytest.mark.parametrize(
    ("ours", "name"),
    [(samplers._QuasiRandom, "_find_sample_id"), (samplers._Grid, "_get_unvisited_grid_ids")],
)
def test_private_methods_are_overridden_with_the_arguments_that_optuna_gives(ours: type, name: str) -> None:
    theirs = ours.__mro__[1]
    assert [*inspect.signature(getattr(ours, name)).parameters] == [
        *inspect.signature(getattr(theirs, name)).parameters
    ]


# --- our rooms' ------------------------------------------------------------------------------------------------------


def room(module: str) -> str:
    """Return the second part of a dotted name: `robusttune.stats._checks` is in `stats`."""
    return module.split(".")[1] if "." in module else ""


def strangers() -> list[str]:
    """Return the places that import a private name of another room."""
    found = []
    for path in SOURCES:
        own = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for line, name in imports(parse(path)):
            first, *rest = name.split(".")
            if first == "robusttune" and room(name) != own and any(map(is_private, rest)):
                found.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    return found


def test_no_room_imports_a_private_name_of_another() -> None:
    assert strangers() == []
