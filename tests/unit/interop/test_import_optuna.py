"""Studies of Optuna made elsewhere become study files: real values, by stored bounds, or a refusal that says why."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from typer.testing import CliRunner

from robusttune.cli import app
from robusttune.declaration.toml import load_study
from robusttune.errors import RobusttuneError, SpecError
from robusttune.interop.configuration_values import (
    StoredValue,
    meaning_of,
    real_hyperparameters,
    told_meaning,
)
from robusttune.interop.imports import import_optuna
from robusttune.interop.optuna_studies import read_study
from robusttune.interop.plain_values import literal
from robusttune.interop.study_file import Found, Setting, write_study
from tests.support.places import ROOT

DATA = ROOT / "tests" / "data" / "optuna_studies"
PENDULUM = Setting(algorithm="ppo", environment="Pendulum-v1", timesteps=2000, n_envs=5)
_counter = itertools.count()


def storage_of(path: Path, trials: list[dict[str, Any]], **study: Any) -> str:
    """Make a study whose trials are given as (parameters, distributions, values, attributes)."""
    file = str(path / f"{next(_counter)}.log")
    storage = JournalStorage(JournalFileBackend(file))
    made = optuna.create_study(storage=storage, study_name="s", **{"direction": "maximize", **study})
    made.add_trials([optuna.trial.create_trial(**trial) for trial in trials])
    return file


def gamma(value: float, low: float, high: float, score: float = 1.0) -> dict[str, Any]:
    return {
        "params": {"gamma": value},
        "distributions": {"gamma": optuna.distributions.FloatDistribution(low, high)},
        "value": score,
    }


def test_in_the_tutorials_study_one_minus_gamma_is_gamma(tmp_path: Path) -> None:
    source = read_study(str(DATA / "tutorial.log"))
    spec = import_optuna(tmp_path / "s.toml", str(DATA / "tutorial.log"), setting=PENDULUM, top_k=3)
    assert load_study(tmp_path / "s.toml") == spec
    assert [one.name for one in spec.post_evaluation.configurations] == [
        f"trial {t.number}" for t in source.trials[:3]
    ]
    for one, trial in zip(spec.post_evaluation.configurations, source.trials[:3], strict=True):
        stored = {value.name: value.value for value in trial.stored}
        assert one.reported_score == trial.value
        assert one.hyperparameters == {
            "gamma": stored["one_minus_gamma"],
            "n_steps": 2 ** stored["n_steps_pow"],
            "learning_rate": stored["learning_rate"],
            "activation_fn": stored["activation_fn"],
        }


def test_a_search_of_rl_zoo_is_imported_with_what_it_noted(tmp_path: Path) -> None:
    source = read_study(str(DATA / "rl_zoo_ppo.log"))
    spec = import_optuna(tmp_path / "s.toml", str(DATA / "rl_zoo_ppo.log"))
    assert spec.training.caption == "PPO on Pendulum-v1, 2,000 timesteps"
    assert spec.to_dict()["environment"]["n_envs"] == 4  # by RL Zoo's table
    best, stored = spec.post_evaluation.configurations[0], {v.name: v.value for v in source.trials[0].stored}
    assert best.hyperparameters["gamma"] == pytest.approx(1 - stored["one_minus_gamma"])
    assert best.hyperparameters["n_steps"] == 2 ** stored["n_steps_pow"]
    assert best.hyperparameters["use_sde"] is True  # not searched: from RL Zoo's own table
    assert best.hyperparameters["net_arch"] in ({"pi": [64], "vf": [64]}, [64, 64], [256, 256])


@pytest.mark.parametrize(
    ("algorithm", "stored", "real"),
    [
        ("ppo", StoredValue(name="gamma", value=0.02, low=1e-4, high=0.1), {"gamma": 0.98}),
        ("ppo", StoredValue(name="gamma", value=0.98, low=0.9, high=0.999), {"gamma": 0.98}),
        ("ppo", StoredValue(name="one_minus_gae_lambda", value=0.1, low=1e-4, high=0.1), {"gae_lambda": 0.9}),
        ("ppo", StoredValue(name="lr", value=1e-3, low=1e-5, high=1.0), {"learning_rate": 1e-3}),
        ("a2c", StoredValue(name="exponent_n_steps", value=4, low=3, high=10), {"n_steps": 16}),
        ("ppo", StoredValue(name="n_steps_pow", value=64, low=32, high=4096), {"n_steps": 64}),
        ("a2c", StoredValue(name="net_arch", value="tiny"), {"net_arch": {"pi": [64], "vf": [64]}}),
        ("sac", StoredValue(name="net_arch", value="big"), {"net_arch": [400, 300]}),
        ("sac", StoredValue(name="net_arch", value="[8,8]"), {"net_arch": [8, 8]}),
        ("td3", StoredValue(name="noise_type", value=None), {}),
        ("ppo", StoredValue(name="activation_fn", value="nn.ReLU"), {"activation_fn": "relu"}),
    ],
)
def test_stored_values_become_real_ones(algorithm: str, stored: StoredValue, real: dict[str, Any]) -> None:
    found = real_hyperparameters(algorithm, [stored], meanings={}, attributes={})
    assert found == {name: pytest.approx(x) if isinstance(x, float) else x for name, x in real.items()}


def test_a_linear_schedule_and_the_gradient_steps_of_rl_zoo() -> None:
    linear = [StoredValue(name="lr_schedule", value="linear"), StoredValue(name="learning_rate", value=1e-3)]
    assert real_hyperparameters("ppo", linear, meanings={}, attributes={}) == {"learning_rate": "lin_0.001"}
    zoo = [
        StoredValue(name="one_minus_gamma", value=0.01, low=1e-4, high=0.03),
        StoredValue(name="batch_size_pow", value=5, low=2, high=11),
        StoredValue(name="train_freq", value=8, low=1, high=10),
        StoredValue(name="subsample_steps", value=3, low=1, high=8),
    ]
    found = real_hyperparameters("dqn", zoo, meanings={}, attributes={})
    assert (found["batch_size"], found["gradient_steps"]) == (32, 2)


@pytest.mark.parametrize(
    ("stored", "attributes", "piece"),
    [
        (StoredValue(name="gama", value=0.9, low=0.8, high=0.99), {}, "did you mean 'gamma'?"),
        (StoredValue(name="n_steps", value=7, low=5, high=12), {}, "or its exponent"),
        (
            StoredValue(name="gamma", value=0.02, low=1e-4, high=0.1),
            {"gamma_": 0.5},
            "the trial notes gamma = 0.5",
        ),
        (StoredValue(name="net_arch", value="huge"), {}, "net_arch = 'huge'"),
        (StoredValue(name="learning_rate", value=float("nan")), {}, "finite"),
    ],
)
def test_what_cannot_be_understood_is_refused(stored: StoredValue, attributes: Any, piece: str) -> None:
    with pytest.raises(SpecError) as raised:
        real_hyperparameters("ppo", [stored], meanings={}, attributes=attributes)
    assert piece in str(raised.value)


def test_a_meaning_that_is_told_decides() -> None:
    told = dict(map(told_meaning, ["n_steps=2**n_steps", "x=1-gamma", "unused="]))
    stored = [
        StoredValue(name="n_steps", value=7, low=5, high=12),
        StoredValue(name="x", value=0.25, low=0.0, high=1.0),
        StoredValue(name="unused", value="?"),
    ]
    found = real_hyperparameters("ppo", stored, meanings=told, attributes={})
    assert found == {"n_steps": 128, "gamma": 0.75}
    with pytest.raises(SpecError, match="is written stored=hyperparameter"):
        told_meaning("nonsense")


def test_only_complete_trials_with_a_finite_score_count_and_equal_ones_once(tmp_path: Path) -> None:
    pruned = {**gamma(0.95, 0.9, 0.99, 99.0), "state": optuna.trial.TrialState.PRUNED}
    trials = [gamma(0.96, 0.9, 0.99, 2.0), gamma(0.96, 0.9, 0.99, 3.0), gamma(0.97, 0.9, 0.99, 1.0), pruned]
    url = storage_of(tmp_path, [*trials, gamma(0.98, 0.9, 0.99, float("-inf"))])
    spec = import_optuna(tmp_path / "s.toml", url, setting=PENDULUM)
    assert [(c.name, c.reported_score) for c in spec.post_evaluation.configurations] == [
        ("trial 1", 3.0),
        ("trial 2", 1.0),
    ]


def test_objectives_that_are_no_scores_are_refused(tmp_path: Path) -> None:
    url = storage_of(tmp_path, [gamma(0.95, 0.9, 0.99, 4.0)], direction="minimize")
    with pytest.raises(SpecError, match="minimizes its objective"):
        read_study(url)
    assert read_study(url, minimized=True).trials[0].value == -4.0
    with pytest.raises(SpecError, match="2 objectives"):
        read_study(storage_of(tmp_path, [], direction=None, directions=["maximize", "maximize"]))


def test_a_pickle_is_not_read_unless_that_is_asked_for(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize")
    study.add_trial(optuna.trial.create_trial(**gamma(0.95, 0.9, 0.99)))
    (tmp_path / "s.pkl").write_bytes(pickle.dumps(study))
    with pytest.raises(SpecError, match="execute whatever code"):
        read_study(str(tmp_path / "s.pkl"))
    assert read_study(str(tmp_path / "s.pkl"), unsafe_pickle=True).trials[0].value == 1.0


DAMAGED = {
    "noise.log": b"\xb7\x00", "other.log": b"[1]\n", "unknown.log": b'{"op_code": 99}\n', "noise.db": b"no database",
    "pages.db": b"SQLite format 3\x00" + b"\xff" * 5000, "noise.pkl": b"\xaf", "number.pkl": pickle.dumps(5),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_storage_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(SpecError, match=f"{name}: (is no|must hold a|holds no) (study|SQLite)") as caught:
        read_study(str(tmp_path / name), unsafe_pickle=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["x.log", "x.db", "x.pkl"])
@pytest.mark.parametrize("target", ["a pipe", "/dev/zero", "/tmp"])
def test_a_storage_that_is_no_file_is_not_opened(tmp_path: Path, name: str, target: str) -> None:
    path = tmp_path / name
    if target == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(target)
    with pytest.raises(SpecError, match="must be a file"):
        read_study(str(path), unsafe_pickle=True)


@pytest.mark.thorough
def test_reading_changes_no_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    for name in ("one", "two"):
        optuna.create_study(storage=url, study_name=name).add_trial(
            optuna.trial.create_trial(**gamma(0.95, 0.9, 0.99))
        )
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert read_study(url, "two", minimized=True).trials[0].value == -1.0
    with pytest.raises(SpecError, match=r"one \(1 trials\), two \(1 trials\)"):
        read_study(str(tmp_path / "s.db"))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(SpecError, match="no such file"):
        read_study(str(tmp_path / "absent.db"))
    assert not (tmp_path / "absent.db").exists()


def test_the_command_asks_for_what_is_missing_by_name(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    called = CliRunner().invoke(app, ["import", "optuna", str(DATA / "tutorial.log"), "--file", str(file)])
    assert called.exit_code == 2
    assert (
        "give --algo, --env, --timesteps, --n-envs. Its name, ppo-Pendulum-v1_1, suggests ppo"
        in called.output
    )
    arguments = ["--algo", "ppo", "--env", "Pendulum-v1", "-n", "2000", "--n-envs", "5", "--file", str(file)]
    called = CliRunner().invoke(app, ["import", "optuna", str(DATA / "tutorial.log"), *arguments])
    assert called.exit_code == 0, called.output
    assert "one_minus_gamma in [0.97, 0.9999] was read as gamma itself" in file.read_text(encoding="utf-8")


NAMES = st.sampled_from(
    [
        "gamma",
        "one_minus_gamma",
        "n_steps_pow",
        "n_steps",
        "net_arch",
        "activation_fn",
        "lr",
        "lr_schedule",
        "noise_type",
    ]
) | st.text(max_size=8)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just("[" * 500)
)
STORED = st.builds(
    lambda name, value, bounds: StoredValue(name=name, value=value, low=min(bounds), high=max(bounds)),
    NAMES,
    VALUES,
    st.tuples(st.floats(-10, 5000), st.floats(-10, 5000)),
)


@given(
    st.sampled_from(["ppo", "sac", "dqn"]),
    st.lists(STORED, max_size=4),
    st.dictionaries(NAMES, VALUES, max_size=3),
)
def test_whatever_a_trial_holds_becomes_a_configuration_or_our_own_error(
    algorithm: str, stored: list[StoredValue], attributes: dict[str, Any]
) -> None:
    with contextlib.suppress(RobusttuneError):
        real_hyperparameters(algorithm, stored, meanings={}, attributes=attributes)


def test_a_server_that_does_not_answer_is_told_in_the_words_of_its_driver() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(SpecError, match=r"me:\*\*\*@.*port 1 failed: Connection refused"):
        read_study("postgresql+psycopg://me:secret@127.0.0.1:1/x")


@given(st.text())
def test_whatever_is_written_is_a_literal_or_our_own_error(text: str) -> None:
    with contextlib.suppress(RobusttuneError):
        literal("x", text)


@pytest.mark.thorough
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(["x.log", "x.db", "x.pkl"]), st.booleans())
def test_whatever_a_file_holds_gives_a_study_or_our_own_error(
    tmp_path: Path, content: bytes, name: str, cut: bool
) -> None:
    whole = (DATA / "rl_zoo_ppo.log").read_bytes() if cut else b""
    (tmp_path / name).write_bytes(whole[: len(content) * 20] + content)
    with contextlib.suppress(RobusttuneError):
        read_study(str(tmp_path / name))


JSON = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.thorough
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(codec="utf-8"), min_size=1), JSON, st.floats(allow_nan=False, allow_infinity=False)
)
def test_a_study_file_reads_back_as_it_was_written(
    tmp_path: Path, name: str, value: Any, score: float
) -> None:
    found = Found(name=name, hyperparameters={"optimizer_kwargs": value}, score=score)
    options: dict[str, Any] = {"name": "s", "setting": PENDULUM, "top_k": 1, "n_seeds": 2, "force": True}
    try:
        spec = write_study(tmp_path / "s.toml", found=[found], remarks=["a"], description=name, **options)
    except SpecError:
        return
    (read,) = spec.post_evaluation.configurations
    assert (read.name, spec.description, read.reported_score) == (name, name, score)
    assert read.hyperparameters["optimizer_kwargs"] == value


def test_bounds_alone_decide_between_gamma_and_its_complement() -> None:
    for low, high in ((0.97, 0.9999), (0.6, 0.9)):
        for name in ("gamma", "one_minus_gamma"):
            assert meaning_of("ppo", StoredValue(name=name, value=0.0, low=low, high=high)).form == "x"
            complement = StoredValue(name=name, value=0.0, low=1 - high, high=1 - low)
            assert meaning_of("ppo", complement).form == "1 - x"
