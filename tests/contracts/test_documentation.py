"""What is documented exists, and what exists is documented."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

from analysis import calibration
from analysis.kept import Places
from docs import make_cli, make_example_scores, make_excerpts, make_python_api, make_study_files
from robusttune.cli import app
from robusttune.report.prose.methods import SIMULTANEOUS
from tests.support.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("maker", [make_study_files, make_cli, make_python_api, make_example_scores])
def test_what_is_generated_is_made_from_the_source_as_it_is(maker: ModuleType) -> None:
    assert maker.TARGET.read_text(encoding="utf-8") == maker.render(), f"run: python -m {maker.__name__}"


def test_excerpts_are_those_of_the_pages_they_come_from() -> None:
    pages = make_excerpts.pages()
    assert len(pages) > 2
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert text == make_excerpts.render(text), f"{path.name}; run: python -m docs.make_excerpts"


def test_the_tables_of_the_statistics_page_are_those_of_the_measurements() -> None:
    measured = calibration.load(Places(root=ROOT, results=ROOT / "results"))
    assert calibration.page(measured)[calibration.PAGE] == measured.page, (
        "run: python -m analysis.build calibration"
    )


@pytest.mark.parametrize("what", SIMULTANEOUS)
def test_the_coverage_that_reports_tell_is_what_was_measured(what: str) -> None:
    measured = calibration.load(Places(root=ROOT, results=ROOT / "results")).promises
    rows = {(row["what"], row["setting"]): float(row["measured"]) for row in measured}
    found = [rows[what, calibration.PLACES["real"].format(n)] for n in (5, 10, 20)]
    assert SIMULTANEOUS[what] == (round(min(found), 3), round(max(found), 3))


def test_every_key_of_a_study_file_has_a_meaning() -> None:
    rows = [line.split(" | ") for line in make_study_files.render().splitlines() if line.startswith("| `")]
    silent = [row[0] for row in rows if len(row) != 4 or not row[3].strip(" |")]
    assert len(rows) > 50
    assert silent == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`{command}`" in README or f"robusttune {command}" in README


def test_every_command_in_the_readme_exists() -> None:
    used = set(re.findall(r"^robusttune (\w+)", "\n".join(blocks("sh")), flags=re.MULTILINE))
    assert used
    assert used <= set(COMMANDS)


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(
        re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    used = set(re.findall(r"^make ([\w-]+)", "\n".join(blocks("sh")), flags=re.MULTILINE))
    assert used
    assert used <= targets


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 120


def test_the_numbers_of_the_readme_are_those_of_the_report_it_shows() -> None:
    report = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    found = re.findall(r"[−\d.]+ \[[−\d.]+, [−\d.]+\]", README)
    assert found
    assert [text for text in found if text not in report] == []


def test_what_the_readme_says_of_the_real_studies_is_what_their_page_says() -> None:
    page = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    (counted,) = re.findall(r"\d+ of the \d+ best trials of \d+ searches", README)
    assert counted in page
    reached = re.findall(r"(\d+ of 30) and (\d+ of 30) fresh\s+seeds reach", README)
    claims = re.findall(r"^\| published_claims-\w+ .*\| (\d+ of 30) \|", page, flags=re.MULTILINE)
    assert reached == [tuple(claims)]


def test_every_file_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+(?:/|\.py))`", text)
    assert len(named) > 20
    places = (ROOT, ROOT / "robusttune", ROOT / "robusttune" / "stats", ROOT / "robusttune" / "report")
    inner = (*places, ROOT / "robusttune" / "pipeline", ROOT / "robusttune" / "training")
    assert [name for name in named if not any((place / name).exists() for place in inner)] == []


@pytest.mark.thorough
def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    """The script has no `__main__` guard and uses two workers: users write scripts like that."""
    from tests.integration.test_smoke import STUDY

    (block,) = blocks("python")
    (tmp_path / "study.toml").write_text(STUDY.replace("n_trials = 4", "n_trials = 2"), encoding="utf-8")
    (tmp_path / "script.py").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "script.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 4
    assert (tmp_path / "results" / "smoke" / "report.html").exists()
