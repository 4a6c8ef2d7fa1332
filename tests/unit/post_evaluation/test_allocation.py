from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage

from robusttune.declaration.allocation import MAX_SEEDS, AllocationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_study
from robusttune.errors import SpecError, StudyError
from robusttune.execution.driver import Driver
from robusttune.execution.progress import SilentReporter
from robusttune.pipeline import check_study
from robusttune.post_evaluation.allocate import Question, decide
from robusttune.post_evaluation.allocation_rules import (
    ocba_batch,
    ocba_weights,
    shrunk_variances,
    top_two_batch,
)
from robusttune.post_evaluation.evaluate import evaluate
from robusttune.post_evaluation.rounds import Rounds, replay
from robusttune.post_evaluation.select import select
from robusttune.results.claims import Claims
from robusttune.results.records import RunStatus
from robusttune.results.store import ResultStore
from robusttune.stats.analysis.analyse import analyse
from robusttune.stats.estimates.location import locate
from tests.support.cases import cases
from tests.support.studies import (
    Interrupt,
    Synthetic,
    document,
    fixed_runs,
    make_study,
    open_results,
    ranking_of,
    sometimes_diverged,
    tune,
)

ADAPTIVE = {
    "elimination": {"rule": "elimination", "stages": [2, 3, 5]},
    "ocba": {"rule": "ocba", "budget": 18, "first_seeds": 2, "batch_size": 3},
    "top-two": {"rule": "top-two", "budget": 18, "first_seeds": 2, "batch_size": 3},
    "halving": {"rule": "halving", "budget": 20, "first_seeds": 2},
}


def question(rule: str, *, budget: int = 30, **more: Any) -> Question:
    keys = {key: more.pop(key) for key in ("stages", "first_seeds", "batch_size") if key in more}
    return Question(allocation=AllocationSpec(rule=rule, **keys), budget=budget, n_resamples=2000, **more)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def around(mean: float, n: int = 3, sd: float = 1.0) -> np.ndarray:
    """Return scores with exactly this mean and SD."""
    x = np.linspace(-1.0, 1.0, n)
    return mean + sd * x / x.std(ddof=1)


# --- OCBA ------------------------------------------------------------------------------------------------------------


def test_variances_are_drawn_towards_their_mean_by_two_degrees_of_freedom() -> None:
    # s² = 1 and 4, s0² = 2.5: (2 · 2.5 + 2 · 1) / 4 and (2 · 2.5 + 2 · 4) / 4
    found = shrunk_variances(locate([around(0.0), around(5.0, sd=2.0)]))
    assert found == pytest.approx([1.75, 3.25])


def test_ocba_weights_follow_the_formula() -> None:
    # noise over squared distance: 1 / 1², 4 / 2²; the best gets the root of 1²/1 + 1²/4
    found = ocba_weights(np.array([0.0, -1.0, -2.0]), np.array([1.0, 1.0, 4.0]))
    parts = np.array([np.sqrt(1.25), 1.0, 1.0])
    assert found == pytest.approx(parts / parts.sum())


def test_ocba_gives_the_next_seeds_to_whoever_lacks_most() -> None:
    # shares .382, .342, .276 hold for 3, 3, 3 seeds: of 10 the targets are 3.82, 3.42, 2.76, and so on
    scores = [around(0.0), around(-1.0), around(-10.0)]
    locations, planned = locate(scores), np.array([3, 3, 3])
    share = ocba_weights(locations.estimate, shrunk_variances(locations))
    n = [3, 3, 3]
    for _ in range(7):
        lacks = [share[i] * (sum(n) + 1) - n[i] for i in range(3)]
        n[lacks.index(max(lacks))] += 1
    assert (planned + ocba_batch(locations, planned, 7)).tolist() == n
    assert n[2] == 3


def test_ocba_does_not_freeze_a_configuration_whose_few_scores_happen_to_agree() -> None:
    scores = [around(0.0), around(-1.0, sd=1e-9), around(-1.5)]
    assert ocba_batch(locate(scores), np.array([3, 3, 3]), 12)[1] > 0


# --- top-two ---------------------------------------------------------------------------------------------------------


def test_top_two_gives_half_of_its_seeds_to_a_clear_leader_and_the_rest_to_its_rivals() -> None:
    found = top_two_batch(locate([around(0.0, 9), around(-3.0, 9), around(-9.0, 9)]), 1000, rng())
    assert found.sum() == 1000
    assert 450 <= found[0] <= 550
    assert found[1] > found[2]


def test_top_two_always_has_a_rival() -> None:
    found = top_two_batch(locate([around(0.0, sd=1e-6), around(-1e6, sd=1e-6)]), 40, rng())
    assert found.min() > 5


# --- halving ---------------------------------------------------------------------------------------------------------


def test_halving_shares_its_budget_equally_among_rounds() -> None:
    asked = question("halving", budget=24)
    assert asked.allocation.n_first(4, 6) == 24 // (4 * 2)
    scores = [around(0.0), around(3.0), around(1.0), around(2.0)]
    first = decide(scores, [3] * 4, asked, rng=rng())
    assert (first.more, first.kept) == ((0, 6, 0, 6), (False, True, False, True))
    longer = [around(0.0), around(3.0, 9), around(1.0), around(2.0, 9)]
    last = decide(longer, [3, 9, 3, 9], asked, rng=rng())
    assert last.kept == (False, True, False, False)
    assert last.stop == "One configuration is left."


# --- elimination -----------------------------------------------------------------------------------------------------


def test_elimination_drops_what_is_far_behind_and_goes_on_with_the_rest() -> None:
    scores = [around(0.0, 5), around(-0.1, 5), around(-50.0, 5)]
    found = decide(scores, [5] * 3, question("elimination"), rng=rng())
    assert (found.more, found.kept, found.stop) == ((3, 3, 0), (True, True, False), None)


def test_elimination_stops_with_one_configuration() -> None:
    found = decide([around(0.0, 5), around(-50.0, 5)], [5, 5], question("elimination"), rng=rng())
    assert (found.more, found.stop) == ((0, 0), "One configuration is left.")


def test_elimination_never_takes_back_what_it_dropped() -> None:
    scores = [around(0.0, 5), around(-0.1, 5), around(9.0, 3)]
    found = decide(scores, [5, 5, 3], question("elimination"), rng=rng())
    assert (found.more, found.kept) == ((3, 3, 0), (True, True, False))


def test_elimination_stops_after_its_last_stage() -> None:
    found = decide([around(0.0), around(0.1)], [3, 3], question("elimination", stages=(2, 3)), rng=rng())
    assert found.stop == "All 2 stages are done; 2 configurations may still be the best."


@pytest.mark.parametrize(("indifference", "stops"), [(None, False), (0.5, False), (4.0, True)])
def test_elimination_stops_where_all_that_are_left_are_practically_equal(
    indifference: float | None, stops: bool
) -> None:
    scores = [around(0.0, 8), around(0.1, 8)]
    found = decide(scores, [8, 8], question("elimination", indifference=indifference), rng=rng())
    assert (found.stop is not None) == stops


# --- all rules -------------------------------------------------------------------------------------------------------


@given(
    rule=st.sampled_from([*ADAPTIVE]),
    means=st.lists(st.floats(-3, 3), min_size=2, max_size=6),
    budget=st.integers(18, 60),
    seed=st.integers(0, 99),
)
def test_a_stage_ends_within_its_budget(rule: str, means: list[float], budget: int, seed: int) -> None:
    source = rng(seed)
    draws = [mean + source.standard_normal(100) for mean in means]
    asked = question(rule, budget=budget)
    planned = [asked.allocation.n_first(len(means), budget // len(means))] * len(means)
    if rule != "elimination":
        planned = [min(planned[0], budget // len(means))] * len(means)
    limit = 25 * len(means) if rule == "elimination" else budget
    while True:
        found = decide([x[:n] for x, n in zip(draws, planned, strict=True)], planned, asked, rng=rng(seed))
        if found.stop is not None:
            break
        assert sum(found.more) > 0
        assert any(found.kept)
        planned = [n + more for n, more in zip(planned, found.more, strict=True)]
        assert sum(planned) <= limit
    assert not any(found.more)


@pytest.mark.parametrize("rule", [*ADAPTIVE])
@pytest.mark.parametrize("statistic", ["mean", "iqm"])
def test_scores_that_are_all_the_same_are_no_obstacle(rule: str, statistic: str) -> None:
    scores = [np.full(3, 500.0), np.full(3, 500.0), around(400.0)]
    found = decide(scores, [3, 3, 3], question(rule, statistic=statistic), rng=rng())
    assert found.stop is None
    assert sum(found.more) > 0


@pytest.mark.parametrize("rule", [*ADAPTIVE])
def test_a_configuration_without_any_score_leaves_the_race(rule: str) -> None:
    scores = [np.array([]), around(0.0), around(0.1)]
    found = decide(scores, [3, 3, 3], question(rule), rng=rng())
    assert found.more[0] == 0
    assert not found.kept[0]
    alone = decide([np.array([]), around(0.0)], [3, 3], question(rule), rng=rng())
    assert alone.stop == "There is nothing to choose: fewer than two configurations have a score."


def test_no_configuration_gets_more_seeds_than_the_layout_has() -> None:
    planned = [MAX_SEEDS, MAX_SEEDS]
    found = decide([around(0.0), around(0.1)], planned, question("ocba", budget=5000), rng=rng())
    assert found.stop == f"No configuration can have more than {MAX_SEEDS} seeds."


# --- what a study may ask for ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allocation", "message"),
    [
        (
            {"rule": "elimination", "stages": [3, 3]},
            r"stages = \[3, 3\]: must begin with at least 2 seeds and inc",
        ),
        ({"rule": "elimination", "stages": [1, 3]}, r"stages = \[1, 3\]: must begin with at least 2"),
        ({"rule": "elimination", "stages": []}, r"stages = \[\]: must begin with at least 2"),
        ({"rule": "elimination", "stages": [3, 897]}, r"stages = \[3, 897\]: must not exceed 896"),
        (
            {"rule": "elimination", "budget": 9},
            "budget: rule = 'elimination' does not use it. It uses: stages.",
        ),
        (
            {"rule": "ocba", "budget": 8},
            r"budget = 8: must be at least first_seeds \* configurations = 3 \* 3 = 9",
        ),
        (
            {"rule": "halving", "first_seeds": 4},
            r"budget = 9 \(n_seeds for each configuration\): must be at least",
        ),
        ({"rule": "ocbaa"}, "must be one of fixed, elimination, ocba, top-two, halving .did you mean 'ocba'"),
        ({"rule": "ocba", "batchsize": 3}, "unknown key .did you mean 'batch_size'"),
        ({"rule": "ocba", "first_seeds": 1}, "first_seeds = 1"),
    ],
    ids=str,
)
def test_what_cannot_be_met_is_said_before_anything_runs(allocation: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make_study({"post_evaluation.allocation": allocation})


def test_a_rule_may_be_given_by_its_name_alone(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "short"\nenvironment.id = "CartPole-v1"\ntuning.n_trials = 2\n'
        'algorithm = {name = "ppo", total_timesteps = 64}\npost_evaluation.allocation = "elimination"\n'
    )
    assert load_study(path).post_evaluation.allocation == AllocationSpec(rule="elimination")
    changed = load_study(path, overrides=["post_evaluation.allocation=ocba"])
    assert changed.post_evaluation.allocation == AllocationSpec(rule="ocba")


def test_the_most_runs_of_each_rule_are_known_before_anything_runs() -> None:
    most = {
        rule: check_study(make_study({"post_evaluation.allocation": keys})).workload.n_post_evaluation_runs
        for rule, keys in {**ADAPTIVE, "fixed": {"rule": "fixed"}, "default": {"rule": "ocba"}}.items()
    }
    assert most == {"elimination": 15, "ocba": 18, "top-two": 18, "halving": 20, "fixed": 9, "default": 9}


def test_the_allocation_does_not_change_the_search() -> None:
    other = make_study({"post_evaluation.allocation": ADAPTIVE["ocba"]})
    assert other.tuning_id == make_study().tuning_id
    assert StudySpec.from_dict(other.to_dict()) == other


# --- rounds ----------------------------------------------------------------------------------------------------------


def study(rule: str, **more: Any) -> StudySpec:
    changes = {f"post_evaluation.{key}": value for key, value in more.items()}
    allocation = ADAPTIVE.get(rule, {"rule": rule})
    return make_study({"post_evaluation.top_k": 4, "post_evaluation.allocation": allocation, **changes})


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose database holds the trials of the studies here."""
    folder = tmp_path_factory.mktemp("tuned")
    with open_results(folder) as opened:
        tune(study("fixed"), opened, InMemoryStorage())
    return folder


@pytest.fixture
def store(tuned: Path, tmp_path: Path) -> Iterator[ResultStore]:
    with open_results(shutil.copytree(tuned, tmp_path / "own")) as opened:
        yield opened


def judge(declared: StudySpec, store: ResultStore, executor: Synthetic) -> Rounds:
    candidates = select(declared, store.trials(declared.tuning_id))
    with Claims(store.engine) as claims, executor:
        driver = Driver(store, claims, executor)
        return evaluate(declared, candidates, store=store, driver=driver, reporter=SilentReporter()).rounds


def asked(rounds: Rounds) -> dict[str, list[str]]:
    return {config_id: [run.run_id for run in runs] for config_id, runs in rounds.runs.items()}


def test_a_fixed_allocation_asks_for_the_runs_it_always_asked_for(store: ResultStore) -> None:
    declared = study("fixed")
    candidates = select(declared, store.trials(declared.tuning_id))
    found = replay(declared, candidates, store.results)
    assert found.runs == fixed_runs(declared, candidates)
    assert found.stop is None


@pytest.mark.parametrize("rule", cases(ADAPTIVE, fast=["ocba"]))
def test_a_stage_that_was_killed_anywhere_ends_as_if_it_had_not_been(
    rule: str, tuned: Path, tmp_path: Path
) -> None:
    declared = study(rule)
    found: list[Any] = []
    n_runs, n = None, 0
    while n_runs is None or n < n_runs:
        with open_results(shutil.copytree(tuned, tmp_path / f"{n} {n_runs}")) as store:
            if n_runs is not None:
                with pytest.raises(Interrupt):
                    judge(declared, store, Synthetic(behaviour=sometimes_diverged, die_at_submit=n))
            rounds = judge(declared, store, Synthetic(behaviour=sometimes_diverged))
        found.append((asked(rounds), rounds.kept, rounds.stop, rounds.n_decisions))
        n_runs, n = rounds.n_runs, n + (1 if n_runs is None else 4)
    assert len(found) > 4
    assert found[0][2] is not None
    assert found[0][3] > 1
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("rule", cases(ADAPTIVE, fast=["top-two"]))
def test_a_stage_that_is_done_runs_nothing_more(rule: str, store: ResultStore) -> None:
    rounds = judge(study(rule), store, Synthetic())
    executor = Synthetic()
    assert asked(judge(study(rule), store, executor)) == asked(rounds)
    assert executor.submitted == []


@pytest.mark.parametrize("rule", cases(ADAPTIVE, fast=["elimination"]))
def test_going_on_from_an_earlier_replay_comes_to_the_same(rule: str, store: ResultStore) -> None:
    declared = study(rule)
    candidates = select(declared, store.trials(declared.tuning_id))
    early = replay(declared, candidates, store.results)
    full = judge(declared, store, Synthetic(behaviour=sometimes_diverged))
    assert early.n_decisions == 0
    later = replay(declared, candidates, store.results, since=early)
    assert (asked(later), later.kept, later.stop) == (asked(full), full.kept, full.stop)
    assert later.n_decisions == full.n_decisions > 1
    assert later.results.keys() == full.results.keys()
    assert replay(declared, candidates, store.results, since=full) is full


def test_an_accident_that_was_made_good_changes_the_decisions_that_did_without(store: ResultStore) -> None:
    declared = study("ocba", allow_missing=True)
    candidates = select(declared, store.trials(declared.tuning_id))
    judge(declared, store, Synthetic(behaviour=FirstOfDefault()))
    healed = judge(declared, store, Synthetic())
    assert all(result.status is RunStatus.COMPLETED for result in healed.results.values())
    assert asked(healed) == asked(replay(declared, candidates, store.results))
    assert healed.stop == "The budget of 18 runs is spent."


@pytest.mark.parametrize("rule", cases(ADAPTIVE, fast=["elimination"]))
def test_the_number_of_workers_changes_no_decision(rule: str, tuned: Path, tmp_path: Path) -> None:
    found = []
    for n_workers in (1, 3):
        with open_results(shutil.copytree(tuned, tmp_path / str(n_workers))) as store:
            found.append(asked(judge(study(rule), store, Synthetic(n_workers))))
    assert found[0] == found[1]


class FirstOfDefault:
    """The first run of the default configuration fails, however often it is tried."""

    def __init__(self) -> None:
        self.seed: int | None = None

    def __call__(self, spec: RunSpec) -> RunStatus:
        if spec.hyperparameters:
            return RunStatus.COMPLETED
        self.seed = spec.seed if self.seed is None else self.seed
        return RunStatus.FAILED if spec.seed == self.seed else RunStatus.COMPLETED


def test_a_failed_run_holds_the_next_round_back_unless_the_study_allows_it(store: ResultStore) -> None:
    executor = Synthetic(behaviour=FirstOfDefault())
    with pytest.raises(StudyError, match=r"lacks runs \(1 failed\)"):
        judge(study("ocba"), store, executor)
    candidates = select(study("ocba"), store.trials(study("ocba").tuning_id))
    rounds = replay(study("ocba"), candidates, store.results)
    assert (rounds.n_runs, rounds.n_decisions, rounds.stop) == (10, 0, None)
    with pytest.raises(StudyError, match=r"lacks runs \(1 failed\)"):
        ranking_of(study("ocba"), store)


def test_a_failed_run_that_may_be_missing_is_tried_once_and_the_stage_goes_on(store: ResultStore) -> None:
    behaviour = FirstOfDefault()
    executor = Synthetic(behaviour=behaviour)
    rounds = judge(study("ocba", allow_missing=True), store, executor)
    assert rounds.stop == "The budget of 18 runs is spent."
    failed = [run_id for run_id, result in rounds.results.items() if result.status is RunStatus.FAILED]
    assert [executor.submitted.count(run_id) for run_id in failed] == [1]


# --- what the report says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", cases(ADAPTIVE, fast=["elimination", "halving"]))
def test_the_report_says_why_it_stopped_and_what_is_valid(rule: str, store: ResultStore) -> None:
    rounds = judge(study(rule), store, Synthetic())
    ranking = ranking_of(study(rule), store)
    did, valid = ranking.findings["Before using these numbers"][:2]
    assert f"{rounds.n_runs} of at most" in did
    assert rounds.stop is not None
    assert rounds.stop in did
    assert valid.startswith("The best set is valid; the full ranking is not")
    assert sum(row.analysis.n_seeds for row in ranking.rows) == rounds.n_runs


def test_the_best_set_after_an_elimination_is_what_no_stage_dropped(store: ResultStore) -> None:
    declared = study("elimination")
    rounds = judge(declared, store, Synthetic())
    ranking = ranking_of(declared, store)
    best = [row for row in ranking.rows if row.analysis.in_best_set]
    assert {row.candidate.config_id for row in best} == set(rounds.kept)
    assert len(rounds.kept) < len(rounds.runs)
    assert ranking.analysis.best_set == tuple(row.name for row in best)
    assert ranking.analysis.recommended == best[0].name
    dropped = next(row.name for row in ranking.rows if not row.analysis.in_best_set)
    assert dropped in ranking.findings["Before using these numbers"][0]


def test_a_best_set_made_anew_does_not_bring_back_what_a_stage_dropped() -> None:
    scores = {name: [1.0, 2.0, 3.0 + place] for place, name in enumerate("abc")}
    anew = analyse(scores, n_resamples=200, rng=rng())
    assert (set(anew.best_set), anew.recommended) == ({"a", "b", "c"}, "c")
    found = analyse(scores, kept=["b"], n_resamples=200, rng=rng())
    assert (found.best_set, found.recommended) == (("b",), "b")
    assert found.winner.estimate == found.configurations["b"].mean.estimate


def test_a_fixed_allocation_adds_no_sentence(store: ResultStore) -> None:
    judge(study("fixed"), store, Synthetic())
    findings = ranking_of(study("fixed"), store).findings
    assert not any("Seeds were given" in text for texts in findings.values() for text in texts)
    assert "allocation" not in document()["post_evaluation"]
