"""Real hyperparameters behind what a search has stored: powers, 1 − x, names of networks, schedules.

Conventions are decided by the stored bounds and not by the names: `one_minus_gamma` in [0.97, 0.9999] is γ itself, and
`gamma` in [0.0001, 0.1] is 1 − γ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import check_hyperparameters
from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError
from robusttune.interop.plain_values import plain_value

_COMPLEMENTS = ("gamma", "gae_lambda")  # near 1, so that searches store 1 − x
_POWERS = ("n_steps", "batch_size")  # never so small as the exponents that searches store
_LARGEST_EXPONENT = 30
_LARGEST_UNLIKELY = 16  # an on-policy rollout or a minibatch of so few is more likely an exponent
_ALIASES = {"lr": "learning_rate", "activation": "activation_fn"}
_DECORATIONS = (
    r"(?:one|1)_minus_(?P<complement>\w+)",
    r"(?P<power>\w+)_pow",
    r"(?:exponent|log2)_(?P<other>\w+)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredValue:
    """One hyperparameter of a trial as a search has stored it.

    Attributes
    ----------
    name : str
    value : object
    low, high : float, optional
        Bounds of what was searched; None where it is not numeric.
    """

    name: str
    value: Any
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a stored value is: `target` of the algorithm, after a transformation; an empty target is left out."""

    target: str
    form: str = "x"

    def real(self, value: Any) -> Any:
        """Return the real value."""
        if self.form == "x":
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise SpecError(f"{self.target} = {value!r}: must be a number to be read as {self.form}.")
        if self.form == "1 - x":
            return 1 - value
        if value != int(value) or not 0 <= value <= _LARGEST_EXPONENT:
            raise SpecError(f"{self.target} = 2**{value!r}: the exponent must be 0 to {_LARGEST_EXPONENT}.")
        return 2 ** int(value)


def told_meaning(text: str) -> tuple[str, Meaning]:
    """Return (stored name, meaning) of `lr=learning_rate`, `g=1-gamma`, `n=2**n_steps` or `unused=`.

    Raises
    ------
    SpecError
        If it is not written so.
    """
    found = re.fullmatch(r"\s*([^=]+?)\s*=\s*(1\s*-|2\s*\*\*)?\s*(\w*)\s*", text)
    if found is None or (found[2] and not found[3]):
        raise SpecError(
            f"meaning = {text!r}: is written stored=hyperparameter, for example lr=learning_rate, g=1-gamma, "
            "n=2**n_steps, or unused= to leave one out."
        )
    form = {None: "x", "1": "1 - x", "2": "2**x"}[found[2] and found[2][0]]
    return found[1], Meaning(target=found[3], form=form)


def meaning_of(algorithm: str, stored: StoredValue) -> Meaning:
    """Return what a stored hyperparameter means, by its bounds.

    Raises
    ------
    SpecError
        If the algorithm has no such hyperparameter, or its bounds allow two readings.
    """
    known = ALGORITHMS[algorithm].hyperparameters
    found = next(filter(None, (re.fullmatch(one, stored.name) for one in _DECORATIONS)), None)
    plain = stored.name in known or found is None
    base = stored.name if plain or found is None else next(part for part in found.groups() if part)
    target = _ALIASES.get(base, base)
    if target not in known and target not in _SPECIAL:
        raise SpecError(
            f"{stored.name}: {algorithm} has no hyperparameter {target!r}{did_you_mean(target, known)}. Say what it "
            f"means, {stored.name}=<hyperparameter>, or leave it out, {stored.name}= (`meanings`)."
        )
    if stored.low is None or stored.high is None:
        return Meaning(target=target)
    if target in _COMPLEMENTS:
        is_complement = stored.high <= 0.5 if plain else stored.low < 0.5
        return Meaning(target=target, form="1 - x" if is_complement else "x")
    if not plain:
        return Meaning(target=target, form="2**x" if stored.high <= _LARGEST_EXPONENT else "x")
    if target in _POWERS and stored.high <= _LARGEST_UNLIKELY and algorithm in ("ppo", "trpo"):
        raise SpecError(
            f"{stored.name} in [{stored.low:g}, {stored.high:g}]: may be {target} or its exponent. Say which: "
            f"{stored.name}={target} or {stored.name}=2**{target} (`meanings`)."
        )
    return Meaning(target=target)


# Words of RL Zoo's searches that are no hyperparameters: they change how others are read.
_SPECIAL = ("lr_schedule", "subsample_steps", "top_frac_size")


def real_hyperparameters(
    algorithm: str,
    stored: Sequence[StoredValue],
    *,
    meanings: Mapping[str, Meaning],
    attributes: Mapping[str, Any],
) -> dict[str, JsonValue]:
    """Return the real hyperparameters of a trial.

    Parameters
    ----------
    algorithm : str
        Key of `ALGORITHMS`.
    stored : sequence of StoredValue
    meanings : mapping
        Stored name → what it means, where the caller knows.
    attributes : mapping
        What the search noted beside the trial. True values among them must agree with what was read.

    Raises
    ------
    SpecError
        If a value cannot be understood, or contradicts what the search noted.
    """
    read: dict[str, Any] = {}
    for one in stored:
        meaning = meanings.get(one.name) or meaning_of(algorithm, one)
        if not meaning.target:
            continue
        if meaning.target in read:
            raise SpecError(f"{one.name}: a second value of {meaning.target}; leave one out (`meanings`).")
        read[meaning.target] = plain_value(algorithm, meaning.target, meaning.real(one.value))
        _check_noted(meaning.target, read[meaning.target], attributes, one.name)
    return finished(
        algorithm, read, is_zoo={"one_minus_gamma", "batch_size_pow"} <= {one.name for one in stored}
    )


def finished(algorithm: str, read: dict[str, Any], *, is_zoo: bool = False) -> dict[str, JsonValue]:
    """Return hyperparameters with what RL Zoo derives from them, checked.

    RL Zoo trains as many gradient steps as it collects, or one for every `subsample_steps`.
    """
    schedule, subsample = read.pop("lr_schedule", None), read.pop("subsample_steps", None)
    if schedule == "linear" and isinstance(read.get("learning_rate"), float):
        read["learning_rate"] = f"lin_{read['learning_rate']!r}"
    elif schedule not in (None, "constant", "linear"):
        raise SpecError(f"lr_schedule = {schedule!r}: must be 'linear' or 'constant'.")
    if "top_frac_size" in read:
        read["n_top"] = max(int(read.pop("top_frac_size") * read.get("n_delta", 8)), 1)
    train_freq = read.get("train_freq")
    if is_zoo and type(train_freq) is int and "gradient_steps" not in read:
        read["gradient_steps"] = max(train_freq // subsample, 1) if subsample else train_freq
    if "noise_type" in read and read["noise_type"] is None:
        del read["noise_type"]
        read.pop("noise_std", None)
    check_hyperparameters(ALGORITHMS[algorithm], read, where="hyperparameters")
    return read


def _check_noted(target: str, value: Any, attributes: Mapping[str, Any], name: str) -> None:
    noted = attributes.get(target, attributes.get(f"{target}_"))
    numbers = [x for x in (noted, value) if isinstance(x, int | float) and not isinstance(x, bool)]
    if len(numbers) == 2 and not math.isclose(numbers[0], numbers[1], rel_tol=1e-6, abs_tol=1e-9):
        raise SpecError(
            f"{name}: read as {target} = {value!r} by its bounds, but the trial notes {target} = {noted!r}. Say what "
            f"it means: {name}={target}, {name}=1-{target} or {name}=2**{target} (`meanings`)."
        )
