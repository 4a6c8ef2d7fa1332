"""The registry of algorithms: all that is known of one without importing torch, so that declaring and reading are fast.

To add an algorithm, add an entry to `ALGORITHMS`; names of classes are import paths, loaded when a run is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

_POLICY = ("net_arch", "activation_fn", "optimizer_kwargs", "normalize_images", "share_features_extractor")
_ON_POLICY = (
    *("learning_rate", "n_steps", "gamma", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm"),
    *("use_sde", "sde_sample_freq", "normalize_advantage"),
)
_ACTOR_CRITIC = ("ortho_init", "log_std_init", "full_std", "use_expln", "squash_output")
_OFF_POLICY = (
    *("learning_rate", "buffer_size", "learning_starts", "batch_size", "tau", "gamma", "train_freq"),
    *("gradient_steps", "optimize_memory_usage", "n_steps"),
)
_NOISE = ("noise_type", "noise_std")
_ANY_ACTIONS = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
_NO_SDE: Mapping[str, JsonValue] = {"use_sde": False, "sde_sample_freq": -1, "use_sde_at_warmup": False}
_PLAIN_REPLAY: Mapping[str, JsonValue] = {"n_steps": 1, "optimize_memory_usage": False}
_FREE_ON_POLICY = (
    *("learning_rate", "gamma", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm"),
    *("ortho_init", "log_std_init", "activation_fn"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockstep:
    """How many runs of one algorithm train together.

    Attributes
    ----------
    learner : str
        Import path of a subclass of `LockstepTrainer`.
    free : tuple of str
        Hyperparameters in which the members of a group may differ: they change no shape and no loop.
    only : mapping
        Name → the only value with which a run can be stacked.
    policy : tuple of str
        Hyperparameters of the policy that stacked networks know.
    slow_on_cpu : bool
        Whether seeds that train together gain little on a CPU, so that `trainer = "auto"` leaves them apart.
    """

    learner: str
    free: tuple[str, ...]
    only: Mapping[str, JsonValue] = field(default_factory=dict)
    policy: tuple[str, ...] = (
        *("net_arch", "activation_fn", "ortho_init", "log_std_init", "n_critics", "optimizer_kwargs"),
    )
    slow_on_cpu: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One algorithm of the Stable-Baselines3 family.

    Attributes
    ----------
    name : str
        As in study files.
    sb3 : str
        Import path of its class.
    constructor, policy, noise : tuple of str
        The hyperparameters: arguments of the class, entries of its `policy_kwargs`, and the two names that
        describe an action noise.
    actions : tuple of str
        The classes in gymnasium.spaces that it can act in.
    on_policy : bool
    steps : int
        Default of the hyperparameter that says how many steps each environment takes between updates: `n_steps` of
        on-policy algorithms, `train_freq` of the others.
    batch_size : int, optional
        Its default, where minibatches are cut from a rollout.
    lockstep : Lockstep, optional
        How its runs train together, if they can.
    """

    name: str
    sb3: str
    constructor: tuple[str, ...]
    policy: tuple[str, ...]
    noise: tuple[str, ...] = ()
    actions: tuple[str, ...]
    on_policy: bool = False
    steps: int = 1
    batch_size: int | None = None
    lockstep: Lockstep | None = None

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """All names that a configuration may hold."""
        return self.constructor + self.policy + self.noise

    @property
    def steps_name(self) -> str:
        """The hyperparameter that says how many steps each environment takes between updates."""
        return "n_steps" if self.on_policy else "train_freq"


ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm(
            name="ppo",
            sb3="stable_baselines3:PPO",
            constructor=(*_ON_POLICY, "batch_size", "n_epochs", "clip_range", "clip_range_vf", "target_kl"),
            policy=_POLICY + _ACTOR_CRITIC,
            actions=_ANY_ACTIONS,
            on_policy=True,
            steps=2048,
            batch_size=64,
            lockstep=Lockstep(
                learner="robusttune.training.lockstep.ppo:LockstepPPO",
                free=(*_FREE_ON_POLICY, "n_steps", "n_epochs", "clip_range", "clip_range_vf", "target_kl"),
                only=_NO_SDE,
            ),
        ),
        Algorithm(
            name="a2c",
            sb3="stable_baselines3:A2C",
            constructor=(*_ON_POLICY, "rms_prop_eps", "use_rms_prop"),
            policy=_POLICY + _ACTOR_CRITIC,
            actions=_ANY_ACTIONS,
            on_policy=True,
            steps=5,
            lockstep=Lockstep(
                learner="robusttune.training.lockstep.a2c:LockstepA2C", free=_FREE_ON_POLICY, only=_NO_SDE
            ),
        ),
        Algorithm(
            name="sac",
            sb3="stable_baselines3:SAC",
            constructor=(
                *_OFF_POLICY,
                *("ent_coef", "target_update_interval", "target_entropy"),
                *("use_sde", "sde_sample_freq", "use_sde_at_warmup"),
            ),
            policy=(*_POLICY, "log_std_init", "use_expln", "clip_mean", "n_critics"),
            noise=_NOISE,
            actions=("Box",),
            lockstep=Lockstep(
                learner="robusttune.training.lockstep.sac:LockstepSAC",
                free=("learning_rate", "gamma", "tau", "target_entropy", *_NOISE),
                only={**_PLAIN_REPLAY, **_NO_SDE},
            ),
        ),
        Algorithm(
            name="td3",
            sb3="stable_baselines3:TD3",
            constructor=(*_OFF_POLICY, "policy_delay", "target_policy_noise", "target_noise_clip"),
            policy=(*_POLICY, "n_critics"),
            noise=_NOISE,
            actions=("Box",),
            lockstep=Lockstep(
                learner="robusttune.training.lockstep.td3:LockstepTD3",
                free=("learning_rate", "gamma", "tau", "target_policy_noise", "target_noise_clip", *_NOISE),
                only=_PLAIN_REPLAY,
                slow_on_cpu=True,
            ),
        ),
        Algorithm(
            name="ddpg",
            sb3="stable_baselines3:DDPG",
            constructor=_OFF_POLICY,
            policy=(*_POLICY, "n_critics"),
            noise=_NOISE,
            actions=("Box",),
            lockstep=Lockstep(
                learner="robusttune.training.lockstep.td3:LockstepDDPG",
                free=("learning_rate", "gamma", "tau", *_NOISE),
                only=_PLAIN_REPLAY,
                slow_on_cpu=True,
            ),
        ),
        Algorithm(
            name="dqn",
            sb3="stable_baselines3:DQN",
            constructor=(
                *_OFF_POLICY,
                *("target_update_interval", "max_grad_norm"),
                *("exploration_fraction", "exploration_initial_eps", "exploration_final_eps"),
            ),
            policy=("net_arch", "activation_fn", "optimizer_kwargs", "normalize_images"),
            actions=("Discrete",),
            steps=4,
            lockstep=Lockstep(
                learner="robusttune.training.lockstep.dqn:LockstepDQN",
                free=(
                    *("learning_rate", "gamma", "tau", "max_grad_norm"),
                    *("exploration_fraction", "exploration_initial_eps", "exploration_final_eps"),
                ),
                only=_PLAIN_REPLAY,
            ),
        ),
    )
}

if TYPE_CHECKING:
    AlgorithmName = str
else:
    AlgorithmName = Literal[tuple(ALGORITHMS)]
