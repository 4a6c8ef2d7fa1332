"""A first study file for an algorithm and an environment."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.files import whole_file
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.presets import presets_for
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_study
from robusttune.errors import SpecError
from robusttune.pipeline.planning.advice import advised_split

_EVALUATIONS = 2


def write_study_file(
    path: str | Path, *, algorithm: str, environment: str, timesteps: int, budget: int, force: bool = False
) -> StudySpec:
    """Write a commented study file and return the study that it declares.

    Parameters
    ----------
    path : path
    algorithm, environment : str
        Name in Stable-Baselines3, and Gymnasium id.
    timesteps : int
        Environment steps of one run.
    budget : int
        Training runs of both stages together, split as the protocol study advises; see `advice.advised_split`.
    force : bool
        Overwrite an existing file.

    Raises
    ------
    SpecError
        If the algorithm is unknown, a number is too small, the file exists and `force` is not set, or it
        cannot be written.
    """
    path = Path(path)
    _check_request(path, algorithm, timesteps, force=force)
    split = advised_split(budget)
    templates = Environment(
        loader=PackageLoader("robusttune.pipeline.planning"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    text = templates.get_template("study.toml.j2").render(
        name=f"{algorithm}-{re.sub(r'[^A-Za-z0-9._-]+', '-', environment)}",
        algorithm=algorithm,
        on_policy=ALGORITHMS[algorithm].on_policy,
        known=ALGORITHMS[algorithm].hyperparameters,
        presets=presets_for(algorithm),
        environment=environment,
        timesteps=timesteps,
        every=timesteps // _EVALUATIONS,
        split=split,
    )
    try:
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{path} cannot be written: {error.strerror}.") from None
    return load_study(path)


def _check_request(path: Path, algorithm: str, timesteps: int, *, force: bool) -> None:
    if algorithm not in ALGORITHMS:
        raise SpecError(
            f"algorithm = {algorithm!r}: must be one of {', '.join(ALGORITHMS)}{did_you_mean(algorithm, ALGORITHMS)}."
        )
    if timesteps < _EVALUATIONS:
        raise SpecError(f"timesteps = {timesteps}: must be at least {_EVALUATIONS}.")
    if path.exists() and not force:
        raise SpecError(f"{path} already exists. Choose another name, or overwrite it with force = true.")
