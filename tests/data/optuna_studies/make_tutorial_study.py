"""Make `tutorial.log`: the search of "Automatic Hyperparameter Tuning - In Practice (Part 2)", from its text.

Run here: `python make_tutorial_study.py`, or with a number of trials. Shorter than the tutorial's 40,000 steps: what
matters is what is stored, and how; γ is stored under the name `one_minus_gamma`.
"""

import sys

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

N_ENVS, N_TIMESTEPS, N_EVALUATIONS, N_TRIALS = 5, 2_000, 2, int([*sys.argv, "8"][1])


class TrialEvaluation(EvalCallback):
    """Reports each evaluation to its trial."""

    def __init__(self, trial, env, frequency):
        super().__init__(env, n_eval_episodes=2, eval_freq=frequency, verbose=0)
        self.trial, self.index, self.is_pruned = trial, 0, False

    def _on_step(self):
        going_on = super()._on_step()
        if self.n_calls % self.eval_freq == 0:
            self.index += 1
            self.trial.report(self.last_mean_reward, self.index)
            self.is_pruned = self.trial.should_prune()
        return going_on and not self.is_pruned


def objective(trial):
    n_steps = 2 ** trial.suggest_int("n_steps_pow", 5, 12)
    gamma = trial.suggest_float("one_minus_gamma", 0.97, 0.9999)
    learning_rate = trial.suggest_float("learning_rate", 3e-5, 3e-3, log=True)
    activation = trial.suggest_categorical("activation_fn", ["tanh", "relu"])
    trial.set_user_attr("n_steps", n_steps)
    env, evaluated = make_vec_env("Pendulum-v1", N_ENVS), make_vec_env("Pendulum-v1", 2)
    policy = {"activation_fn": {"tanh": nn.Tanh, "relu": nn.ReLU}[activation]}
    model = PPO(
        "MlpPolicy", env, n_steps=n_steps, gamma=gamma, learning_rate=learning_rate, policy_kwargs=policy
    )
    callback = TrialEvaluation(trial, evaluated, max(N_TIMESTEPS // N_EVALUATIONS // N_ENVS, 1))
    model.learn(N_TIMESTEPS, callback=callback)
    if callback.is_pruned:
        raise optuna.TrialPruned
    return float(callback.last_mean_reward)


if __name__ == "__main__":
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend("tutorial.log")),
        study_name="ppo-Pendulum-v1_1",
        sampler=optuna.samplers.TPESampler(n_startup_trials=5, seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=N_EVALUATIONS // 3),
        direction="maximize",
        load_if_exists=True,
    )
    study.optimize(objective, n_trials=N_TRIALS)
