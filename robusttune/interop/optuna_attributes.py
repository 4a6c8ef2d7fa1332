"""What fresh seeds say goes back to the study of Optuna's that was judged, where its dashboard shows it."""

from __future__ import annotations

import optuna

from robusttune.errors import SpecError
from robusttune.interop.optuna_studies import open_to_write
from robusttune.report.model import Ranking, Row
from robusttune.report.prose.words import count, interval, known_decimals, number
from robusttune.results.engine import without_password

_PREFIX = "fresh seeds: "


def write_attributes(ranking: Ranking, storage: str, name: str | None = None) -> str:
    """Write verdict, mean over fresh seeds and interval of each configuration to a study; return the study's name.

    They become user attributes of the study, for Optuna allows no change of a finished trial. Those of an earlier
    ranking are replaced; trials stay as they are.

    Parameters
    ----------
    ranking : Ranking
    storage : str
        An SQLAlchemy URL, or the path of an SQLite or journal file.
    name : str, optional
        Which of its studies; needed if there are several.

    Raises
    ------
    SpecError
        If there is no such study, or it cannot be written.
    """
    opened, chosen = open_to_write(storage, name)
    try:
        study = optuna.load_study(study_name=chosen, storage=opened)
        kept = attributes(ranking)
        gone = [key for key in study.user_attrs if key.startswith(_PREFIX) and key not in kept]
        for key, text in {**kept, **dict.fromkeys(gone, "no longer in the ranking")}.items():
            study.set_user_attr(key, text)
    except Exception as error:  # SQLAlchemy, its drivers and the file system each have their own
        raise SpecError(
            f"{without_password(storage)}: cannot be written ({str(error).splitlines()[0]})."
        ) from None
    return chosen


def attributes(ranking: Ranking) -> dict[str, str]:
    """Return what a study of Optuna's is told of a ranking."""
    return {
        "robusttune: answer": " ".join(ranking.answer).replace("`", ""),
        "robusttune: recommended": ranking.analysis.recommended,
        **{f"{_PREFIX}{row.name}": attribute(ranking, row) for row in ranking.rows},
    }


def attribute(ranking: Ranking, row: Row) -> str:
    """Return verdict, mean over fresh seeds and interval of a configuration."""
    mean = row.analysis.mean
    decimals = known_decimals(mean.low, mean.high)
    bounds = interval(mean.low, mean.high, decimals=decimals)
    verdict = (
        "" if row.verdict is None else f"{row.verdict}: tuning score {number(row.candidate.tuning_score)}, "
    )
    best = ", cannot be told apart from the best" if row.analysis.in_best_set else ""
    return (
        f"{verdict}mean {number(mean.estimate, decimals=decimals)} {bounds} over "
        f"{count(row.analysis.n_seeds, 'fresh seed')}, rank {row.analysis.rank} of {len(ranking.rows)}{best}"
    )
