"""The ranking as text: Markdown, LaTeX, CSV, JSON."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from robusttune.report.columns import record, shown_columns
from robusttune.report.model import Ranking

_LATEX_COLUMNS = (
    *("rank", "rank interval", "configuration", "tuning", "mean", "interval", "luck", "luck interval"),
    *("reached by", "verdict", "spread", "seeds"),
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
    """Return answer, table and findings as Markdown."""
    environment = Environment(loader=PackageLoader("robusttune.report"), undefined=StrictUndefined)
    environment.filters["md"] = lambda text: text.replace("|", r"\|")
    return (
        environment.get_template("ranking.md.j2").render(ranking=ranking, columns=shown_columns(ranking.rows))
        + "\n"
    )


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
    columns = [column for column in shown_columns(ranking.rows) if column.heading in _LATEX_COLUMNS]
    template = environment.get_template("ranking.tex.j2")
    return template.render(rows=ranking.rows, columns=columns, caption=_latex(ranking.caption)) + "\n"


def to_json(ranking: Ranking) -> str:
    """Return everything behind the ranking: rows, scores, the whole analysis, methods, study, provenance."""
    return json.dumps(to_document(ranking), indent=2, allow_nan=False) + "\n"


def to_document(ranking: Ranking) -> dict[str, Any]:
    """Return the ranking as plain JSON values."""
    return {
        "study": ranking.study.to_dict(),
        "answer": list(ranking.answer),
        "findings": {heading: list(sentences) for heading, sentences in ranking.findings.items()},
        "methods": list(ranking.methods),
        "ranking": [
            {
                **record(row),
                "hyperparameters": row.candidate.hyperparameters,
                "seeds": row.runs.seeds,
                "scores": row.runs.scores,
            }
            for row in ranking.rows
        ],
        "analysis": ranking.analysis.to_dict(),
        "tuning_is_reproducible": ranking.tuning_is_reproducible,
        "provenance": list(ranking.provenances),
    }


def _latex(text: str) -> str:
    return "".join(_LATEX_ESCAPES.get(character, character) for character in text)
