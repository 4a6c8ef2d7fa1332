"""RL Zoo's files are read without executing anything, and what is written can be trained by it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robusttune.declaration.rl_zoo_table import table, tuned_control
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_study
from robusttune.errors import RobusttuneError, SpecError
from robusttune.interop.exports import FORMS, export
from robusttune.interop.imports import import_optuna, import_rl_zoo
from robusttune.interop.rl_zoo import entry, noted
from robusttune.interop.rl_zoo_files import find, read_yaml, to_yaml
from robusttune.interop.study_file import Setting
from robusttune.pipeline import evaluate_study, rank_study, run_study
from robusttune.report.model import Ranking
from tests.support.places import ROOT
from tests.support.studies import document

ENTRIES = """
Pendulum-v1:
  n_envs: 4
  n_timesteps: !!float 1e5
  policy: 'MlpPolicy'
  normalize: "dict(norm_obs=True, norm_reward=False)"
  env_wrapper:
    - gymnasium.wrappers.RescaleAction: {min_action: -1.0, max_action: 1.0}
  frame_stack: 2
  callback: [rl_zoo3.callbacks.ParallelTrainCallback]
  n_steps: 1024
  learning_rate: lin_2.5e-4
  ent_coef: 1e-3
  policy_kwargs: "dict(log_std_init=-2, ortho_init=False, activation_fn=nn.ReLU, net_arch=dict(pi=[8], vf=[8, 8]))"
Odd-v1:
  policy_kwargs: "dict(net_arch=__import__('os').getcwd())"
Her-v1:
  replay_buffer_class: HerReplayBuffer
"""
ORDERED = "!!python/object/apply:collections.OrderedDict\n"


def file_of(folder: Path, text: str = ENTRIES, name: str = "ppo.yml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_an_entry_becomes_a_study(tmp_path: Path) -> None:
    setting = Setting(environment="Pendulum-v1", timesteps=2000)
    spec = import_rl_zoo(tmp_path / "s.toml", file_of(tmp_path), setting=setting)
    assert load_study(tmp_path / "s.toml") == spec
    assert spec.training.caption == "PPO on Pendulum-v1, 2,000 timesteps"
    environment = spec.to_dict()["environment"]
    assert (environment["n_envs"], environment["frame_stack"]) == (4, 2)
    assert environment["normalization"] == {"observations": True, "rewards": False}
    assert environment["wrappers"][0]["entry_point"] == "gymnasium.wrappers:RescaleAction"
    (one,) = spec.post_evaluation.configurations
    assert one.hyperparameters == {
        **{"n_steps": 1024, "learning_rate": "lin_2.5e-4", "ent_coef": 0.001, "log_std_init": -2},
        **{"ortho_init": False, "activation_fn": "relu", "net_arch": {"pi": [8], "vf": [8, 8]}},
    }


@pytest.mark.parametrize(
    ("environment", "piece"),
    [
        ("Pendulum-v0", "did you mean 'Pendulum-v1'?"),
        ("Odd-v1", "without executing it"),
        ("Her-v1", "ppo has no hyperparameter 'replay_buffer_class'"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path: Path, environment: str, piece: str) -> None:
    with pytest.raises(SpecError) as raised:
        find(file_of(tmp_path), None, environment)
    assert piece in str(raised.value)


def test_tags_that_would_execute_code_are_refused(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    text = f"a: !!python/object/apply:os.mkdir ['{marker}']"
    with pytest.raises(SpecError, match="without executing it"):
        read_yaml(file_of(tmp_path, text))
    assert not marker.exists()
    names = read_yaml(file_of(tmp_path, f"{ORDERED}- - - f\n    - !!python/name:torch.nn.Tanh ''\n"))
    assert names == {"f": "torch.nn.Tanh"}


def training_of(folder: Path, name: str, learning_rate: float, last: float) -> None:
    inner = folder / "ppo" / name / "Pendulum-v1"
    inner.mkdir(parents=True)
    listed = f"- - - learning_rate\n    - {learning_rate}\n  - - n_envs\n    - 4\n"
    file_of(inner, ORDERED + listed, "config.yml")
    said = "- - - algo\n    - ppo\n  - - env\n    - Pendulum-v1\n  - - n_timesteps\n    - 2000\n"
    file_of(inner, ORDERED + said, "args.yml")
    np.savez(inner.parent / "evaluations.npz", results=np.array([[0.0, 0.0], [last, last]]))


def test_runs_of_one_configuration_are_one_with_the_mean_of_their_last_evaluations(tmp_path: Path) -> None:
    for name, rate, last in (
        ("Pendulum-v1_1", 1e-3, 1.0),
        ("Pendulum-v1_2", 2e-3, 5.0),
        ("Pendulum-v1_3", 1e-3, 3.0),
    ):
        training_of(tmp_path, name, rate, last)
    spec = import_rl_zoo(tmp_path / "s.toml", tmp_path)
    assert spec.training.total_timesteps == 2000
    found = [(c.name, c.reported_score) for c in spec.post_evaluation.configurations]
    assert found == [("Pendulum-v1_2", 5.0), ("Pendulum-v1_1", 2.0)]
    with pytest.raises(SpecError, match="no config.yml of a training of RL Zoo of a2c"):
        find(tmp_path, "a2c", None)


@pytest.mark.thorough
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text()
    | st.sampled_from([ENTRIES, "&a [*a]", "[" * 400, f"{ORDERED}- 3", "? {a: 1}\n: 2"])
    | st.builds(
        "Pendulum-v1: {{n_timesteps: !!{} {!r}}}".format,
        st.sampled_from(["bool", "int", "float", "timestamp", "binary", "set", "omap", "pairs", "null"]),
        st.sampled_from(["", "-", "a", "1", "2020-13-41"]),
    )
)
def test_whatever_a_file_holds_gives_entries_or_our_own_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ppo.yml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with contextlib.suppress(RobusttuneError):
        for environment in read_yaml(path):
            find(path, None, environment)


def test_an_entry_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ppo.yml").write_text("CartPole-v1: 5\n")
    with pytest.raises(SpecError, match="CartPole-v1 must be a table of hyperparameters, but got 5"):
        find(tmp_path / "ppo.yml", None, "CartPole-v1")


@pytest.mark.parametrize("value", ["!!bool maybe", "!!int ''", "!!float ''", "!!timestamp soon"])
def test_a_value_that_its_tag_belies_is_our_own_error(tmp_path: Path, value: str) -> None:
    with pytest.raises(SpecError, match="is no YAML that can be read"):
        read_yaml(file_of(tmp_path, f"Pendulum-v1: {{n_timesteps: {value}}}", "ppo.yml"))


@pytest.mark.parametrize("inner", ["[*{0}, *{0}, *{0}, *{0}]", "{{<<: [*{0}, *{0}, *{0}, *{0}]}}"])
def test_aliases_that_repeat_each_other_without_end_are_refused(tmp_path: Path, inner: str) -> None:
    lines = ["a: &a {x: 1}", *(f"{b}: &{b} {inner.format(a)}" for a, b in itertools.pairwise("abcdefghijkl"))]
    with pytest.raises(SpecError, match="aliases repeat more than 100,000 values"):
        read_yaml(file_of(tmp_path, "\n".join(lines), "ppo.yml"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_or_an_impossible_name_is_refused(tmp_path: Path) -> None:
    training_of(tmp_path, "Pendulum-v1_1", 1e-3, 1.0)
    config = tmp_path / "ppo" / "Pendulum-v1_1" / "Pendulum-v1" / "config.yml"
    config.unlink()
    os.mkfifo(config)
    with pytest.raises(SpecError, match="must be a file"):
        find(tmp_path, None, None)
    with pytest.raises(SpecError, match="names no file"):
        find(Path("a" * 5000), None, None)


KEYS = st.sampled_from(
    [
        "n_envs",
        "n_timesteps",
        "normalize",
        "policy_kwargs",
        "env_wrapper",
        "frame_stack",
        "learning_rate",
        "env_kwargs",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.dictionaries(KEYS | st.text(max_size=6), VALUES, max_size=4))
def test_whatever_an_entry_holds_becomes_a_configuration_or_our_own_error(values: dict[str, Any]) -> None:
    with contextlib.suppress(RobusttuneError):
        entry("ppo", "Pendulum-v1", values)


ATTRIBUTES = st.dictionaries(
    st.sampled_from(["command", "n_timesteps", "normalize", "policy_kwargs", "learning_rate"])
    | st.text(max_size=4),
    st.text(max_size=12)
    | st.sampled_from(
        [
            "python -m rl_zoo3.train --algo ppo --env Pendulum-v1 -n 1e5 -optimize",
            "rl_zoo3 train --algo=sac --n-timesteps nan",
            "rl_zoo3 '",
            "ConstantSchedule(0.1)",
            "SimpleLinearSchedule(e)",
        ]
    ),
    max_size=3,
)


@given(ATTRIBUTES)
def test_whatever_a_search_noted_is_understood_or_our_own_error(attributes: dict[str, str]) -> None:
    with contextlib.suppress(RobusttuneError):
        setting, values = noted(attributes)
        entry(setting.algorithm or "ppo", setting.environment or "Pendulum-v1", values)


@pytest.mark.thorough
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["config.yml", "args.yml", "evaluations.npz"]),
    st.binary(max_size=80)
    | st.sampled_from([f"{ORDERED}- - - {key}\n    - []\n".encode() for key in ("algo", "n_envs")]),
)
def test_whatever_a_folder_of_trainings_holds_gives_configurations_or_our_own_error(
    tmp_path: Path, name: str, content: bytes
) -> None:
    if not (tmp_path / "ppo").exists():
        training_of(tmp_path, "Pendulum-v1_1", 1e-3, 1.0)
    run = tmp_path / "ppo" / "Pendulum-v1_1"
    path = run / name if name.endswith("npz") else run / "Pendulum-v1" / name
    whole = path.read_bytes()
    path.write_bytes(content)
    with contextlib.suppress(RobusttuneError):
        find(tmp_path, None, None)
    path.write_bytes(whole)


CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ppo": (
        "Pendulum-v1",
        {"n_envs": 2, "normalization": {"rewards": False}, "frame_stack": 2},
        {
            "n_steps": 32,
            "batch_size": 64,
            "learning_rate": "lin_0.001",
            "activation_fn": "elu",
            "net_arch": [8],
        },
    ),
    "a2c": (
        "CartPole-v1",
        {"wrappers": [{"entry_point": "gymnasium.wrappers:TimeLimit", "kwargs": {"max_episode_steps": 50}}]},
        {"n_envs": 3, "net_arch": {"pi": [8], "vf": [4]}, "use_rms_prop": False},
    ),
    "td3": ("Pendulum-v1", {}, {"noise_type": "normal", "noise_std": 0.2, "train_freq": [1, "episode"]}),
    "sac": (
        "Pendulum-v1",
        {},
        {"ent_coef": "auto_0.1", "train_freq": 2, "learning_starts": 10, "n_critics": 1},
    ),
    "dqn": ("CartPole-v1", {"kwargs": {"sutton_barto_reward": True}}, {"exploration_fraction": 0.3}),
}


def study_of(algorithm: str) -> tuple[StudySpec, dict[str, Any]]:
    environment, tables, hyperparameters = CASES[algorithm]
    declared = document({"search_space": None, "execution": None})
    declared["environment"] = {"id": environment, **tables}
    declared["algorithm"] = {"name": algorithm, "total_timesteps": 200}
    return StudySpec.from_dict(declared), hyperparameters


@pytest.mark.parametrize("algorithm", CASES)
def test_what_is_written_reads_back(algorithm: str) -> None:
    study, hyperparameters = study_of(algorithm)
    (values,) = yaml.safe_load(to_yaml(study.training, hyperparameters)).values()
    setting, read = entry(algorithm, CASES[algorithm][0], values)
    n_envs = hyperparameters.pop("n_envs", None) or CASES[algorithm][1].get("n_envs", 1)
    assert read == hyperparameters
    assert (setting.n_envs, setting.timesteps, setting.policy) == (n_envs, 200, "MlpPolicy")


RUN = """
name = "z"
tuning.n_trials = 2
post_evaluation.controls = ["rl-zoo"]
[environment]
id = "{environment}"
n_envs = 4
{more}
[algorithm]
name = "ppo"
total_timesteps = 2000
"""


def test_what_rl_zoo_tuned_is_a_control(tmp_path: Path) -> None:
    def controls(environment: str, more: str = "") -> dict[str, Any]:
        file_of(tmp_path, RUN.format(environment=environment, more=more), "s.toml")
        (control,) = load_study(tmp_path / "s.toml").post_evaluation.controls
        assert control.name == "rl-zoo"
        return dict(control.hyperparameters)

    pendulum = controls("Pendulum-v1")  # tuned with four environments, as the study has
    assert (pendulum["gamma"], pendulum["n_steps"], "n_envs" in pendulum) == (0.9, 1024, False)
    assert controls("CartPole-v1")["n_envs"] == 8
    assert controls("MountainCar-v0", "normalization = true")["n_steps"] == 16
    with pytest.raises(SpecError, match="was tuned with environment.normalization"):
        controls("MountainCar-v0")
    with pytest.raises(SpecError, match="did you mean 'Pendulum-v1'"):
        controls("Pendulum-v0")


@pytest.mark.thorough
def test_every_entry_of_the_table_can_be_declared() -> None:
    for algorithm, entries in table().items():
        for environment, one in entries.items() if algorithm != "source" else ():
            declared = document({"search_space": None, "execution": None})
            declared["environment"] = {
                "id": environment,
                "n_envs": one["n_envs"],
                **one.get("environment", {}),
            }
            declared["algorithm"] = {"name": algorithm, "total_timesteps": one["timesteps"]}
            declared["post_evaluation"] = {"controls": [tuned_control(declared)]}
            StudySpec.from_dict(declared)


ZOO = os.environ.get("ROBUSTTUNE_RL_ZOO_PYTHON")


@pytest.mark.slow
@pytest.mark.skipif(not ZOO, reason="ROBUSTTUNE_RL_ZOO_PYTHON names no interpreter that has rl_zoo3")
@pytest.mark.parametrize("algorithm", CASES)
def test_rl_zoo_trains_what_is_written(algorithm: str, tmp_path: Path) -> None:
    study, hyperparameters = study_of(algorithm)
    file_of(tmp_path, to_yaml(study.training, hyperparameters), "exported.yml")
    environment = CASES[algorithm][0]
    trained_by_zoo(tmp_path, algorithm, environment, "-conf", "exported.yml", "-f", "logs")
    assert (tmp_path / "logs" / algorithm / f"{environment}_1" / f"{environment}.zip").exists()
    setting, (found,) = find(tmp_path / "logs", None, None)
    n_envs = hyperparameters.pop("n_envs", None) or CASES[algorithm][1].get("n_envs", 1)
    assert (found.hyperparameters, setting.n_envs) == (hyperparameters, n_envs)


@pytest.mark.slow
@pytest.mark.skipif(not ZOO, reason="ROBUSTTUNE_RL_ZOO_PYTHON names no interpreter that has rl_zoo3")
def test_a_search_of_rl_zoo_is_imported_evaluated_and_exported(tmp_path: Path) -> None:
    search = ["-n", "256", "-optimize", "--n-trials", "3", "--storage", "s.log", "--study-name", "s"]
    trained_by_zoo(tmp_path, "a2c", "CartPole-v1", *search, "--no-optim-plots", "--n-evaluations", "1")
    evaluated_and_exported(tmp_path, tmp_path / "s.log", Setting(n_envs=8))
    trained_by_zoo(tmp_path, "a2c", "CartPole-v1", "-conf", "best.yml", "-f", "l")


@pytest.mark.slow
def test_a_search_made_by_the_tutorials_script_is_imported_evaluated_and_exported(tmp_path: Path) -> None:
    script = ROOT / "tests" / "data" / "optuna_studies" / "make_tutorial_study.py"
    done = subprocess.run([sys.executable, str(script), "3"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    setting = Setting(algorithm="ppo", environment="Pendulum-v1", timesteps=2000, n_envs=5)
    ranking = evaluated_and_exported(tmp_path, tmp_path / "tutorial.log", setting)
    assert 0.97 <= float(str(ranking.rows[0].candidate.hyperparameters.get("gamma", 0.99))) < 1
    if ZOO:
        trained_by_zoo(tmp_path, "ppo", "Pendulum-v1", "-conf", "best.yml", "-f", "l")


def trained_by_zoo(folder: Path, algorithm: str, environment: str, *more: str) -> None:
    command = [
        str(ZOO),
        "-m",
        "rl_zoo3.train",
        "--algo",
        algorithm,
        "--env",
        environment,
        "--num-threads",
        "1",
    ]
    done = subprocess.run([*command, *more], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def evaluated_and_exported(folder: Path, storage: Path, setting: Setting) -> Ranking:
    spec = import_optuna(folder / "s.toml", str(storage), setting=setting, top_k=2, n_seeds=2)
    ranking = run_study(spec, out=folder, workers=0)
    assert {row.name for row in ranking.rows} == {
        *(one.name for one in spec.post_evaluation.configurations),
        "default",
    }
    file_of(folder, export(ranking, "rl-zoo"), "best.yml")
    return ranking


@pytest.mark.thorough
def test_a_ranking_goes_out_in_every_form(tmp_path: Path) -> None:
    declared = {
        "name": "given",
        "synthetic": {"effects": {"x": {"best": 0.9}}},
        "post_evaluation": {
            "default_control": False,
            "configurations": [
                {"name": "a", "hyperparameters": {"x": 0.9}, "reported_score": 9.0},
                {"name": "b", "hyperparameters": {"x": -3.0}},
            ],
        },
    }
    study = StudySpec.from_dict(declared)
    evaluate_study(study, out=tmp_path, workers=0)
    ranking = rank_study(study, out=tmp_path)
    assert set(FORMS) == {"rl-zoo", "json", "yaml", "model-card"}
    found = json.loads(export(ranking, "json"))
    winner = ranking.analysis.winner
    assert found["hyperparameters"] == {"x": 0.9}
    assert (found["fresh_seeds"]["mean"], found["verdict"]) == (winner.estimate, ranking.row("a").verdict)
    assert yaml.safe_load(export(ranking, "yaml")) == found
    _, head, body = export(ranking, "model-card", configuration="b").split("---\n", 2)
    (metric,) = yaml.safe_load(head)["model-index"][0]["results"][0]["metrics"]
    assert metric["value"] == ranking.row("b").analysis.mean.estimate
    assert "over 5 seeds that tuning never saw" in body
    with pytest.raises(SpecError, match="RL Zoo trains algorithms in environments"):
        export(ranking, "rl-zoo")
    with pytest.raises(SpecError, match="Evaluated: a, b"):
        export(ranking, "json", configuration="c")
