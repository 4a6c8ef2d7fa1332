"""Results from elsewhere become a study file, whose run post-evaluates them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import feasible
from robusttune.declaration.rl_zoo_table import table, tuned
from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from robusttune.interop import rl_zoo
from robusttune.interop.configuration_values import (
    StoredValue,
    meaning_of,
    real_hyperparameters,
    told_meaning,
)
from robusttune.interop.optuna_studies import FoundStudy, read_study
from robusttune.interop.study_file import Found, Setting, write_study

DEFAULT_TOP_K = 10
DEFAULT_SEEDS = 10


def import_optuna(
    path: str | Path,
    storage: str,
    *,
    study: str | None = None,
    setting: Setting | None = None,
    meanings: Sequence[str] = (),
    top_k: int = DEFAULT_TOP_K,
    n_seeds: int = DEFAULT_SEEDS,
    minimized: bool = False,
    unsafe_pickle: bool = False,
    force: bool = False,
) -> StudySpec:
    """Write a study file that post-evaluates the best complete trials of a study of Optuna's.

    Parameters
    ----------
    path : path
        The study file.
    storage : str
        An SQLAlchemy URL, or the path of an SQLite file, of a journal file or of a pickled study.
    study : str, optional
        Which of its studies; needed if there are several.
    setting : Setting, optional
        What is trained, where the study does not say it. A search of RL Zoo notes its command.
    meanings : sequence of str
        What stored names mean where bounds do not tell; see `configuration_values.told_meaning`.
    top_k : int
        The trials with the highest values; of equal configurations the best counts.
    n_seeds : int
        Fresh seeds of each.
    minimized : bool
        Take the objective as a loss, whose negative is the score.
    unsafe_pickle : bool
        Read a pickle, which may execute any code.
    force : bool
        Overwrite an existing file.

    Raises
    ------
    SpecError
        If anything cannot be understood; the message says what, and the way out.
    """
    found = read_study(storage, study, unsafe_pickle=unsafe_pickle, minimized=minimized)
    noted, values = rl_zoo.noted(found.attributes)
    whole = (setting or Setting()).or_else(noted)
    tabled = tuned(str(whole.algorithm), str(whole.environment)) if values else None
    if tabled is not None:  # RL Zoo takes from its own table what its command does not say
        own = tabled.get("environment", {})
        whole = whole.or_else(
            Setting(timesteps=tabled["timesteps"], n_envs=tabled["n_envs"], environment_tables=own)
        )
    algorithm = whole.known_algorithm(_hint(found.name))
    fixed_setting, fixed = rl_zoo.entry(algorithm, str(whole.environment), {**values, "n_envs": whole.n_envs})
    told = dict(map(told_meaning, meanings))
    configurations = []
    for trial in found.trials:
        try:
            real = real_hyperparameters(algorithm, trial.stored, meanings=told, attributes=trial.attributes)
        except SpecError as error:
            raise SpecError(f"{found.name}, trial {trial.number}: {error}") from None
        configurations.append(
            Found(
                name=f"trial {trial.number}",
                score=trial.value,
                hyperparameters=feasible(ALGORITHMS[algorithm], {**fixed, **real}, n_envs=whole.n_envs or 1),
            )
        )
    taken = [f"What RL Zoo's command does not say is as in {table()['source']}."] if tabled else []
    readings = [] if not found.trials else _readings(algorithm, found.trials[0].stored, set(told))
    return write_study(
        path,
        name=found.name,
        setting=whole.or_else(fixed_setting),
        found=configurations,
        top_k=top_k,
        n_seeds=n_seeds,
        remarks=[*_origin(found, storage, min(top_k, len(found.trials))), *taken, *readings],
        description=f"The best trials of the Optuna study {found.name}, on fresh seeds.",
        force=force,
    )


def _origin(found: FoundStudy, storage: str, n: int) -> list[str]:
    others = f", and {found.n_others} without a score" if found.n_others else ""
    return [
        f"The best {n} of {len(found.trials)} complete trials{others} of the Optuna study {found.name}.",
        f"From {Path(storage).name if '://' not in storage else 'a database'}. Running the study evaluates them on "
        "fresh seeds.",
    ]


def _readings(algorithm: str, stored: Sequence[StoredValue], told: set[str]) -> list[str]:
    """Return how stored values were read, where that is not by their name."""
    lines = []
    for one in stored:
        meaning = None if one.name in told else meaning_of(algorithm, one)
        if meaning is not None and (meaning.form != "x" or meaning.target != one.name):
            bounds = "" if one.low is None or one.high is None else f" in [{one.low:g}, {one.high:g}]"
            lines.append(f"{one.name}{bounds} was read as {meaning.target}{_FORMS[meaning.form]}.")
    return lines


_FORMS = {"x": " itself", "1 - x": " = 1 - x", "2**x": " = 2**x"}


def _hint(name: str) -> str:
    """Return what a name such as `ppo-Pendulum-v1_1` suggests; only the user knows whether it is true."""
    found = re.fullmatch(r"([a-z0-9]+)[-_](\w[\w/-]*-v\d+)(_\d+)?", name)
    return "" if found is None else f" Its name, {name}, suggests {found[1]} on {found[2]}."


def import_rl_zoo(
    path: str | Path,
    source: str | Path,
    *,
    setting: Setting | None = None,
    top_k: int = DEFAULT_TOP_K,
    n_seeds: int = DEFAULT_SEEDS,
    force: bool = False,
) -> StudySpec:
    """Write a study file that evaluates hyperparameters of RL Zoo, or what it has trained.

    Parameters
    ----------
    path : path
        The study file.
    source : path
        A hyperparameter file (`ppo.yml`), or a folder of trainings with their `config.yml` and `args.yml`. Runs of one
        configuration are one; its reported score is the mean of their last evaluations.
    setting : Setting, optional
        Which algorithm and environment of several; other timesteps and environments stepped together than found.
    top_k, n_seeds, force
        See `import_optuna`.

    Raises
    ------
    SpecError
        If anything cannot be understood; the message says what, and the way out.
    """
    from robusttune.interop.rl_zoo_files import find

    source, said = Path(source), setting or Setting()
    found_setting, found = find(source, said.algorithm, said.environment)
    whole = said.or_else(found_setting)
    algorithm = whole.known_algorithm()
    found.sort(key=lambda one: (one.score is None, -(one.score or 0.0)))
    n_envs = whole.n_envs or 1
    fitting = [
        replace(one, hyperparameters=feasible(ALGORITHMS[algorithm], one.hyperparameters, n_envs=n_envs))
        for one in found
    ]
    return write_study(
        path,
        name=f"{algorithm}-{whole.environment}-rl-zoo",
        setting=whole,
        found=fitting,
        top_k=top_k,
        n_seeds=n_seeds,
        remarks=[
            f"Hyperparameters of RL Zoo, from {source.name}. Running the study evaluates them on fresh seeds."
        ],
        description=f"RL Zoo's {algorithm} on {whole.environment}, on fresh seeds.",
        force=force,
    )
