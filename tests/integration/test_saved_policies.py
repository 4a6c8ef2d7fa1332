"""Every algorithm: a saved policy acts as the one that was scored, and can be watched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import EnvironmentSpec, Normalization, Wrapper
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.results.records import RunStatus
from robusttune.seeds import Stage, evaluation_seed, run_seed
from robusttune.training import train
from robusttune.training.evaluation import evaluate_model, n_evaluation_environments
from robusttune.training.policies import load, watch

pytestmark = pytest.mark.slow
SB3, LOCKSTEP = Sb3Training.TRAINERS
CASES = [
    (name, trainer)
    for name, algorithm in ALGORITHMS.items()
    for trainer in ((SB3, LOCKSTEP) if algorithm.lockstep is not None else (SB3,))
]


@pytest.mark.parametrize(("name", "trainer"), CASES, ids=lambda one: getattr(one, "name", one))
def test_a_saved_policy_is_evaluated_as_it_was_and_can_be_watched(
    name: str, trainer: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pygame")
    algorithm = ALGORITHMS[name]
    brief = {"n_steps" if algorithm.on_policy else "learning_starts": 50, "net_arch": [16]}
    environment = EnvironmentSpec(
        id="Pendulum-v1" if "Box" in algorithm.actions else "CartPole-v1", normalization=Normalization()
    )
    if name == "maskableppo":
        masker = Wrapper(
            entry_point="sb3_contrib.common.wrappers:ActionMasker", kwargs={"action_mask_fn": "legal"}
        )
        environment = EnvironmentSpec(
            id="Masked-v0", imports=("tests.support.goals_and_masks",), wrappers=(masker,)
        )
    seed = run_seed(0, Stage.POST_EVALUATION, 0)
    spec = RunSpec(
        training=Sb3Training(
            environment=environment,
            algorithm=AlgorithmSpec(name=name, total_timesteps=200),
        ),
        hyperparameters={
            key: value for key, value in brief.items() if key in (*algorithm.constructor, *algorithm.policy)
        },
        evaluation=EvaluationSpec(n_episodes=3, n_envs=2),
        seed=seed,
        evaluation_seed=evaluation_seed(seed),
    )
    (result,) = train([spec], trainer=trainer, models=tmp_path)
    assert result.status is RunStatus.COMPLETED, result.error
    assert result.warning is None
    model, environments = load(tmp_path, spec, n_envs=n_evaluation_environments(spec))
    returns = evaluate_model(model, environments, spec)
    # In lockstep the networks of many seeds are evaluated in one batch, which rounds otherwise.
    np.testing.assert_allclose(returns, result.episode_returns, rtol=0 if trainer is SB3 else 1e-4)
    again, _ = load(tmp_path, spec)
    observations = environments.reset()
    first = model.predict(observations, deterministic=True)[0]
    np.testing.assert_array_equal(first, again.predict(observations, deterministic=True)[0])
    if environment.id == "Masked-v0":
        return  # it has no picture
    film = watch(tmp_path, spec, n_episodes=2, render_mode="rgb_array")
    assert len(film.episode_returns) == len(film.frames) == 2
    assert all(film.frames)
    assert "XDG_RUNTIME_DIR" not in capfd.readouterr().err  # pygame's error where there is no screen
