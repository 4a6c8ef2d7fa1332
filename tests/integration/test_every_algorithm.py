"""Every algorithm of the registry is checked, tuned with its preset, evaluated and ranked, with little training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.presets import preset as preset_of
from robusttune.declaration.study_runs import tuning_runs
from robusttune.declaration.toml import load_study
from robusttune.pipeline import check_study, run_study
from robusttune.results.records import RunStatus
from robusttune.training import train

pytestmark = pytest.mark.slow

OWN = "tests.support.goals_and_masks:MyPPO"
HERE = "tests.support.goals_and_masks"
MASKER = (
    'wrappers = [{ entry_point = "sb3_contrib.common.wrappers:ActionMasker", '
    'kwargs = { action_mask_fn = "legal" } }]'
)
# What would take long is narrowed, as in a study file.
NARROWED = {
    "n_steps": '{ type = "int", low = 32, high = 64, scale = "pow2" }',
    "batch_size": "{ low = 32, high = 64 }",
    "n_epochs": "{ choices = [1, 5] }",
    "net_arch": "{ choices = [[8], [16, 16]] }",
    "n_delta": "{ high = 4 }",
}
FIXED = {"learning_starts": 100, "buffer_size": 1000, "lstm_hidden_size": 8}


def study_file(folder: Path, name: str) -> Path:
    entry = ALGORITHMS.get(name)
    preset = "" if entry is None else 'preset = "rl-zoo"'
    known = ("n_steps", "bonus") if entry is None else entry.hyperparameters
    searched = ("n_steps",) if entry is None else preset_of("rl-zoo", name)
    ranges = {key: of for key, of in NARROWED.items() if key in searched}
    if entry is None:
        ranges["bonus"] = '{ type = "float", low = 0.0, high = 1.0 }'
    fixed = {key: value for key, value in FIXED.items() if key in known}
    environment = {"maskableppo": "Masked-v0", "ars": "CartPole-v1"}.get(name)
    if environment is None:
        environment = "Pendulum-v1" if entry is not None and "Box" in entry.actions else "CartPole-v1"
    path = folder / "study.toml"
    path.write_text(
        f"""
name = "small"
[environment]
id = "{environment}"
imports = ["{HERE}"]
{MASKER if name == "maskableppo" else ""}
[algorithm]
name = "{name}"
total_timesteps = 130
[algorithm.hyperparameters]
{"".join(f"{key} = {value}" + chr(10) for key, value in fixed.items())}
[search_space]
{preset}
[search_space.parameters]
{"".join(f"{key} = {value}" + chr(10) for key, value in ranges.items())}
[tuning]
n_trials = {1 if name.startswith("sbx") else 2}  # each configuration of SBX is compiled anew
[evaluation]
n_episodes = 2
n_envs = 2
[post_evaluation]
top_k = 1
n_seeds = 2
default_control = false
""",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("name", [*ALGORITHMS, OWN])
def test_it_is_tuned_with_its_preset_and_evaluated(name: str, tmp_path: Path) -> None:
    if name in ALGORITHMS:
        pytest.importorskip(ALGORITHMS[name].package)
    study = load_study(study_file(tmp_path, name))
    settled = check_study(study)
    assert settled.workload.budgets[0] >= 130
    ranking = run_study(study, out=tmp_path / "results")
    assert len(ranking.rows) == 1
    assert_repeatable(settled.study, ranking.rows[0].candidate.hyperparameters)


def assert_repeatable(study: Any, hyperparameters: Any) -> None:
    """Equal specs, equal results, whatever else has been trained."""
    first, other = (tuning_runs(study, hyperparameters, index)[0] for index in (0, 1))
    before, _, after = (train([spec])[0] for spec in (first, other, first))
    assert before.status is RunStatus.COMPLETED, before.error
    assert before.episode_returns == after.episode_returns
    assert before.n_updates == after.n_updates > 0
