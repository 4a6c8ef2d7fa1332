"""The library speaks of its functions and their parameters; the command line alone speaks of commands and flags."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator

import pytest
from typer.main import get_command

import robusttune
from robusttune.cli import app
from robusttune.cli.options import in_flags
from tests.support.places import ROOT

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
_OF_THE_COMMAND_LINE = re.compile(rf"(?<![\w-])--[a-z]|\brobusttune ({'|'.join(COMMANDS)})\b")
# Not messages: the command that a report completes for its reader, and arguments of git, Dask and batch systems.
_ALLOWED = {
    "--resources",
    "--lifetime",
    "--gres=gpu:",
    "robusttune run study.toml",
    "robusttune run ",
    "robusttune reproduce ",
    " --set ",
    "--porcelain",
    "--untracked-files=no",
}


def texts() -> Iterator[tuple[str, str]]:
    """Yield the place and the value of each string of the library, its docstrings among them."""
    for path in sorted((ROOT / "robusttune").rglob("*.py")):
        if path.relative_to(ROOT / "robusttune").parts[0] == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def test_no_text_of_the_library_holds_a_flag_or_a_command() -> None:
    found = [f"{place}: {text}" for place, text in texts() if text not in _ALLOWED]
    assert [text for text in found if _OF_THE_COMMAND_LINE.search(text)] == []


def test_no_allowed_text_is_allowed_in_vain() -> None:
    assert {text for _, text in texts()} >= _ALLOWED


@pytest.mark.parametrize("parameter", ["workers", "storage", "out"])
def test_the_command_line_says_flag_for_parameter(parameter: str) -> None:
    assert parameter in inspect.signature(robusttune.run_study).parameters
    assert in_flags(f"Choose another `{parameter}`.") == f"Choose another --{parameter}."


def test_every_function_that_a_message_advises_can_be_imported_and_is_a_command() -> None:
    advised = {
        name
        for _, text in texts()
        for name in re.findall(r"`(\w+_study(?:_file)?)` (?:makes|writes|tries)", text)
    }
    assert advised >= {"run_study", "evaluate_study"}
    for name in advised:
        assert callable(getattr(robusttune, name))
        assert re.search(rf"^`robusttune ({'|'.join(COMMANDS)})`$", in_flags(f"`{name}`"))
