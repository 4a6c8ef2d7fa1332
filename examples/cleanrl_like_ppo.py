"""PPO on CartPole in a single file. It knows nothing of robusttune: its arguments come from a command line.

Alone: `python examples/cleanrl_like_ppo.py --seed 1`. As a study: `robusttune run examples/cleanrl_like_ppo.toml`.
"""

from __future__ import annotations

import argparse

import gymnasium as gym
import numpy as np
import torch
from torch import nn


def arguments() -> argparse.Namespace:
    """Return the settings."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--total-timesteps", type=int, default=50_000)
    parser.add_argument("--learning-rate", type=float, default=2.5e-3)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--gae-lambda", type=float, default=0.95)
    parser.add_argument("--clip-coef", type=float, default=0.2)
    parser.add_argument("--ent-coef", type=float, default=0.01)
    parser.add_argument("--num-envs", type=int, default=4)
    parser.add_argument("--num-steps", type=int, default=128)
    parser.add_argument("--update-epochs", type=int, default=4)
    parser.add_argument("--num-minibatches", type=int, default=4)
    parser.add_argument("--eval-episodes", type=int, default=10)
    return parser.parse_args()


def layer(n_in: int, n_out: int, gain: float = 2**0.5) -> nn.Linear:
    """Return a linear layer with orthogonal weights."""
    linear = nn.Linear(n_in, n_out)
    nn.init.orthogonal_(linear.weight, gain)
    nn.init.zeros_(linear.bias)
    return linear


def network(n_in: int, n_out: int, gain: float) -> nn.Sequential:
    """Return two hidden layers of 64 units and an output."""
    return nn.Sequential(layer(n_in, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, n_out, gain))


def main() -> None:
    """Train, then print the mean return of the final evaluation."""
    args = arguments()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    envs = gym.vector.SyncVectorEnv(
        [lambda: gym.make("CartPole-v1")] * args.num_envs,
        autoreset_mode=gym.vector.AutoresetMode.SAME_STEP,
    )
    n_observations = envs.single_observation_space.shape[0]
    actor = network(n_observations, int(envs.single_action_space.n), 0.01)
    critic = network(n_observations, 1, 1.0)
    parameters = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=args.learning_rate, eps=1e-5)
    observation = torch.tensor(envs.reset(seed=args.seed)[0])
    shape = (args.num_steps, args.num_envs)
    n_updates = max(1, args.total_timesteps // (args.num_steps * args.num_envs))
    for update in range(n_updates):
        optimizer.param_groups[0]["lr"] = (1.0 - update / n_updates) * args.learning_rate
        observations = torch.zeros((*shape, n_observations))
        actions, log_probs, values, rewards, dones = (torch.zeros(shape) for _ in range(5))
        for step in range(args.num_steps):
            with torch.no_grad():
                choice = torch.distributions.Categorical(logits=actor(observation))
                action = choice.sample()
                observations[step], actions[step] = observation, action
                log_probs[step], values[step] = choice.log_prob(action), critic(observation).flatten()
            following, reward, terminated, truncated, _ = envs.step(action.numpy())
            observation = torch.tensor(following)
            rewards[step], dones[step] = torch.tensor(reward), torch.tensor(terminated | truncated)
        with torch.no_grad():
            next_value, advantage = critic(observation).flatten(), torch.zeros(args.num_envs)
        advantages = torch.zeros(shape)
        for step in reversed(range(args.num_steps)):
            goes_on = 1.0 - dones[step]
            delta = rewards[step] + args.gamma * next_value * goes_on - values[step]
            advantages[step] = advantage = delta + args.gamma * args.gae_lambda * goes_on * advantage
            next_value = values[step]
        batch = [x.flatten(0, 1) for x in (observations, actions, log_probs, advantages, advantages + values)]
        for _ in range(args.update_epochs):
            for index in np.array_split(rng.permutation(len(batch[0])), args.num_minibatches):
                x, action, old_log_prob, own, target = (part[index] for part in batch)
                choice = torch.distributions.Categorical(logits=actor(x))
                ratio = (choice.log_prob(action) - old_log_prob).exp()
                own = (own - own.mean()) / (own.std() + 1e-8)
                clipped = ratio.clamp(1 - args.clip_coef, 1 + args.clip_coef)
                policy_loss = -torch.min(own * ratio, own * clipped).mean()
                value_loss = 0.5 * (critic(x).flatten() - target).square().mean()
                loss = policy_loss + 0.5 * value_loss - args.ent_coef * choice.entropy().mean()
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, 0.5)
                optimizer.step()
    env = gym.make("CartPole-v1")
    returns = []
    for episode in range(args.eval_episodes):
        observed, done, total = env.reset(seed=args.seed if episode == 0 else None)[0], False, 0.0
        while not done:
            with torch.no_grad():
                best = int(actor(torch.tensor(observed)).argmax())
            observed, reward, terminated, truncated, _ = env.step(best)
            done, total = terminated or truncated, total + float(reward)
        returns.append(total)
        print(f"eval_episode={episode}, episodic_return={total}")
    print(f"mean_return={np.mean(returns)}")


if __name__ == "__main__":
    main()
