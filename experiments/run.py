"""Run an experiment, or what is missing of it, and keep what came out: `python -m experiments.run NAME`.

The results database is `results/<study>/study.db`. The experiment's own folder gets `README.md` and what `kept` lists;
for a matrix, a folder for each of its studies, and one page for all.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from experiments.folders import RESULTS, Experiment, experiments
from experiments.kept import FIGURE, keep_matrix, keep_study
from robusttune import (
    Matrix,
    NoResultsError,
    SilentReporter,
    StudySpec,
    report_matrix,
    run_study,
    study_status,
)
from robusttune.pipeline.location import location_of
from robusttune.pipeline.reading import open_results
from robusttune.report.model import Ranking
from robusttune.report.write import to_markdown


class Lines(SilentReporter):
    """Prints a line for each stage and finished step."""

    def stage(self, title: str, *, done: int, total: int | None) -> None:
        """Print where the stage stands."""
        print(f"{title}: {done} of {'?' if total is None else total} done", flush=True)

    def advance(self, line: str, *, best: str = "") -> None:
        """Print the step."""
        print(f"  {line}", flush=True)

    def message(self, text: str) -> None:
        """Print the text."""
        print(text, flush=True)


def carry_out(
    experiment: Experiment, *, results: Path = RESULTS, workers: int | None = None, is_running: bool = True
) -> None:
    """Run what is missing, unless it is not to, and keep what came out in the experiment's folder."""
    declared = experiment.matrix()
    matrix = declared if is_running else _finished(declared, results)
    if not matrix.studies:
        print(f"{experiment.name}: no study is finished in {results}", flush=True)
        return
    command = f"python -m experiments.run {experiment.name}"
    # Takes the settings that a report advises.
    further = f"robusttune run experiments/{experiment.name}/study.toml"
    sections = []
    for one in matrix.studies:
        study = one.study
        ranking = run_study(study, out=results, workers=workers, reporter=Lines(), command=further)
        kept = experiment.folder if len(declared.studies) == 1 else experiment.folder / study.name
        effort = _effort(study, ranking, results)
        keep_study(ranking, effort, report=results / study.name, folder=kept)
        place = (kept / FIGURE).relative_to(experiment.folder)
        picture = f"![Tuning score and fresh seeds]({place})\n" if (kept / FIGURE).exists() else ""
        sections += [_section(ranking, picture), _effort_text(effort)]
    across = ""
    if len(matrix.studies) > 1:
        report_matrix(matrix, out=results)
        keep_matrix(report=results / matrix.name, folder=experiment.folder)
        across = _below((results / matrix.name / "matrix.md").read_text(encoding="utf-8"))
    question = next(one.study.description for one in matrix.studies)
    page = [
        f"# {experiment.name}\n",
        f"**Question.** {question}\n",
        _missing(declared, matrix),
        across,
        *sections,
        _how(command),
    ]
    (experiment.folder / "README.md").write_text("\n".join(part for part in page if part), encoding="utf-8")


def _finished(matrix: Matrix, results: Path) -> Matrix:
    """Return the studies of which nothing is left to be run."""

    def is_finished(study: StudySpec) -> bool:
        try:
            return study_status(study, out=results).is_finished
        except NoResultsError:
            return False

    return dataclasses.replace(matrix, studies=tuple(one for one in matrix.studies if is_finished(one.study)))


def _missing(declared: Matrix, matrix: Matrix) -> str:
    """Return which studies have not been run, so that nobody takes a part for the whole."""
    missing = [one.study.name for one in declared.studies if one not in matrix.studies]
    return f"**Not run yet**, and in none of the tables: {', '.join(missing)}.\n" if missing else ""


def _section(ranking: Ranking, picture: str) -> str:
    """Return the report of one study, without its first heading, under a heading of its own."""
    return f"## {ranking.name}\n\n{picture}\n{_below(to_markdown(ranking))}"


def _below(markdown: str) -> str:
    """Return a page without its first heading, the others one level lower."""
    _, _, body = markdown.partition("\n")
    return body.replace("\n## ", "\n### ").strip() + "\n"


def _effort(study: StudySpec, ranking: Ranking, results: Path) -> dict[str, Any]:
    """Return what search and post-evaluation took."""
    with open_results(study, location_of(study, out=results)) as opened:
        run_ids = [run_id for trial in ranking.trials for run_id in trial.run_ids]
        runs = list(opened.store.results([*run_ids, *ranking.found.rounds.results]).values())
    return {
        "n_runs": len(runs),
        "timesteps": sum(run.timesteps for run in runs),
        "core_hours": sum(run.wall_time_s for run in runs) / 3600,
        "processors": sorted({str(run.provenance["cpu"]) for run in runs}),
    }


def _effort_text(effort: dict[str, Any]) -> str:
    return (
        f"{effort['n_runs']} runs of search and post-evaluation, {effort['timesteps']:,} timesteps, "
        f"{effort['core_hours']:.1f} hours of one core ({', '.join(effort['processors'])}).\n"
    )


def _how(command: str) -> str:
    return (
        f"## How to run it\n\n`{command}` runs what is missing and makes this page; what `results/` has is "
        "not run again.\n"
    )


def main() -> None:
    """Run the named experiments."""
    parser = argparse.ArgumentParser(description="Run experiments, and keep what came out.")
    parser.add_argument("names", nargs="+", choices=[one.name for one in experiments()], metavar="NAME")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder that holds a folder per study")
    parser.add_argument("--workers", type=int, default=None, help="worker processes; default: one per core")
    parser.add_argument(
        "--finished", action="store_true", help="run nothing: write up the studies that are finished"
    )
    arguments = parser.parse_args()
    for one in experiments():
        if one.name in arguments.names:
            carry_out(
                one, results=arguments.results, workers=arguments.workers, is_running=not arguments.finished
            )


if __name__ == "__main__":
    main()
