"""`check` builds what a run will build: mistakes that only a model or an environment shows are messages for people."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from robusttune.pipeline import check_study
from tests.support.studies import document

FRAMES = {"id": "Frames-v0", "imports": ["tests.support.lives"]}
STACKED = {**FRAMES, "kwargs": {"shape": [4, 84, 84, 1]}}
ATARI = {**FRAMES, "wrappers": [{"entry_point": "stable_baselines3.common.atari_wrappers:AtariWrapper"}]}
DICT = {"id": "LivesDict-v0", "imports": ["tests.support.lives"]}
WIDE: dict[str, Any] = {"type": "categorical", "choices": [[64], "64,64"]}
PIECES = {
    "MlpPolicy on Dict observations": ({"environment": DICT}, "policy = 'MultiInputPolicy'"),
    "a misspelt policy": ({"algorithm.policy": "MlpPolcy"}, "did you mean 'MlpPolicy'"),
    "net_arch as text": (
        {"algorithm.hyperparameters": {"net_arch": "64,64"}},
        "net_arch = '64,64': must be a list of layer widths",
    ),
    "net_arch as text in the search": (
        {"search_space.parameters": {"net_arch": WIDE}},
        "net_arch = '64,64': must be a list of layer widths",
    ),
    "a device that is missing": (
        {"algorithm.device": "cuda:77"},
        "algorithm.device = 'cuda:77': torch cannot use it",
    ),
    "a device that is no device": (
        {"algorithm.device": "gpu"},
        "algorithm.device = 'gpu': torch cannot use it",
    ),
    "AtariWrapper without OpenCV": ({"environment": ATARI}, "pip install 'robusttune[envs]'"),
    "CnnPolicy on four axes": (
        {"environment": STACKED, "algorithm.policy": "CnnPolicy"},
        "CnnPolicy': needs images",
    ),
    "an optimiser that knows no such argument": (
        {
            "search_space.parameters": {
                "optimizer_kwargs": {"type": "categorical", "choices": [{}, {"speed": 1}]}
            }
        },
        "choice {'speed': 1}",
    ),
    "an environment whose step fails": (
        {"environment": {**FRAMES, "kwargs": {"broken": True}}},
        "the simulator fell over",
    ),
    "an environment that leaves Python": (
        {"environment": {**FRAMES, "kwargs": {"broken": "exit"}}},
        "sys.exit('no licence') is called in",
    ),
    "a module that is missing": ({"environment.imports": ["ale_py"]}, "pip install 'robusttune[envs]'"),
}


@pytest.mark.parametrize("case", PIECES)
def test_a_mistake_is_refused_with_rule_value_and_way_out(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, piece = PIECES[case]
    monkeypatch.setattr("stable_baselines3.common.atari_wrappers.cv2", None)
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(SpecError) as raised:
        check_study(StudySpec.from_dict(document(changes)))
    assert piece in str(raised.value)


@pytest.mark.parametrize(
    ("algorithm", "environment"),
    [("ppo", "CartPole-v1"), ("a2c", "Pendulum-v1"), ("sac", "Pendulum-v1"), ("dqn", "CartPole-v1")],
)
def test_a_study_that_runs_is_accepted_at_once(algorithm: str, environment: str) -> None:
    changes = {
        **{"algorithm.name": algorithm, "environment": {"id": environment, "n_envs": 2, "normalization": {}}},
        **{"search_space": None, "algorithm.hyperparameters": {}, "execution": None},
    }
    begin = time.perf_counter()
    check_study(StudySpec.from_dict(document(changes)))
    assert time.perf_counter() - begin < 3.0


@pytest.mark.thorough
def test_a_control_that_cannot_be_stacked_is_rehearsed_as_it_will_be_trained() -> None:
    control = {"name": "with gSDE", "hyperparameters": {"use_sde": True}}
    changes = {
        "environment.id": "Pendulum-v1",
        "execution.trainer": "auto",
        "post_evaluation.controls": [control],
    }
    found = check_study(StudySpec.from_dict(document(changes)))
    assert found.study.trainer.name == "lockstep"
    assert "use_sde" in str(found.trained_alone)
