"""The page that compares systems is made from its data, and every test that it names is there."""

from __future__ import annotations

import ast
import functools

import pytest

from docs.make_comparison import TARGET, load, mark_and_note, render
from tests.support.places import ROOT

ROWS = [(table, row) for table in load()["tables"] for row in table["rows"]]


def test_the_page_is_made_from_its_data_as_they_are() -> None:
    assert TARGET.read_text(encoding="utf-8") == render(load()), "run `python -m docs.make_comparison`"


def test_every_row_has_a_cell_for_every_system_and_a_known_mark() -> None:
    for table, row in ROWS:
        assert len(row["others"]) == len(table["systems"]), row["feature"]
        marks = {mark_and_note(cell)[0] for cell in (row["robusttune"], *row["others"])}
        assert marks <= {"yes", "partly", "no", "–", "?", "•"}, row["feature"]


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=lambda row: row["feature"])
def test_what_robusttune_does_is_shown_by_a_test_that_is_there(row: dict[str, str]) -> None:
    own, _ = mark_and_note(row["robusttune"])
    assert own in ("yes", "partly", "no")
    assert ("test" in row) == (own != "no")
    if "test" in row:
        path, _, name = row["test"].partition("::")
        assert name in functions_in(path)


@functools.cache
def functions_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
