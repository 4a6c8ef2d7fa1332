"""The recommended configuration is run on seeds that no selection has seen, and these never enter the ranking."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from robusttune import evaluate_study, rank_study, run_study, simulate_study, study_status
from robusttune.cli.display import workload_table
from robusttune.declaration.allocation import MAX_CONFIRMATION_SEEDS, MAX_SEEDS
from robusttune.declaration.ids import config_id
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import confirmation_runs, post_evaluation_runs
from robusttune.errors import SpecError, StudyError
from robusttune.pipeline import check_study, open_results
from robusttune.pipeline.location import location_of
from robusttune.pipeline.session import memory_session
from robusttune.post_evaluation.select import select
from robusttune.report.build import best_set_first
from robusttune.results.records import RunStatus
from tests.support.cases import cases
from tests.support.studies import drawn, make_study, stored_specs

TRUTH: dict[str, Any] = {
    "sd": 10.0,
    "effects": {"learning_rate": {"best": 1e-3, "drop": 20.0, "scale": "log"}},
}


def study(truth: dict[str, Any] | None = None, **post: Any) -> StudySpec:
    return make_study(
        {
            **drawn("synthetic", {**TRUTH, **(truth or {})}),
            "post_evaluation": {"top_k": 3, "n_seeds": 4, "default_control": False, **post},
        }
    )


@pytest.mark.parametrize("allocation", cases(["fixed", "elimination", "ocba"], fast=["fixed"]))
@pytest.mark.parametrize("whole", cases([False, True], fast=[False]))
def test_what_the_report_recommends_is_confirmed_and_the_ranking_stays_what_it_was(
    tmp_path: Path, allocation: str, whole: bool
) -> None:
    rule = {"allocation": {"rule": allocation}}
    plain = run_study(study(**rule), out=tmp_path)
    declared = study(**rule, confirm=5, confirm_best_set=whole)
    found = evaluate_study(declared, out=tmp_path)
    best = [plain.row(name).candidate.config_id for name in plain.analysis.best_set]
    assert next(iter(found.confirmation)) == plain.row(plain.analysis.recommended).candidate.config_id
    assert set(found.confirmation) == set(best if whole else best[:1])
    assert {len(scores) for scores in found.confirmation.values()} == {5}
    assert rank_study(declared, out=tmp_path).rows == plain.rows
    assert found.confirmed is not None
    with open_results(declared, location_of(declared, out=tmp_path)) as results:
        assert results.post_evaluation() == found  # read, it is what it was when it ran
    simulation = simulate_study(declared)
    trials, simulated = simulation.trials, simulation.post_evaluation
    assert simulated.confirmation == found.confirmation
    assert best_set_first(declared, trials, simulated) == best_set_first(declared, trials, found)


@pytest.mark.parametrize("seeds", ["fresh", "common"])
def test_no_allocation_can_ever_give_a_seed_that_confirms(seeds: str) -> None:
    configurations: dict[str, Any] = {config_id({"n": n}): {"n": n} for n in range(3)}
    declared = study(seeds=seeds, n_seeds=MAX_SEEDS, confirm=MAX_CONFIRMATION_SEEDS)
    ranked = {r.seed for own in post_evaluation_runs(declared, configurations).values() for r in own}
    confirming = confirmation_runs(declared, configurations, configurations)
    seen = {run.seed for own in confirming.values() for run in own}
    assert ranked.isdisjoint(seen)
    assert len(seen) == MAX_CONFIRMATION_SEEDS * (1 if seeds == "common" else 3)
    with pytest.raises(SpecError, match=f"n_seeds = {MAX_SEEDS + 1}: .* less than or equal to {MAX_SEEDS}"):
        study(n_seeds=MAX_SEEDS + 1)
    few = dataclasses.replace(
        declared, post_evaluation=dataclasses.replace(declared.post_evaluation, confirm=2)
    )
    one = next(iter(configurations))
    assert confirmation_runs(few, configurations, [one])[one] == confirming[one][:2]


@pytest.mark.thorough
def test_a_confirmation_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    run_study(study(confirm=3), out=tmp_path)
    location = location_of(study(), out=tmp_path)
    store = location.open_to_read()
    before = {spec.run_id for spec in stored_specs(store)}
    store.close()
    wanted = study(confirm=7)
    status = study_status(wanted, out=tmp_path)
    assert (status.n_planned, status.n_missing) == (3 * 4 + 7, 4)
    with pytest.raises(StudyError, match=r"lacks runs \(4 not run yet\)"):
        rank_study(wanted, out=tmp_path)
    evaluate_study(wanted, out=tmp_path)
    store = location.open_to_read()
    after = {spec.run_id for spec in stored_specs(store)}
    store.close()
    assert before < after
    assert len(after - before) == 4
    assert study_status(wanted, out=tmp_path).n_missing == 0


def test_a_diverged_confirmation_counts_as_the_worst_score_of_the_stage() -> None:
    for root in itertools.count():
        declared = dataclasses.replace(study({"p_diverged": 0.3}, confirm=6), root_seed=root)
        session = memory_session(declared)
        found = session.evaluate(session.tune())
        assert found.confirmed is not None
        if sum(found.confirmed.n_diverged):
            break
    worst = min(score for own in (*found.scores.scores, *found.confirmed.scores) for score in own)
    assert found.confirmed.diverged_score == worst
    (scores,) = found.confirmation.values()
    assert scores.count(worst) >= sum(found.confirmed.n_diverged)
    runs = session.store.results(
        run.run_id
        for own in confirmation_runs(
            declared,
            {c.config_id: c.hyperparameters for c in select(declared, session.trials())},
            found.confirmation,
        ).values()
        for run in own
    )
    n_diverged = sum(result.status is RunStatus.DIVERGED for result in runs.values())
    assert (len(runs), n_diverged) == (6, sum(found.confirmed.n_diverged))


def test_check_counts_the_runs_that_confirm() -> None:
    without, one = (check_study(study(**post)).workload for post in ({}, {"confirm": 5}))
    whole = check_study(study(confirm=5, confirm_best_set=True))
    assert (one.n_confirmation_runs, whole.workload.n_confirmation_runs) == (5, 15)
    assert one.n_timesteps is not None
    assert without.n_timesteps is not None
    assert one.n_timesteps - without.n_timesteps == 5 * 64
    columns = [list(column.cells) for column in workload_table(whole).columns]
    assert "the best set on 5 further seeds = at most 15 runs" in columns[1]


def test_a_best_set_is_confirmed_on_some_seeds_or_not_at_all() -> None:
    with pytest.raises(SpecError, match="confirm_best_set = true needs confirm"):
        study(confirm_best_set=True)
    with pytest.raises(SpecError, match=r"post_evaluation.confirm = 129"):
        study(confirm=129)


def test_copies_of_one_configuration_confirm_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "aa"\nsynthetic.sd = 10.0\ntuning.n_trials = 2\n'
        "post_evaluation = {top_k = 3, n_seeds = 4, confirm = 5}\n"
    )
    from robusttune.cli import app

    found = CliRunner().invoke(app, ["run", str(path), "--null", "--out", str(tmp_path), "-j", "0"])
    assert found.exit_code == 0, found.output
    assert "on 12 runs" in found.output.replace("\n", " ")
