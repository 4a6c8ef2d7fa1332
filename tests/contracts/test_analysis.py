"""The paper is made by one command, from what is committed; its README says by which module."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from analysis.build import MODULES, ROOT, build
from analysis.kept import NothingKeptError, Places
from analysis.output import write_paper
from robusttune.report.output import new_figure
from robusttune.report.table import Table
from tests.support.latex import complaints, needs_latex

README = (ROOT / "analysis" / "README.md").read_text(encoding="utf-8")
PLACES = Places(root=ROOT, results=ROOT / MODULES["quickstart"].KEPT)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_the_same_functions_and_is_in_the_readme(name: str) -> None:
    module = MODULES[name]
    for function in ("load", "table", "figure"):
        assert inspect.getdoc(getattr(module, function)), function
    assert f"| `{name}` |" in README


@pytest.mark.thorough
@pytest.mark.parametrize("name", MODULES)
def test_what_is_committed_is_made_again_byte_for_byte(name: str, tmp_path: Path) -> None:
    lines = list(build([name], PLACES, out=tmp_path / "out", pages=tmp_path))
    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.suffix in (".md", ".json")]
    pages = [path for path in made if path.parts[0] != "out"]
    for path in pages:
        assert (tmp_path / path).read_bytes() == (ROOT / path).read_bytes(), path
        assert str(path) in README
    if len(lines) == 1:
        assert "nothing made, for " in lines[0]
        assert "python -m experiments." in lines[0]
        return
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert all(f"`{one}`" in README for one in names)
    kinds = {path.suffix for path in (tmp_path / "out").iterdir()}
    assert kinds == {".md", ".csv", ".tex", ".png", ".pdf", ".svg"}


def test_what_has_no_results_yet_is_told_in_one_line(tmp_path: Path) -> None:
    names = [
        "lucky_vs_consistent",
        "seeds_needed",
        "search_space",
        "algorithms_over_environments",
        "seeds_and_pruner",
    ]
    lines = list(build(names, Places(root=tmp_path, results=tmp_path), out=tmp_path / "out", pages=tmp_path))
    assert [line.partition(":")[0] for line in lines] == names
    assert all("nothing made" in line and "python -m experiments." in line for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_written_for_people_for_programs_and_for_papers(tmp_path: Path) -> None:
    table = Table(
        title="A",
        headings=("name", "mean"),
        rows=(("one & two", "−1.5"),),
        text=("name",),
        name="",
        note="N.",
    )
    write_paper({"a": table}, {"b": new_figure(2, 1)[0]}, tmp_path)
    assert (tmp_path / "a.md").read_text(encoding="utf-8").splitlines()[2] == "| one & two | −1.5 |"
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "name,mean\none & two,-1.5\n"
    assert r"one \& two" in (tmp_path / "a.tex").read_text(encoding="utf-8")
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")


@needs_latex
@pytest.mark.thorough
@pytest.mark.parametrize("name", MODULES)
def test_the_tables_of_a_paper_are_compiled(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    list(build([name], PLACES, out=out, pages=tmp_path))
    sources = [path.read_text(encoding="utf-8") for path in sorted(out.glob("*.tex"))] or ["."]
    assert complaints(sources, tmp_path) == []


def test_the_quickstart_needs_its_database(tmp_path: Path) -> None:
    with pytest.raises(NothingKeptError, match="make demo"):
        MODULES["quickstart"].load(Places(root=ROOT, results=tmp_path))
