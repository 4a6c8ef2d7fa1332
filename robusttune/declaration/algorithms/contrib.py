"""The algorithms of SB3 Contrib."""

from __future__ import annotations

from robusttune.declaration.algorithms.base import ANY_ACTIONS, NOISE, REPLAY, Algorithm
from robusttune.declaration.algorithms.sb3 import (
    ACTOR_CRITIC,
    EXPLORATION,
    OFF_POLICY,
    ON_POLICY,
    POLICY,
    PPO,
    SAC,
    SDE,
    SQUASHED,
    VALUE,
)

_OWN_TO_TRPO = (
    *("batch_size", "cg_max_steps", "cg_damping", "line_search_shrinking_factor", "line_search_max_iter"),
    *("n_critic_updates", "target_kl", "sub_sampling_factor"),
)

CONTRIB = (
    Algorithm(
        name="tqc",
        sb3="sb3_contrib:TQC",
        constructor=(*SAC, "top_quantiles_to_drop_per_net"),
        policy=(*SQUASHED, "n_quantiles"),
        noise=NOISE,
        replay=REPLAY,
        actions=("Box",),
    ),
    Algorithm(
        name="trpo",
        sb3="sb3_contrib:TRPO",
        constructor=tuple(n for n in ON_POLICY if n not in ("ent_coef", "vf_coef", "max_grad_norm"))
        + _OWN_TO_TRPO,
        policy=POLICY + ACTOR_CRITIC,
        actions=ANY_ACTIONS,
        on_policy=True,
        steps=2048,
        batch_size=128,
    ),
    Algorithm(
        name="qrdqn",
        sb3="sb3_contrib:QRDQN",
        constructor=(*OFF_POLICY, *EXPLORATION, "max_grad_norm"),
        policy=(*VALUE, "n_quantiles"),
        replay=REPLAY,
        actions=("Discrete",),
        steps=4,
    ),
    Algorithm(
        name="ars",
        sb3="sb3_contrib:ARS",
        constructor=(
            *("n_delta", "n_top", "learning_rate", "delta_std", "zero_policy", "alive_bonus_offset"),
            "n_eval_episodes",
        ),
        policy=("net_arch", "activation_fn", "with_bias", "squash_output"),
        actions=("Box", "Discrete"),
        in_episodes=True,
        at_most={"n_top": ("n_delta", 8)},
    ),
    Algorithm(
        name="crossq",
        sb3="sb3_contrib:CrossQ",
        # It has no target network.
        constructor=(
            *(name for name in OFF_POLICY if name != "tau"),
            *("ent_coef", "target_entropy", "policy_delay", *SDE),
        ),
        policy=(
            *SQUASHED,
            *("batch_norm", "batch_norm_momentum", "batch_norm_eps", "renorm_warmup_steps"),
        ),
        noise=NOISE,
        actions=("Box",),
    ),
    Algorithm(
        name="recurrentppo",
        sb3="sb3_contrib:RecurrentPPO",
        constructor=PPO,
        policy=(
            *(POLICY + ACTOR_CRITIC),
            *("lstm_hidden_size", "n_lstm_layers", "shared_lstm", "enable_critic_lstm", "lstm_kwargs"),
        ),
        actions=ANY_ACTIONS,
        on_policy=True,
        steps=128,
        batch_size=128,
        policies={f"{kind}Policy": f"{kind}LstmPolicy" for kind in ("Mlp", "Cnn", "MultiInput")},
    ),
    Algorithm(
        name="maskableppo",
        sb3="sb3_contrib:MaskablePPO",
        constructor=tuple(name for name in PPO if name not in SDE),
        policy=(*POLICY, "ortho_init"),
        actions=tuple(kind for kind in ANY_ACTIONS if kind != "Box"),
        on_policy=True,
        steps=2048,
        batch_size=64,
        env_methods=("action_masks",),
    ),
)
