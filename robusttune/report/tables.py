"""The ranking as text: Markdown, LaTeX, CSV, JSON."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from robusttune.report.columns import COLUMNS, cell_values
from robusttune.report.model import Ranking

_LATEX_COLUMNS = (
    "rank",
    "rank interval",
    "configuration",
    "tuning",
    "mean",
    "interval",
    "IQM",
    "verdict",
    "seeds",
)
_LATEX_ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "≤": r"$\leq$",
}


def to_markdown(ranking: Ranking) -> str:
    """Return headline, findings and table as Markdown."""
    environment = Environment(loader=PackageLoader("robusttune.report"), undefined=StrictUndefined)
    return environment.get_template("ranking.md.j2").render(ranking=ranking, columns=COLUMNS) + "\n"


def to_latex(ranking: Ranking) -> str:
    """Return a booktabs table."""
    # Braces and percent signs are LaTeX's own, so the template uses other marks.
    environment = Environment(
        loader=PackageLoader("robusttune.report"),
        undefined=StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["latex"] = _latex
    columns = [column for column in COLUMNS if column.heading in _LATEX_COLUMNS]
    template = environment.get_template("ranking.tex.j2")
    return template.render(rows=ranking.rows, columns=columns, caption=_latex(ranking.caption)) + "\n"


def to_frame(ranking: Ranking) -> pd.DataFrame:
    """Return one row per configuration, with full precision."""
    return pd.DataFrame([cell_values(row) for row in ranking.rows])


def to_json(ranking: Ranking) -> str:
    """Return everything behind the ranking: rows, scores, pairwise comparisons, methods, study, provenance."""
    return json.dumps(to_document(ranking), indent=2, allow_nan=False) + "\n"


def to_document(ranking: Ranking) -> dict[str, Any]:
    """Return the ranking as plain JSON values."""
    return {
        "study": ranking.study.to_dict(),
        "headline": ranking.headline,
        "findings": list(ranking.findings),
        "level": ranking.level,
        "methods": list(ranking.methods),
        "ranking": [
            {
                **cell_values(row),
                "hyperparameters": row.hyperparameters,
                "seeds": row.seeds,
                "scores": row.scores,
            }
            for row in ranking.rows
        ],
        "analysis": ranking.analysis,
        "tuning_is_reproducible": ranking.tuning_is_reproducible,
        "provenance": list(ranking.provenances),
    }


def _latex(text: str) -> str:
    return "".join(_LATEX_ESCAPES.get(character, character) for character in text)
