"""Tune a learner that has nothing to do with reinforcement learning: logistic regression by gradient descent.

As a study: `robusttune run examples/own_function.toml`. Without a file: `python examples/own_function.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

EPOCHS = 20


def train(config: Mapping[str, Any], seed: int, report: Callable[[int, float], Any]) -> float:
    """Return the accuracy on fresh data after training on sixty noisy points."""
    rng = np.random.default_rng(seed)
    x, y = points(60, rng)
    x_test, y_test = points(2000, rng)
    weights, velocity, accuracy = np.zeros(10), np.zeros(10), 0.5
    for epoch in range(1, EPOCHS + 1):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // config["batch_size"]):
            chance = 1.0 / (1.0 + np.exp(-x[batch] @ weights))
            gradient = x[batch].T @ (chance - y[batch]) / len(batch) + config["decay"] * weights
            velocity = config["momentum"] * velocity - config["rate"] * gradient
            weights = weights + velocity
        accuracy = float(np.mean((x_test @ weights > 0) == y_test))
        if report(epoch, accuracy) == "stop":
            break
    return accuracy


def points(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return points in ten dimensions, of which two tell the class, and their classes."""
    x = rng.standard_normal((n, 10))
    return x, x[:, 0] + 0.5 * x[:, 1] + 0.5 * rng.standard_normal(n) > 0


if __name__ == "__main__":
    import robusttune as rt

    ranking = rt.tune(
        train,
        space={
            "rate": rt.Float(low=1e-3, high=3.0, scale="log"),
            "decay": rt.Float(low=1e-4, high=1.0, scale="log"),
            "momentum": rt.Float(low=0.0, high=0.95),
            "batch_size": rt.Categorical(choices=(5, 15, 60)),
        },
        n_trials=30,
        post_evaluation=rt.PostEvaluationSpec(top_k=4, n_seeds=20),
        evaluation=rt.EvaluationSpec(every=1),
        total_timesteps=EPOCHS,
        pruner="median",
    )
    print(*ranking.answer, sep="\n")
