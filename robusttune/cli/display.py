"""Tables in the terminal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from robusttune.cli.console import console, say
from robusttune.cli.progress import duration, running_text
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.base import MAX_BUDGET_RATIO
from robusttune.pipeline.settle import Settled, Workload
from robusttune.pipeline.status import Status, study_status
from robusttune.seeds import Stage

if TYPE_CHECKING:
    from robusttune.report import table as report
    from robusttune.report.model import Ranking

_WATCH_S = 1.0
_STYLES = {"LUCKY": "red", "UNLUCKY": "blue", "CONSISTENT": "green"}


def workload_table(settled: Settled) -> Table:
    """Return what a study asks for."""
    study, workload = settled.study, settled.workload
    tuning, post = study.tuning, study.post_evaluation
    table = facts(f"{study.name}: valid")
    seeds = "" if tuning.seeds_per_trial == 1 else f" × {tuning.seeds_per_trial} seeds"
    if tuning.incumbent_seeds is not None:
        seeds = f" × {tuning.seeds_per_trial} to {tuning.incumbent_seeds} seeds"
    trials = "until the timeout" if workload.n_trials is None else str(workload.n_trials)
    if tuning.timeout_s is not None:
        trials += f", at most {tuning.timeout_s:g} s"
    pruner = "no" if tuning.pruner == "none" else tuning.pruner
    table.add_row("trains", f"{study.training.caption} a run")
    longer = study.training.why_longer
    if longer is not None:
        table.add_row("really trained", f"at least {workload.budgets[1]:,} timesteps a run, for {longer}")
    elif set(workload.budgets) != {study.training.total_timesteps}:
        table.add_row("really trained", _budgets(*workload.budgets))
    why = "" if settled.why_not_faster is None else f": {settled.why_not_faster}"
    table.add_row("trainer", f"{study.trainer.name}{why}")
    if settled.trained_alone is not None:
        table.add_row("one by one", settled.trained_alone)
    if study.searches:
        searched = ", ".join(study.search_space.parameters) or "nothing: every trial is the same"
        table.add_row("searches", searched)
        table.add_row("trials", f"{trials}{seeds} ({tuning.sampler} sampler, {pruner} pruner)")
    table.add_row("post-evaluation", _post_evaluation(study, workload))
    if post.confirm:
        which = "the best set" if post.confirm_best_set else "the recommended configuration"
        most = f"at most {workload.n_confirmation_runs}" if post.confirm_best_set else post.confirm
        table.add_row("confirmation", f"{which} on {post.confirm} further seeds = {most} runs")
    if workload.n_tuning_runs is not None and workload.n_timesteps is not None:
        total = workload.n_tuning_runs + workload.n_post_evaluation_runs + workload.n_confirmation_runs
        table.add_row("altogether", f"at most {total} runs, {workload.n_timesteps:,} timesteps")
    if settled.policy_bytes is not None:
        table.add_row("saved policies", _policies(study, workload, settled.policy_bytes))
    return table


def status_table(study: StudySpec, status: Status) -> Table:
    """Return the progress of a study."""
    table = facts(study.name)
    trials = ", ".join(f"{count} {state.value}" for state, count in sorted(status.trials.items())) or "none"
    wanted = "" if study.tuning.n_trials is None else f" of {study.tuning.n_trials} wanted"
    table.add_row("trials", f"{trials}{wanted}")
    for stage in Stage:
        own = [f"{n} {outcome.value}" for (of, outcome), n in sorted(status.runs.items()) if of is stage]
        if own:
            table.add_row(f"{stage.value.replace('_', '-')} runs", ", ".join(own))
    post = study.post_evaluation
    most = "at most " if post.allocation.is_adaptive or post.confirm_best_set else ""
    which = "of post-evaluation and confirmation" if post.confirm else "of the post-evaluation"
    table.add_row("still to run", f"{status.n_missing} of {most}{status.n_planned} runs {which}")
    processes = f"{status.n_workers} process{'' if status.n_workers == 1 else 'es'}"
    table.add_row("running now", ": ".join(filter(None, (processes, running_text(status.outlook)))))
    if status.outlook.left_s is not None:
        table.add_row("time left", f"about {duration(status.outlook.left_s)}")
    return table


def print_status(studies: Sequence[StudySpec], out: Path, storage: str | None) -> None:
    """Print the progress of some studies."""
    for study in studies:
        console.print(status_table(study, study_status(study, out=out, storage=storage)))


def watch_status(studies: Sequence[StudySpec], out: Path, storage: str | None) -> None:
    """Show the progress of some studies until they are finished, or until Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            found = [(study, study_status(study, out=out, storage=storage)) for study in studies]
            live.update(Group(*(status_table(study, status) for study, status in found)), refresh=True)
            if all(status.is_finished for _, status in found):
                return
            time.sleep(_WATCH_S)


def print_table(table: report.Table, *, title: str | None = None) -> None:
    """Print a table of the report; rows of the best set are bold."""
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for heading in table.headings:
        shown.add_column(heading, justify="left" if heading in table.text else "right", overflow="fold")
    for place, row in enumerate(table.rows):
        cells = [Text(cell, style=_STYLES.get(cell, "")) for cell in row]
        shown.add_row(*cells, style="bold" if table.is_best(place) else "")
    console.print()
    console.print(shown)
    if table.note:
        console.print(Text(table.note, style="dim"))


def print_ranking(ranking: Ranking) -> None:
    """Print the answer, the ranking and what else the data say."""
    from robusttune.report.columns import fitting_columns
    from robusttune.report.prose import next_search
    from robusttune.report.tables import ranking_table

    console.print()
    for line in ranking.answer:
        say(line.replace("`", ""), style="bold")
    table = ranking_table(ranking.rows, fitting_columns(ranking.rows, console.width), note=ranking.caption)
    print_table(table)
    for heading, sentences in ranking.findings.items():
        console.print(Text(f"\n{heading}", style="underline"))
        print_bullets(
            sentences[: next_search.MOST_IN_TERMINAL] if heading == next_search.HEADING else sentences
        )


def print_bullets(sentences: Sequence[str]) -> None:
    """Print sentences; those with a command in them unwrapped, so that it can be pasted."""
    for sentence in sentences:
        console.print(Text(f"• {sentence.replace('`', '')}"), soft_wrap="`" in sentence)


def _budgets(least: int, most: int) -> str:
    """Return what whole rollouts make of the timesteps asked for."""
    if least == most:
        return f"{most:,} timesteps a run, for rollouts are collected whole"
    text = f"{least:,} to {most:,} timesteps a run, by the length of the rollouts"
    if most <= MAX_BUDGET_RATIO * least:
        return text
    return f"{text}: budgets that differ by {most / least - 1:.0%}; algorithm.exact_timesteps = true makes them equal"


def _policies(study: StudySpec, workload: Workload, policy_bytes: int) -> str:
    n_runs = workload.n_post_evaluation_runs + workload.n_confirmation_runs
    each, total = policy_bytes / 1e6, n_runs * policy_bytes / 1e6
    text = f"at most {n_runs} of about {each:.2g} MB each: {total:,.{1 if total < 10 else 0}f} MB on the disk"
    return f"{text}, until the best are known" if study.execution.save_models == "best" else text


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


def facts(title: str) -> Table:
    """Return a table to fill with what is to be known of something, a name and a text a row."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    return table
