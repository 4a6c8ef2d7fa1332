"""Tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from robusttune.declaration.study import StudySpec
from robusttune.pipeline.settle import Settled, Workload
from robusttune.pipeline.status import Status
from robusttune.report.columns import fitting_columns
from robusttune.report.model import Ranking
from robusttune.results.records import TrialRecord

_STYLES = {"LUCKY": "red", "UNLUCKY": "blue", "CONSISTENT": "green"}


def workload_table(settled: Settled) -> Table:
    """Return what a study asks for."""
    study, workload = settled.study, settled.workload
    tuning, post = study.tuning, study.post_evaluation
    table = _facts(f"{study.name}: valid")
    seeds = "" if tuning.seeds_per_trial == 1 else f" × {tuning.seeds_per_trial} seeds"
    if tuning.incumbent_seeds is not None:
        seeds = f" × {tuning.seeds_per_trial} to {tuning.incumbent_seeds} seeds"
    trials = "until the timeout" if workload.n_trials is None else str(workload.n_trials)
    if tuning.timeout_s is not None:
        trials += f", at most {tuning.timeout_s:g} s"
    table.add_row("trains", f"{study.training.caption} a run")
    why = "" if settled.why_not_faster is None else f": {settled.why_not_faster}"
    table.add_row("trainer", f"{study.trainer.name}{why}")
    table.add_row("searches", ", ".join(study.search_space.parameters) or "nothing: every trial is the same")
    table.add_row("trials", f"{trials}{seeds} ({tuning.sampler} sampler, {tuning.pruner} pruner)")
    table.add_row("post-evaluation", _post_evaluation(study, workload))
    if post.confirm:
        whom = "the best set" if post.confirm_best_set else "the recommended configuration"
        most = f"at most {workload.n_confirmation_runs}" if post.confirm_best_set else post.confirm
        table.add_row("confirmation", f"{whom} on {post.confirm} further seeds = {most} runs")
    if workload.n_tuning_runs is not None and workload.n_timesteps is not None:
        total = workload.n_tuning_runs + workload.n_post_evaluation_runs + workload.n_confirmation_runs
        table.add_row("altogether", f"at most {total} runs, {workload.n_timesteps:,} timesteps")
    return table


def status_table(study: StudySpec, status: Status) -> Table:
    """Return how far a study is."""
    table = _facts(study.name)
    trials = ", ".join(f"{count} {state.value}" for state, count in sorted(status.trials.items())) or "none"
    wanted = "" if study.tuning.n_trials is None else f" of {study.tuning.n_trials} wanted"
    table.add_row("trials", f"{trials}{wanted}")
    for (stage, run_status), count in sorted(status.runs.items()):
        table.add_row(f"{stage.value.replace('_', '-')} runs", f"{count} {run_status.value}")
    table.add_row(
        "still to run", f"{status.n_missing} of {status.n_planned} post-evaluation runs planned so far"
    )
    table.add_row("at work now", f"{status.n_workers} invocation(s)")
    return table


def trials_table(study: StudySpec, trials: Sequence[TrialRecord]) -> Table:
    """Return the trials, best first."""
    table = Table(title=f"{study.name}: {len(trials)} trials", box=box.SIMPLE_HEAD, title_justify="left")
    for heading in ("trial", "state", "seeds", "objective value", "configuration"):
        is_number = heading in ("seeds", "objective value")
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for trial in sorted(
        trials, key=lambda t: (t.objective_value is None, -(t.objective_value or 0.0), t.number)
    ):
        value = "" if trial.objective_value is None else f"{trial.objective_value:.4g}"
        searched = {name: trial.hyperparameters.get(name) for name in study.search_space.parameters}
        configuration = ", ".join(f"{name}={_short(value)}" for name, value in searched.items())
        n_seeds = str(len(trial.run_ids))
        table.add_row(str(trial.number), trial.state.value, n_seeds, value, configuration)
    return table


def print_ranking(ranking: Ranking, console: Console) -> None:
    """Print the answer, the ranking and what else the data say."""
    columns = fitting_columns(ranking.rows, console.width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="left" if column.is_text else "right", no_wrap=True)
    for row in ranking.rows:
        cells = [Text(column.text(row), style=_STYLES.get(column.text(row), "")) for column in columns]
        table.add_row(*cells, style="bold" if row.analysis.in_best_set else "")
    console.print()
    for line in ranking.answer:
        # Unwrapped, so that the command in it can be pasted.
        console.print(Text(line.replace("`", ""), style="bold"), soft_wrap=True)
    console.print("\n", table, Text(f"\n{ranking.caption}", style="dim"), sep="")
    for heading, sentences in ranking.findings.items():
        console.print(Text(f"\n{heading}", style="underline"))
        for sentence in sentences:
            console.print(Text(f"• {sentence.replace('`', '')}"))


def _post_evaluation(study: StudySpec, workload: Workload) -> str:
    post, n_runs = study.post_evaluation, workload.n_post_evaluation_runs
    chosen = {
        "top": "",
        "model": " chosen by a model of all trials",
        "mixed": " chosen by model and score in turn",
    }
    who = f"{workload.n_candidates} configurations{chosen[post.select]}"
    if post.allocation.is_adaptive:
        return f"{who}, seeds by {post.allocation.rule}, at most {n_runs} runs"
    return f"{who} × {post.n_seeds} fresh seeds = {n_runs} runs"


def _facts(title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    return table


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
