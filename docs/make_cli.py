"""Write docs/cli.md, the commands and their options, from the command line itself.

Run from the root: `python -m docs.make_cli`. A test compares the file with what this makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.cli import get_docs_for_click
from typer.main import get_command

from robusttune.cli import app

TARGET = Path(__file__).with_name("cli.md")

_HEAD = """# Commands

A study needs four commands: `init` writes its file, `check` validates it, `run` carries it out and `report` writes
the page again. Scores that exist already need one, `compare`. A command that was interrupted continues when it is
run again; one that goes wrong says in one line what to change, and ends with exit code 2 for a faulty declaration
or missing results and 1 for anything else.

Keys of study files: [study-files.md](study-files.md). The same from Python: [python-api.md](python-api.md). This
page is generated from the source by `python -m docs.make_cli`.

| command | what it does |
| --- | --- |
"""


def render() -> str:
    """Return the page: a table of all commands, then each with its arguments and options."""
    commands = dict(_commands(get_command(app)))
    rows = [f"| [`{name}`](#{_anchor(name)}) | {_summary(command)} |\n" for name, command in commands.items()]
    return _HEAD + "".join(rows) + "\n" + "\n".join(_section(*item) for item in commands.items())


def _commands(group: Any, prefix: str = "robusttune") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _summary(command: Any) -> str:
    return (command.help or "").split("\n\n")[0].replace("\n", " ").strip()


def _section(name: str, command: Any) -> str:
    prefix, _, last = name.rpartition(" ")
    context = command.make_context(last, [], resilient_parsing=True)
    text = get_docs_for_click(obj=command, ctx=context, name=last, call_prefix=prefix, indent=1)
    kept = (line for line in text.splitlines() if line != "* `--help`: Show this message and exit.")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
