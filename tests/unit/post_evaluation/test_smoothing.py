"""The model of a search: against a plain Gaussian process, and on searches whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from robusttune.declaration.space import Categorical, Float, Int, SearchSpace
from robusttune.post_evaluation import smoothing
from robusttune.post_evaluation.encoding import Encoded, encode
from robusttune.post_evaluation.smoothing import Scale, Smoothed, posterior_means, scale_of, smooth


def searched(n: int, *, noise: float, seed: int = 0) -> tuple[Encoded, np.ndarray, np.ndarray]:
    """Return a search of a hill over two numbers and a choice, its values and its truth."""
    rng = np.random.default_rng(seed)
    x, choice = rng.random((n, 2)), rng.integers(2, size=n)
    truth = -((x[:, 0] - 0.4) ** 2) - 0.5 * (x[:, 1] - 0.6) ** 2 - 0.1 * choice
    columns = np.column_stack([x, choice == 0, choice == 1])
    return (
        Encoded(columns=columns, groups=np.array([0, 1, 2, 2])),
        truth + noise * rng.standard_normal(n),
        truth,
    )


def regret(means: np.ndarray, truth: np.ndarray) -> float:
    return float((truth.max() - truth[means.argmax()]) / (truth.max() - np.median(truth)))


def test_the_gradient_is_that_of_the_likelihood() -> None:
    encoded, values, _ = searched(20, noise=0.1)
    squares = smoothing._squares(encoded, np.arange(20))
    weights = np.random.default_rng(1).uniform(0.3, 1.3, 20)
    theta = np.array([-0.5, 0.2, 0.1, -0.3, -1.0])
    value, gradient = smoothing._likelihood(squares, values, weights, theta)
    assert np.isfinite(value)
    numeric = approx_fprime(
        theta, lambda t: smoothing._likelihood(squares, values, weights, np.asarray(t))[0], 1e-6
    )
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-4)


def test_the_posterior_is_that_of_a_naive_gaussian_process() -> None:
    encoded, values, _ = searched(15, noise=0.1)
    theta, weights = np.array([-0.5, 0.2, 0.1, -0.3, -1.0]), np.linspace(0.5, 1.5, 15)
    length, signal, noise = np.exp(theta[:3]), np.exp(theta[3]), np.exp(theta[4])
    kernel = np.empty((15, 15))
    for i, a in enumerate(encoded.columns):
        for j, b in enumerate(encoded.columns):
            r = np.sqrt(5 * sum(((a - b)[c] / length[g]) ** 2 for c, g in enumerate(encoded.groups)))
            kernel[i, j] = signal * (1 + r + r * r / 3) * np.exp(-r)
    inverse = np.linalg.inv(kernel + np.diag(noise / weights + 1e-4))
    centre = np.average(values, weights=weights)
    mean, covariance = smoothing._posterior(encoded, values, weights, theta)
    np.testing.assert_allclose(mean, centre + kernel @ inverse @ (values - centre), rtol=1e-8)
    np.testing.assert_allclose(covariance, kernel - kernel @ inverse @ kernel, atol=1e-8)


def test_smoothing_finds_better_trials_than_the_highest_values() -> None:
    by_value, by_model = [], []
    for seed in range(60):
        encoded, values, truth = searched(60, noise=0.15, seed=seed)
        found = smooth(encoded, values)
        assert found is not None
        by_value.append(regret(values, truth))
        by_model.append(regret(found.mean, truth))
    assert np.mean(by_model) < 0.8 * np.mean(by_value)


def test_seeds_that_fail_do_not_hide_the_hill() -> None:
    encoded, values, truth = searched(60, noise=0.02)
    whole, rng = smooth(encoded, values), np.random.default_rng(5)
    failing = smooth(encoded, np.where(rng.random(60) < 0.2, values - 50.0, values))
    assert whole is not None
    assert failing is not None
    assert np.corrcoef(failing.mean, truth)[0, 1] > 0.9
    assert regret(failing.mean, truth) < 0.2


def test_a_long_search_is_read_whole() -> None:
    encoded, values, truth = searched(3 * smoothing.MAX_FITTED, noise=0.15)
    found = smooth(encoded, values)
    assert found is not None
    assert found.mean.shape == values.shape
    assert np.corrcoef(found.mean, truth)[0, 1] > 0.9


def test_length_scales_rest_on_good_and_bad_trials_alike() -> None:
    z = np.random.default_rng(0).permutation(np.arange(1000.0))
    chosen = np.sort(z[smoothing._spread_over_ranks(z)])
    np.testing.assert_allclose(chosen, np.linspace(0, 999, smoothing.MAX_FITTED), atol=1)


def test_there_is_nothing_to_learn_from_few_flat_or_unsearched_trials() -> None:
    encoded, values, _ = searched(20, noise=0.1)
    few = Encoded(columns=encoded.columns[:7], groups=encoded.groups)
    assert smooth(few, values[:7]) is None
    assert smooth(encoded, np.zeros(20)) is None
    assert smooth(Encoded(columns=np.zeros((20, 0)), groups=np.zeros(0, dtype=int)), values) is None
    assert scale_of([0.0] * 20) is None


@pytest.mark.parametrize("n", [1, 5])
def test_the_pick_weighs_fresh_means_against_the_search_by_the_formula(n: int) -> None:
    rng = np.random.default_rng(3)
    factor = rng.standard_normal((4, 4))
    model = Smoothed(
        scale=Scale(median=2.0, unit=4.0), mean=rng.standard_normal(4), covariance=factor @ factor.T
    )
    scores = 2.0 + 4.0 * rng.standard_normal((3, n))
    trials = np.array([3, 0, 2])
    z = (scores - 2.0) / 4.0
    s2 = z.var(axis=1, ddof=1) if n > 1 else np.zeros(3)
    p = s2.mean() if n > 1 else 1.0
    d = np.diag((4 * p + (n - 1) * s2) / (n + 3) / n)
    mu, sigma = model.mean[trials], model.covariance[np.ix_(trials, trials)]
    expected = mu + sigma @ np.linalg.inv(sigma + d) @ (z.mean(axis=1) - mu)
    np.testing.assert_allclose(posterior_means(model, trials, list(scores)), expected)


def test_who_has_no_fresh_score_yet_is_judged_by_the_search_and_by_neighbours() -> None:
    covariance = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    model = Smoothed(scale=Scale(median=0.0, unit=1.0), mean=np.zeros(3), covariance=covariance)
    found = posterior_means(model, np.arange(3), [[2.0, 2.1, 1.9], [], []])
    assert found[0] > found[1] > 1.0
    assert found[2] == 0.0


def test_configurations_are_read_on_the_scales_of_the_search() -> None:
    space = SearchSpace(
        parameters={
            "a_rate": Float(low=1e-4, high=1e-2, scale="log"),
            "b_gamma": Float(low=0.9, high=0.999, scale="log1m"),
            "c_steps": Int(low=8, high=32, scale="pow2"),
            "d_width": Int(low=0, high=4),
            "e_net": Categorical(choices=([64], [64, 64], True, 1)),
            "f_only": Float(low=3.0, high=3.0),
        }
    )
    fixed = {"f_only": 3.0}
    found = encode(
        space,
        [
            {"a_rate": 1e-3, "b_gamma": 0.99, "c_steps": 16, "d_width": 1, "e_net": [64, 64], **fixed},
            {"a_rate": 1e-4, "b_gamma": 0.999, "c_steps": 32, "d_width": 4, "e_net": 1, **fixed},
        ],
    )
    assert found.groups.tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    np.testing.assert_allclose(found.columns[0], [0.5, 0.5, 0.5, 0.25, 0, 1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.columns[1], [0.0, 1.0, 1.0, 1.0, 0, 0, 0, 1], atol=1e-12)
