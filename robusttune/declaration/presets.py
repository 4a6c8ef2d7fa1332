"""Named search spaces."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.space import Categorical, Float, Int, Parameter
from robusttune.errors import SpecError

_TUTORIAL_PPO: Mapping[str, Parameter] = {
    # "Automatic Hyperparameter Tuning – In Practice (Part 2)", PPO on Pendulum-v1.
    "n_steps": Int(low=2**5, high=2**12, scale="pow2"),
    "gamma": Float(low=0.97, high=0.9999),
    "learning_rate": Float(low=3e-5, high=3e-3, scale="log"),
    "activation_fn": Categorical(choices=("tanh", "relu")),
}

# rl_zoo3 2.9.2, hyperparams_opt.py, in real values: its one_minus_gamma 1e-4 … 0.03 is gamma on the log1m scale, its
# powers are the numbers themselves. Mended, so that each range is fixed and every point of it trains:
# - batch_size from 32, as the comments there say; the code draws from 4. PPO had the code's range before, and keeps it:
#   ids of studies follow from ranges.
# - gradient_steps is -1 (as many as timesteps) or 1. There it is train_freq, or train_freq divided by a number from 1
#   to min(train_freq, 8): a range that depends on another draw is not for samplers that model all parameters together.
# - top_quantiles_to_drop_per_net to 4, below every n_quantiles; there to min(n_quantiles - 1, 5): again another draw.
# - n_top is drawn itself and cut to n_delta; there it is a share of n_delta, rounded.
# - exploration_fraction from 0.005, QR-DQN's default: at 0 the schedule divides by zero.
# - learning_rate of ARS to 0.1: the range there ends at 2e-3, below ARS's default of 0.02.
# - CrossQ has no space there; it has that of SAC, without the target network's tau.
_RATES: Mapping[str, Parameter] = {
    "learning_rate": Float(low=1e-5, high=2e-3, scale="log"),
    "gamma": Float(low=0.97, high=0.9999, scale="log1m"),
}
_TINY: JsonValue = {"pi": [64], "vf": [64]}
_SMALL: JsonValue = [64, 64]
_MEDIUM: JsonValue = [256, 256]
_BIG: JsonValue = [400, 300]
_ACTOR_CRITIC: Mapping[str, Parameter] = {
    **_RATES,
    "gae_lambda": Float(low=0.9, high=0.9999, scale="log1m"),
    "ent_coef": Float(low=1e-8, high=0.1, scale="log"),
    "max_grad_norm": Float(low=0.3, high=2.0),
    "activation_fn": Categorical(choices=("tanh", "relu")),
}
_OFF_POLICY: Mapping[str, Parameter] = {
    **_RATES,
    "batch_size": Int(low=2**5, high=2**11, scale="pow2"),
    "train_freq": Int(low=1, high=10),
    "net_arch": Categorical(choices=(_SMALL, _MEDIUM, _BIG)),
}
_PPO: Mapping[str, Parameter] = {
    **_ACTOR_CRITIC,
    "batch_size": Int(low=2**2, high=2**10, scale="pow2"),
    "n_steps": Int(low=2**5, high=2**12, scale="pow2"),
    "clip_range": Categorical(choices=(0.1, 0.2, 0.3, 0.4)),
    "n_epochs": Categorical(choices=(1, 5, 10, 20)),
    "net_arch": Categorical(choices=(_TINY, _SMALL, _MEDIUM)),
}
_CROSSQ: Mapping[str, Parameter] = {**_OFF_POLICY, "gradient_steps": Categorical(choices=(-1,))}
_SAC: Mapping[str, Parameter] = {**_CROSSQ, "tau": Float(low=1e-3, high=0.08, scale="log")}
_TD3: Mapping[str, Parameter] = {
    **_SAC,
    "noise_type": Categorical(choices=("ornstein-uhlenbeck", "normal", None)),
    "noise_std": Float(low=0.0, high=0.5),
}
_DQN: Mapping[str, Parameter] = {
    **_OFF_POLICY,
    "gradient_steps": Categorical(choices=(-1, 1)),
    "exploration_fraction": Float(low=0.005, high=0.5),
    "exploration_final_eps": Float(low=0.0, high=0.2),
    "target_update_interval": Int(low=1, high=20_000, scale="log"),
}
_TQC: Mapping[str, Parameter] = {
    **_SAC,
    "n_quantiles": Int(low=5, high=50),
    "top_quantiles_to_drop_per_net": Int(low=0, high=4),
}
_HER: Mapping[str, Parameter] = {
    "n_sampled_goal": Int(low=1, high=5),
    "goal_selection_strategy": Categorical(choices=("final", "episode", "future")),
}
_ZOO: Mapping[str, Mapping[str, Parameter]] = {
    "ppo": _PPO,
    "a2c": {
        **_ACTOR_CRITIC,
        "n_steps": Categorical(choices=(32, 64, 128, 256, 512, 1024, 2048)),
        "net_arch": Categorical(choices=(_SMALL, _MEDIUM)),
    },
    **{"sac": _SAC, "td3": _TD3, "ddpg": _TD3, "dqn": _DQN, "tqc": _TQC, "crossq": _CROSSQ},
    "trpo": {
        **{name: of for name, of in _ACTOR_CRITIC.items() if name not in ("ent_coef", "max_grad_norm")},
        "batch_size": Int(low=2**5, high=2**10, scale="pow2"),
        "n_steps": Int(low=2**5, high=2**12, scale="pow2"),
        "n_critic_updates": Int(low=5, high=30),
        "cg_max_steps": Int(low=5, high=30),
        "target_kl": Float(low=1e-3, high=0.1, scale="log"),
        "net_arch": Categorical(choices=(_SMALL, _MEDIUM)),
    },
    "qrdqn": {**_DQN, "n_quantiles": Int(low=5, high=200)},
    "ars": {
        "learning_rate": Float(low=1e-5, high=0.1, scale="log"),
        "n_delta": Int(low=2**2, high=2**6, scale="pow2"),
        "delta_std": Float(low=0.01, high=0.3),
        "n_top": Int(low=2**0, high=2**6, scale="pow2"),
    },
    **{"recurrentppo": _PPO, "maskableppo": _PPO},
}

_PRESETS: Mapping[tuple[str, str], Mapping[str, Parameter]] = {
    ("tutorial", "ppo"): _TUTORIAL_PPO,
    **{("rl-zoo", name): of for name, of in _ZOO.items()},
    # In JAX the same, as far as SBX has the algorithm.
    **{("rl-zoo", f"sbx-{name}"): of for name, of in _ZOO.items() if f"sbx-{name}" in ALGORITHMS},
}

PRESET_NAMES = tuple(dict.fromkeys(name for name, _ in _PRESETS))


def presets_for(algorithm: str) -> tuple[str, ...]:
    """Return the names of the spaces that an algorithm has."""
    return tuple(name for name, of in _PRESETS if of == algorithm)


def preset(name: str, algorithm: str, *, her: bool = False) -> dict[str, Parameter]:
    """Return the parameters of a named search space.

    Parameters
    ----------
    name, algorithm : str
    her : bool
        Whether the study has a replay buffer for goals; RL Zoo's space then has its parameters, too.

    Raises
    ------
    SpecError
        If there is no such preset, or none of that name for the algorithm.
    """
    if name not in PRESET_NAMES:
        raise SpecError(
            f"search_space.preset = {name!r}: must be one of {', '.join(PRESET_NAMES)}"
            f"{did_you_mean(name, PRESET_NAMES)}."
        )
    if (name, algorithm) not in _PRESETS:
        having = ", ".join(a for n, a in _PRESETS if n == name)
        raise SpecError(
            f"search_space.preset = {name!r}: exists for {having}, not for {algorithm}. "
            "Write the ranges under [search_space.parameters] instead."
        )
    return {**_PRESETS[name, algorithm], **(_HER if her and name == "rl-zoo" else {})}
