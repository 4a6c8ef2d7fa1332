"""The lockstep TPE suggests what Optuna's does, in distribution."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats

from experiments.protocols.landscapes import uniform
from experiments.protocols.tpe import suggest

N_OPTUNA, N_LOCKSTEP = 500, 4000
LEVEL = 0.001  # per comparison; with twelve of them a right sampler fails one run in eighty, and the seeds are fixed
CASES = [((0, 0, -2), 12), ((0, 6, -3), 40), ((0, 0, 0), 110), ((8, -4, 0), 300)]


def distribution(m: int) -> BaseDistribution:
    if m == 0:
        return FloatDistribution(0.0, 1.0)
    return IntDistribution(0, m - 1) if m > 0 else CategoricalDistribution(tuple(range(-m)))


def optuna_suggestions(dimensions: tuple[int, ...], points: np.ndarray, values: np.ndarray) -> np.ndarray:
    names = [f"x{i}" for i in range(len(dimensions))]
    space = {name: distribution(m) for name, m in zip(names, dimensions, strict=True)}
    found = []
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for seed in range(N_OPTUNA):
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        if not found:
            trials = [
                optuna.trial.create_trial(
                    params={
                        n: float(x) if m == 0 else int(x)
                        for n, x, m in zip(names, point, dimensions, strict=True)
                    },
                    distributions=space,
                    value=float(value),
                )
                for point, value in zip(points, values, strict=True)
            ]
        study.add_trials(trials)
        params = study.ask(space).params
        found.append([params[name] for name in names])
    return np.array(found, dtype=float)


@pytest.mark.thorough
@pytest.mark.parametrize(("dimensions", "n_trials"), CASES)
def test_suggestions_have_the_distribution_of_optunas(dimensions: tuple[int, ...], n_trials: int) -> None:
    rng = np.random.default_rng(n_trials)
    points = uniform(dimensions, rng.random((n_trials, len(dimensions))))
    values = -((points[:, 0] / max(1, dimensions[0]) - 0.3) ** 2) + 0.1 * rng.standard_normal(n_trials)
    theirs = optuna_suggestions(dimensions, points, values)
    many = np.broadcast_to(points, (N_LOCKSTEP, *points.shape))
    ours = suggest(dimensions, many, np.broadcast_to(values, (N_LOCKSTEP, n_trials)), rng)
    for column, m in enumerate(dimensions):
        if m == 0:
            p = stats.ks_2samp(ours[:, column], theirs[:, column]).pvalue
        else:
            counts = np.array(
                [np.bincount(x[:, column].astype(int), minlength=abs(m)) for x in (ours, theirs)]
            )
            p = stats.chi2_contingency(counts[:, counts.sum(axis=0) > 0]).pvalue
        assert p > LEVEL, f"column {column} of {dimensions} after {n_trials} trials: p = {p:.2g}"


def test_equal_values_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((1, 40, 1))
    one, other = (suggest((0,), points, np.zeros((1, 40)), np.random.default_rng(1)) for _ in range(2))
    assert one == other
