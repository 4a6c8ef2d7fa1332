"""The code that the report offers for pasting does what the study did."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cases import cases
from tests.support.studies import make_study

CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "ppo",
        "CartPole-v1",
        {
            "learning_rate": "lin_3e-4",
            "n_steps": 16,
            "batch_size": 16,
            "net_arch": [8],
            "activation_fn": "relu",
        },
        {
            "environment.normalization": {},
            "environment.wrappers": [{"entry_point": "gymnasium.wrappers:FlattenObservation"}],
        },
    ),
    ("a2c", "CartPole-v1", {"gamma": 0.9, "net_arch": {"pi": [4], "vf": [8]}}, {}),
    (
        "td3",
        "Pendulum-v1",
        {"noise_type": "normal", "noise_std": 0.2, "train_freq": [1, "episode"]},
        {"environment.n_envs": 1},
    ),
    (
        "dqn",
        "CartPole-v1",
        {"buffer_size": 100, "exploration_fraction": 0.2},
        {"environment.kwargs": {"max_episode_steps": 20}},
    ),
]


@pytest.mark.parametrize(
    ("algorithm", "environment", "hyperparameters", "changes"),
    cases(CASES, fast=[CASES[3]]),
    ids=[c[0] for c in CASES],
)
def test_the_snippet_builds_the_model_of_the_configuration(
    algorithm: str, environment: str, hyperparameters: dict[str, Any], changes: dict[str, Any]
) -> None:
    from robusttune.training.hyperparameters import verify

    changes = {"algorithm.name": algorithm, "environment.id": environment, "environment.n_envs": 2} | changes
    study = make_study(
        {"search_space": None, "algorithm.hyperparameters": {}, "algorithm.total_timesteps": 32, **changes}
    )
    names: dict[str, Any] = {}
    exec(study.training.snippet(hyperparameters), names)
    model = names["model"]
    verify(model, algorithm, hyperparameters)
    assert model.num_timesteps >= 32
    assert model.get_env().num_envs == study.training.environment.n_envs
    normaliser = model.get_vec_normalize_env()
    assert (normaliser is not None) == (study.training.environment.normalization is not None)
