"""Study files: TOML in, `StudySpec` out."""

from __future__ import annotations

import copy
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from robusttune.declaration.algorithms import ALGORITHMS, is_import_path
from robusttune.declaration.axes import expand, set_value
from robusttune.declaration.files import regular
from robusttune.declaration.hyperparameters import HER, N_ENVS, TOTAL_TIMESTEPS
from robusttune.declaration.matrix import Matrix, MatrixStudy
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.presets import preset
from robusttune.declaration.rl_zoo_table import RL_ZOO, tuned_control
from robusttune.declaration.space import Parameter
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.tabular import resolved
from robusttune.errors import SpecError

_LONGEST = 10_000_000
_DEEPEST = 50
_TOO_DEEP = f"tables and arrays are nested more than {_DEEPEST} deep."


def load_matrix(path: str | Path, *, overrides: Sequence[str] = ()) -> Matrix:
    """Return the studies that a file declares, one per combination of its `[matrix]`, and how they belong together.

    Parameters
    ----------
    path : path
        A TOML file.
    overrides : sequence of str
        `"key=value"` with a dotted key and a TOML value; each replaces what the file says.

    Raises
    ------
    SpecError
        If the file cannot be read or declares something impossible; the message names the file, the place,
        the rule, the value and the nearest valid name.
    """
    path = regular(Path(path))
    try:
        text = path.read_bytes()[: _LONGEST + 1].decode("utf-8")
    except OSError as error:
        raise SpecError(
            f"{path}: cannot be read ({error.strerror}). `write_study_file` writes one."
        ) from None
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not valid TOML: {error}") from None
    if len(text) > _LONGEST:
        raise SpecError(f"{path}: a study file has at most {_LONGEST:,} characters.")
    try:
        document = _parsed(text)
        for override in overrides:
            _apply_override(document, override)
        name = str(document.get("name", ""))
        combinations, report = expand(document)
        studies = tuple(
            MatrixStudy(
                study=StudySpec.from_dict(_expand(one.document, path.parent)),
                task=one.task,
                method=one.method,
            )
            for one in combinations
        )
    except SpecError as error:
        raise SpecError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from None
    return Matrix(name=name, studies=studies, report=report)


def load_studies(path: str | Path, *, overrides: Sequence[str] = ()) -> tuple[StudySpec, ...]:
    """Return the studies that a file declares: one, or one per combination of its `[matrix]`; see `load_matrix`."""
    return tuple(one.study for one in load_matrix(path, overrides=overrides).studies)


def load_study(path: str | Path, *, overrides: Sequence[str] = ()) -> StudySpec:
    """Return the one study of a file; see `load_studies`.

    Raises
    ------
    SpecError
        Also if the file has a `[matrix]` with several combinations.
    """
    studies = load_studies(path, overrides=overrides)
    if len(studies) != 1:
        raise SpecError(
            f"{path}: its [matrix] declares {len(studies)} studies; use load_studies to get them all."
        )
    return studies[0]


def _parsed(text: str) -> dict[str, Any]:
    """Return a TOML document, whose tables and arrays are nested as deep as people do."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise SpecError(f"not valid TOML: {_TOO_DEEP}") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"not valid TOML: {error}") from None
    except ValueError:
        raise SpecError(f"an integer has more than {sys.get_int_max_str_digits():,} digits.") from None
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        inner = [one.values() if isinstance(one, dict) else one for one in level]
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return document
    raise SpecError(f"not valid as a study: {_TOO_DEEP}")


def _apply_override(document: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise SpecError(f"{override!r}: an override is written key=value, for example tuning.n_trials=4.")
    try:
        value = _parsed(f"value = {text}")["value"]
    except SpecError:
        value = text.strip()  # an unquoted word is a string
    set_value(document, key.strip(), value)


def _expand(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Replace the short forms that a file may use by the long ones that `StudySpec` has."""
    document = copy.deepcopy(document)
    environment = document.get("environment")
    if isinstance(environment, dict):
        wrappers = environment.get("wrappers")
        if isinstance(wrappers, list):
            environment["wrappers"] = [{"entry_point": w} if isinstance(w, str) else w for w in wrappers]
        for key in ("normalization", "atari"):
            if isinstance(environment.get(key), bool):
                environment[key] = {} if environment[key] else None
    if isinstance(document.get("tabular"), dict):
        document["tabular"] = resolved(document["tabular"], folder)
    for own in (environment, document.get("function"), document.get("command")):
        if isinstance(own, dict):
            own["folder"] = str((folder / str(own.get("folder", "."))).resolve())
    post = document.get("post_evaluation")
    if isinstance(post, dict):
        if isinstance(post.get("allocation"), str):
            post["allocation"] = {"rule": post["allocation"]}
        if isinstance(post.get("controls"), list):
            post["controls"] = [tuned_control(document) if one == RL_ZOO else one for one in post["controls"]]
        _expand_controls(post.get("controls"))
    space = document.get("search_space")
    if isinstance(space, dict) and "preset" in space:
        document["search_space"] = _with_preset(space, document.get("algorithm"))
    return document


def _expand_controls(controls: Any) -> None:
    """A control may name its number of environments and its timesteps beside its hyperparameters."""
    for control in controls if isinstance(controls, list) else ():
        for name in (N_ENVS, TOTAL_TIMESTEPS):
            if isinstance(control, dict) and name in control:
                own = control.setdefault("hyperparameters", {})
                if isinstance(own, dict):
                    own[name] = control.pop(name)


def _with_preset(space: dict[str, Any], algorithm: Any) -> dict[str, Any]:
    if algorithm is None:
        raise SpecError(
            f"search_space.preset = {space['preset']!r}: a preset is for an [algorithm], and the study has none. "
            "List the ranges under [search_space.parameters]."
        )
    name = algorithm.get("name") if isinstance(algorithm, dict) else None
    if not isinstance(name, str) or not (name in ALGORITHMS or is_import_path(name)):
        raise SpecError(
            f"algorithm.name = {name!r}: must be one of {', '.join(ALGORITHMS)}{did_you_mean(name, ALGORITHMS)}."
        )
    own, fixed = space.get("parameters", {}), algorithm.get("hyperparameters", {})
    for place, table in (("search_space.parameters", own), ("algorithm.hyperparameters", fixed)):
        if not isinstance(table, dict):
            raise SpecError(f"{place} = {table!r}: must be a table.")
    her = fixed.get("replay_buffer") == HER
    found = {key: _plain(of) for key, of in preset(str(space["preset"]), name, her=her).items()}
    # What the study fixes or ranges itself takes precedence over the preset.
    taken = {key: of for key, of in found.items() if key not in {*own, *fixed}}
    for key, of in own.items():
        if key not in found and isinstance(of, dict) and "type" not in of:
            raise SpecError(
                f"search_space.parameters.{key}: the preset has no such parameter{did_you_mean(key, found)}; one of "
                "your own needs a `type`: float, int or categorical."
            )
    mine = {key: _over(found.get(key), of) for key, of in own.items()}
    rest = {key: value for key, value in space.items() if key != "preset"}
    return {**rest, "parameters": {**taken, **mine}}


def _over(preset: dict[str, Any] | None, own: Any) -> Any:
    """Return a parameter of the study; one without a type changes what it names of the preset's."""
    is_partial = preset is not None and isinstance(own, dict) and "type" not in own
    return {**preset, **own} if is_partial else own  # type: ignore[dict-item]


def _plain(parameter: Parameter) -> dict[str, Any]:
    from pydantic import RootModel

    return RootModel[Parameter](parameter).model_dump(mode="json")  # type: ignore[no-any-return]
