"""Environments as studies declare them: preprocessing, processes, modules of one's own, numbers of environments."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize, VecTransposeImage

import robusttune as rt
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study_runs import post_evaluation_runs
from robusttune.errors import SpecError
from robusttune.results.records import RunStatus
from robusttune.training import check, environments, rehearse, train
from robusttune.training.evaluation import vectorised
from robusttune.training.models import build_model
from robusttune.training.subprocesses import ProcessVecEnv
from tests.support.studies import make_study
from tests.unit.training.test_whole_episodes import LOCKSTEP, SB3, a_run, game

HERE = "tests.unit.training.test_environments"
MODULE = """
import gymnasium as gym
class Own(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,))
    action_space = gym.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        import own_helper  # found while it runs, too
        return self.observation_space.low, {{}}
    def step(self, action):
        return self.observation_space.low, {reward}, True, False, {{}}
def same(env): return env
gym.register("Own-v0", entry_point=Own)
"""
STUDY = """
name = "own"
[environment]
id = "Own-v0"
imports = ["own_environment"]
wrappers = ["own_environment:same"]
[algorithm]
name = "ppo"
total_timesteps = 16
hyperparameters = { n_steps = 8, batch_size = 8, n_epochs = 1 }
[tuning]
n_trials = 1
[evaluation]
n_episodes = 2
[post_evaluation]
top_k = 1
n_seeds = 2
default_control = false
"""


def own_study(folder: Path, reward: float) -> rt.StudySpec:
    folder.mkdir()
    (folder / "own_environment.py").write_text(MODULE.format(reward=reward), encoding="utf-8")
    (folder / "own_helper.py").write_text("", encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return rt.load_study(folder / "study.toml")


class Fragile(gym.Wrapper[Any, Any, Any, Any]):
    """Raises or dies at its third step."""

    def __init__(self, env: Any, how: str) -> None:
        super().__init__(env)
        self._how, self._left = how, 3

    def step(self, action: Any) -> Any:
        self._left -= 1
        if self._left == 0 and self._how == "raise":
            raise LookupError("the third step is missing")
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)


def masks(env: gym.Env[Any, Any]) -> Any:
    return np.array([True, False])


# --- modules beside the study file -----------------------------------------------------------------------------------


def test_check_finds_modules_beside_the_study_file(tmp_path: Path) -> None:
    choice = check(own_study(tmp_path / "a", 1.0))
    assert choice.trainer.name == "lockstep"


@pytest.mark.slow
def test_modules_beside_the_study_file_are_found_and_those_of_another_study_are_not_taken(
    tmp_path: Path,
) -> None:
    studies = [own_study(tmp_path / name, reward) for name, reward in (("a", 1.0), ("b", 2.0))]
    runs = []
    for study in studies:
        settled = study.settled(check(study).trainer)
        rehearse(settled)
        runs.append(post_evaluation_runs(settled, {"c": dict(study.training.hyperparameters)})["c"][0])
    for trainer in (SB3, LOCKSTEP):
        assert [train([run], trainer=trainer)[0].score for run in (*runs, runs[0])] == [1.0, 2.0, 1.0]
    assert runs[0].run_id == runs[1].run_id  # where the modules are is no part of it


@pytest.mark.slow
def test_workers_find_modules_beside_the_study_file(tmp_path: Path) -> None:
    study = own_study(tmp_path / "a", 3.0)
    assert rt.run_study(study, out=tmp_path, workers=1).rows[0].analysis.mean.estimate == 3.0


def test_a_module_that_is_nowhere_is_named_with_the_folder(tmp_path: Path) -> None:
    study = own_study(tmp_path / "a", 1.0)
    environment = dataclasses.replace(study.training.environment, imports=("nowhere",))  # type: ignore[union-attr]
    study = dataclasses.replace(study, training=dataclasses.replace(study.training, environment=environment))
    with pytest.raises(SpecError, match=rf"'nowhere' cannot be imported .*{tmp_path / 'a'} first"):
        check(study)


# --- what is missing, what does not go together ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "package"), [("ale_py", "robusttune[envs]"), ("sb3_contrib", "robusttune[contrib]")]
)
def test_a_missing_package_is_named_as_an_extra(
    module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(folder: Any, name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(environments, "import_from", missing)
    study = make_study({"environment.imports": [module]})
    with pytest.raises(SpecError) as caught:
        check(study)
    assert f"pip install '{package}'" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"environment.atari": {}}, "algorithm.policy = 'MlpPolicy'"),
        ({"environment.engine": "envpool", "environment.vec_env": "subproc"}, "Remove one of the two"),
        (
            {"environment.engine": "envpool", "environment.wrappers": [{"entry_point": "a:b"}]},
            "cannot be wrapped",
        ),
    ],
)
def test_declarations_that_contradict_each_other_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make_study(changes)


def test_what_cannot_train_in_lockstep_says_so() -> None:
    choice = check(make_study({"environment.vec_env": "subproc", "execution.trainer": "auto"}))
    assert choice.trainer.name == "sb3"
    assert "vec_env = 'subproc'" in str(choice.reason)
    stacked = check(make_study({"environment.frame_stack": 4, "execution.trainer": "auto"}))
    assert (stacked.trainer.name, stacked.reason) == ("lockstep", None)


# --- preprocessing ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_atari_is_what_make_atari_env_and_its_wrappers_give() -> None:
    pytest.importorskip("ale_py")
    pytest.importorskip("cv2")
    from stable_baselines3.common.env_util import make_atari_env

    spec = rt.EnvironmentSpec(id="BreakoutNoFrameskip-v4", atari=rt.Atari())
    mine = VecTransposeImage(vectorised(spec, 2))
    theirs = VecTransposeImage(VecFrameStack(make_atari_env(spec.id, n_envs=2), 4))
    for one in (mine, theirs):
        one.seed(2**31)
    assert np.array_equal(mine.reset(), theirs.reset())
    games: list[list[Any]] = [[], []]
    rng = np.random.default_rng(0)
    for _ in range(700):
        actions = rng.integers(0, 4, 2)
        (*arrays, infos), (*others, other_infos) = mine.step(actions), theirs.step(actions)
        assert all(map(np.array_equal, arrays, others))
        for found, own in zip(games, (infos, other_infos), strict=True):
            found += [(info["episode"]["r"], info["episode"]["l"]) for info in own if "episode" in info]
    assert games[0] == games[1] != []


@pytest.mark.slow
def test_frames_are_not_skipped_twice_and_atari_trains_in_lockstep() -> None:
    pytest.importorskip("ale_py")
    pytest.importorskip("cv2")
    changes = {"environment": {"id": "ALE/Breakout-v5", "atari": {}}, "algorithm.policy": "CnnPolicy"}
    with pytest.raises(SpecError, match=r"skips frames itself \(frameskip = 4\)"):
        check(make_study(changes))
    changes["environment"] = {"id": "ALE/Breakout-v5", "atari": {}, "kwargs": {"frameskip": 1}}
    found = check(make_study({**changes, "execution.trainer": "auto"}))
    assert (found.trainer.name, found.reason) == ("lockstep", None)
    changes |= {"algorithm.name": "dqn", "algorithm.hyperparameters": {}, "search_space": None}
    found = check(make_study({**changes, "execution.trainer": "auto"}))
    assert (found.trainer.name, found.reason) == (
        "sb3",
        "Of dqn's policies only MlpPolicy can be stacked, not CnnPolicy.",
    )


def test_observations_are_stacked_before_they_are_normalised_also_those_of_dicts() -> None:
    spec = rt.EnvironmentSpec(id="CartPole-v1", frame_stack=3, normalization=rt.Normalization())
    assert vectorised(spec, 2).observation_space.shape == (12,)
    of_dicts = dataclasses.replace(spec, wrappers=(rt.Wrapper(entry_point=f"{HERE}:Parts"),))
    for run in (a_run(spec), with_policy(a_run(of_dicts), "MultiInputPolicy")):
        result = train([run])[0]
        assert result.status is RunStatus.COMPLETED, result.error


class Parts(gym.ObservationWrapper[Any, Any, Any]):
    observation_space = gym.spaces.Dict({"a": gym.spaces.Box(-9, 9, (2,)), "b": gym.spaces.Box(-9, 9, (2,))})

    def observation(self, observation: Any) -> Any:
        return {"a": observation[:2], "b": observation[2:]}


def with_policy(run: RunSpec, policy: str) -> RunSpec:
    training = run.training
    assert isinstance(training, rt.Sb3Training)
    algorithm = dataclasses.replace(training.algorithm, policy=policy)
    return dataclasses.replace(run, training=dataclasses.replace(training, algorithm=algorithm))


@pytest.mark.parametrize("own", [{"frame_stack": 2}, {"normalization": {}}])
def test_observations_that_cannot_be_stacked_or_normalised_are_refused_before_training(own: Any) -> None:
    environment = {
        "id": "LivesDict-v0",
        "imports": ["tests.support.lives"],
        **own,
    }  # one of its parts is Discrete
    with pytest.raises(SpecError, match="'LivesDict-v0': could not be made"):
        rehearse(make_study({"environment": environment, "algorithm.policy": "MultiInputPolicy"}))


class Screen(gym.ObservationWrapper[Any, Any, Any]):
    observation_space = gym.spaces.Box(0, 255, (36, 36, 1), np.uint8)

    def observation(self, observation: Any) -> Any:
        return np.full((36, 36, 1), int(abs(np.sum(observation)) * 10) % 255, np.uint8)


@pytest.mark.slow
def test_images_with_normalised_rewards_are_evaluated_with_the_statistics_of_training() -> None:
    screen = rt.Wrapper(entry_point=f"{HERE}:Screen")
    spec = a_run(game(screen, normalization=rt.Normalization(observations=False), frame_stack=2))
    result = train([with_policy(spec, "CnnPolicy")])[0]
    assert result.status is RunStatus.COMPLETED, result.error


@pytest.mark.parametrize("text", [f"{HERE}:masks", "action_masks"])
def test_action_masks_pass_through_every_wrapper(text: str) -> None:
    wrappers = pytest.importorskip("sb3_contrib.common.wrappers")
    masking = pytest.importorskip("sb3_contrib.common.maskable.utils")
    inner = rt.Wrapper(entry_point=f"{HERE}:Masked")
    masker = rt.Wrapper(entry_point=f"{wrappers.__name__}:ActionMasker", kwargs={"action_mask_fn": text})
    spec = rt.EnvironmentSpec(id="CartPole-v1", wrappers=(inner, masker), frame_stack=2)
    made = VecNormalize(vectorised(spec, 2))
    made.reset()
    assert masking.is_masking_supported(made)
    assert masking.get_action_masks(made).tolist() == [[True, False]] * 2


class Masked(gym.Wrapper[Any, Any, Any, Any]):
    def action_masks(self) -> Any:
        return masks(self)


# --- processes -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_environments_in_processes_give_the_results_of_those_in_turn() -> None:
    results = [train([a_run(game(vec_env=how))])[0] for how in ("dummy", "subproc")]
    assert results[0].status is RunStatus.COMPLETED, results[0].error
    assert results[0].episode_returns == results[1].episode_returns
    assert results[0].run_id == results[1].run_id


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "message"),
    [("raise", "the third step is missing"), ("die", "the process of an environment has ended")],
)
def test_what_happens_in_the_process_of_an_environment_reaches_its_run(how: str, message: str) -> None:
    fragile = rt.Wrapper(entry_point=f"{HERE}:Fragile", kwargs={"how": how})
    result = train([a_run(game(fragile, vec_env="subproc"))])[0]
    assert result.status is RunStatus.FAILED
    assert message in str(result.error)


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_in_its_process_says_why() -> None:
    def broken() -> Any:
        raise LookupError("no such map")

    with pytest.raises(RuntimeError, match="no such map"):
        ProcessVecEnv(broken, 2)


# --- numbers of environments -----------------------------------------------------------------------------------------


def control_study(tmp_path: Path) -> rt.StudySpec:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "s"\n[environment]\nid = "CartPole-v1"\n[algorithm]\nname = "ppo"\ntotal_timesteps = 64\n'
        "hyperparameters = { n_steps = 16, batch_size = 16 }\n[tuning]\nn_trials = 1\n"
        '[[post_evaluation.controls]]\nname = "zoo"\nn_envs = 4\n'
        "hyperparameters = { n_steps = 32, batch_size = 128 }\n",
        encoding="utf-8",
    )
    return rt.load_study(path)


def test_a_control_has_a_number_of_environments_of_its_own(tmp_path: Path) -> None:
    study = control_study(tmp_path)
    (control,) = study.post_evaluation.controls
    own = dict(control.hyperparameters)
    assert study.training.budgets(study.search_space, [own]) == (64, 128)
    assert "n_envs=4" in study.training.snippet(own)
    assert "n_envs=1" in study.training.snippet({})
    less = {name: value for name, value in own.items() if name != "n_envs"}
    run, other = (post_evaluation_runs(study.settled(SB3), {"c": one})["c"][0] for one in (own, less))
    assert run.run_id != other.run_id
    assert run.config_id != other.config_id
    results = [train([run], trainer=trainer)[0] for trainer in (SB3, LOCKSTEP)]
    assert [result.timesteps for result in results] == [128, 128]
    assert results[0].episode_returns == results[1].episode_returns
    assert build_model(run, vectorised(rt.EnvironmentSpec(id="CartPole-v1"), 4)).n_envs == 4


@pytest.mark.parametrize("n_envs", [0, 257, 1.5, "4"])
def test_a_number_of_environments_must_be_possible(n_envs: Any) -> None:
    control = {"name": "zoo", "hyperparameters": {"n_envs": n_envs}}
    with pytest.raises(SpecError, match="n_envs = .*: must be a whole number from 1 to 256"):
        make_study({"post_evaluation.controls": [control]})


def test_exact_budgets_must_be_reached_by_every_number_of_environments() -> None:
    control = {"name": "zoo", "hyperparameters": {"n_envs": 5}}
    with pytest.raises(SpecError, match="must be a multiple of n_envs = 5. Write 65"):
        make_study({"post_evaluation.controls": [control], "algorithm.exact_timesteps": True})


# --- EnvPool ---------------------------------------------------------------------------------------------------------


def pool(name: str, n_envs: int = 2, **own: Any) -> Any:
    pytest.importorskip("envpool")
    return vectorised(rt.EnvironmentSpec(id=name, engine="envpool", **own), n_envs)


def first(made: Any, seed: int) -> Any:
    made.seed(seed)
    return made.reset()


@pytest.mark.slow
def test_a_batch_begins_again_with_its_seed_and_all_bits_of_a_seed_count() -> None:
    made = pool("CartPole-v1")
    begin = first(made, 5)
    made.step(np.zeros(2, np.int64))
    assert np.array_equal(first(made, 5), begin)
    assert not np.array_equal(first(made, 5 + 2**31), begin)
    assert not np.array_equal(begin[0], begin[1])


@pytest.mark.slow
def test_a_batch_tells_time_outs_from_ends_and_returns_from_rewards() -> None:
    made = pool("Pendulum-v1", frame_stack=2)
    first(made, 1)
    rewards = np.zeros(2)
    for _ in range(200):
        observations, reward, dones, infos = made.step(np.zeros((2, 1), np.float32))
        rewards += reward
    assert dones.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [True, True]
    assert [info["episode"]["l"] for info in infos] == [200, 200]
    assert np.allclose([info["episode"]["r"] for info in infos], rewards)
    assert not np.array_equal(observations[0], infos[0]["terminal_observation"])
    made = pool("CartPole-v1")
    first(made, 1)
    while not made.step(np.zeros(2, np.int64))[2].any():
        pass
    ended = next(info for info in made.buf_infos if "episode" in info)
    assert ended["TimeLimit.truncated"] is False
    assert abs(ended["terminal_observation"][2]) > 0.2  # the pole has fallen


@pytest.mark.slow
def test_a_life_lost_ends_no_game_of_a_batch() -> None:
    pytest.importorskip("ale_py")
    made = pool("BreakoutNoFrameskip-v4", atari=rt.Atari())
    assert first(made, 1).shape == (2, 4, 84, 84)
    rng, n_ends, n_games = np.random.default_rng(0), 0, 0
    while n_games < 2:
        _, _, dones, infos = made.step(rng.integers(0, 4, 2))
        n_ends += int(dones.sum())
        n_games += sum("episode" in info for info in infos)
    assert n_ends >= 5 * n_games


@pytest.mark.slow
def test_a_run_with_envpool_is_repeatable_and_another_run_than_with_gymnasium() -> None:
    pytest.importorskip("envpool")
    environment = rt.EnvironmentSpec(id="CartPole-v1", n_envs=2, engine="envpool")
    spec: RunSpec = a_run(environment)
    results = [train([spec])[0] for _ in range(2)]
    assert results[0].status is RunStatus.COMPLETED, results[0].error
    assert results[0].episode_returns == results[1].episode_returns
    assert spec.run_id != a_run(dataclasses.replace(environment, engine="gymnasium")).run_id


@pytest.mark.slow
def test_what_envpool_does_not_have_is_refused() -> None:
    pytest.importorskip("envpool")
    study = make_study({"environment": {"id": "GymV21Environment-v0", "engine": "envpool"}})
    with pytest.raises(SpecError, match="EnvPool has no GymV21Environment-v0"):
        check(study)
