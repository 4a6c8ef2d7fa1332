"""What the report across studies needs of each study: the only place that knows how a `Ranking` is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from robusttune.declaration.matrix import MatrixStudy
from robusttune.declaration.run import config_id, content_id
from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.select import DEFAULT_CONTROL
from robusttune.report.model import Ranking
from robusttune.report.recommendation import recommended

TUNED = "tuned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationScores:
    """One configuration that a study judged.

    Attributes
    ----------
    name : str
        `"trial 7"`, `"default"` or the name of a control.
    config_id : str
    training : str
        Id of what is trained besides the hyperparameters: environment, algorithm, budget, evaluation.
    seeds, scores : tuple
        One of each per run; a diverged run has the score that the study's policy gives it.
    n_diverged, n_missing : int
    """

    name: str
    config_id: str
    training: str
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    n_diverged: int = 0
    n_missing: int = 0

    @property
    def mean(self) -> float:
        """Mean score."""
        return sum(self.scores) / len(self.scores)

    @property
    def runs(self) -> tuple[object, ...]:
        """What is equal where two studies have the very same runs."""
        return (self.training, self.config_id, self.seeds, self.scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyScores:
    """One study of a matrix.

    Attributes
    ----------
    task, method : str
        Its place in the matrix; empty where the matrix has no such axis.
    configurations : tuple of ConfigurationScores
        Best first.
    roles : mapping
        `"tuned"`, the recommended configuration, and the name of each control → configuration. A control that the
        search found too is here under its own name.
    is_confirmed : bool
        Whether the tuned configuration's scores are of seeds that had no part in choosing it.
    """

    study: StudySpec
    task: str
    method: str
    configurations: tuple[ConfigurationScores, ...]
    roles: Mapping[str, ConfigurationScores]
    is_confirmed: bool = False


def scores_of(member: MatrixStudy, ranking: Ranking) -> StudyScores:
    """Return what the report across studies needs of a ranking."""
    training = _training_id(ranking.study)
    found = {
        row.config_id: ConfigurationScores(
            name=row.name,
            config_id=row.config_id,
            training=training,
            seeds=row.seeds,
            scores=row.scores,
            n_diverged=row.n_diverged,
            n_missing=row.n_missing,
        )
        for row in ranking.rows
    }
    roles = {TUNED: found[recommended(ranking.rows).config_id]}
    post = ranking.study.post_evaluation
    controls = {control.name: config_id(dict(control.hyperparameters)) for control in post.controls}
    if post.default_control:
        controls = {DEFAULT_CONTROL: config_id({}), **controls}
    roles |= {
        name if name != TUNED else f"{name} (control)": found[wanted]
        for name, wanted in controls.items()
        if wanted in found
    }
    return StudyScores(
        study=ranking.study,
        task=member.task,
        method=member.method,
        configurations=tuple(found.values()),
        roles=roles,
    )


def _training_id(study: StudySpec) -> str:
    document = study.to_dict()
    del document["algorithm"]["hyperparameters"]  # a control is its own whole configuration
    return content_id([document[part] for part in ("environment", "algorithm", "evaluation")])
