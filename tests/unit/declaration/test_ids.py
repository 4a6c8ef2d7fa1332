"""Ids are hashes of content: what determines a run or a search is in them, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.ids import canonical_json, config_id
from robusttune.declaration.run import RunSpec
from robusttune.declaration.space import Categorical, Float, Int
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.declaration.training.environment import Atari, EnvironmentSpec, Normalization, Wrapper
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.declaration.training.synthetic import SyntheticTraining
from robusttune.seeds import MAX_ROOT
from tests.support.studies import make_study

finite = st.floats(allow_nan=False, allow_infinity=False)
bounded = st.floats(-1e300, 1e300)
names = st.text(min_size=1, max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(names, json_values, max_size=4)
counts = st.integers(1, 256)
wrappers = st.builds(Wrapper, entry_point=st.just("a.b:C"), kwargs=tables)
trainings = st.builds(
    Sb3Training,
    environment=st.builds(
        EnvironmentSpec,
        id=names,
        kwargs=tables,
        wrappers=st.lists(wrappers, max_size=2).map(tuple),
        n_envs=counts,
        normalization=st.none() | st.builds(Normalization, observations=st.booleans(), rewards=st.booleans()),
        imports=st.lists(names, max_size=2).map(tuple),
    ),
    algorithm=st.builds(
        AlgorithmSpec,
        name=st.sampled_from(["ppo", "sac"]),
        total_timesteps=st.integers(1, 2**53),
        policy=names,
        device=names,
        hyperparameters=st.just({}),
    ),
) | st.builds(SyntheticTraining, sd=st.floats(0, 9), start=st.none() | finite)
run_specs = st.builds(
    RunSpec,
    training=trainings,
    hyperparameters=tables,
    evaluation=st.builds(
        EvaluationSpec,
        every=st.none() | st.integers(1, 10**9),
        n_episodes=counts,
        deterministic=st.booleans(),
        score=st.sampled_from(["final", "best", "last-three"]),
        starts=st.sampled_from(["independent", "common"]),
        n_envs=counts,
    ),
    seed=st.integers(0, 2**32 - 1),
    evaluation_seed=st.integers(0, 2**32 - 1),
)


@given(run_specs)
@settings(max_examples=25)
def test_a_run_specification_survives_its_json(spec: RunSpec) -> None:
    again = TypeAdapter(RunSpec).validate_json(spec.to_json())
    assert again == spec
    assert again.to_json() == spec.to_json()
    assert again.run_id == spec.run_id
    assert again.config_id == spec.config_id == config_id(spec.hyperparameters)


OTHER: dict[str, Any] = {
    "hyperparameters": {"gamma": 0.98},
    "seed": 3,
    "evaluation_seed": 3,
}
OTHER_ALGORITHM: dict[str, Any] = {
    "exact_timesteps": True,
    "name": "a2c",
    "policy": "CnnPolicy",
    "device": "cuda",
    "total_timesteps": 65,
}
OTHER_ENVIRONMENT: dict[str, Any] = {
    "id": "Acrobot-v1",
    "kwargs": {"a": 1},
    "wrappers": (Wrapper(entry_point="a:b"),),
    "n_envs": 2,
    "normalization": Normalization(),
    "imports": ("math",),
    "atari": Atari(),
    "frame_stack": 4,
    "engine": "envpool",
}
NO_OTHER_ENVIRONMENT: dict[str, Any] = {"vec_env": "subproc", "folder": "/here"}
OTHER_EVALUATION: dict[str, Any] = {
    "every": 32,
    "n_episodes": 3,
    "deterministic": False,
    "score": "best",
    "starts": "common",
    "n_envs": 2,
}


def a_run() -> RunSpec:
    return tuning_runs(make_study(), {"gamma": 0.99}, 0)[0]


def test_every_field_of_a_run_changes_its_id() -> None:
    run = a_run()
    replace = dataclasses.replace
    variants = [run, replace(run, training=SyntheticTraining(total_timesteps=64))]
    variants += [replace(run, **{name: value}) for name, value in OTHER.items()]
    variants += [
        replace(run, evaluation=replace(run.evaluation, **{name: value}))
        for name, value in OTHER_EVALUATION.items()
    ]
    for part, others in (("environment", OTHER_ENVIRONMENT), ("algorithm", OTHER_ALGORITHM)):
        for name, value in others.items():
            other = replace(getattr(run.training, part), **{name: value})
            variants.append(replace(run, training=replace(run.training, **{part: other})))
    assert len({variant.run_id for variant in variants}) == len(variants)
    # A field that is added to the types must be added here too.
    assert {*OTHER, "training", "evaluation"} == {f.name for f in dataclasses.fields(RunSpec)}
    assert {*OTHER_ALGORITHM, "hyperparameters"} == {f.name for f in dataclasses.fields(AlgorithmSpec)}
    assert {*OTHER_ENVIRONMENT, *NO_OTHER_ENVIRONMENT} == {
        f.name for f in dataclasses.fields(EnvironmentSpec)
    }
    assert {*OTHER_EVALUATION} == {f.name for f in dataclasses.fields(EvaluationSpec)}


def test_how_and_from_where_environments_are_run_is_part_of_no_id() -> None:
    run, study = a_run(), make_study()
    environment = dataclasses.replace(run.training.environment, **NO_OTHER_ENVIRONMENT)
    elsewhere = dataclasses.replace(run, training=dataclasses.replace(run.training, environment=environment))
    assert elsewhere.run_id == run.run_id
    training = dataclasses.replace(study.training, environment=environment)
    other = dataclasses.replace(study, training=training)
    assert other.tuning_id == study.tuning_id
    assert not {"subproc", "/here"} & set(str(other.to_dict()).split("'"))


def test_the_default_of_a_key_that_came_later_leaves_ids_as_they_were() -> None:
    document = {"environment": {"id": "a", "engine": "gymnasium"}, "algorithm": {"exact_timesteps": False}}
    assert a_run().training.identity(document) == {"environment": {"id": "a"}, "algorithm": {}}


@given(st.permutations(["gamma", "learning_rate", "n_steps"]))
def test_the_order_of_hyperparameters_does_not_matter(order: list[str]) -> None:
    values = {"gamma": 0.99, "learning_rate": 1e-5, "n_steps": 8}
    assert config_id({name: values[name] for name in order}) == config_id(values)
    shuffled = dataclasses.replace(a_run(), hyperparameters={name: values[name] for name in order})
    assert shuffled.run_id == dataclasses.replace(a_run(), hyperparameters=values).run_id


def test_one_is_not_true_in_an_id() -> None:
    assert len({config_id({"a": value}) for value in (1, True, "1", None)}) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "renamed", "description": "said differently"},
        {"execution.run_timeout_s": 3.0},
        {"execution.trainer": "lockstep"},
        {"execution.executor": "dask", "cluster": {"system": "slurm", "cores": 2, "memory": "4GB"}},
        {"post_evaluation.top_k": 9, "post_evaluation.controls": [{"name": "c"}]},
        {"tuning.n_trials": 99},
        {"tuning.timeout_s": 5.0},
    ],
    ids=str,
)
def test_what_does_not_determine_a_run_changes_neither_run_nor_search(changes: dict[str, Any]) -> None:
    before, after = make_study(), make_study(changes)
    assert before.tuning_id == after.tuning_id
    assert tuning_runs(before, {"gamma": 0.99}, 3) == tuning_runs(after, {"gamma": 0.99}, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"root_seed": 6},
        {"environment.id": "Acrobot-v1"},
        {"environment.n_envs": 2},
        {"algorithm.total_timesteps": 65},
        {"algorithm.hyperparameters": {"n_epochs": 2}},
        {"search_space.parameters.gamma.low": 0.8},
        {"tuning.sampler": "random"},
        {"tuning.sampler_options": {"n_startup_trials": 3}},
        {"tuning.pruner": "median", "evaluation.every": 32},
        {"tuning.seeds_per_trial": 2},
        {"tuning.incumbent_seeds": 5},
        {"tuning.seeds": "common"},
        {"tuning.aggregation": "median"},
        {"tuning.batch_size": 2},
        {"evaluation.n_episodes": 3},
        {"evaluation.score": "best"},
    ],
    ids=str,
)
def test_what_determines_the_trials_changes_the_search(changes: dict[str, Any]) -> None:
    assert make_study().tuning_id != make_study(changes).tuning_id


def test_ids_are_those_of_stored_studies() -> None:
    """As version 0.1.0 has them: a new key must be None by default, which leaves stored results where they are."""
    one, three = make_study(), make_study({"tuning.seeds_per_trial": 3})
    assert (one.tuning_id, three.tuning_id) == ("a27fe476f50306b07e3a", "e7ea0323df67c7ed2ea5")
    assert tuning_runs(one, {"gamma": 0.99}, 3)[0].run_id == "7794930532a6b5c5ed73"
    assert tuning_runs(three, {"gamma": 0.99}, 2)[1].run_id == "4791270a67409c796c81"


parameters = st.one_of(
    st.tuples(bounded, bounded).map(lambda pair: Float(low=min(pair), high=max(pair))),
    st.tuples(st.floats(1e-9, 1.0), st.floats(1.0, 10.0)).map(
        lambda p: Float(low=p[0], high=p[1], scale="log")
    ),
    st.tuples(st.integers(0, 10), st.integers(10, 20)).map(
        lambda p: Int(low=2 ** p[0], high=2 ** p[1], scale="pow2")
    ),
    st.lists(st.text(max_size=3), min_size=1, unique=True).map(
        lambda choices: Categorical(choices=tuple(choices))
    ),
)


@given(
    root=st.integers(0, MAX_ROOT),
    space=st.dictionaries(st.sampled_from(["gamma", "vf_coef", "ent_coef", "max_grad_norm"]), parameters),
    n_trials=st.integers(1, 10**6),
    description=st.text(),
    confidence=st.floats(0.01, 0.99),
)
def test_a_study_survives_its_document(
    root: int, space: dict[str, Any], n_trials: int, description: str, confidence: float
) -> None:
    changes = {
        "root_seed": root,
        "tuning.n_trials": n_trials,
        "description": description,
        "post_evaluation.confidence_level": confidence,
    }
    study = make_study(changes)
    study = dataclasses.replace(study, search_space=dataclasses.replace(study.search_space, parameters=space))
    again = StudySpec.from_dict(study.to_dict())
    assert again == study
    assert canonical_json(again.to_dict()) == canonical_json(study.to_dict())
    assert again.tuning_id == study.tuning_id
