from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robusttune.declaration.presets import preset
from robusttune.declaration.space import Categorical, Float, Int, Parameter
from robusttune.declaration.toml import load_studies, load_study
from robusttune.errors import SpecError
from tests.support.studies import settled

MINIMAL = """
name = "mini"
[environment]
id = "CartPole-v1"
[algorithm]
name = "ppo"
total_timesteps = 1000
[tuning]
n_trials = 3
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def bounds_of(parameter: Parameter) -> tuple[Any, ...]:
    if isinstance(parameter, Categorical):
        return ("choices", *parameter.choices)
    return (parameter.scale, parameter.low, parameter.high)


def test_a_minimal_file_gives_the_declared_study_and_the_papers_defaults(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, MINIMAL))
    assert (study.name, study.training.algorithm.name, study.tuning.n_trials) == ("mini", "ppo", 3)
    assert (study.tuning.sampler, study.tuning.seeds_per_trial, study.tuning.seeds) == ("tpe", 1, "fresh")
    assert study.post_evaluation.seeds == "fresh"
    assert study.post_evaluation.confidence_level == 0.95
    assert study.evaluation.starts == "independent"
    assert study.evaluation.score == "final"


def test_the_tutorial_preset_has_the_tutorials_ranges() -> None:
    assert {name: bounds_of(p) for name, p in preset("tutorial", "ppo").items()} == {
        "n_steps": ("pow2", 2**5, 2**12),
        "gamma": ("linear", 0.97, 0.9999),
        "learning_rate": ("log", 3e-5, 3e-3),
        "activation_fn": ("choices", "tanh", "relu"),
    }


# rl_zoo3 2.9.2, hyperparams_opt.py, in real values.
ZOO_BOTH: dict[str, tuple[Any, ...]] = {
    "learning_rate": ("log", 1e-5, 2e-3),
    "gamma": ("log1m", 1 - 0.03, 1 - 1e-4),
    "gae_lambda": ("log1m", 1 - 0.1, 1 - 1e-4),
    "ent_coef": ("log", 1e-8, 0.1),
    "max_grad_norm": ("linear", 0.3, 2.0),
    "activation_fn": ("choices", "tanh", "relu"),
}


def test_the_zoo_preset_for_ppo_has_the_zoos_ranges() -> None:
    assert {name: bounds_of(p) for name, p in preset("rl-zoo", "ppo").items()} == {
        **ZOO_BOTH,
        "batch_size": ("pow2", 2**2, 2**10),
        "n_steps": ("pow2", 2**5, 2**12),
        "clip_range": ("choices", 0.1, 0.2, 0.3, 0.4),
        "n_epochs": ("choices", 1, 5, 10, 20),
        "net_arch": ("choices", {"pi": [64], "vf": [64]}, [64, 64], [256, 256]),
    }


def test_the_zoo_preset_for_a2c_has_the_zoos_ranges() -> None:
    assert {name: bounds_of(p) for name, p in preset("rl-zoo", "a2c").items()} == {
        **ZOO_BOTH,
        "n_steps": ("choices", 32, 64, 128, 256, 512, 1024, 2048),
        "net_arch": ("choices", [64, 64], [256, 256]),
    }


def test_own_ranges_and_fixed_values_take_precedence_over_the_preset(tmp_path: Path) -> None:
    text = MINIMAL.replace(
        "total_timesteps = 1000", "total_timesteps = 1000\nhyperparameters = {gamma = 0.98}"
    ) + (
        '[search_space]\npreset = "tutorial"\n'
        '[search_space.parameters]\nn_steps = {type = "int", low = 8, high = 16}\n'
    )
    space = load_study(write(tmp_path, text)).search_space.parameters
    assert sorted(space) == ["activation_fn", "learning_rate", "n_steps"]
    assert space["n_steps"] == Int(low=8, high=16)
    assert space["learning_rate"] == Float(low=3e-5, high=3e-3, scale="log")


@pytest.mark.parametrize(
    ("space", "algorithm", "pieces"),
    [
        ('preset = "tutoral"', "ppo", ["search_space.preset = 'tutoral'", "did you mean 'tutorial'?"]),
        ('preset = "tutorial"', "a2c", ["exists for ppo, not for a2c", "[search_space.parameters]"]),
        ('preset = "rl-zoo"', "mine:My", ["exists for ppo, a2c, sac", "not for mine:My"]),
        ('preset = "rl-zoo"', "pp0", ["algorithm.name = 'pp0'", "did you mean 'ppo'?"]),
        (
            'preset = "rl-zoo"\nparameters.learning_rat = {low = 1e-4}',
            "ppo",
            ["search_space.parameters.learning_rat: the preset has no such", "did you mean 'learning_rate'?"],
        ),
    ],
)
def test_a_preset_that_is_not_there_is_named(
    tmp_path: Path, space: str, algorithm: str, pieces: list[str]
) -> None:
    text = MINIMAL.replace('"ppo"', f'"{algorithm}"') + f"[search_space]\n{space}\n"
    with pytest.raises(SpecError) as caught:
        load_study(write(tmp_path, text))
    assert all(piece in str(caught.value) for piece in pieces)
    assert str(tmp_path / "study.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_matrix_gives_one_study_per_combination(tmp_path: Path) -> None:
    text = MINIMAL + '[matrix]\n"algorithm.name" = ["ppo", "a2c"]\nroot_seed = [0, 1, 2]\n'
    studies = load_studies(write(tmp_path, text))
    assert [(s.name, s.training.algorithm.name, s.root_seed) for s in studies] == [
        (f"mini-{algorithm}-{seed}", algorithm, seed) for algorithm in ("ppo", "a2c") for seed in (0, 1, 2)
    ]
    assert len({settled(s).tuning_id for s in studies}) == 6


def test_a_matrix_axis_may_be_written_with_or_without_quotes(tmp_path: Path) -> None:
    quoted = load_studies(write(tmp_path, MINIMAL + '[matrix]\n"environment.n_envs" = [1, 2]\n'))
    plain = load_studies(write(tmp_path, MINIMAL + "[matrix]\nenvironment.n_envs = [1, 2]\n"))
    assert quoted == plain
    assert [study.training.environment.n_envs for study in plain] == [1, 2]


def test_the_studies_of_a_matrix_share_no_tables(tmp_path: Path) -> None:
    text = MINIMAL + (
        "[matrix]\n"
        '"algorithm.hyperparameters" = [{gamma = 0.9}, {}]\n'
        '"algorithm.hyperparameters.gae_lambda" = [0.8]\n'
    )
    first, second = load_studies(write(tmp_path, text))
    assert dict(first.training.hyperparameters) == {"gamma": 0.9, "gae_lambda": 0.8}
    assert dict(second.training.hyperparameters) == {"gae_lambda": 0.8}


@pytest.mark.parametrize(
    ("matrix", "piece"),
    [
        ("[matrix]\n", "matrix: has no axis"),
        ("[matrix]\nroot_seed = 3\n", "matrix.root_seed = 3: must be a list"),
        ("[matrix]\nroot_seed = []\n", "matrix.root_seed = []: must be a list with at least one value"),
        (
            "[matrix]\nroot_seed = [1, 1]\n",
            "two combinations get the same name 'mini-1'",
        ),
        ('[matrix]\n"algorithm.nam" = ["ppo"]\n', "algorithm.nam: unknown key (did you mean 'name'?)"),
        ('[matrix]\n"name.x" = [1]\n', "'name' is a value, not a table"),
    ],
)
def test_a_faulty_matrix_is_one_line(tmp_path: Path, matrix: str, piece: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_studies(write(tmp_path, MINIMAL + matrix))
    assert piece in str(caught.value)
    assert "\n" not in str(caught.value)


def test_load_study_refuses_a_matrix_with_several_studies(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="declares 2 studies; use load_studies"):
        load_study(write(tmp_path, MINIMAL + "[matrix]\nroot_seed = [1, 2]\n"))


def test_overrides_replace_what_the_file_says(tmp_path: Path) -> None:
    overrides = [
        "tuning.n_trials=7",
        "name=other",
        "environment.kwargs={sutton_barto_reward = true}",
        "algorithm.hyperparameters.learning_rate=1e-5",
        "post_evaluation.default_control=false",
    ]
    study = load_study(write(tmp_path, MINIMAL), overrides=overrides)
    assert study.tuning.n_trials == 7
    assert study.name == "other"
    assert study.training.environment.kwargs == {"sutton_barto_reward": True}
    assert study.training.hyperparameters == {"learning_rate": 1e-5}
    assert study.post_evaluation.default_control is False


@pytest.mark.parametrize(
    ("override", "piece"),
    [
        ("tuning.n_trials", "'tuning.n_trials': an override is written key=value"),
        ("=3", "'=3': an override is written key=value"),
        ("tuning.n_trial=3", "tuning.n_trial: unknown key (did you mean 'n_trials'?)"),
        ("tuning.n_trials=many", "tuning.n_trials = 'many'"),
        ("name.x=1", "name.x: 'name' is a value, not a table"),
    ],
)
def test_a_faulty_override_is_one_line(tmp_path: Path, override: str, piece: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_study(write(tmp_path, MINIMAL), overrides=[override])
    assert piece in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"absent.toml: cannot be read \(No such file"):
        load_study(tmp_path / "absent.toml")
    with pytest.raises(SpecError, match=r"study.toml: not valid TOML: Invalid value"):
        load_study(write(tmp_path, "name = "))
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"name = '\xff'")
    with pytest.raises(SpecError, match=r"binary\.toml: not valid TOML"):
        load_study(binary)


def test_short_forms_mean_their_long_forms(tmp_path: Path) -> None:
    text = MINIMAL.replace(
        'id = "CartPole-v1"',
        'id = "CartPole-v1"\nwrappers = ["gymnasium.wrappers:FlattenObservation"]\nnormalization = true',
    )
    environment = load_study(write(tmp_path, text)).training.environment
    assert environment.wrappers[0].entry_point == "gymnasium.wrappers:FlattenObservation"
    assert environment.normalization is not None
    assert environment.normalization.observations
    off = load_study(write(tmp_path, text.replace("normalization = true", "normalization = false")))
    assert off.training.environment.normalization is None
