"""A ranking is written back to the study of Optuna's that it judges."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from typer.testing import CliRunner

from robusttune.cli import app
from robusttune.declaration.toml import load_study
from robusttune.errors import SpecError
from robusttune.interop.optuna_attributes import write_attributes
from robusttune.pipeline import evaluate_study, rank_study, tune_study

STUDY = """
name = "own"
tuning.n_trials = 3
search_space.parameters.x = { type = "float", low = 0.0, high = 1.0 }
post_evaluation.top_k = 2
[synthetic]
effects.x.best = 0.9
"""


@pytest.mark.thorough
def test_the_ranking_becomes_attributes_of_the_study_it_judges(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(STUDY, encoding="utf-8")
    journal = str(tmp_path / "own.log")
    study = load_study(file)
    tune_study(study, out=tmp_path, storage=journal, workers=0)
    evaluate_study(study, out=tmp_path, storage=journal, workers=0)
    ranking = rank_study(study, out=tmp_path, storage=journal)
    called = CliRunner().invoke(
        app, ["export", "optuna", str(file), "--out", str(tmp_path), "--storage", journal]
    )
    assert called.exit_code == 0, called.output
    storage = JournalStorage(JournalFileBackend(journal))
    (name,) = optuna.get_all_study_names(storage)
    attributes = optuna.load_study(study_name=name, storage=storage).user_attrs
    assert attributes["robusttune: recommended"] == ranking.analysis.recommended
    for row in ranking.rows:
        assert f"rank {row.analysis.rank} of 3" in attributes[f"fresh seeds: {row.name}"]
        assert (row.verdict or "mean") in attributes[f"fresh seeds: {row.name}"]
    with pytest.raises(SpecError, match="has no such study"):
        write_attributes(ranking, journal, "other")
    with pytest.raises(SpecError, match="no such file"):
        write_attributes(ranking, str(tmp_path / "absent.db"))
