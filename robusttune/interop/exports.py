"""A configuration of a ranking goes out: as RL Zoo's YAML, as JSON or YAML with its numbers, as a model card."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import yaml

from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.training.sb3 import Sb3Training
from robusttune.errors import SpecError
from robusttune.interop import rl_zoo_files
from robusttune.report.model import Ranking, Row
from robusttune.report.model_card import configuration_document, model_card


def export(ranking: Ranking, form: str, *, configuration: str | None = None) -> str:
    """Return a configuration of a ranking as the text of a file.

    Parameters
    ----------
    ranking : Ranking
    form : {"rl-zoo", "json", "yaml", "model-card"}
    configuration : str, optional
        Its name in the ranking; None takes the recommended one.

    Raises
    ------
    SpecError
        If there is no such form or configuration, or the form cannot hold what the study trains.
    """
    if form not in FORMS:
        raise SpecError(f"form = {form!r}: must be one of {', '.join(FORMS)}{did_you_mean(form, FORMS)}.")
    name = ranking.analysis.recommended if configuration is None else configuration
    names = [row.name for row in ranking.rows]
    if name not in names:
        raise SpecError(
            f"configuration = {name!r}: was not evaluated{did_you_mean(name, names)}. Evaluated: {', '.join(names)}."
        )
    return FORMS[form](ranking, ranking.row(name))


def _rl_zoo(ranking: Ranking, row: Row) -> str:
    training = ranking.study.training
    if not isinstance(training, Sb3Training):
        raise SpecError(
            f"rl-zoo: RL Zoo trains algorithms in environments, but this study is {training.title}."
        )
    mean = row.analysis.mean
    return (
        f"# {row.name} of {ranking.study.name}: {mean.estimate:.6g} [{mean.low:.6g}, {mean.high:.6g}] on average over "
        f"{row.analysis.n_seeds} fresh seeds, {ranking.analysis.level:.0%} interval.\n"
        + rl_zoo_files.to_yaml(training, row.candidate.hyperparameters)
    )


def _json(ranking: Ranking, row: Row) -> str:
    return json.dumps(configuration_document(ranking, row), indent=2, allow_nan=False) + "\n"


def _yaml(ranking: Ranking, row: Row) -> str:
    # Through JSON: only plain values, and no anchors.
    return str(yaml.safe_dump(json.loads(_json(ranking, row)), sort_keys=False, allow_unicode=True))


FORMS: Mapping[str, Callable[[Ranking, Row], str]] = {
    "rl-zoo": _rl_zoo,
    "json": _json,
    "yaml": _yaml,
    "model-card": model_card,
}
