"""Whatever a study file holds, the answer is a study or an error of our own."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from robusttune.declaration.toml import load_study
from robusttune.errors import SpecError
from robusttune.pipeline.settle import settle
from tests.support import fuzz

FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
CORPUS = fuzz.corpus()
PPO = """
name = "a"
environment.id = "CartPole-v1"
algorithm = {name = "ppo", total_timesteps = 64}
tuning.n_trials = 2
"""
FLOAT = 'search_space.parameters.learning_rate = {type = "float", low = 0.1, high = 0.2, step = 5e-324}\n'
CASES = {
    "a preset beside a number": (
        f'{PPO}search_space = {{preset = "rl-zoo", parameters = 5}}',
        "search_space.parameters = 5: must be a table",
    ),
    "a preset beside a list": (
        f'{PPO}search_space = {{preset = "rl-zoo", parameters = [{{}}]}}',
        "search_space.parameters = [{}]: must be a table",
    ),
    "fixed hyperparameters that are none": (
        f'{PPO}search_space.preset = "rl-zoo"\n'.replace("64}", "64, hyperparameters = 3}"),
        "algorithm.hyperparameters = 3: must be a table",
    ),
    "an integer of 5,000 digits": (f"{PPO}root_seed = {'9' * 5000}", "an integer has more than 4,300 digits"),
    "2,000 brackets": (f"{PPO}x = {'[' * 2000}{']' * 2000}", "nested more than 50 deep"),
    "deep dotted keys": (f"{PPO}{'a.' * 900}b = 1", "nested more than 50 deep"),
    "a module without a name": (f'{PPO}environment.imports = [""]', "environment.imports: '' cannot be imported"),
    "a step that is no step": (PPO + FLOAT, "step = 5e-324"),
    "a grid of such steps": (f'{PPO}{FLOAT}tuning.sampler = "grid"', "step = 5e-324"),
}  # fmt: skip


def test_a_range_without_reason_costs_no_hours(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        f'{PPO}search_space.parameters.n_envs = {{type = "int", low = 1, high = 9007199254740991}}\n'
        'search_space.parameters.n_steps = {type = "int", low = 8, high = 1_000_000_007}'
    )
    assert load_study(tmp_path / "study.toml").search_space.parameters["n_steps"].high == 1_000_000_007


@pytest.mark.parametrize("case", CASES)
def test_a_strange_study_file_is_one_line(tmp_path: Path, case: str) -> None:
    text, piece = CASES[case]
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        settle(load_study(path))
    assert piece in str(caught.value)


def test_what_has_no_end_is_no_study_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", Path("/dev/zero"), tmp_path):
        with pytest.raises(SpecError, match=r"must be a file, but .* is a folder, a pipe or a device"):
            load_study(path)


@FIXTURES
@given(content=st.binary(max_size=300))
@example(content=b"name = '\x00'")
@example(content=b"\xff\xfe")
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError):
        load_study(path)


@FIXTURES
@given(number=st.integers(0, 2**32))
def test_any_damage(tmp_path: Path, number: int) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(fuzz.damaged_study(random.Random(number), CORPUS))
    with contextlib.suppress(SpecError):
        fuzz.load_study_file(path)
