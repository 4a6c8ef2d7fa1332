"""Any name is LaTeX that compiles, and every table fits the page of a paper."""

from __future__ import annotations

import re
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robusttune.report.latex import escape, sentence
from robusttune.report.latex_table import LatexTable, latex_table
from robusttune.report.latex_width import text_width
from robusttune.report.output import render
from robusttune.report.table import BEST, CONTROL, UNDECIDED, Table
from tests.support.latex import complaints, needs_latex

NASTY = [
    "Müller & Söhne 100%_#$^~{}\\",
    "[first] in brackets",
    "*starred*",
    "--lr --- a-b",
    '<a|b> "quoted" `tick` ?`',
    "α=0.1, Λ ≤ Ω, μ, ς, ά, 𝛼",
    "中文算法 日本語 한국어",
    "مرحبا שלום नमस्ते",
    "🚀🤖 👩‍🚀 ❤️",
    "e\u0301 z\u0301\u0302 \u0301",
    "\u0301",
    "\ue000 \U000e0041 \x00\x1b",
    "x² H₂O ½ ﬁ ㎌ ℵ ∑",
    "a/very/long/path_that=never.ends/" * 4,
    "W" * 150,
    "many words " * 12,
    "%",
    "\\\\[2pt]",
    "\\input{/etc/passwd}",
    "&",
    "ﷺ",
]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("as_published & 100%", r"as\_published \& 100\%"),
        ("Müller", r"M\"{u}ller"),
        ("naïve", r"na\"{\i}ve"),
        ("e\u0301", r"\'{e}"),
        ("λ = 0.9", r"$\lambda$ = 0.9"),
        ("Γ", r"$\Gamma$"),
        ("Α", "A"),  # the capital alpha of Greek
        ("10²", r"10$^{\mathrm{2}}$"),
        ("中文", "ZhongWen"),
        ("🚀", ":rocket:"),
        ("\ue000", "?"),
        ("\u0301", "U+0301"),
        ("a--b", "a-{}-b"),
        ("−3 – 4", "$-$3 -- 4"),
        ("㎌", "uF"),
        ("[x]*", "{[}x]{*}"),
        ("two\nlines", "two lines"),
        ("", ""),
    ],
)
def test_names_are_written_as_their_readers_know_them(name: str, source: str) -> None:
    assert escape(name) == source


@given(st.text(max_size=30), st.none() | st.integers(1, 10))
def test_any_name_is_ascii_and_says_something(name: str, longest: int | None) -> None:
    source = escape(name, longest=longest)
    assert source.isascii()
    assert source.isprintable()
    assert bool(source.strip()) == bool(name.strip())
    assert _depth(source) == 0
    assert source.replace(r"\allowbreak{}", "") == escape(name)


def _depth(source: str) -> int:
    """Return how many braces are open at the end; those with a backslash are characters."""
    bare = re.sub(r"\\[{}\\]", "", source)
    return bare.count("{") - bare.count("}")


def test_code_in_a_sentence_is_code_and_a_backtick_of_a_name_is_none() -> None:
    assert sentence("Run `a_b` now.") == r"Run \texttt{a\_b} now."
    assert sentence("It's `odd") == "It's {`}odd"
    assert sentence("`a`  `b`") == r"\texttt{a}  \texttt{b}"


def test_widths_are_those_of_computer_modern() -> None:
    # The font's own metrics (cmr10.tfm), in points.
    assert text_width("0123456789") == pytest.approx(50.0, abs=0.1)
    assert text_width("m") == pytest.approx(8.33, abs=0.02)
    assert text_width("i") == pytest.approx(2.78, abs=0.02)


def example(cells: list[str], heading: str = "mean") -> LatexTable:
    table = Table(
        title="t",
        headings=("configuration", heading),
        rows=tuple((f"c{i}", cell) for i, cell in enumerate(cells)),
        text=("configuration",),
        marks=(frozenset({BEST}), *[frozenset[str]()] * (len(cells) - 1)),
    )
    return latex_table(table, label="tab:x", caption="c", bold=("mean",))


def test_numbers_are_aligned_in_as_much_room_as_their_digits_take() -> None:
    found = example(["−391.0", "12.25", "–", "1,234", "1.2e+07"])
    assert "S[table-format=-4.2, text-series-to-math]" in found.columns
    cells = [row.split(" & ")[1] for row in found.rows]
    assert cells == [r"\bfseries -391.0", "12.25", "{--}", "1234", r"{$1.2 \times 10^{7}$}"]


def test_signs_that_are_written_stay() -> None:
    assert "retain-explicit-plus" in example(["+178.8", "−3.0"]).columns


def test_intervals_have_a_cell_for_each_end() -> None:
    found = example(["[−420.1, −350.22]", "(0.00, 1234]", "–"], "interval")
    assert "S[table-format={[}-3.2{,}" in found.columns
    assert "S[table-format=-4.2{]}" in found.columns
    cells = [row.split(" & ")[1:] for row in found.rows]
    assert cells == [["{[}-420.1{,}", "-350.22{]}"], ["{(}0.00{,}", "1234{]}"], [r"\multicolumn{2}{c}{--}"]]


def test_a_row_has_as_many_cells_as_the_head() -> None:
    for found in (example(["[1.0, 2.0]", "–", "[1.0, 2e+07]"]), example(["1–3", "2"]), example(["a & b"])):
        counts = {_n_cells(row) for row in (found.head, *found.rows)}
        assert len(counts) == 1


def _n_cells(row: str) -> int:
    spanned = row.count(r"\multicolumn{2}")
    return row.replace(r"\&", "").count("&") + 1 + spanned


def test_best_rows_are_bold_controls_italic_and_open_ones_have_a_dagger() -> None:
    table = Table(
        title="t",
        headings=("configuration",),
        rows=(("a",), ("b",), ("c",)),
        text=("configuration",),
        marks=(frozenset({BEST}), frozenset({BEST, CONTROL, UNDECIDED}), frozenset({UNDECIDED})),
    )
    assert latex_table(table, label="", caption="").rows == (
        r"\textbf{a}",
        r"\textbf{\textit{b}}$^{\dagger}$",
        r"c$^{\dagger}$",
    )


def test_a_long_table_goes_over_several_pages() -> None:
    assert not example(["1.0"] * 40).is_long
    assert example(["1.0"] * 41).is_long


def nasty_tables() -> list[LatexTable]:
    """Return tables with nasty names in the cells and in the head, narrow and wide, short and long."""
    rng = np.random.default_rng(2)
    numbers = [f"{x:.2f}".replace("-", "−") for x in rng.normal(0.0, 900.0, len(NASTY))]
    wide = [f"[{x}, {y}]" for x, y in zip(numbers, numbers[::-1], strict=True)]
    marks = [
        frozenset(rng.permutation([BEST, CONTROL, UNDECIDED])[: i % 4].tolist()) for i in range(len(NASTY))
    ]
    tables = [
        Table(title="t", headings=headings, rows=tuple(rows), text=text, marks=tuple(marks) if marked else ())
        for headings, rows, text, marked in (
            (
                ("configuration", "mean", "interval"),
                zip(NASTY, numbers, wide, strict=True),
                ("configuration",),
                True,
            ),
            (
                ("first", "second", "mean"),
                zip(NASTY, NASTY[::-1], numbers, strict=True),
                ("first", "second"),
                False,
            ),
            (("configuration", *"abcd"), zip(NASTY, *[wide] * 4, strict=True), ("configuration",), True),
        )
    ]
    tables += [
        Table(
            title="t", headings=("hyperparameter", name), rows=((name, "1.0"),), text=("hyperparameter", name)
        )
        for name in NASTY
    ]
    # Short names: in one line each.
    tables.append(
        Table(
            title="t",
            headings=("configuration", "P(first beats second)", "power"),
            rows=tuple((f"trial {i}", "0.5", "1.2e+08") for i in range(60)),
            text=("configuration",),
        )
    )
    return [latex_table(one, label="", caption=NASTY[i % len(NASTY)]) for i, one in enumerate(tables)]


@needs_latex
@pytest.mark.thorough
def test_nasty_names_compile_and_no_line_is_too_long(tmp_path: Path) -> None:
    lines = "\n\n".join(sentence(name) for name in NASTY)
    tables = render("tables.tex.j2", tables=nasty_tables())
    assert complaints([f"{{\\sloppy {lines}\\par}}", tables], tmp_path) == []


@needs_latex
@pytest.mark.thorough
def test_every_character_that_is_composed_compiles(tmp_path: Path) -> None:
    composed = [chr(code) for code in range(0x80, 0x3000) if not escape(chr(code)).isalnum()]
    words = " ".join(escape(character) for character in (*composed, *string.printable) if character.strip())
    assert len(composed) > 1000
    assert complaints([f"{{\\sloppy {words}\\par}}"], tmp_path) == []
