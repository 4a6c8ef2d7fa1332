from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import robusttune as rt
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.errors import SpecError, StudyError
from robusttune.pipeline import check_study, rank_study, run_study
from robusttune.pipeline.portable import _Portable
from robusttune.results.records import RunResult, RunStatus, TrialState
from robusttune.training import train as train_runs
from tests.support.places import ROOT

SPACE = {"x": rt.Float(low=0.0, high=1.0)}
STUDY = """
name = "mine"
function.entry_point = "mine:train"
search_space.parameters.x = {type = "float", low = 0.0, high = 1.0}
tuning.n_trials = 4
post_evaluation = {top_k = 2, n_seeds = 3}
"""
MINE = """
import numpy as np
import beside

def train(config, seed, report):
    return config["x"] + beside.OFFSET + np.random.default_rng(seed).normal(0, 0.01)

def two(config, seed):
    return 0.0

constant = 3
"""


def declare(folder: Path, text: str = STUDY, module: str = MINE, offset: float = 100.0) -> StudySpec:
    folder.mkdir(exist_ok=True)
    (folder / "mine.py").write_text(module)
    (folder / "beside.py").write_text(f"OFFSET = {offset}\n")
    (folder / "study.toml").write_text(text)
    return rt.load_study(folder / "study.toml")


def noisy(config: Mapping[str, Any], seed: int, report: Any) -> float:
    return float(config["x"] + np.random.default_rng(seed).normal(0.0, 0.1))


def one_run(function: Callable[..., Any], *, rule: Any = None, every: int | None = None) -> RunResult:
    study = StudySpec(
        name="one",
        training=rt.FunctionTraining(entry_point="here:f", function=function, total_timesteps=4),
        tuning=rt.TuningSpec(n_trials=1),
        evaluation=rt.EvaluationSpec(every=every),
    )
    return train_runs(tuning_runs(study, {"x": [1]}, 0), rule)[0]


# --- one run ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "returns"),
    [
        (2, (2.0,)),
        (1.5, (1.5,)),
        (np.float32(1.5), (1.5,)),
        (np.array(2.5), (2.5,)),
        ([1.0, 2.0], (1.0, 2.0)),
        ((np.int64(3), 1.0), (3.0, 1.0)),
    ],
)
def test_a_score_or_episode_returns_are_what_a_function_may_return(returned: Any, returns: Any) -> None:
    result = one_run(lambda config, seed, report: returned)
    assert (result.status, result.episode_returns) == (RunStatus.COMPLETED, returns)
    assert result.score == np.mean(returns)


@pytest.mark.parametrize(
    "returned", [None, "1.5", True, [], {}, [[1.0]], [None], [1.0, "2"], iter([1.0]), object()]
)
def test_anything_else_fails_the_run_and_names_what_it_must_be(returned: Any) -> None:
    result = one_run(lambda config, seed, report: returned)
    assert result.status is RunStatus.FAILED
    assert "must return its score, a number" in str(result.error)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("nan")]])
def test_a_score_that_is_not_finite_is_a_run_that_diverged(value: Any) -> None:
    result = one_run(lambda config, seed, report: value)
    assert (result.status, result.score) == (RunStatus.DIVERGED, None)
    assert "must be finite" in str(result.error)


def test_an_exception_of_five_megabytes_is_stored_without_its_middle() -> None:
    def broken(config: Any, seed: int, report: Any) -> float:
        raise LookupError("x" * 5_000_000 + " the end")

    error = str(one_run(broken).error)
    assert error.startswith("Traceback")
    assert "characters left out" in error
    assert error.rstrip().endswith("the end")
    assert len(error) < 20_000


def test_an_exception_is_a_failed_run_with_its_traceback() -> None:
    def broken(config: Any, seed: int, report: Any) -> float:
        raise LookupError("no such data")

    result = one_run(broken)
    assert result.status is RunStatus.FAILED
    assert "LookupError: no such data" in str(result.error)


def test_a_function_cannot_change_the_configuration_of_its_run() -> None:
    def changing(config: Any, seed: int, report: Any) -> float:
        config["x"].append(2)
        return 0.0

    assert one_run(changing).config_id == one_run(lambda *_: 0.0).config_id


def test_reports_that_pass_a_multiple_make_the_curve_and_the_last_point_is_what_is_returned() -> None:
    def train(config: Any, seed: int, report: Any) -> float:
        assert [report(step, 10.0 * step) for step in (1, 2, 3, 4)] == [None] * 4
        return 7.0

    found = one_run(train, every=2)
    assert [(p.index, p.timesteps, p.mean_return) for p in found.curve] == [(0, 2, 20.0), (1, 4, 7.0)]
    assert len(one_run(train).curve) == 1


def test_report_says_stop_when_the_run_is_pruned_and_what_is_returned_is_not_used() -> None:
    said = []

    def train(config: Any, seed: int, report: Any) -> None:
        said.extend(report(step, float(step)) for step in (1, 2, 3))

    result = one_run(train, every=1, rule=lambda index, means: index == 1)
    assert said == [None, "stop", "stop"]
    assert (result.status, len(result.curve), result.timesteps) == (RunStatus.PRUNED, 2, 2)


def test_a_bug_after_stop_is_a_failed_run_and_not_a_pruned_one() -> None:
    def train(config: Any, seed: int, report: Any) -> None:
        report(1, 0.0)
        raise LookupError

    assert one_run(train, every=1, rule=lambda index, means: True).status is RunStatus.FAILED


def test_a_report_of_nan_ends_the_run_as_diverged() -> None:
    result = one_run(lambda config, seed, report: report(1, float("nan")) and 3.0)
    assert result.status is RunStatus.DIVERGED
    assert "reported nan after 1 steps" in str(result.error)


# --- a study file ----------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_study_finds_the_module_beside_its_file_and_has_no_default_control(tmp_path: Path) -> None:
    study = declare(tmp_path)
    ranking = run_study(study, out=tmp_path, workers=0)
    assert all(row.candidate.name.startswith("trial") for row in ranking.rows)
    assert ranking.rows[0].analysis.mean.estimate > 100.0
    assert "mine:train" in ranking.caption
    assert "episodes" not in ranking.caption
    assert str(tmp_path) not in sys.path
    (tmp_path / "mine.py").unlink()
    assert rank_study(study, out=tmp_path).to_frame().equals(ranking.to_frame())


@pytest.mark.thorough
def test_workers_find_it_too_and_the_results_are_the_same(tmp_path: Path) -> None:
    here, there = (
        run_study(declare(tmp_path), out=tmp_path / str(workers), workers=workers) for workers in (0, 2)
    )
    assert here.to_frame().equals(there.to_frame())


def test_two_studies_may_have_modules_of_the_same_name(tmp_path: Path) -> None:
    studies = [declare(tmp_path / str(offset), offset=offset) for offset in (100.0, 200.0)]
    for study, offset in zip(studies, (100.0, 200.0), strict=True):
        sys.modules.pop("beside", None)
        score = train_runs(tuning_runs(study, {"x": 0.0}, 0))[0].score
        assert score == pytest.approx(offset, abs=1.0)


@pytest.mark.thorough
def test_a_study_that_has_moved_continues(tmp_path: Path) -> None:
    run_study(declare(tmp_path / "a"), out=tmp_path, workers=0)
    moved = declare(tmp_path / "b", module="def train(config, seed, report):\n    raise LookupError\n")
    assert len(run_study(moved, out=tmp_path, workers=0).trials) == 4


def test_entry_point_and_version_are_what_identifies_a_function(tmp_path: Path) -> None:
    def run_id(folder: str, text: str) -> str:
        return tuning_runs(declare(tmp_path / folder, STUDY + text), {"x": 0.5}, 0)[0].run_id

    assert run_id("a", "") == run_id("b", "") == run_id("a", 'function.folder = "elsewhere"')
    assert run_id("a", "") != run_id("a", 'function.version = "2"')


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        ("absent:train", "cannot be imported .*No module named 'absent'.*looked for in .* first"),
        ("mine:trian", r"no attribute 'trian' \(did you mean 'train'\?\)"),
        ("mine:constant", r"called as train\(config, seed, report\), but got 3"),
        ("mine:two", "too many positional arguments"),
        ("mine", "function.entry_point = 'mine'"),
    ],
)
def test_a_function_that_cannot_be_called_is_an_error_before_anything_runs(
    tmp_path: Path, entry_point: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        check_study(declare(tmp_path, STUDY.replace("mine:train", entry_point)))


def test_a_module_that_fails_when_imported_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot be imported \(ZeroDivisionError: division by zero\)"):
        check_study(declare(tmp_path, module="1 / 0\n"))


# --- from Python -----------------------------------------------------------------------------------------------------


def test_a_function_is_tuned_without_a_file_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    post = rt.PostEvaluationSpec(top_k=2, n_seeds=4)
    ranking = rt.tune(noisy, space=SPACE, n_trials=6, post_evaluation=post, workers=0)
    assert (len(ranking.trials), len(ranking.rows)) == (6, 2)
    assert list(tmp_path.iterdir()) == []
    assert not any("--set" in line for line in ranking.answer)


def test_a_pruner_sees_what_the_function_reports() -> None:
    def train(config: Mapping[str, Any], seed: int, report: Any) -> float:
        for step in (1, 2, 3):
            if report(step, config["x"]) == "stop":
                break
        return float(config["x"])

    ranking = rt.tune(
        train,
        SPACE,
        20,
        pruner="median",
        total_timesteps=3,
        evaluation=rt.EvaluationSpec(every=1),
        post_evaluation=rt.PostEvaluationSpec(top_k=2, n_seeds=3),
        workers=0,
    )
    assert {trial.state for trial in ranking.trials} == {TrialState.COMPLETE, TrialState.PRUNED}


def test_configurations_are_compared_on_fresh_seeds_without_tuning() -> None:
    seeds: dict[float, set[int]] = {0.0: set(), 1.0: set()}

    def train(config: Mapping[str, Any], seed: int, report: Any) -> float:
        seeds[config["x"]].add(seed)
        return noisy(config, seed, report)

    ranking = rt.evaluate(train, {"a": {"x": 0.0}, "b": {"x": 1.0}}, n_seeds=20, workers=0)
    assert [row.candidate.name for row in ranking.rows] == ["b", "a"]
    assert ranking.trials == ()
    assert [len(own) for own in seeds.values()] == [20, 20]


def test_configurations_that_are_the_same_or_none_are_errors() -> None:
    with pytest.raises(SpecError, match="'a' and 'b' are both {'x': 1}"):
        rt.evaluate(noisy, {"a": {"x": 1}, "b": {"x": 1}}, n_seeds=2, workers=0)
    with pytest.raises(SpecError, match="name at least one"):
        rt.evaluate(noisy, {}, n_seeds=2, workers=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rt.tune(noisy, {"x": 3}, 2), "space: x = 3: must be a Float, Int or Categorical"),
        (lambda: rt.tune(noisy, [1], 2), r"space = \[1\]: must be a mapping"),
        (lambda: rt.tune(noisy, {}, 0), "tuning.n_trials = 0: makes no trial"),
        (lambda: rt.tune(noisy, {}, 2.5), "n_trials = 2.5: input should be a valid integer"),
        (lambda: rt.tune(noisy, {}, 2, pruner="median_"), "did you mean 'median'"),
        (lambda: rt.tune(noisy, {}, 2, sampelr="tpe"), r"sampelr: unknown key \(did you mean 'sampler'\?\)"),
        (lambda: rt.evaluate(noisy, {"a": {"x": object()}}, n_seeds=2), "configurations: a = .*JSON"),
        (lambda: rt.evaluate(noisy, {"a": {"x": float("nan")}}, n_seeds=2), "configurations: a = .*JSON"),
        (lambda: rt.evaluate(noisy, {"a": 3}, n_seeds=2), "configurations: a = 3: must be a mapping"),
        (lambda: rt.evaluate(noisy, [1], n_seeds=2), r"configurations = \[1\]: must be a mapping"),
        (lambda: rt.evaluate(noisy, {"a": {}}, n_seeds=0), "n_seeds = 0: input should be greater"),
    ],
)
def test_wrong_arguments_are_told_as_a_study_file_is_told_them(call: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        call()


@pytest.mark.thorough
def test_with_a_folder_the_next_call_continues_and_computes_nothing_twice(tmp_path: Path) -> None:
    calls = []

    def train(config: Mapping[str, Any], seed: int, report: Any) -> float:
        calls.append(seed)
        return noisy(config, seed, report)

    for version, n_calls in (("1", 3), ("1", 3), ("2", 6)):
        rt.evaluate(train, {"a": {"x": 1}}, n_seeds=3, workers=0, out=tmp_path, version=version)
        assert len(calls) == n_calls
    assert (tmp_path / "train" / "report.html").exists()


def test_a_function_that_is_made_anew_needs_a_version_where_results_are_stored(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Give `version` a text"):
        rt.tune(lambda config, seed, report: 0.0, SPACE, 2, workers=0, out=tmp_path)


def test_a_closure_that_cannot_be_pickled_needs_this_process() -> None:
    lock = threading.Lock()

    def locked(config: Mapping[str, Any], seed: int, report: Any) -> float:
        with lock:
            return noisy(config, seed, report)

    with pytest.raises(SpecError, match="cannot be sent to worker processes .* Call it with `workers` = 0"):
        rt.evaluate(locked, {"a": {"x": 0.0}}, n_seeds=3, workers=1)
    assert len(rt.evaluate(locked, {"a": {"x": 0.0}}, n_seeds=3, workers=0).rows) == 1
    assert _Portable(locked)({"x": 0.0}, 1, None) == noisy({"x": 0.0}, 1, None)


def test_what_is_no_function_or_has_other_arguments_is_an_error() -> None:
    with pytest.raises(SpecError, match="train = 3: must be a function"):
        rt.tune(3, SPACE, 2, workers=0)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="too many positional arguments"):
        rt.tune(lambda config, seed: 0.0, SPACE, 2, workers=0)


def test_a_function_that_always_fails_stops_the_study_and_shows_why() -> None:
    def broken(config: Any, seed: int, report: Any) -> float:
        raise LookupError("no such data")

    with pytest.raises(StudyError, match="no such data"):
        rt.tune(broken, SPACE, 10, workers=0)


SCRIPT = """
import robusttune as rt

offset = 5.0

def train(config, seed, report):
    return config["x"] + offset + seed % 7 / 100

closure = (lambda y: lambda config, seed, report: train(config, seed, report) + y)(10.0)
for function in (train, closure):
    ranking = rt.evaluate(function, {"a": {"x": 0.0}, "b": {"x": 1.0}}, n_seeds=4, workers=2)
    print([round(row.analysis.mean.estimate) for row in ranking.rows])
"""


@pytest.mark.thorough
def test_functions_of_a_script_without_a_guard_and_closures_run_in_workers(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    # A worker that is still starting when the last run is done may leave a traceback of its own between the lines.
    told = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert (done.returncode, told) == (0, ["[6, 5]", "[16, 15]"]), done.stderr
