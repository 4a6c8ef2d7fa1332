"""The command line: each command prints what it should, and errors are for people."""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner, Result

import robusttune
from robusttune.cli import app, display
from robusttune.cli.study import pasted
from robusttune.declaration.toml import load_study
from robusttune.pipeline.location import location_of
from robusttune.pipeline.planning.advice import advised_split
from tests.support.places import ROOT
from tests.support.stored import store_story, told_study

runner = CliRunner()
STUDY = """
name = "told"
root_seed = 5
[environment]
id = "CartPole-v1"
[algorithm]
name = "ppo"
total_timesteps = 64
[algorithm.hyperparameters]
n_epochs = 1
[search_space.parameters]
learning_rate = { type = "float", low = 1e-5, high = 1e-2, scale = "log" }
[tuning]
n_trials = 2
[evaluation]
n_episodes = 2
"""


def call(*arguments: object) -> Result:
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def test_init_writes_a_study_that_check_accepts(tmp_path: Path) -> None:
    for algo, env in (
        ("ppo", "CartPole-v1"),
        ("a2c", "CartPole-v1"),
        ("dqn", "CartPole-v1"),
        ("sac", "Pendulum-v1"),
    ):
        path = tmp_path / f"{algo}.toml"
        assert call("init", path, "--algo", algo, "--env", env).exit_code == 0
        checked = call("check", path)
        assert checked.exit_code == 0, checked.output
        assert f"{algo.upper()} on {env}" in checked.output
    assert load_study(tmp_path / "ppo.toml").tuning.batch_size == 4


def test_init_overwrites_only_when_told(study_file: Path) -> None:
    refused = call("init", study_file)
    assert refused.exit_code == 2
    assert "--force" in refused.output
    assert study_file.read_text(encoding="utf-8") == STUDY
    assert call("init", study_file, "--force").exit_code == 0


def test_the_version_is_printed() -> None:
    assert call("--version").output.strip() == f"robusttune {metadata.version('robusttune')}"


def test_check_prints_trials_runs_and_timesteps(study_file: Path) -> None:
    output = call("check", study_file, "--set", "post_evaluation.n_seeds=3").output
    assert "3 configurations × 3 fresh seeds = 9 runs" in output
    assert "at most 11 runs, 22,528 timesteps" in output


def test_check_says_what_whole_rollouts_train_and_how_budgets_become_equal(study_file: Path) -> None:
    searched = "search_space.parameters.n_steps={ type = 'int', low = 8, high = 64, scale = 'pow2' }"
    changes = "algorithm.total_timesteps=50", searched, "post_evaluation.default_control=false"
    output = call("check", study_file, *[part for one in changes for part in ("--set", one)]).output
    assert "56 to 64 timesteps a run" in output
    assert "differ by 14%; algorithm.exact_timesteps = true" in " ".join(output.split())


def test_check_counts_every_trial_as_a_would_be_incumbent(study_file: Path) -> None:
    output = call(
        "check", study_file, "--set", "post_evaluation.n_seeds=3", "--set", "tuning.incumbent_seeds=5"
    ).output
    assert "2 × 1 to 5 seeds" in output
    assert "at most 19 runs, 38,912 timesteps" in output


def test_the_trials_are_listed_with_their_seeds_and_status_counts_every_run(study_file: Path) -> None:
    text = study_file.read_text(encoding="utf-8")
    trained = text[text.index("[environment]") : text.index("[search_space")]
    text = text.replace(trained, "[synthetic]\nsd = 1.0\n")
    study_file.write_text(text, encoding="utf-8")
    believed = ("--set", "tuning.incumbent_seeds=3", "--set", "tuning.sampler=random")
    tuned = call("tune", study_file, "--out", study_file.parent, "--workers", 0, *believed)
    assert tuned.exit_code == 0, tuned.output
    rows = [line.split() for line in tuned.output.splitlines()]
    listed = [int(row[2]) for row in rows if row and row[0].isdigit()]
    assert len(listed) == 2
    assert listed[0] == 3  # the best is listed first
    n_runs = sum(listed)
    status = call("status", study_file, "--out", study_file.parent, *believed)
    assert f"{n_runs} completed" in status.output


@pytest.mark.parametrize(
    ("override", "pieces"),
    [
        ("tuning.n_trails=3", ("tuning.n_trails", "n_trials")),
        ("environment.id=CartPol-v1", ("CartPol-v1", "CartPole-v1")),
        (
            "algorithm.hyperparameters={}; algorithm.name=sac",
            ("continuous actions", "CartPole-v1", "Discrete"),
        ),
        ("environment.wrappers=['gymnasium.wrappers:Nothing']", ("gymnasium.wrappers:Nothing",)),
        ("environment.imports=['no_such_module']", ("no_such_module",)),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_two(
    study_file: Path, override: str, pieces: tuple[str, ...]
) -> None:
    result = call("check", study_file, *(part for one in override.split("; ") for part in ("--set", one)))
    assert result.exit_code == 2
    assert result.output.startswith("error: ")
    assert "Traceback" not in result.output
    for piece in pieces:
        assert piece in result.output


def test_a_missing_file_and_broken_toml_are_named(tmp_path: Path) -> None:
    missing = call("check", tmp_path / "none.toml")
    assert (missing.exit_code, "none.toml" in missing.output) == (2, True)
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ", encoding="utf-8")
    assert "not valid TOML" in call("run", broken).output


def test_what_may_not_be_read_is_left_to_whoever_reads_it() -> None:
    """Otherwise the command line refuses it in five lines of another library."""
    apps = [app, *(group.typer_instance for group in app.registered_groups)]
    commands = [one.callback for each in apps if each is not None for one in each.registered_commands]
    hints = [get_type_hints(one, include_extras=True) for one in commands if one is not None]
    paths = [(name, kind) for own in hints for name, kind in own.items() if Path in leaves(kind)]
    assert {name for name, _ in paths} >= {"study", "out", "file", "results", "reference", "source", "video"}
    assert [name for name, kind in paths if kind.__metadata__[0].readable] == []


def leaves(kind: Any) -> set[Any]:
    return {kind} if not get_args(kind) else set().union(*map(leaves, get_args(kind)))


DAMAGED_TABLES = {
    "x.parquet": b"PAR1PAR1",
    "x.csv": b"algo,seed,score\n\xff,1,2\n",
    "x.json": b'[{"algo": "a"',
    "x.csv.gz": b"algo,seed,score\n",
    "y.csv": b"algo,seed,seed\na,1,2\n",
    "z.csv": "algo,seed,score\n".encode("utf-16-le"),
}


@pytest.mark.parametrize("name", DAMAGED_TABLES)
def test_a_damaged_table_is_one_line_and_exit_code_two(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DAMAGED_TABLES[name])
    found = call("compare", tmp_path / name, "--out", tmp_path / "out")
    assert found.exit_code == 2
    assert found.output.startswith("error: ")
    assert len(found.output.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_commands_that_need_results_say_how_to_get_them(study_file: Path, tmp_path: Path) -> None:
    for command in ("rank", "report", "status"):
        result = call(command, study_file, "--out", tmp_path / "nowhere")
        assert result.exit_code == 2
        assert "robusttune run" in result.output
    assert not (tmp_path / "nowhere").exists()


def test_a_database_that_is_none_is_an_error_not_a_traceback(study_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results" / "told"
    folder.mkdir(parents=True)
    (folder / "study.db").write_text("this is no database, " * 100, encoding="utf-8")
    result = call("status", study_file, "--out", tmp_path / "results")
    assert result.exit_code == 1
    assert "cannot be opened" in result.output
    bad_url = call("tune", study_file, "--storage", "nosql://somewhere", "--out", tmp_path / "r", "-j", 0)
    assert bad_url.exit_code == 2
    assert "SQLAlchemy URL" in bad_url.output
    assert call("tune", study_file, "--storage", "study.db", "--out", tmp_path / "r", "-j", 0).exit_code == 2
    (tmp_path / "file").touch()
    assert call("tune", study_file, "--out", tmp_path / "file" / "below", "-j", 0).exit_code == 2


def test_a_form_of_export_that_is_not_there_is_told_all_forms_before_anything_is_read(
    study_file: Path,
) -> None:
    found = call("export", "optona", study_file)
    assert found.exit_code == 2
    assert "must be one of rl-zoo, json, yaml, model-card, optuna (did you mean 'optuna'?)" in " ".join(
        found.output.split()
    )


def test_the_configuration_is_named_alike_in_play_and_export(study_file: Path) -> None:
    for command in (("play",), ("export", "json")):
        assert "No such option" not in call(*command, study_file, "--configuration", "nobody").output


def test_trials_without_a_post_evaluation_are_no_results_yet(study_file: Path, tmp_path: Path) -> None:
    assert call("tune", study_file, "--out", tmp_path, "-j", 0).exit_code == 0
    found = call("rank", study_file, "--out", tmp_path)
    assert found.exit_code == 2
    assert "runs of the post-evaluation has been made yet. `robusttune evaluate` makes them" in " ".join(
        found.output.split()
    )


def test_the_storage_comes_from_the_environment_and_its_password_is_shown_nowhere(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBUSTTUNE_STORAGE", "postgresql+psycopg://user:geheim@127.0.0.1:bad/db")
    found = call("status", study_file, "--out", tmp_path)
    assert found.exit_code == 2
    assert "user:***@127.0.0.1:bad" in found.output
    assert "geheim" not in found.output
    command = pasted(study_file, tmp_path, "postgresql://user:geheim@host/db", None)
    assert "user:***@host" in command
    assert "--storage" not in pasted(study_file, tmp_path, os.environ["ROBUSTTUNE_STORAGE"], None)


def test_errors_name_flags_where_the_library_names_parameters(study_file: Path, tmp_path: Path) -> None:
    timed = ("--set", "execution.run_timeout_s=3")
    without_worker = call("tune", study_file, "--out", tmp_path, "-j", 0, *timed)
    assert "but got --workers 0. Use 1 or more." in without_worker.output
    bad_url = call("tune", study_file, "--out", tmp_path, "--storage", "nosql://somewhere")
    assert "Give --storage an SQLAlchemy URL" in bad_url.output
    no_file = call("check", tmp_path / "none.toml")
    assert "`robusttune init` writes one" in no_file.output


@pytest.mark.parametrize("command", ["run", "tune", "evaluate"])
def test_the_command_line_has_the_defaults_of_the_library(command: str) -> None:
    function = inspect.signature(getattr(robusttune, f"{command}_study"))
    defaults = {option.name: option.default for option in get_command(app).commands[command].params}  # type: ignore[attr-defined]
    assert defaults["workers"] is function.parameters["workers"].default is None
    assert str(defaults["out"]) == function.parameters["out"].default


def test_no_help_holds_brackets_which_would_vanish_as_markup() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    texts = [
        text for one in commands.values() for text in (one.help, *(option.help for option in one.params))
    ]
    assert len(texts) > 30
    assert [text for text in texts if text and "[" in text] == []


def test_rank_and_status_show_the_stored_story(tmp_path: Path) -> None:
    import tomllib

    study = told_study()
    store_story(study, tmp_path)
    location_of(study, out=tmp_path).open_to_read().close()
    path = tmp_path / "told.toml"
    path.write_text(_as_toml(study.to_dict()), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["name"] == "told"
    ranked = call("rank", path, "--out", tmp_path)
    assert ranked.exit_code == 0, ranked.output
    assert "Use trial 1: " in ranked.output
    assert "LUCKY" in ranked.output
    status = call("status", path, "--out", tmp_path)
    assert "2 complete of 2 wanted" in status.output
    assert re.search(r"^tuning runs +2 completed *$", status.output, flags=re.MULTILINE)
    assert "0 of 36" in status.output
    watched = call("status", path, "--out", tmp_path, "--watch")  # there is nothing to wait for
    assert watched.exit_code == 0
    assert "0 of 36" in watched.output


@pytest.mark.parametrize("name", sorted(get_command(app).commands))  # type: ignore[attr-defined]
def test_help_shows_every_word_of_a_command_s_text(name: str) -> None:
    """Square brackets, for one, would be taken for markup and vanish."""
    text = get_command(app).commands[name].callback.__doc__  # type: ignore[attr-defined]
    shown = " ".join(call(name, "--help").output.split())
    assert text
    assert " ".join(text.split("\n\n")[0].split()) in shown


def test_the_next_command_finds_the_results_of_this_one(tmp_path: Path) -> None:
    path = tmp_path / "my study.toml"
    path.write_text('name = "aa"\nsynthetic.sd = 10.0\ntuning.n_trials = 2\npost_evaluation.n_seeds = 3\n')
    assert call("tune", path, "--out", tmp_path).exit_code == 0
    shown = call("evaluate", path, "--out", tmp_path).output
    following = shlex.split(shown.split("Next: ")[1])
    assert following == ["robusttune", "report", str(path), "--out", str(tmp_path)]
    assert call(*following[1:]).exit_code == 0


def test_a_command_in_a_sentence_stays_on_one_line_and_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(display, "console", Console(width=40, file=file))
    display.print_bullets(["word " * 20, f"Try this: `robusttune run study.toml --set {'x' * 40}=1`"])
    *wrapped, command = file.getvalue().splitlines()
    assert len(wrapped) > 1
    assert command == f"• Try this: robusttune run study.toml --set {'x' * 40}=1"


def test_plan_from_two_figures_agrees_with_the_textbook() -> None:
    """Colas et al. (2018): two groups one SD apart need 17 seeds each for a power of .8 at α = .05."""
    output = call("plan", "--sd", 10, "--difference", 10).output
    seeds = int(output.split("the first is better than the second")[1].split()[0])
    assert 12 <= seeds <= 22
    assert call("plan").exit_code == 2
    assert call("plan", "--sd", -1, "--difference", 2).exit_code == 2


def test_plan_splits_a_budget_in_one_way(tmp_path: Path) -> None:
    split = advised_split(240)
    told = (
        f"240 runs: {split.n_trials} trials of 1 seed with the tpe sampler, then {split.top_k} of them and 1 "
        f"control on {split.n_seeds} fresh seeds each"
    )
    for figures in ([], ["--sd", 10, "--difference", 10]):
        output = call("plan", "--budget", 240, *figures).output
        assert told in output
        assert output.count("fresh seeds each") == 1
    for bad in (19, 10_001, "1e300", "nan"):
        refused = call("plan", "--budget", bad)
        assert refused.exit_code == 2
        assert "--budget" in refused.output


def test_plan_says_what_a_claim_costs_that_the_split_cannot_make() -> None:
    output = call("plan", "--budget", 120, "--sd", 100, "--difference", 50).output
    needed = int(output.split("the first is better than the second")[1].split()[0])
    split = advised_split(120)
    n_judged = split.top_k + split.n_controls
    assert f"{needed} seeds for each of {n_judged} configurations are {n_judged * needed} runs" in output
    easy = call("plan", "--budget", 120, "--sd", 10, "--difference", 50).output
    assert "too few" not in easy


def test_plan_says_what_share_of_failures_its_seeds_may_hide() -> None:
    output = call("plan", "--sd", 10, "--difference", 10).output
    row = next(line for line in output.splitlines() if "the first is better than the second" in line)
    seeds, hidden = int(row.split("second")[1].split()[0]), int(row.split("%")[0].split()[-1])
    assert hidden == round(100 * (1 - 0.05 ** (1 / seeds)))


def test_flags_are_named_where_the_library_names_parameters(tmp_path: Path) -> None:
    for arguments, flag in (
        (["plan", "--sd", -1, "--difference", 2], "--sd -1: must be a positive number"),
        (["plan", "--sd", 1, "--difference", 2, "-k", 1], "--configurations 1: must be at least 2"),
        (["plan", "--sd", 1, "--difference", 2, "--power", 1.5], "--power 1.5: must lie between 0 and 1"),
        (["plan", "--budget", 19], "--budget 19: must lie between"),
        (["init", tmp_path / "s.toml", "--algo", "pp0"], "--algo 'pp0': must be one of"),
        (["init", tmp_path / "s.toml", "--timesteps", 1], "--timesteps 1: must be at least 2"),
    ):
        result = call(*arguments)
        assert result.exit_code == 2
        assert flag in result.output


def test_init_splits_its_budget_in_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    assert call("init", path, "--budget", 200).exit_code == 0
    study, split = load_study(path), advised_split(200)
    assert (study.n_trials, study.tuning.seeds_per_trial) == (split.n_trials, split.seeds_per_trial)
    assert (study.post_evaluation.top_k, study.post_evaluation.n_seeds) == (split.top_k, split.n_seeds)
    spent = split.n_trials * split.seeds_per_trial + split.n_post_evaluation_runs + split.n_confirm
    assert study.post_evaluation.confirm == split.n_confirm == 10
    assert f"at most {spent} runs" in call("check", path).output
    for bad in (5, 100_000_000):
        before = path.read_text(encoding="utf-8")
        assert call("init", path, "--budget", bad, "--force").exit_code == 2
        assert path.read_text(encoding="utf-8") == before


def test_light_commands_load_no_torch(study_file: Path) -> None:
    script = (
        "import sys\nfrom robusttune.cli import app\n"
        "for command in (['--help'], *([name, sys.argv[1]] for name in ('status', 'rank'))):\n"
        "    try:\n        app(command)\n    except SystemExit:\n        pass\n"
        "    heavy = {'torch', 'optuna', 'stable_baselines3', 'matplotlib'} & set(sys.modules)\n"
        "    assert not heavy, (command, heavy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(study_file)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_library_loads_no_heavy_module() -> None:
    script = "import sys, robusttune; assert not {'torch', 'optuna', 'pandas', 'scipy', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_the_command_line_starts_without_the_modules_that_few_commands_need() -> None:
    script = (
        "import sys, robusttune.cli, robusttune.cli.display\n"
        "assert not {'torch', 'optuna', 'pandas', 'scipy'} & set(sys.modules)\n"
        # What only those need who train, or whose database is a server or does not answer.
        "assert not {'loky', 'pebble', 'tenacity', 'sqlalchemy.dialects.postgresql'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def _as_toml(document: dict[str, object]) -> str:
    import json

    def value(item: object) -> str:
        if isinstance(item, dict):
            return (
                "{"
                + ", ".join(f"{json.dumps(k)} = {value(v)}" for k, v in item.items() if v is not None)
                + "}"
            )
        if isinstance(item, list):
            return "[" + ", ".join(value(v) for v in item) + "]"
        return json.dumps(item)

    return "\n".join(f"{key} = {value(item)}" for key, item in document.items() if item is not None)


@pytest.mark.thorough
def test_a_changed_search_says_so_and_keeps_the_old_report(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    text = 'name = "aa"\nsynthetic.sd = 10.0\ntuning.n_trials = 3\npost_evaluation.n_seeds = 3\n'
    path.write_text(text)
    first = call("run", path, "--out", tmp_path)
    assert "new search" not in first.output
    old = (tmp_path / "aa" / "ranking.json").read_text()
    path.write_text(text + "post_evaluation.top_k = 2\n")
    assert (
        "new search" not in call("run", path, "--out", tmp_path).output
    )  # only what follows the search has changed
    path.write_text(text + 'tuning.sampler = "random"\n')
    second = call("run", path, "--out", tmp_path).output
    assert "This is a new search: the last one of this name was run with tuning.sampler = 'tpe'." in second
    (earlier,) = (tmp_path / "aa" / "earlier").iterdir()
    assert earlier.name == json.loads(old)["tuning_id"]
    assert json.loads((earlier / "ranking.json").read_text())["study"]["tuning"]["sampler"] == "tpe"
    assert (earlier / "report.html").exists()
    assert (
        json.loads((tmp_path / "aa" / "ranking.json").read_text())["study"]["tuning"]["sampler"] == "random"
    )


def test_evaluate_before_any_trial_says_that_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('name = "aa"\nsynthetic.sd = 10.0\ntuning.n_trials = 3\n')
    result = call("evaluate", path, "--out", tmp_path)
    assert result.exit_code == 2
    assert "has no trials yet. `robusttune tune` makes them" in result.output
