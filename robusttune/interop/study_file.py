"""Study files of what came from elsewhere: only a post-evaluation, of the configurations that were found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.files import whole_file
from robusttune.declaration.ids import config_id
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_study
from robusttune.declaration.toml_text import inline, key_text
from robusttune.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is trained, as far as it is known; None is not known.

    Attributes
    ----------
    algorithm, environment : str, optional
        Name in Stable-Baselines3, and Gymnasium id.
    timesteps, n_envs : int, optional
    policy : str, optional
    environment_tables : mapping
        Further keys of `[environment]`.
    """

    algorithm: str | None = None
    environment: str | None = None
    timesteps: int | None = None
    n_envs: int | None = None
    policy: str | None = None
    environment_tables: Mapping[str, Any] | None = None

    def or_else(self, other: Setting) -> Setting:
        """Return it with what is not known here as it is there."""
        return Setting(
            **{
                name: getattr(other, name) if getattr(self, name) is None else getattr(self, name)
                for name in self.__slots__
            }
        )

    def known_algorithm(self, hint: str = "") -> str:
        """Return the algorithm.

        Raises
        ------
        SpecError
            If anything that must be known is not, or the algorithm is not one of ours.
        """
        missing = [
            name
            for name in ("algorithm", "environment", "timesteps", "n_envs")
            if getattr(self, name) is None
        ]
        if missing:
            named = ", ".join(f"`{name}`" for name in missing)
            raise SpecError(f"What was found does not say everything: give {named}.{hint}")
        if self.algorithm not in ALGORITHMS:
            raise SpecError(
                f"algorithm = {self.algorithm!r}: must be one of {', '.join(ALGORITHMS)}"
                f"{did_you_mean(self.algorithm, ALGORITHMS)}."
            )
        return str(self.algorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A configuration that was found elsewhere."""

    name: str
    hyperparameters: Mapping[str, JsonValue]
    score: float | None = None


def write_study(
    path: str | Path,
    *,
    name: str,
    setting: Setting,
    found: Sequence[Found],
    top_k: int,
    n_seeds: int,
    remarks: Sequence[str],
    description: str,
    force: bool,
) -> StudySpec:
    """Write the study file that post-evaluates the best of what was found, and return its study.

    Of equal configurations the first counts.

    Raises
    ------
    SpecError
        If nothing is left to evaluate, the study breaks a rule, or the file exists or cannot be written.
    """
    path = Path(path)
    if path.exists() and not force:
        raise SpecError(f"{path} already exists. Choose another name, or overwrite it with force = true.")
    distinct: dict[str, Found] = {}
    for one in found:
        distinct.setdefault(config_id(one.hyperparameters), one)
    if not distinct:
        raise SpecError(
            f"{name}: has no complete trial with a finite score, so there is nothing to evaluate."
        )
    algorithm, environment = setting.algorithm, setting.environment_tables or {}
    document = {
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:120] or "imported",
        "description": description,
        "environment": {"id": setting.environment, "n_envs": setting.n_envs, **environment},
        "algorithm": {
            "name": algorithm,
            "total_timesteps": setting.timesteps,
            **({} if setting.policy is None else {"policy": setting.policy}),
        },
        "post_evaluation": {
            "n_seeds": n_seeds,
            "configurations": [_table(one) for one in list(distinct.values())[:top_k]],
        },
    }
    StudySpec.from_dict(document)  # a study that breaks a rule is not written
    lines = [f"# {line}" for remark in remarks for line in remark.splitlines()]
    text = "\n".join([*lines, "", *_toml(document)]) + "\n"
    try:
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise SpecError(f"{path} cannot be written: {error.strerror}.") from None
    return load_study(path)


def _table(found: Found) -> dict[str, Any]:
    score = {} if found.score is None else {"reported_score": found.score}
    return {"name": found.name, **score, "hyperparameters": dict(found.hyperparameters)}


def _toml(document: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the lines of a table: its values, then the tables in it."""
    plain = {key: value for key, value in document.items() if not _is_table(value)}
    lines = [f"{key_text(key)} = {inline(value)}" for key, value in plain.items() if value is not None]
    for key, value in document.items():
        dotted = f"{prefix}{key_text(key)}"
        if isinstance(value, Mapping):
            lines += ["", f"[{dotted}]", *_toml(value, f"{dotted}.")]
        elif _is_table(value):
            for one in value:
                lines += ["", f"[[{dotted}]]", *(f"{key_text(k)} = {inline(v)}" for k, v in one.items())]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)
    )
