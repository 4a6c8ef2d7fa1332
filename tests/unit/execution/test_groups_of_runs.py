"""Jobs of several runs: accidents, resumption, and pruning on the aggregate of all seeds."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pebble import ProcessExpired

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.execution.driver import Driver
from robusttune.execution.executors import Job
from robusttune.execution.jobs import joined, runs_to_make
from robusttune.execution.tasks import Task, as_one
from robusttune.results.claims import Claims
from robusttune.results.engine import sqlite_url
from robusttune.results.records import RunResult, RunStatus, TrialState, evaluations_together
from robusttune.results.store import ResultStore
from robusttune.tuning.task import trial_task
from tests.support.studies import Synthetic, make_study, synthetic_curve, synthetic_result

T = TypeVar("T")
LOCKSTEP = {"execution.trainer": "lockstep", "evaluation.every": 16, "tuning.seeds_per_trial": 3}


def runs(n: int = 3, **changes: Any) -> tuple[RunSpec, ...]:
    study = make_study({**LOCKSTEP, "tuning.seeds_per_trial": n, **changes})
    return tuning_runs(study, {"learning_rate": 1e-3}, 0)


class Frail(Synthetic):
    """Groups crash; so does every attempt at the run that is cursed."""

    def __init__(self, cursed: str | None = None) -> None:
        super().__init__(2)
        self.cursed = cursed
        self.jobs: list[tuple[str, ...]] = []

    def submit(self, job: Job) -> Future[list[RunResult]]:
        run_ids = tuple(spec.run_id for spec in job.specs)
        self.jobs.append(run_ids)
        if len(run_ids) > 1 or run_ids[0] == self.cursed:
            future: Future[list[RunResult]] = Future()
            future.set_exception(ProcessExpired("died", code=9))
            return future
        return super().submit(job)


def drive(folder: Path, executor: Any, job: Job, *, max_attempts: int = 2) -> list[RunResult]:
    def task() -> Task[list[RunResult]]:
        return (yield [job])

    store = ResultStore(sqlite_url(folder / "study.db"))
    with Claims(store.engine) as claims, executor:
        driver = Driver(store, claims, executor, max_attempts=max_attempts)
        (results,) = driver.drive(iter([task()]))
    store.close()
    return results


def test_a_group_that_crashes_is_run_member_by_member(tmp_path: Path) -> None:
    specs = runs()
    executor = Frail(cursed=specs[1].run_id)
    results = drive(tmp_path, executor, Job(specs=specs))
    assert [r.status for r in results] == [RunStatus.COMPLETED, RunStatus.CRASHED, RunStatus.COMPLETED]
    assert "tried 2 time(s)" in str(results[1].error)
    assert executor.jobs[0] == tuple(spec.run_id for spec in specs)
    assert sorted(map(len, executor.jobs[1:])) == [1, 1, 1, 1]


def test_only_the_missing_runs_of_a_group_are_made(tmp_path: Path) -> None:
    specs = runs()
    drive(tmp_path, Synthetic(), Job(specs=specs[:1]))
    executor = Synthetic()
    results = drive(tmp_path, executor, Job(specs=specs))
    assert executor.submitted == [spec.run_id for spec in specs[1:]]
    assert [r.run_id for r in results] == [spec.run_id for spec in specs]


def test_runs_that_a_rule_judges_together_are_made_together() -> None:
    specs = runs()
    stored = {specs[0].run_id: synthetic_result(specs[0])}
    assert runs_to_make(Job(specs=specs), stored) == specs[1:]
    assert runs_to_make(Job(specs=specs, stop_rule=lambda index, means: False), stored) == specs


def test_a_pruned_run_serves_only_a_rule_that_stops_there() -> None:
    (spec,) = runs(1)
    pruned = synthetic_result(spec, stop_rule=lambda index, means: index == 1)
    assert pruned.status is RunStatus.PRUNED
    stored = {spec.run_id: pruned}
    assert runs_to_make(Job(specs=(spec,)), stored) == (spec,)
    assert runs_to_make(Job(specs=(spec,), stop_rule=lambda index, means: index == 1), stored) == ()
    assert runs_to_make(Job(specs=(spec,), stop_rule=lambda index, means: False), stored) == (spec,)


def stops_at_one(index: int, means: Any) -> bool:
    return index == 1


def never_stops(index: int, means: Any) -> bool:
    return False


def test_the_rules_of_a_joint_job_remain_those_of_their_own_runs() -> None:
    specs = runs(4)
    job = joined([Job(specs=specs[:2], stop_rule=stops_at_one), Job(specs=specs[2:3]), Job(specs=specs[3:])])
    assert job.parts == [(specs[:2], stops_at_one), (specs[2:3], None), (specs[3:], None)]
    assert job.only(specs[1:]).parts == [(specs[1:2], None), (specs[2:3], None), (specs[3:], None)]
    assert job.only(specs[:2]) == Job(specs=specs[:2], stop_rule=stops_at_one)
    stored = {spec.run_id: synthetic_result(spec, stop_rule=stops_at_one) for spec in specs[1:3]}
    assert runs_to_make(job, stored) == specs  # the third was stopped, and nothing here would stop it
    stored |= {spec.run_id: synthetic_result(spec) for spec in specs[2:]}
    assert runs_to_make(job, stored) == specs[:2]


def test_a_joint_job_that_crashes_costs_each_run_one_retry_alone_under_its_own_rule(tmp_path: Path) -> None:
    specs = runs()
    rules = (stops_at_one, never_stops, stops_at_one)
    executor = Frail(cursed=specs[2].run_id)
    job = joined([Job(specs=(spec,), stop_rule=rule) for spec, rule in zip(specs, rules, strict=True)])
    results = drive(tmp_path, executor, job, max_attempts=1)
    assert [r.status for r in results] == [RunStatus.PRUNED, RunStatus.COMPLETED, RunStatus.CRASHED]
    assert sorted(map(len, executor.jobs)) == [1, 1, 1, 3]


def test_tasks_as_one_wait_for_one_job_at_a_time_and_end_when_each_ends() -> None:
    specs = runs(6)

    def task(name: str, *rounds: tuple[RunSpec, ...]) -> Task[tuple[str, list[str]]]:
        seen: list[str] = []
        for chosen in rounds:
            seen += [result.run_id for result in (yield [Job(specs=(spec,)) for spec in chosen])]
        return name, seen

    both = as_one([task("a", specs[:2]), task("b", specs[2:3], specs[3:5]), task("c", specs[5:])])
    values, jobs = play(both, lambda job: [synthetic_result(spec) for spec in job.specs])
    assert [job.specs for job in jobs] == [(*specs[:3], specs[5]), specs[3:5]]
    ids = [spec.run_id for spec in specs]
    assert values == [("a", ids[:2]), ("b", ids[2:5]), ("c", ids[5:])]


def test_evaluations_together_leave_out_the_one_after_training_and_mark_who_has_diverged() -> None:
    specs = runs(2)
    healthy = synthetic_result(specs[0])
    ill = synthetic_result(specs[1])
    ill = dataclasses.replace(ill, status=RunStatus.DIVERGED, episode_returns=(), curve=ill.curve[:1])
    found = evaluations_together([healthy, ill])
    assert [index for index, _ in found] == [0, 1, 2]
    assert [point.mean_return for point in healthy.curve][:3] == [means[0] for _, means in found]
    assert [bool(np.isnan(means[1])) for _, means in found] == [False, True, True]


class Rule:
    """A stand-in for a pruning view that notes what it is told."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.told: list[tuple[int, float]] = []
        self.stop_at = stop_at

    def __call__(self, index: int, means: Any) -> bool:
        return self.report(index, float(np.mean(means)))

    def report(self, step: int, value: float) -> bool:
        self.told.append((step, value))
        return step == self.stop_at

    def forget(self) -> None:
        self.told = []


def play(task: Task[T], make: Any) -> tuple[T, list[Job]]:
    jobs: list[Job] = []
    wanted = next(task)
    while True:
        jobs += wanted
        try:
            wanted = task.send([result for job in wanted for result in make(job)])
        except StopIteration as stop:
            return stop.value, jobs


def test_seeds_that_train_together_are_pruned_on_their_aggregate() -> None:
    study = make_study({**LOCKSTEP, "tuning.pruner": "median"})
    specs = tuning_runs(study, {"learning_rate": 1e-3}, 0)
    rule: Any = Rule(stop_at=1)
    task = trial_task(0, specs, study.tuning, view=rule, worst=None)

    def make(job: Job) -> list[RunResult]:
        return [synthetic_result(s, stop_rule=lambda index, means: index == 1) for s in job.specs]

    outcome, jobs = play(task, make)
    assert [len(job.specs) for job in jobs] == [3]
    assert outcome.state is TrialState.PRUNED
    expected = [(i, float(np.mean([synthetic_curve(s)[i] for s in specs]))) for i in range(2)]
    assert [step for step, _ in outcome.reports] == [0, 1]
    np.testing.assert_allclose([value for _, value in outcome.reports], [value for _, value in expected])


def test_the_last_report_is_the_objective_value_and_decides_nothing() -> None:
    study = make_study({**LOCKSTEP, "tuning.pruner": "median"})
    specs = tuning_runs(study, {"learning_rate": 1e-3}, 0)
    rule: Any = Rule(stop_at=3)
    task = trial_task(0, specs, study.tuning, view=rule, worst=None)
    outcome, _ = play(task, lambda job: [synthetic_result(spec) for spec in job.specs])
    assert outcome.state is TrialState.COMPLETE
    assert outcome.reports[-1] == (3, outcome.objective_value)
    assert [step for step, _ in rule.told] == [0, 1, 2]


def test_stable_baselines_trains_the_seeds_of_a_pruned_trial_one_after_the_other() -> None:
    study = make_study({**LOCKSTEP, "execution.trainer": "sb3", "tuning.pruner": "median"})
    specs = tuning_runs(study, {"learning_rate": 1e-3}, 0)
    task = trial_task(0, specs, study.tuning, view=Rule(), worst=None)  # type: ignore[arg-type]
    _, jobs = play(task, lambda job: [synthetic_result(spec) for spec in job.specs])
    assert [len(job.specs) for job in jobs] == [1, 1, 1]
