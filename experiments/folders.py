"""The declared studies of this folder: one folder each, with `study.toml` and, once it has run, what came out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from robusttune import Matrix, load_matrix

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A folder with a study file.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.folder.name

    @property
    def file(self) -> Path:
        """The study file."""
        return self.folder / "study.toml"

    def matrix(self) -> Matrix:
        """Return its studies: one, or one per combination."""
        return load_matrix(self.file)


def programs(folder: Path = HERE) -> Iterator[str]:
    """Yield the names of the experiments that are a program of their own, not declared studies."""
    yield from (file.parent.name for file in sorted(folder.glob("*/__main__.py")))


def experiments(folder: Path = HERE) -> Iterator[Experiment]:
    """Yield the experiments, by name."""
    for file in sorted(folder.glob("*/study.toml")):
        yield Experiment(folder=file.parent)
