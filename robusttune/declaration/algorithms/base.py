"""What is known of an algorithm."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from robusttune.errors import SpecError

ANY_ACTIONS = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
# What a configuration may have of its own, in place of the study's: training environments, and the length of a run.
N_ENVS, TOTAL_TIMESTEPS = OWN = ("n_envs", "total_timesteps")
NOISE = ("noise_type", "noise_std")
REPLAY = ("replay_buffer", "n_sampled_goal", "goal_selection_strategy", "copy_info_dict")
# Package of a class → what installs it.
_EXTRAS = {"sb3_contrib": "robusttune[contrib]", "sbx": "robusttune[sbx]"}


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
    policies : tuple of str
        Policies whose networks can be stacked, by Stable-Baselines3's names.
    policy : tuple of str
        Hyperparameters of the policy that stacked networks know.
    """

    learner: str
    free: tuple[str, ...]
    only: Mapping[str, JsonValue] = field(default_factory=dict)
    policies: tuple[str, ...] = ("MlpPolicy",)
    policy: tuple[str, ...] = (
        *("net_arch", "activation_fn", "ortho_init", "log_std_init", "n_critics", "optimizer_kwargs"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One algorithm of the Stable-Baselines3 family.

    Attributes
    ----------
    name : str
        As in study files.
    sb3 : str
        Import path of its class.
    constructor, policy, noise, replay : tuple of str
        The hyperparameters: arguments of the class, entries of its `policy_kwargs`, the names that describe an action
        noise, and those that describe a replay buffer for goals.
    is_open : bool
        Whether its class takes hyperparameters that are not listed.
    actions : tuple of str
        The classes in gymnasium.spaces that it can act in.
    on_policy : bool
    steps : int
        Default of the hyperparameter that says how many steps each environment takes between updates: `n_steps` of
        on-policy algorithms, `train_freq` of the others.
    batch_size : int, optional
        Its default, where minibatches are cut from a rollout.
    in_episodes : bool
        Whether it trains whole episodes of one environment, so that its timesteps are not known in advance.
    at_most : mapping
        Hyperparameter → another that it must not exceed, and the default of that one.
    policies : mapping
        Policy, as every other algorithm calls it → what this class calls it.
    env_methods : tuple of str
        Methods that an environment must have.
    lockstep : Lockstep, optional
        How its runs train together, if they can.
    """

    name: str
    sb3: str
    constructor: tuple[str, ...]
    policy: tuple[str, ...]
    noise: tuple[str, ...] = ()
    replay: tuple[str, ...] = ()
    is_open: bool = False
    actions: tuple[str, ...]
    on_policy: bool = False
    steps: int = 1
    batch_size: int | None = None
    in_episodes: bool = False
    at_most: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    policies: Mapping[str, str] = field(default_factory=dict)
    env_methods: tuple[str, ...] = ()
    lockstep: Lockstep | None = None

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """All names that a configuration may hold."""
        return self.constructor + self.policy + self.noise + self.replay

    def is_argument(self, name: str) -> bool:
        """Return whether a hyperparameter goes to the class by its own name."""
        return name in self.constructor or (self.is_open and name not in (*self.hyperparameters, *OWN))

    @property
    def is_jax(self) -> bool:
        """Whether its networks are JAX's and not torch's."""
        return self.package == "sbx"

    @property
    def steps_name(self) -> str:
        """The hyperparameter that says how many steps each environment takes between updates."""
        return "n_steps" if self.on_policy else "train_freq"

    @property
    def package(self) -> str:
        """The package of its class."""
        return self.sb3.partition(":")[0].partition(".")[0]

    @property
    def title(self) -> str:
        """What captions call it."""
        return f"{'SBX ' if self.is_jax else ''}{self.sb3.partition(':')[2]}"

    def check_installed(self) -> None:
        """Raise `SpecError` if its package is an extra that is not installed."""
        extra = _EXTRAS.get(self.package)
        if extra is not None and importlib.util.find_spec(self.package) is None:
            raise SpecError(
                f"algorithm.name = {self.name!r}: needs the package {self.package}, which is not installed. "
                f"Install it: pip install '{extra}'"
            )
