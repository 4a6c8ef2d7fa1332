"""The algorithms of SBX, which are Stable-Baselines3's in JAX.

Arguments that its classes take and then ignore are not offered: `clip_range_vf`, `normalize_images`, `clip_mean`, ….
"""

from __future__ import annotations

from robusttune.declaration.algorithms.base import ANY_ACTIONS, NOISE, REPLAY, Algorithm
from robusttune.declaration.algorithms.sb3 import EXPLORATION, OFF_POLICY, PPO, SDE

_VALUE = ("net_arch", "activation_fn", "optimizer_kwargs")
_CRITICS = (*_VALUE, "dropout_rate", "layer_norm", "n_critics")
_DDPG = (*(name for name in OFF_POLICY if name != "optimize_memory_usage"), "qf_learning_rate")
_TD3 = (*_DDPG, "policy_delay", "param_resets")
_SAC = (*_TD3, "ent_coef", "target_entropy", *SDE)

SBX = (
    Algorithm(
        name="sbx-ppo",
        sb3="sbx:PPO",
        constructor=tuple(name for name in PPO if name != "clip_range_vf"),
        policy=(*_VALUE, "ortho_init", "log_std_init"),
        actions=ANY_ACTIONS,
        on_policy=True,
        steps=2048,
        batch_size=64,
    ),
    Algorithm(
        name="sbx-sac",
        sb3="sbx:SAC",
        constructor=_SAC,
        policy=_CRITICS,
        noise=NOISE,
        replay=REPLAY,
        actions=("Box",),
    ),
    Algorithm(
        name="sbx-td3",
        sb3="sbx:TD3",
        constructor=(*_TD3, "target_policy_noise", "target_noise_clip"),
        policy=_CRITICS,
        noise=NOISE,
        replay=REPLAY,
        actions=("Box",),
    ),
    Algorithm(
        name="sbx-ddpg",
        sb3="sbx:DDPG",
        constructor=_DDPG,
        policy=_CRITICS,
        noise=NOISE,
        actions=("Box",),
    ),
    Algorithm(
        name="sbx-dqn",
        sb3="sbx:DQN",
        constructor=(*OFF_POLICY, *EXPLORATION),
        policy=_VALUE,
        actions=("Discrete",),
        steps=4,
    ),
    Algorithm(
        name="sbx-tqc",
        sb3="sbx:TQC",
        constructor=(*_SAC, "top_quantiles_to_drop_per_net"),
        policy=(*_CRITICS, "n_quantiles"),
        noise=NOISE,
        replay=REPLAY,
        actions=("Box",),
    ),
    Algorithm(
        name="sbx-crossq",
        sb3="sbx:CrossQ",
        constructor=tuple(name for name in _SAC if name != "tau"),
        policy=(
            *_CRITICS,
            *("batch_norm", "batch_norm_actor", "batch_norm_momentum", "renorm_warmup_steps"),
        ),
        noise=NOISE,
        replay=REPLAY,
        actions=("Box",),
    ),
)
