"""Convolutional networks train as SB3 trains them, on frames that are stacked as SB3 stacks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from robusttune.declaration.training.environment import Normalization
from robusttune.training.lockstep.frames import environments_of
from robusttune.training.lockstep.images import ImageNetwork
from robusttune.training.lockstep.layout import FlatLayout
from robusttune.training.lockstep.members import Member
from tests.support.toys import LOCKSTEP, SB3, largest_difference, reference, toy, trainer, untrained, weights

pytestmark = pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")

PPO: dict[str, Any] = {"n_steps": 8, "batch_size": 12, "n_epochs": 2}
# Sums of hundreds of products are rounded in another order than SB3's: each is off by a few units in the 24th bit, and
# an optimiser's first steps, which divide by the gradient's own size, hand that on to the parameters. The seeds are
# such that no sum lies so near zero that its ReLU is open here and closed there: of seven tried, one was not.
TOLERANCE = 2e-6
CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "ppo": ("ppo", "grey image", PPO, {"n_stack": 4}),
    "colours": ("ppo", "colour image", {**PPO, "net_arch": [7], "activation_fn": "relu"}, {"n_stack": 2}),
    "channels first": ("ppo", "image, channels first", {**PPO, "normalize_images": False}, {"n_stack": 3}),
    "one frame": ("ppo", "colour image", {**PPO, "target_kl": 1e-4, "ortho_init": False}, {}),
    "rewards": ("ppo", "grey image", PPO, {"norm": Normalization(observations=False)}),
    "a2c": ("a2c", "grey image", {"n_steps": 4}, {"n_stack": 4}),
    "a2c with Adam": ("a2c", "colour image", {"n_steps": 4, "use_rms_prop": False}, {}),
}


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES)
def test_images_give_sb3s_parameters_and_draw_its_random_numbers(case: str) -> None:
    algorithm, observations, hp, options = CASES[case]
    make_env, seeds = toy(observations), (11, 4_000_000_000)
    together = trainer(algorithm, make_env, hp, seeds=seeds, total=48, n_envs=3, **options)
    for member, seed in enumerate(seeds):
        alone = reference(algorithm, make_env, hp, seed=seed, total=48, n_envs=3, **options)
        drawn = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002  (what SB3 draws from)
        assert largest_difference(alone, together.to_sb3(member)) < TOLERANCE
        assert alone._n_updates == together.n_updates[member]
        streams = untrained(algorithm, make_env, hp, seeds=[seed], total=48, n_envs=3, **options)
        own = streams._streams[0]
        streams.learn()
        assert torch.equal(drawn[0], own.torch.get_state())
        if algorithm == "ppo":  # A2C shuffles in SB3 what it then uses whole
            np.testing.assert_array_equal(drawn[1], own.numpy.get_state()[1])


@pytest.mark.thorough
def test_the_first_parameters_are_sb3s_exactly() -> None:
    options: dict[str, Any] = {"total": 48, "n_envs": 3, "n_stack": 4}
    begun = untrained("ppo", toy("grey image"), PPO, seeds=[5, 9], **options)
    for member, seed in enumerate((5, 9)):
        alone = reference("ppo", toy("grey image"), {**PPO, "learning_rate": 0.0}, seed=seed, **options)
        np.testing.assert_array_equal(weights(begun.to_sb3(member)), weights(alone))


@pytest.mark.thorough
def test_a_member_that_sees_images_does_not_depend_on_its_company_nor_on_who_leaves() -> None:
    options: dict[str, Any] = {"total": 48, "n_envs": 2, "n_stack": 4}

    def train(seeds: list[int], *, brief: bool = False) -> Any:
        def stop(one: Any) -> None:
            if brief:
                one.stop(0)

        # Shorter rollouts end sooner: the first member leaves while the others are within their update.
        hps = [{**PPO, "n_steps": 4 if brief and i == 0 else 8} for i in range(len(seeds))]
        return trainer("ppo", toy("grey image"), hps, seeds=seeds, on_boundary=stop, **options)

    alone = weights(train([3]).to_sb3(0))
    np.testing.assert_array_equal(weights(train([8, 3]).to_sb3(1)), alone)
    np.testing.assert_array_equal(weights(train([8, 5, 3], brief=True).to_sb3(2)), alone)


@pytest.mark.thorough
def test_members_whose_rollouts_differ_in_length_see_their_own_images() -> None:
    hps = [{**PPO, "n_steps": n_steps} for n_steps in (4, 8)]
    together = trainer("ppo", toy("grey image"), hps, seeds=(2, 3), total=32, n_envs=2, n_stack=4)
    for member, hp in enumerate(hps):
        alone = reference("ppo", toy("grey image"), hp, seed=member + 2, total=32, n_envs=2, n_stack=4)
        assert largest_difference(alone, together.to_sb3(member)) < TOLERANCE


@pytest.mark.thorough
def test_a_saved_member_sees_what_sb3_sees(tmp_path: Any) -> None:
    make_env = toy("grey image", "box")
    done = trainer("ppo", make_env, PPO, seeds=(1, 2), total=32, n_envs=2, n_stack=4)
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 44, 37, 4), dtype=np.uint8)
    together = done.policies([1, 0])(images)
    for place, member in enumerate((1, 0)):
        done.to_sb3(member).save(tmp_path / "model")
        model = SB3["ppo"].load(tmp_path / "model")
        assert model.observation_space.shape == (4, 44, 37)
        alone, _ = model.predict(images[place], deterministic=True)
        np.testing.assert_allclose(together[place], alone, atol=1e-6)
    model = done.to_sb3(0)
    assert model.rollout_buffer is not done.to_sb3(0).rollout_buffer
    model.set_env(VecFrameStack(DummyVecEnv([make_env] * 2), 4))
    assert model.learn(16, reset_num_timesteps=False).num_timesteps == 48


@pytest.mark.thorough
def test_another_number_of_features_is_the_networks_own() -> None:
    arguments = {**PPO, "policy_kwargs": {"features_extractor_kwargs": {"features_dim": 24}}}
    options: dict[str, Any] = {"make_env": toy("colour image"), "n_envs": 2, "total_timesteps": 16}
    done = LOCKSTEP["ppo"]([Member(seed=1, arguments=arguments)], policy="CnnPolicy", **options).learn()
    env = DummyVecEnv([toy("colour image")] * 2)
    alone = SB3["ppo"]("CnnPolicy", env, seed=1, device="cpu", **arguments).learn(16)
    assert done.to_sb3(0).policy.features_dim == 24
    assert largest_difference(alone, done.to_sb3(0)) < TOLERANCE


def test_what_cannot_be_seen_by_a_stacked_network_is_refused() -> None:
    options: dict[str, Any] = {"make_env": toy("colour image"), "total_timesteps": 16, "policy": "CnnPolicy"}
    apart = {"policy_kwargs": {"share_features_extractor": False}}
    with pytest.raises(ValueError, match="share_features_extractor = False cannot be stacked"):
        LOCKSTEP["ppo"]([Member(seed=1, arguments=apart)], **options)
    with pytest.raises(ValueError, match="Only observations of type Box can be stacked"):
        environments_of([1], 1, make_env=toy("discrete"), make_pool=None, n_stack=2)


def test_the_gradient_of_a_convolutional_network_is_autograds() -> None:
    torch.manual_seed(3)
    theirs = NatureCNN(spaces.Box(0, 255, (3, 44, 37), np.uint8), features_dim=24)
    layout = FlatLayout({f"own.{name}": parameter for name, parameter in theirs.named_parameters()})
    flat, gradient = torch.zeros(2, layout.size), torch.zeros(2, layout.size)
    for name, parameter in theirs.named_parameters():
        layout.view(flat, f"own.{name}")[1].copy_(parameter.detach())
    images = torch.randint(0, 256, (7, 44, 37, 3), dtype=torch.uint8)
    slopes = torch.randn(7, 24)
    expected = theirs(images.permute(0, 3, 1, 2).float() / 255.0)
    expected.backward(slopes)
    with torch.no_grad():
        ours = ImageNetwork(theirs, "own.", layout, flat[1], gradient[1], 1.0 / 255.0)
        torch.testing.assert_close(ours.forward(images), expected.detach(), atol=1e-6, rtol=1e-5)
        ours.backward(slopes.clone())
    for name, parameter in theirs.named_parameters():
        found = layout.view(gradient, f"own.{name}")
        torch.testing.assert_close(found[1], parameter.grad, atol=1e-5, rtol=1e-4)
        assert not found[0].any()
    with pytest.raises(ValueError, match="without a gradient"):
        ImageNetwork(theirs, "own.", layout, flat[1], None, 1.0).backward(slopes)


@pytest.mark.parametrize(
    ("observations", "n_stack"),
    [
        *[("box", 3), ("grey image", 4), ("grey image", 3), ("colour image", 2)],
        ("image, channels first", 2),
    ],
)
def test_frames_are_stacked_as_sb3_stacks_them(observations: str, n_stack: int) -> None:
    seeds, n_envs = [3, 700, 50], 2
    ours = environments_of(seeds, n_envs, make_env=toy(observations), make_pool=None, n_stack=n_stack)
    theirs = [VecFrameStack(DummyVecEnv([toy(observations)] * n_envs), n_stack) for _ in seeds]
    for seed, one in zip(seeds, theirs, strict=True):
        one.seed(seed)
    assert ours.observation_space == theirs[0].observation_space
    np.testing.assert_array_equal(ours.reset(), [one.reset() for one in theirs])
    rng, n_ended = np.random.default_rng(0), 0
    for step in range(40):
        if step == 20:
            ours.keep([0, 2])
            del theirs[1]
        rows = None if step % 3 else [len(theirs) - 1]
        actions = rng.integers(0, 3, (len(theirs) if rows is None else 1, n_envs))
        found = ours.step(actions, rows)
        for place, row in enumerate(range(len(theirs)) if rows is None else rows):
            seen, _, dones, infos = theirs[row].step(actions[place])
            np.testing.assert_array_equal(found.observations[place], seen)
            for i in np.flatnonzero(dones):
                np.testing.assert_array_equal(found.terminal[place, i], infos[i]["terminal_observation"])
                n_ended += 1
    assert n_ended > 5
    ours.close()
