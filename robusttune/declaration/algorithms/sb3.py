"""The algorithms of Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from robusttune.declaration.algorithms.base import ANY_ACTIONS, NOISE, REPLAY, Algorithm, Lockstep

POLICY = ("net_arch", "activation_fn", "optimizer_kwargs", "normalize_images", "share_features_extractor")
VALUE = ("net_arch", "activation_fn", "optimizer_kwargs", "normalize_images")
ON_POLICY = (
    *("learning_rate", "n_steps", "gamma", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm"),
    *("use_sde", "sde_sample_freq", "normalize_advantage"),
)
ACTOR_CRITIC = ("ortho_init", "log_std_init", "full_std", "use_expln", "squash_output")
OFF_POLICY = (
    *("learning_rate", "buffer_size", "learning_starts", "batch_size", "tau", "gamma", "train_freq"),
    *("gradient_steps", "optimize_memory_usage", "n_steps"),
)
SDE = ("use_sde", "sde_sample_freq", "use_sde_at_warmup")
EXPLORATION = (
    *("target_update_interval", "exploration_fraction", "exploration_initial_eps", "exploration_final_eps"),
)
PPO = (*ON_POLICY, "batch_size", "n_epochs", "clip_range", "clip_range_vf", "target_kl")
SQUASHED = (*POLICY, "log_std_init", "use_expln", "clip_mean", "n_critics")
SAC = (*OFF_POLICY, "ent_coef", "target_update_interval", "target_entropy", *SDE)
_NO_SDE: Mapping[str, JsonValue] = {"use_sde": False, "sde_sample_freq": -1, "use_sde_at_warmup": False}
_PLAIN_REPLAY: Mapping[str, JsonValue] = {"n_steps": 1, "optimize_memory_usage": False}
_STACKED_ON_POLICY = (
    *("net_arch", "activation_fn", "ortho_init", "log_std_init", "optimizer_kwargs"),
    *("normalize_images", "share_features_extractor"),
)
_ONLY_ON_POLICY: Mapping[str, JsonValue] = {**_NO_SDE, "share_features_extractor": True}
_FREE_ON_POLICY = (
    *("learning_rate", "gamma", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm"),
    *("ortho_init", "log_std_init", "activation_fn"),
)

SB3 = (
    Algorithm(
        name="ppo",
        sb3="stable_baselines3:PPO",
        constructor=PPO,
        policy=POLICY + ACTOR_CRITIC,
        actions=ANY_ACTIONS,
        on_policy=True,
        steps=2048,
        batch_size=64,
        lockstep=Lockstep(
            learner="robusttune.training.lockstep.ppo:LockstepPPO",
            free=(*_FREE_ON_POLICY, "n_steps", "n_epochs", "clip_range", "clip_range_vf", "target_kl"),
            only=_ONLY_ON_POLICY,
            policies=("MlpPolicy", "CnnPolicy"),
            policy=_STACKED_ON_POLICY,
        ),
    ),
    Algorithm(
        name="a2c",
        sb3="stable_baselines3:A2C",
        constructor=(*ON_POLICY, "rms_prop_eps", "use_rms_prop"),
        policy=POLICY + ACTOR_CRITIC,
        actions=ANY_ACTIONS,
        on_policy=True,
        steps=5,
        lockstep=Lockstep(
            learner="robusttune.training.lockstep.a2c:LockstepA2C",
            free=_FREE_ON_POLICY,
            only=_ONLY_ON_POLICY,
            policies=("MlpPolicy", "CnnPolicy"),
            policy=_STACKED_ON_POLICY,
        ),
    ),
    Algorithm(
        name="sac",
        sb3="stable_baselines3:SAC",
        constructor=SAC,
        policy=SQUASHED,
        noise=NOISE,
        replay=REPLAY,
        actions=("Box",),
        lockstep=Lockstep(
            learner="robusttune.training.lockstep.sac:LockstepSAC",
            free=("learning_rate", "gamma", "tau", "target_entropy", *NOISE),
            only={**_PLAIN_REPLAY, **_NO_SDE},
        ),
    ),
    Algorithm(
        name="td3",
        sb3="stable_baselines3:TD3",
        constructor=(*OFF_POLICY, "policy_delay", "target_policy_noise", "target_noise_clip"),
        policy=(*POLICY, "n_critics"),
        noise=NOISE,
        replay=REPLAY,
        actions=("Box",),
        lockstep=Lockstep(
            learner="robusttune.training.lockstep.td3:LockstepTD3",
            free=("learning_rate", "gamma", "tau", "target_policy_noise", "target_noise_clip", *NOISE),
            only=_PLAIN_REPLAY,
        ),
    ),
    Algorithm(
        name="ddpg",
        sb3="stable_baselines3:DDPG",
        constructor=OFF_POLICY,
        policy=(*POLICY, "n_critics"),
        noise=NOISE,
        replay=REPLAY,
        actions=("Box",),
        lockstep=Lockstep(
            learner="robusttune.training.lockstep.td3:LockstepDDPG",
            free=("learning_rate", "gamma", "tau", *NOISE),
            only=_PLAIN_REPLAY,
        ),
    ),
    Algorithm(
        name="dqn",
        sb3="stable_baselines3:DQN",
        constructor=(*OFF_POLICY, *EXPLORATION, "max_grad_norm"),
        policy=VALUE,
        replay=REPLAY,
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
