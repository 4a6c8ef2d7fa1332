"""Templates, and files that are written whole or not at all: a reader never sees half a table, half a picture."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from robusttune.errors import StudyError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and move it there if nothing went wrong."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Make a folder for what is written within; raise `StudyError` if it or a file in it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StudyError(
            f"The report cannot be written to {folder}: {error.strerror}. Choose another folder for `out`."
        ) from None


def template(
    name: str, *, filters: Mapping[str, Callable[[str], str]] | None = None, **options: Any
) -> Template:
    """Return a template of the report, in which an unknown name is an error; `options` are jinja2's."""
    environment = Environment(loader=PackageLoader("robusttune.report"), undefined=StrictUndefined, **options)
    environment.filters.update(filters or {})
    return environment.get_template(name)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
