"""What is said of the searches with real training follows from their committed rows."""

import pandas as pd
import pytest

from analysis.search_budget import ADVISED, BELIEVED, PAGE, ROWS, change, gain, page
from tests.contracts.test_protocols_page import parts
from tests.support.places import ROOT


def test_the_page_is_made_from_the_rows() -> None:
    words, numbers = parts((ROOT / "docs" / "search-budget.md").read_text(encoding="utf-8"))
    made_words, made_numbers = parts(str(page(pd.read_csv(ROOT / ROWS))[PAGE]))
    assert words == made_words
    assert numbers == pytest.approx(made_numbers, abs=1.01)


def test_differences_are_paired_by_repetition() -> None:
    rows = pd.DataFrame(
        [(i, budget, protocol, 100.0 * i + shift)
         for i in range(5)
         for budget, protocol, shift in ((60, BELIEVED, 0), (240, BELIEVED, -10 - i % 2), (240, ADVISED, 5))],
        columns=["repetition", "budget", "protocol", "true"],
    ).sample(frac=1, random_state=0)  # fmt: skip
    assert change(rows, BELIEVED).mean == pytest.approx(-10.4)
    assert change(rows, BELIEVED).is_clear
    # Student's t with 4 degrees of freedom, 2.776, times the standard error of 15, 16, 15, 16, 15.
    assert gain(rows, 240, ADVISED).half_width == pytest.approx(2.776 * 0.5477 / 5**0.5, rel=1e-3)
