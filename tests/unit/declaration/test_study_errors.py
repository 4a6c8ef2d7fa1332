"""What a reader of a faulty study file is told: one line with the place, the rule, the value and the way out."""

from __future__ import annotations

import math
from typing import Any

import pytest

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from tests.support.studies import document, make_study


def searched(name: str, **parameter: Any) -> dict[str, Any]:
    return {"search_space.parameters": {name: parameter}}


FLOAT = {"type": "float", "low": 0.9, "high": 0.99}
CASES: list[tuple[dict[str, Any], list[str]]] = [
    # unknown keys
    ({"tunning": {}}, ["tunning: unknown key", "did you mean 'tuning'?", "Known keys: name, environment"]),
    (
        {"algorithm.learning_rate": 0.1},
        ["algorithm.learning_rate: unknown key", "Hyperparameters belong to algorithm.hyperparameters."],
    ),
    ({"environment.idd": "x"}, ["environment.idd: unknown key", "did you mean 'id'?"]),
    ({"environment.normalization": {"reward": True}}, ["environment.normalization.reward", "'rewards'"]),
    ({"search_space.parameter": {}}, ["search_space.parameter: unknown key", "did you mean 'parameters'?"]),
    ({"tuning.n_trial": 3}, ["tuning.n_trial: unknown key", "did you mean 'n_trials'?"]),
    ({"evaluation.evry": 3}, ["evaluation.evry: unknown key", "did you mean 'every'?"]),
    ({"post_evaluation.n_seed": 3}, ["post_evaluation.n_seed: unknown key", "did you mean 'n_seeds'?"]),
    ({"execution.run_timeout": 3}, ["execution.run_timeout: unknown key", "did you mean 'run_timeout_s'?"]),
    (searched("gamma", **FLOAT, scle="log"), ["search_space.parameters.gamma.scle", "did you mean 'scale'?"]),
    (searched("gamma", type="float", low=0.9, hihg=0.99), ["parameters.gamma.hihg", "did you mean 'high'?"]),
    (
        {"environment.wrappers": [{"entry_pont": "a:b"}]},
        ["environment.wrappers.0.entry_pont", "'entry_point'"],
    ),
    (
        {"post_evaluation.controls": [{"nam": "a"}]},
        ["post_evaluation.controls.0.nam", "did you mean 'name'?"],
    ),
    # missing keys
    ({"environment": None}, ["environment: this key is required"]),
    ({"environment.id": None}, ["environment.id: this key is required"]),
    ({"algorithm.total_timesteps": None}, ["algorithm.total_timesteps: this key is required"]),
    (searched("gamma", low=0.9, high=0.99), ["search_space.parameters.gamma.type: this key is required"]),
    # wrong types and ranges
    ({"environment": 3}, ["environment = 3: input should be an object"]),
    ({"environment.n_envs": 0}, ["environment.n_envs = 0", "greater than or equal to 1"]),
    ({"environment.n_envs": 257}, ["environment.n_envs = 257", "less than or equal to 256"]),
    ({"environment.n_envs": "4"}, ["environment.n_envs = '4'", "valid integer"]),
    ({"algorithm.total_timesteps": "1e5"}, ["algorithm.total_timesteps = '1e5'", "valid integer"]),
    ({"algorithm.total_timesteps": 1.5}, ["algorithm.total_timesteps = 1.5", "valid integer"]),
    ({"algorithm.total_timesteps": 0}, ["algorithm.total_timesteps = 0", "greater than or equal to 1"]),
    (
        {"environment.wrappers": [{"entry_point": "Rescale"}]},
        ["environment.wrappers.0.entry_point = 'Rescale'"],
    ),
    ({"environment.kwargs": {"g": math.nan}}, ["environment.kwargs.g = nan: must be a finite number"]),
    ({"tuning.timeout_s": -1.0}, ["tuning.timeout_s = -1.0", "greater than 0"]),
    ({"tuning.batch_size": 0}, ["tuning.batch_size = 0", "greater than or equal to 1"]),
    ({"tuning.seeds_per_trial": 0}, ["tuning.seeds_per_trial = 0", "greater than or equal to 1"]),
    ({"post_evaluation.confidence_level": 95}, ["post_evaluation.confidence_level = 95", "less than 1"]),
    ({"root_seed": -1}, ["root_seed = -1", "greater than or equal to 0"]),
    ({"name": "../elsewhere"}, ["name = '../elsewhere'"]),
    # names out of a list
    ({"algorithm.name": "pp0"}, ["algorithm.name = 'pp0'", "must be one of ppo, a2c", "did you mean 'ppo'?"]),
    ({"tuning.sampler": "tpee"}, ["tuning.sampler = 'tpee'", "must be one of tpe, random", "mean 'tpe'?"]),
    (
        {"tuning.pruner": "medan"},
        ["tuning.pruner = 'medan'", "must be one of none, median", "mean 'median'?"],
    ),
    ({"tuning.aggregation": "meen"}, ["tuning.aggregation = 'meen'", "must be one of mean", "mean 'mean'?"]),
    ({"evaluation.score": "bst"}, ["evaluation.score = 'bst'", "final, best, last-three", "mean 'best'?"]),
    ({"evaluation.starts": "comon"}, ["evaluation.starts = 'comon'", "did you mean 'common'?"]),
    (
        searched("gamma", **FLOAT, scale="lg"),
        ["parameters.gamma.scale = 'lg'", "linear, log, log1m", "mean 'log'?"],
    ),
    (searched("gamma", type="floot", low=0, high=1), ["parameters.gamma: `type` must be one of", "'floot'"]),
    # hyperparameters
    (
        {"algorithm.hyperparameters": {"learning_rte": 1}},
        [
            "algorithm.hyperparameters.learning_rte",
            "ppo has no hyperparameter",
            "did you mean 'learning_rate'?",
        ],
    ),
    (
        searched("gama", **FLOAT),
        ["search_space.parameters.gama", "ppo has no hyper", "did you mean 'gamma'?"],
    ),
    (searched("tau", **FLOAT), ["search_space.parameters.tau", "ppo has no hyperparameter 'tau'"]),
    (
        {"post_evaluation.controls": [{"name": "a", "hyperparameters": {"gama": 1}}]},
        ["post_evaluation.controls['a'].hyperparameters.gama", "did you mean 'gamma'?"],
    ),
    (
        {"algorithm.hyperparameters": {"activation_fn": "rellu"}, "search_space.parameters": {}},
        [
            "algorithm.hyperparameters.activation_fn = 'rellu'",
            "must be one of tanh, relu",
            "did you mean 'relu'?",
        ],
    ),
    (
        {"algorithm.hyperparameters": {"learning_rate": "linear"}},
        ["learning_rate = 'linear'", "lin_2.5e-4", "Write a constant as a number"],
    ),
    (
        {"algorithm.hyperparameters": {"clip_range": "lin_-1"}},
        ["clip_range = 'lin_-1'", "a schedule is written 'lin_<start value>'"],
    ),
    ({"algorithm.hyperparameters": {"vf_coef": math.inf}}, ["vf_coef = inf: must be a finite number"]),
    (searched("n_epochs", type="int", low=1, high=3), ["n_epochs is both fixed", "remove one of them"]),
    # search spaces
    (
        searched("gamma", type="float", low=0.9, high=0.5),
        ["`low <= high` must hold", "low = 0.9, high = 0.5"],
    ),
    (
        searched("gamma", type="float", low=0.9, high=1.0, scale="log1m"),
        ["`high < 1` must hold", "high = 1.0"],
    ),
    (searched("vf_coef", type="float", low=0, high=1, scale="log"), ["`low > 0` must hold", "low = 0"]),
    (searched("vf_coef", type="float", low=0, high=1, step=0), ["`step` must be positive", "step = 0"]),
    (searched("vf_coef", type="float", low=0.1, high=1, scale="log", step=0.1), ["needs scale = 'linear'"]),
    (searched("n_steps", type="int", low=5, high=12, scale="pow2"), ["powers of two", "but got 5"]),
    (searched("n_steps", type="int", low=8, high=16, scale="log", step=2), ["`step` needs scale = 'linear'"]),
    (searched("n_steps", type="int", low=0, high=16, scale="log"), ["`low > 0` must hold", "low = 0"]),
    (searched("gamma", type="categorical", choices=[]), ["parameters.gamma.choices = []", "at least 1"]),
    (
        searched("gamma", type="categorical", choices=[0.9, 0.9]),
        ["choices must differ, but 0.9 appears twice"],
    ),
    (searched("gamma", type="categorical", choices=[math.nan]), ["gamma.choices.0 = nan: must be a finite"]),
    (searched("gamma", type="float", low=0.9, high=math.inf), ["gamma.high = inf: must be a finite"]),
    # combinations
    ({"tuning.n_trials": None}, ["one of n_trials and timeout_s is needed", "never ends"]),
    (
        {"tuning.pruner": "median"},
        ["tuning.pruner = 'median'", "evaluation.every = None", "or pruner = 'none'"],
    ),
    (
        {"tuning.pruner": "halving", "evaluation.every": 64},
        ["tuning.pruner = 'halving'", "evaluation.every = 64 gives none before the end"],
    ),
    ({"tuning.pruner": "percentile", "evaluation.every": 16}, ["pruner_options.percentile"]),
    ({"tuning.pruner": "patient", "evaluation.every": 16}, ["pruner_options.patience"]),
    ({"tuning.pruner": "wilcoxon", "evaluation.every": 16}, ["needs seeds_per_trial >= 2, but got 1"]),
    ({"tuning.aggregation": "mean-minus-sd"}, ["needs seeds_per_trial >= 2", "no standard deviation"]),
    (
        {"tuning.seeds_per_trial": 3, "tuning.incumbent_seeds": 3},
        ["`incumbent_seeds > seeds_per_trial` must hold, but got 3 and 3", "Leave incumbent_seeds out"],
    ),
    ({"tuning.incumbent_seeds": 1}, ["`incumbent_seeds > seeds_per_trial` must hold, but got 1 and 1"]),
    ({"tuning.incumbent_seeds": 1001}, ["tuning.incumbent_seeds = 1001", "less than or equal to 1000"]),
    (
        {"tuning.pruner": "wilcoxon", "tuning.seeds_per_trial": 2, "tuning.incumbent_seeds": 5},
        ["pruner = 'wilcoxon'", "needs incumbent_seeds left out, but got 5", "'median' prunes"],
    ),
    (
        {"tuning.n_trials": 5000, "tuning.incumbent_seeds": 1000},
        [
            "tuning.n_trials * tuning.incumbent_seeds = 5000 * 1000 = 5000000: must not exceed 4194304",
            "seeds = 'common'",
        ],
    ),
    (
        {"tuning.n_trials": 5000, "tuning.seeds_per_trial": 900},
        ["tuning.n_trials * tuning.seeds_per_trial = 5000 * 900 = 4500000: must not exceed 4194304"],
    ),
    ({"tuning.sampler_options": {"n_startup": 1}}, ["sampler_options.n_startup", "mean 'n_startup_trials'?"]),
    ({"tuning.sampler": "random", "tuning.sampler_options": {"x": 1}}, ["'random' has no such option"]),
    ({"tuning.pruner_options": {"percentile": 1}}, ["pruner_options.percentile", "It has: none"]),
    ({"tuning.sampler": "grid"}, ["tuning.sampler = 'grid'", "learning_rate is continuous", "`step`"]),
    ({"evaluation.every": 65}, ["evaluation.every = 65", "algorithm.total_timesteps = 64", "leave it out"]),
    (
        {"algorithm.hyperparameters": {"batch_size": 512}},
        [
            "batch_size = 512: must not exceed the rollout",
            "n_steps * n_envs = 32 * 1 = 32",
            "Lower batch_size",
        ],
    ),
    (
        {"algorithm.hyperparameters": {"batch_size": 4096}, "search_space.parameters": {}},
        ["batch_size = 4096: must not exceed the rollout", "2048 * 1 = 2048"],
    ),
    (
        {"post_evaluation.controls": [{"name": "a", "hyperparameters": {"batch_size": 64, "n_steps": 8}}]},
        ["post_evaluation.controls['a'].hyperparameters.batch_size = 64", "8 * 1 = 8"],
    ),
    (
        {"post_evaluation.controls": [{"name": "a"}, {"name": "a"}]},
        ["different names, but 'a' appears twice"],
    ),
    ({"post_evaluation.controls": [{"name": "trial 3"}]}, ["may not be called like a trial"]),
    ({"post_evaluation.controls": [{"name": "Trial  3"}]}, ["may not be called like a trial"]),
    (
        {"post_evaluation.controls": [{"name": "a\nb"}]},
        ["controls.0.name", "one line of printable", "'a\\nb'"],
    ),
    (
        {"post_evaluation.controls": [{"name": "trial 3 "}]},
        ["without spaces at its ends, but got 'trial 3 '"],
    ),
    ({"post_evaluation.controls": [{"name": "a\x1b[31m"}]}, ["one line of printable characters"]),
    ({"post_evaluation.controls": [{"name": "default"}]}, ["may not be called 'default'"]),
]


@pytest.mark.parametrize(("changes", "pieces"), CASES, ids=[str(changes)[:70] for changes, _ in CASES])
def test_a_faulty_study_gives_one_clear_line(changes: dict[str, Any], pieces: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        make_study(changes)
    message = str(caught.value)
    assert "\n" not in message
    for piece in pieces:
        assert piece in message


def test_as_many_trials_as_there_are_seeds_for_may_be_wanted() -> None:
    make_study({"tuning.n_trials": 4194, "tuning.incumbent_seeds": 1000})
    make_study({"tuning.n_trials": 5000, "tuning.incumbent_seeds": 1000, "tuning.seeds": "common"})


def test_several_mistakes_give_one_line_each() -> None:
    with pytest.raises(SpecError) as caught:
        make_study({"tunning": {}, "environment.n_envs": 0, "algorithm.name": "pp0"})
    assert sorted(line.split()[0] for line in str(caught.value).splitlines()) == [
        "algorithm.name",
        "environment.n_envs",
        "tunning:",
    ]


def test_the_document_that_the_cases_change_is_itself_valid() -> None:
    assert isinstance(StudySpec.from_dict(document()), StudySpec)


@pytest.mark.parametrize(
    ("changes", "piece"),
    [
        (
            {"tuning.sampler_options": {"n_startup_trials": "many"}},
            "n_startup_trials = 'many': must be a whole number",
        ),
        ({"tuning.sampler_options": {"multivariate": 1}}, "multivariate = 1: must be true or false"),
        (
            {"tuning.sampler": "cmaes", "tuning.sampler_options": {"sigma0": True}},
            "sigma0 = True: must be a number",
        ),
    ],
)
def test_options_of_samplers_have_types(changes: dict[str, Any], piece: str) -> None:
    with pytest.raises(SpecError) as caught:
        make_study(changes)
    assert piece in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm.hyperparameters": {"train_freq": [1, "episode"]}},
        {"search_space.parameters": {"train_freq": {"type": "categorical", "choices": [4, [1, "episode"]]}}},
        {"post_evaluation.controls": [{"name": "x", "hyperparameters": {"train_freq": [2, "episode"]}}]},
    ],
)
def test_episodes_are_counted_in_one_environment_only(changes: dict[str, Any]) -> None:
    base = {"algorithm.name": "sac", "algorithm.hyperparameters": {}, "search_space": None}
    make_study({**base, **changes})
    with pytest.raises(SpecError, match=r"environment.n_envs = 1, but got 2"):
        make_study({**base, **changes, "environment.n_envs": 2})
