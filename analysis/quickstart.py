"""The README's picture and the page of the quickstart study, from its results database, which is kept."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.kept import NothingKeptError, Places
from robusttune import NoResultsError, load_study, rank_study
from robusttune.report.columns import shown_columns
from robusttune.report.figures import luck
from robusttune.report.model import Ranking
from robusttune.report.output import to_csv
from robusttune.report.runs import runs_csv
from robusttune.report.table import Table
from robusttune.report.tables import ranking_table
from robusttune.report.write import to_markdown

NAME = "quickstart"
STUDY = "experiments/quickstart/ppo_pendulum.toml"
PAGE, PICTURE = "docs/quickstart.md", "docs/images/quickstart.png"
KEPT = "experiments/quickstart"
_COLUMNS = ("rank", "configuration", "tuning", "mean", "interval", "luck", "verdict")


def load(places: Places) -> Ranking:
    """Return the ranking of the study."""
    study = load_study(places.root / STUDY)
    try:
        return rank_study(study, out=places.results, command=f"robusttune run {STUDY}")
    except NoResultsError:
        raise NothingKeptError(
            f"{places.results} has no database of the study; make demo makes one, which --results results reads"
        ) from None


def table(ranking: Ranking) -> dict[str, Table]:
    """Return the ranking, in the columns that fit on the page of a paper."""
    columns = [column for column in shown_columns(ranking.rows) if column.heading in _COLUMNS]
    return {NAME: ranking_table(ranking.rows, columns, note=ranking.caption)}


def figure(ranking: Ranking) -> dict[str, Figure]:
    """Return the figure of luck."""
    return {NAME: luck.draw(ranking)}


def page(ranking: Ranking) -> dict[str, str | Figure]:
    """Return the page of documentation, its picture, and what is kept: the ranking, and every run."""
    return {
        PAGE: to_markdown(ranking),
        PICTURE: luck.draw(ranking),
        f"{KEPT}/ranking.csv": to_csv(ranking.to_frame()),
        f"{KEPT}/runs.csv": runs_csv(ranking),
    }
