"""What any version has stored must load, rank and report, on machines that have neither environment nor trainer."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
ROOT = DATA.parents[1]
VERSIONS = sorted(path.name for path in DATA.glob("store_v*"))

# Without the package of the environment, and as if gymnasium, torch and Stable-Baselines3 were not installed.
SCRIPT = """
import json, sys
class NotInstalled:  # None in sys.modules would say "imported", which scipy asks about torch
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "gymnasium", "stable_baselines3"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NotInstalled())
from robusttune import load_study, rank_study, report_study, study_status
study, out = load_study(sys.argv[1]), sys.argv[2]
status = study_status(study, out=out)
ranking = rank_study(study, out=out)
if len(sys.argv) > 3:
    report_study(study, out=out)
print(json.dumps({
    "trials": sum(status.trials.values()), "missing": status.n_missing,
    "rows": {
        row.candidate.config_id: [row.analysis.mean.estimate, row.analysis.n_seeds] for row in ranking.rows
    },
    "caption": ranking.caption,
}))
"""


def read(folder: Path, *more: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder / "study.toml"), str(folder / "results"), *more],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stored_study_is_read_without_its_environment_and_nothing_is_touched(
    version: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(DATA / version, tmp_path / version))
    before = contents(folder)
    found = read(folder)
    assert contents(folder) == before
    with sqlite3.connect(folder / "results" / "stored" / "study.db") as connection:
        rows = connection.execute(
            "select config_id, score from robusttune_runs where stage = 'post_evaluation'"
        ).fetchall()
        n_trials = connection.execute("select count(*) from robusttune_trials").fetchone()[0]
    scores = defaultdict(list)
    for config_id, score in rows:
        scores[config_id].append(score)
    expected = {
        config_id: [pytest.approx(sum(own) / len(own)), len(own)] for config_id, own in scores.items()
    }
    assert found["rows"] == expected
    assert (found["trials"], found["missing"]) == (n_trials, 0)
    assert "PPO on Gone-v0, 128 timesteps; 3 fresh seeds" in str(found["caption"])


@pytest.mark.thorough
@pytest.mark.parametrize("version", VERSIONS)
def test_a_stored_study_is_reported_without_its_environment(version: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DATA / version, tmp_path / version))
    read(folder, "report")
    assert "Gone-v0" in (folder / "results" / "stored" / "report.html").read_text(encoding="utf-8")


def test_this_version_of_the_schema_has_a_stored_study() -> None:
    from robusttune.results.schema import SCHEMA_VERSION

    assert f"store_v{SCHEMA_VERSION}" in VERSIONS
