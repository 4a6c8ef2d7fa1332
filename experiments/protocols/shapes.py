"""The declared landscapes: hills, ridges, edges, plateaus, ripples and choices, with noise of several kinds."""

from __future__ import annotations

import functools

import numpy as np
from scipy import special

from experiments.protocols.landscapes import Declared, Field, FloatArray


def _constant(value: float) -> Field:
    return lambda u: np.full(u.shape[:-1], value)


def _bowl(u: FloatArray, centre: tuple[float, ...], width: tuple[float, ...]) -> FloatArray:
    """Return a hill of height 1 with flat skirts over the first columns."""
    distance = (u[..., : len(centre)] - np.array(centre)) / np.array(width)
    found: FloatArray = 1.0 / (1.0 + np.sum(distance**2, axis=-1))
    return found


def _edge(u: FloatArray) -> FloatArray:
    """Return where training breaks down: a step size, larger where the second column is."""
    return 0.55 + 0.3 * u[..., 1]


def _rising(u: FloatArray) -> FloatArray:
    """Return a slope that ends at the edge."""
    held = special.expit((_edge(u) - u[..., 0]) / 0.02)
    found: FloatArray = (
        held * (0.4 + 0.6 * u[..., 0] / 0.85) * (0.6 + 0.4 * _bowl(u[..., 2:], (0.4,), (0.4,)))
    )
    return found


def _ridge(u: FloatArray) -> FloatArray:
    along, across = u[..., 0] + u[..., 1], u[..., 0] - u[..., 1]
    distance = ((across - 0.2) / 0.12) ** 2 + ((along - 1.1) / 0.7) ** 2 + ((u[..., 2] - 0.5) / 0.6) ** 2
    return 1.0 / (1.0 + distance)


_OFFSETS = (np.array([0.0, -0.12, -0.3]), np.array([-0.08, 0.0]), np.array([-0.2, 0.0, -0.05, -0.15]))


def _choices(u: FloatArray) -> FloatArray:
    places = u[..., 2:].astype(int)
    offset = sum(_OFFSETS[i][places[..., i]] for i in range(3))
    centre = 0.3 + 0.2 * places[..., 0]  # the best step size depends on the first choice
    distance = ((u[..., 0] - centre) / 0.3) ** 2 + ((u[..., 1] - 0.6) / 0.5) ** 2
    found: FloatArray = 1.0 / (1.0 + distance) + offset
    return found


def _plateau(u: FloatArray) -> FloatArray:
    return np.minimum(1.0, 1.1 * _bowl(u, (0.35, 0.6, 0.5, 0.5), (0.2, 0.2, 0.35, 0.5)))


def _basins(u: FloatArray) -> FloatArray:
    broad = 0.85 * _bowl(u, (0.3, 0.35, 0.4), (0.4, 0.4, 0.7))
    narrow = np.exp(-0.5 * np.sum(((u[..., :2] - 0.78) / 0.09) ** 2, axis=-1))
    found: FloatArray = np.maximum(broad, broad + (1.0 - broad) * narrow)
    return found


def _many(u: FloatArray) -> FloatArray:
    weight = 0.6 ** np.arange(8)
    centre = np.array([0.35, 0.7, 0.5, 0.25, 0.6, 0.45, 0.8, 0.5])
    found: FloatArray = 1.0 - np.sum(weight * (u - centre) ** 2, axis=-1)
    return found


def _rippled(u: FloatArray) -> FloatArray:
    ripple = np.cos(2 * np.pi * (u[..., 0] - 0.4) / 0.09) + np.cos(2 * np.pi * (u[..., 1] - 0.6) / 0.11)
    return _bowl(u, (0.4, 0.6, 0.5), (0.35, 0.45, 0.8)) + 0.06 * ripple


def _choice(u: FloatArray, column: int, loss: float) -> FloatArray:
    found: FloatArray = -loss * (u[..., column] == 1)
    return found


@functools.cache
def declared() -> tuple[Declared, ...]:
    """Return the declared landscapes."""
    return (
        Declared(
            name="smooth",
            dimensions=(0, 0, 0, 0, -2),
            level=lambda u: _bowl(u, (0.6, 0.4, 0.7, 0.5), (0.35, 0.5, 0.7, 1.0)) + _choice(u, 4, 0.15),
            spread=_constant(0.2),
        ),
        Declared(
            name="skewed",
            dimensions=(0, 0, 0, 0, 0),
            level=lambda u: _bowl(u, (0.3, 0.6, 0.5, 0.7, 0.4), (0.4, 0.4, 0.6, 0.8, 1.2)),
            spread=_constant(0.2),
            noise="skewed",
        ),
        Declared(
            name="failing",
            dimensions=(0, 0, 0, -2),
            level=lambda u: _bowl(u, (0.55, 0.4, 0.6), (0.3, 0.4, 0.6)) + _choice(u, 3, 0.1),
            spread=_constant(0.06),
            p_failing=_constant(0.2),
            failing=-0.3,
        ),
        Declared(
            name="failing more often",
            dimensions=(0, 0, 0, 0),
            level=lambda u: _bowl(u, (0.7, 0.4, 0.6), (0.35, 0.5, 0.8)),
            spread=_constant(0.08),
            p_failing=lambda u: 0.05 + 0.6 * special.expit((u[..., 0] - 0.65) / 0.07),
            failing=-0.1,
        ),
        Declared(
            name="edge",
            dimensions=(0, 0, 0),
            level=_rising,
            spread=lambda u: 0.06 + 0.2 * special.expit((u[..., 0] - _edge(u) + 0.12) / 0.04),
        ),
        Declared(name="ridge", dimensions=(0, 0, 0), level=_ridge, spread=_constant(0.2)),
        Declared(name="choices", dimensions=(0, 0, -3, -2, -4), level=_choices, spread=_constant(0.15)),
        Declared(
            name="plateau",
            dimensions=(0, 0, 0, 0),
            level=_plateau,
            spread=lambda u: 0.06 + 0.15 * (1.0 - _plateau(u)),
            noise="skewed",
        ),
        Declared(name="two basins", dimensions=(0, 0, 0), level=_basins, spread=_constant(0.15)),
        Declared(name="many", dimensions=(0,) * 8, level=_many, spread=_constant(0.12)),
        Declared(
            name="whole numbers",
            dimensions=(8, 6, 0, 5),
            level=lambda u: _bowl(u, (0.43, 0.6, 0.5, 0.25), (0.3, 0.5, 0.7, 1.0)),
            spread=_constant(0.2),
            noise="heavy",
        ),
        Declared(name="rippled", dimensions=(0, 0, 0), level=_rippled, spread=_constant(0.15)),
    )
