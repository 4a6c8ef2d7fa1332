"""`[matrix]` in a study file: which studies, how they are called, and how they are reported together."""

from __future__ import annotations

from pathlib import Path

import pytest

from robusttune.declaration.matrix import Matrix
from robusttune.declaration.toml import load_matrix
from robusttune.errors import SpecError

BASE = """
name = "mini"
algorithm = {name = "ppo", total_timesteps = 1000}
tuning = {n_trials = 3}
"""
TWO_TASKS = '\nenvironment.id = ["CartPole-v1", "Pendulum-v1"]\n'


def load(folder: Path, text: str) -> Matrix:
    path = folder / "matrix.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return load_matrix(path)


def places(matrix: Matrix) -> list[tuple[str, str, str]]:
    return [(one.study.name, one.task, one.method) for one in matrix.studies]


def test_what_is_acted_in_makes_tasks_and_all_else_makes_methods(tmp_path: Path) -> None:
    found = load(tmp_path, f"[matrix]{TWO_TASKS}tuning.seeds_per_trial = [1, 3]\nenvironment.n_envs = [4]\n")
    assert found.tasks == ("CartPole-v1", "Pendulum-v1")
    assert places(found)[1] == ("mini-CartPole-v1-4-3", "CartPole-v1", "n_envs=4, seeds_per_trial=3")


def test_the_file_may_say_which_axes_make_tasks(tmp_path: Path) -> None:
    text = '[environment]\nid = "CartPole-v1"\n[matrix]\nenvironment.n_envs = [1, 4]\nroot_seed = [0, 1]\n'
    assert load(tmp_path, text).tasks == ("",)
    told = load(tmp_path, text + '[matrix.report]\ntasks = ["environment.n_envs"]\n')
    assert told.tasks == ("n_envs=1", "n_envs=4")
    with pytest.raises(SpecError, match=r"matrix.report.tasks: 'environment.n_env' is no axis.*did you mean"):
        load(tmp_path, text + '[matrix.report]\ntasks = ["environment.n_env"]\n')


def test_a_table_of_the_axis_study_is_merged_into_the_study_and_names_the_task(tmp_path: Path) -> None:
    text = """
[[matrix.study]]
name = "short"
environment.id = "CartPole-v1"
algorithm.total_timesteps = 500
[[matrix.study]]
name = "long"
environment.id = "Pendulum-v1"
"""
    found = load(tmp_path, text)
    assert places(found) == [("mini-short", "short", ""), ("mini-long", "long", "")]
    assert [one.study.training.total_timesteps for one in found.studies] == [500, 1000]
    assert [one.study.training.environment.id for one in found.studies] == ["CartPole-v1", "Pendulum-v1"]
    with pytest.raises(SpecError, match=r"matrix.study: its values must be tables"):
        load(tmp_path, "[matrix]\nstudy = [1, 2]\n")


def test_a_table_of_the_axis_method_may_set_anything_and_makes_no_task(tmp_path: Path) -> None:
    text = """
[matrix]
environment.id = ["CartPole-v1", "Acrobot-v1"]
[[matrix.method]]
name = "small"
algorithm.name = "dqn"
search_space.parameters.gamma = { type = "float", low = 0.9, high = 0.99 }
environment.kwargs.max_episode_steps = 100
[[matrix.method]]
name = "ppo"
algorithm.name = "ppo"
"""
    found = load(tmp_path, "environment = {}\n" + text)
    assert [one.method for one in found.studies] == ["small", "ppo"] * 2
    assert found.tasks == ("CartPole-v1", "Acrobot-v1")
    first, second, *_ = (one.study for one in found.studies)
    assert first.training.algorithm.name == "dqn"
    assert "gamma" in first.search_space.parameters
    assert "gamma" not in second.search_space.parameters
    with pytest.raises(SpecError, match=r"matrix.method: its values must be tables"):
        load(tmp_path, "[matrix]\nmethod = [1, 2]\n")


def test_a_file_without_a_matrix_is_one_study(tmp_path: Path) -> None:
    found = load(tmp_path, 'environment = {id = "CartPole-v1"}\n')
    assert places(found) == [("mini", "", "")]


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("taget = 1.0", r"matrix.report.taget: unknown key \(did you mean 'target'\?\)"),
        ('target = "high"', r"matrix.report.target = 'high': "),
        (
            'reference = { "CartPole-v1" = { low = 0.0, high = 500.0 } }',
            r'matrix.report.reference: lacks Pendulum-v1. Add "Pendulum-v1" = \{ low',
        ),
        (
            'reference = { "Pendulum-v2" = { low = 0.0, high = 500.0 } }',
            r"reference.Pendulum-v2: no task has this name \(did you mean 'Pendulum-v1'\?\)",
        ),
        (
            'reference = { "Pendulum-v1" = { low = 5.0, high = 5.0 } }',
            r"reference.Pendulum-v1: low < high must hold, but got low = 5 and high = 5",
        ),
        (
            'low = "default"\nreference = { "Pendulum-v1" = { low = 0.0, high = 5.0 } }',
            r"low and high name controls, which reference replaces",
        ),
    ],
)
def test_a_mistake_in_the_report_table_is_named(tmp_path: Path, report: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        load(tmp_path, f"[matrix]{TWO_TASKS}[matrix.report]\n{report}\n")
    assert "matrix.toml: matrix.report" in str(caught.value)
    assert "\n" not in str(caught.value)
