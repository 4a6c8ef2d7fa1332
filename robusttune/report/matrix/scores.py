"""What the report across studies needs of each study: the only place that knows how a `Ranking` is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from robusttune.declaration.ids import config_id
from robusttune.declaration.matrix import MatrixStudy
from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.select import DEFAULT_CONTROL, Candidate
from robusttune.report.model import Ranking, Runs
from robusttune.report.prose.checklist import Item

TUNED = "tuned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationScores:
    """One configuration that a study evaluated.

    Attributes
    ----------
    candidate : Candidate
    runs : Runs
        A diverged run has the score that the study's policy gives it.
    first_run : str
        Id of its first run: equal where two studies have the very same runs.
    """

    candidate: Candidate
    runs: Runs
    first_run: str

    @property
    def name(self) -> str:
        """`"trial 7"`, `"default"` or the name of a control."""
        return self.candidate.name

    @property
    def scores(self) -> tuple[float, ...]:
        """One score per run."""
        return self.runs.scores

    @property
    def mean(self) -> float:
        """Mean score."""
        return sum(self.scores) / len(self.scores)


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
        Whether the scores of the role "tuned" are of seeds that had no part in choosing it.
    checklist : tuple of Item
        As the study answers it; empty for results that were given.
    """

    study: StudySpec
    task: str
    method: str
    configurations: tuple[ConfigurationScores, ...]
    roles: Mapping[str, ConfigurationScores]
    is_confirmed: bool = False
    checklist: tuple[Item, ...] = ()


def scores_of(member: MatrixStudy, ranking: Ranking) -> StudyScores:
    """Return what the report across studies needs of a ranking."""
    runs = ranking.found.rounds.runs
    found = {
        row.candidate.config_id: ConfigurationScores(
            candidate=row.candidate, runs=row.runs, first_run=runs[row.candidate.config_id][0].run_id
        )
        for row in ranking.rows
    }
    post = ranking.study.post_evaluation
    controls = {control.name: config_id(dict(control.hyperparameters)) for control in post.controls}
    if ranking.study.has_default_control:
        controls = {DEFAULT_CONTROL: config_id({}), **controls}
    roles = {
        name if name != TUNED else f"{name} (control)": found[wanted]
        for name, wanted in controls.items()
        if wanted in found
    }
    tuned = found[ranking.row(ranking.analysis.recommended).candidate.config_id]
    confirmed = ranking.found.confirmation.get(tuned.candidate.config_id)
    if confirmed is not None:
        # The seeds that confirm are not among those of the ranking; a first run of their own keeps the two apart.
        tuned = dataclasses.replace(
            tuned,
            first_run=f"{tuned.first_run} confirmed",
            runs=Runs(seeds=(), scores=confirmed, n_diverged=0, n_missing=0),
        )
    return StudyScores(
        study=ranking.study,
        task=member.task,
        method=member.method,
        configurations=tuple(found.values()),
        roles={TUNED: tuned, **roles},
        is_confirmed=confirmed is not None,
        checklist=ranking.checklist,
    )
