from __future__ import annotations

import importlib.util
import json
import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import robusttune as rt
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.errors import MissingDependencyError, SpecError
from robusttune.execution.executors import Job, LocalPool
from robusttune.pipeline import check_study, run_study
from robusttune.results.records import RunResult, RunStatus
from robusttune.training import train
from robusttune.training.command_score import read_score

STUDY = """
name = "script"
command.run = "python script.py {seed} {x}"
command.score.pattern = 'score (\\S+)'
search_space.parameters.x = {type = "float", low = 0.0, high = 1.0}
tuning.n_trials = 3
post_evaluation = {top_k = 2, n_seeds = 3}
"""
SCRIPT = "import sys; print('score', float(sys.argv[2]) + int(sys.argv[1]) % 97 / 1000)"


def declare(folder: Path, script: str = SCRIPT, *settings: str) -> StudySpec:
    (folder / "script.py").write_text(script)
    (folder / "study.toml").write_text(STUDY)
    return rt.load_study(folder / "study.toml", overrides=settings)


def one_run(folder: Path, script: str, *settings: str, x: Any = 0.5) -> RunResult:
    study = declare(folder, script, *settings)
    study = StudySpec.from_dict(
        {**study.to_dict(), "command": {**study.to_dict()["command"], **_local(study)}}
    )
    return train(tuning_runs(study, {"x": x}, 0))[0]


def _local(study: StudySpec) -> dict[str, Any]:
    training = study.training
    assert isinstance(training, rt.CommandTraining)
    return {"folder": training.folder, "memory_gb": training.memory_gb, "work": f"{training.folder}/runs"}


def left(folder: Path) -> Path:
    (found,) = (folder / "runs").iterdir()
    return found


@pytest.mark.thorough
def test_a_whole_study_of_a_script_keeps_the_output_of_each_run_in_its_folder(tmp_path: Path) -> None:
    ranking = run_study(declare(tmp_path), out=tmp_path, workers=0)
    assert len(ranking.rows) == 2
    assert ranking.caption.startswith("python script.py, one call; 3 fresh seeds per configuration; ")
    folders = list((tmp_path / "script" / "runs").iterdir())
    assert len(folders) == 3 + 6
    assert all((folder / "output.txt").read_text().startswith("score") for folder in folders)


@pytest.mark.parametrize("value", ["$(touch hurt)", "a b", "'", "; touch hurt", "{seed}", "*", ""])
def test_a_value_stays_within_its_argument_and_no_shell_reads_it(tmp_path: Path, value: str) -> None:
    script = f"import sys; assert sys.argv[2:] == [{value!r}], sys.argv; print('score 1')"
    result = one_run(tmp_path, script, x=value)
    assert result.status is RunStatus.COMPLETED, result.error
    assert not list(tmp_path.rglob("hurt"))


@pytest.mark.parametrize(("value", "text"), [(1e-5, "1e-05"), (True, "True"), ([64, 64], "[64, 64]")])
def test_values_are_written_as_python_or_json_would(tmp_path: Path, value: Any, text: str) -> None:
    result = one_run(tmp_path, f"import sys; assert sys.argv[2] == {text!r}; print('score 1')", x=value)
    assert result.status is RunStatus.COMPLETED, result.error


def test_a_failing_command_shows_the_end_of_what_it_printed(tmp_path: Path) -> None:
    script = "import sys\nfor i in range(99): print('line', i)\nsys.exit('no such data')"
    result = one_run(tmp_path, script)
    assert result.status is RunStatus.FAILED
    assert "ended with exit code 1" in str(result.error)
    assert "no such data" in str(result.error)
    assert "line 98\n" in str(result.error)
    assert "line 5\n" not in str(result.error)
    assert "line 5\n" in (left(tmp_path) / "output.txt").read_text()


def test_a_killed_command_has_crashed(tmp_path: Path) -> None:
    result = one_run(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert result.status is RunStatus.CRASHED
    assert "died of SIGKILL" in str(result.error)


@pytest.mark.skipif(os.name != "posix", reason="signals, and scripts with a first line #!")
@pytest.mark.parametrize(
    ("what", "message"), [("signal", "died of signal 35"), ("script", "cannot be started")]
)
def test_a_signal_without_a_name_and_a_script_without_its_first_line_are_told(
    tmp_path: Path, what: str, message: str
) -> None:
    started = "python script.py {seed} {x}" if what == "signal" else "./script.py {seed} {x}"
    script = "import os; os.kill(os.getpid(), 35)"
    (tmp_path / "script.py").write_text(script)
    (tmp_path / "script.py").chmod(0o755)
    assert message in str(one_run(tmp_path, script, f"command.run={started}").error)


def test_a_command_that_holds_too_much_memory_is_stopped(tmp_path: Path) -> None:
    script = "import time; x = bytearray(300_000_000); time.sleep(60)"
    result = one_run(tmp_path, script, "command.memory_gb=0.2")
    assert result.status is RunStatus.CRASHED
    assert "more than command.memory_gb = 0.2" in str(result.error)
    assert result.wall_time_s < 30


def test_a_second_attempt_begins_with_an_empty_folder(tmp_path: Path) -> None:
    for _ in range(2):
        script = "import os; print('score', len(os.listdir())); open('mine', 'w')"
        assert one_run(tmp_path, script).score == 1.0  # the file of its output


@pytest.mark.parametrize(
    ("setting", "script", "returns"),
    [
        ({"pattern": r"r=(\S+)"}, "print('r=1.5 r=2'); print('r=-3e1')", (-30.0,)),
        ({"pattern": r"^r=(\S+)", "last": 2}, "print('r=1'); print('r=2'); print('r=3')", (2.0, 3.0)),
        ({"pattern": r"r=(\S+)", "last": 9}, "print('r=1'); print('r=2')", (1.0, 2.0)),
        (
            {"file": "a.json", "key": "eval.r"},
            """open("a.json", "w").write('{"eval": {"r": 2}}')""",
            (2.0,),
        ),
        (
            {"file": "a.json", "key": "r", "last": 2},
            """open("a.json", "w").write('{"r": [1, 2, 3]}')""",
            (2.0, 3.0),
        ),
        (
            {"file": "a.csv", "key": "r"},
            "open('a.csv', 'w', encoding='utf-8-sig').write('r,t\\n4,1\\n')",
            (4.0,),
        ),
        (
            {"file": "a.csv", "key": "r", "last": 2},
            "open('a.csv', 'w').write('#x\\nt,r\\n1,4\\n2,\\n3,6\\n')",
            (4.0, 6.0),
        ),
    ],
)
def test_the_score_is_the_mean_of_the_last_values(
    tmp_path: Path, setting: dict[str, Any], script: str, returns: tuple[float, ...]
) -> None:
    result = one_run(tmp_path, script, *_score(setting))
    assert (result.status, result.episode_returns) == (RunStatus.COMPLETED, returns), result.error


def _score(setting: dict[str, Any]) -> list[str]:
    table = ", ".join(f"{key} = {json.dumps(value)}" for key, value in setting.items())
    return [f"command.score={{{table}}}"]


@pytest.mark.parametrize(
    ("setting", "script", "message"),
    [
        ({"pattern": "r=(.*)"}, "print('q=1')", r"no pattern 'r=\(\.\*\)' in its output"),
        ({"pattern": "r=(.*)"}, "print('r=high')", "'high' is no number"),
        ({"file": "a.json", "key": "r"}, "", "No such file"),
        ({"file": "a.json", "key": "r"}, "open('a.json', 'w').write('{')", "Expecting property name"),
        ({"file": "a.json", "key": "r"}, "open('a.json', 'w').write('{\"rr\": 1}')", "did you mean 'rr'"),
        ({"file": "a.json", "key": "r"}, "open('a.json', 'w').write('{\"r\": true}')", "True is no number"),
        ({"file": "a.csv", "key": "r"}, "open('a.csv', 'w').write('t,rr\\n1,2\\n')", "no column 'r'"),
        (
            {"file": "a.json", "key": "r"},
            "open('a.json', 'w').write('{\"r\": 1' + '0' * 400 + '}')",
            "too large",
        ),
        ({"file": "a.csv", "key": "r"}, "open('a.csv', 'w').write('r\\n' + '1' * 200_000)", "field larger"),
        ({"file": "a.csv", "key": "r"}, "import os; os.mkfifo('a.csv')", "must be a file"),
    ],
)
def test_a_score_that_is_not_there_fails_the_run_and_says_where_it_was_looked_for(
    tmp_path: Path, setting: dict[str, Any], script: str, message: str
) -> None:
    result = one_run(tmp_path, script, *_score(setting))
    assert result.status is RunStatus.FAILED
    with pytest.raises(ValueError, match=message):
        raise ValueError(result.error)


def test_a_score_of_nan_is_a_run_that_diverged(tmp_path: Path) -> None:
    assert one_run(tmp_path, "print('score nan')").status is RunStatus.DIVERGED


def test_a_tensorboard_scalar_is_a_score(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "inner")) as writer:
        for step in range(5):
            writer.add_scalar("charts/episodic_return", step * 10.0, step)
    score = rt.CommandScore(tensorboard="charts/episodic_return", last=2)
    assert read_score(score, tmp_path, tmp_path) == [30.0, 40.0]
    with pytest.raises(ValueError, match=r"no scalar 'charts/episode_return' \(did you mean"):
        read_score(rt.CommandScore(tensorboard="charts/episode_return"), tmp_path, tmp_path)


def test_a_tensorboard_scalar_without_tensorboard_names_the_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install robusttune\[tensorboard\]"):
        check_study(declare(tmp_path, SCRIPT, *_score({"tensorboard": "x"})))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('command.run="python script.py {x}"', r"needs \{seed\}"),
        ('command.run="python script.py {seed} {y} {x}"', "no hyperparameter 'y'"),
        (
            'command.run="python script.py {seed} {xx}"',
            r"parameters\.x: command.run has no \{x\} \(did you mean 'xx'\?\), so it would change nothing",
        ),
        ("command.hyperparameters.z=1", r"command.hyperparameters.z: command.run has no \{z\}"),
        ('command.run="python \'{seed}"', "cannot be split into arguments"),
        ('command.run="absent-program {seed} {x}"', "there is no program 'absent-program'"),
        ("evaluation.every=1", "a command has its score when it has ended"),
        (
            "tuning.pruner='median'",
            "Set tuning.seeds_per_trial to 2 or more, to prune between seeds, or pruner",
        ),
        ('command.score.file="a.json"', "one of pattern, file and tensorboard"),
        ("command.score={}", "one of pattern, file and tensorboard"),
        ('command.score.pattern="("', "no regular expression"),
        ('command.score.pattern="x"', "must have one group, but has 0"),
        ('command.score={file = "a.txt", key = "x"}', r"must be a .json or .csv file"),
        ('command.score={file = "a.csv"}', "file and key belong together"),
        ("command.score.patern='x'", r"unknown key \(did you mean 'pattern'\?\)"),
        (
            'post_evaluation.controls=[{name = "a", hyperparameters = {}}]',
            r"controls\['a'\].hyperparameters: command.run has \{x\}",
        ),
    ],
)
def test_what_cannot_be_run_is_an_error_that_names_the_place(
    tmp_path: Path, setting: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        check_study(declare(tmp_path, SCRIPT, setting))


def test_copies_are_of_a_control_as_there_is_no_default(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="has no default configuration to copy"):
        rt.null_study(declare(tmp_path), out=tmp_path, workers=0)


@pytest.mark.slow
def test_a_command_ends_with_the_worker_that_is_stopped_at_its_timeout(tmp_path: Path) -> None:
    script = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(120)"
    study = declare(tmp_path, script)
    training = study.training.at(tmp_path)
    (spec,) = tuning_runs(
        StudySpec(name="s", training=training, search_space=study.search_space, tuning=study.tuning),
        {"x": 1},
        0,
    )
    with LocalPool(1, timeout_s=4.0) as pool, pytest.raises(TimeoutError):
        pool.submit(Job(specs=(spec,))).result()
    pid = int((left(tmp_path) / "pid").read_text())
    for _ in range(50):
        if not psutil.pid_exists(pid):
            return
        time.sleep(0.1)
    raise AssertionError("the command still runs")
