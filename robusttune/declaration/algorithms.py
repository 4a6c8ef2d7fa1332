"""What the supported algorithms accept: known without importing torch, so that `check` is quick."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from robusttune.declaration._messages import did_you_mean
from robusttune.errors import SpecError

ACTIVATIONS = ("tanh", "relu", "elu", "leaky_relu", "silu", "gelu")
NOISE_TYPES = ("normal", "ornstein-uhlenbeck")
SCHEDULED = ("learning_rate", "clip_range", "clip_range_vf")
PPO_BATCH_SIZE, PPO_N_STEPS = 64, 2048  # Stable-Baselines3's defaults

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """The names that one algorithm accepts.

    `constructor` are arguments of the Stable-Baselines3 class, `policy` go into its `policy_kwargs`, and
    `noise` are the two names that describe its action noise.
    """

    name: str
    constructor: tuple[str, ...]
    policy: tuple[str, ...]
    noise: tuple[str, ...] = ()
    on_policy: bool = False

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """All names that a configuration may hold."""
        return self.constructor + self.policy + self.noise


ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm(
            name="ppo",
            constructor=(*_ON_POLICY, "batch_size", "n_epochs", "clip_range", "clip_range_vf", "target_kl"),
            policy=_POLICY + _ACTOR_CRITIC,
            on_policy=True,
        ),
        Algorithm(
            name="a2c",
            constructor=(*_ON_POLICY, "rms_prop_eps", "use_rms_prop"),
            policy=_POLICY + _ACTOR_CRITIC,
            on_policy=True,
        ),
        Algorithm(
            name="sac",
            constructor=(
                *_OFF_POLICY,
                *("ent_coef", "target_update_interval", "target_entropy"),
                *("use_sde", "sde_sample_freq", "use_sde_at_warmup"),
            ),
            policy=(*_POLICY, "log_std_init", "use_expln", "clip_mean", "n_critics"),
            noise=_NOISE,
        ),
        Algorithm(
            name="td3",
            constructor=(*_OFF_POLICY, "policy_delay", "target_policy_noise", "target_noise_clip"),
            policy=(*_POLICY, "n_critics"),
            noise=_NOISE,
        ),
        Algorithm(name="ddpg", constructor=_OFF_POLICY, policy=(*_POLICY, "n_critics"), noise=_NOISE),
        Algorithm(
            name="dqn",
            constructor=(
                *_OFF_POLICY,
                *("target_update_interval", "max_grad_norm"),
                *("exploration_fraction", "exploration_initial_eps", "exploration_final_eps"),
            ),
            policy=("net_arch", "activation_fn", "optimizer_kwargs", "normalize_images"),
        ),
    )
}


def check_hyperparameters(algorithm: str, hyperparameters: Mapping[str, JsonValue], *, where: str) -> None:
    """Raise `SpecError` if a name is not one of the algorithm's, or a named value cannot be read.

    Parameters
    ----------
    algorithm : str
        Key of `ALGORITHMS`.
    hyperparameters : mapping
        Name → value, as written in the study.
    where : str
        The place in the study, for the message.
    """
    check_names(algorithm, hyperparameters, where=where)
    for name in SCHEDULED:
        value = hyperparameters.get(name)
        if isinstance(value, str):
            parse_schedule(name, value)
    for name, allowed in (("activation_fn", ACTIVATIONS), ("noise_type", NOISE_TYPES)):
        value = hyperparameters.get(name)
        if value is not None and value not in allowed:
            raise SpecError(
                f"{where}.{name} = {value!r}: must be one of {', '.join(allowed)}{did_you_mean(value, allowed)}."
            )


def check_names(algorithm: str, names: Mapping[str, object], *, where: str) -> None:
    """Raise `SpecError` at the first name that the algorithm does not have."""
    known = ALGORITHMS[algorithm].hyperparameters
    for name in names:
        if name not in known:
            raise SpecError(
                f"{where}.{name}: {algorithm} has no hyperparameter {name!r}{did_you_mean(name, known)}. "
                f"It has: {', '.join(sorted(known))}."
            )


def parse_schedule(name: str, text: str) -> float:
    """Return the start value of a linear schedule written as in RL Zoo: `"lin_2.5e-4"` falls to 0."""
    try:
        start = float(text.removeprefix("lin_")) if text.startswith("lin_") else math.nan
    except ValueError:
        start = math.nan
    if not start > 0 or math.isinf(start):
        raise SpecError(
            f"{name} = {text!r}: a schedule is written 'lin_<start value>', for example 'lin_2.5e-4', "
            "and falls linearly to 0. Write a constant as a number."
        )
    return start


def with_feasible_batch(
    algorithm: str, hyperparameters: Mapping[str, JsonValue], *, n_envs: int
) -> dict[str, JsonValue]:
    """Return the hyperparameters with a PPO minibatch no larger than the rollout it is cut from.

    A sampled `batch_size` may exceed `n_steps * n_envs`. Stable-Baselines3 would then train on one
    truncated minibatch, and the study would show a batch size that was never used.
    """
    result = dict(hyperparameters)
    batch_size, n_steps = result.get("batch_size"), result.get("n_steps", PPO_N_STEPS)
    if algorithm == "ppo" and isinstance(batch_size, int) and isinstance(n_steps, int):
        result["batch_size"] = min(batch_size, n_steps * n_envs)
    return result
