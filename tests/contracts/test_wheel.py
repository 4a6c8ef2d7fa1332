"""What users install."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from tests.support.places import ROOT


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return wheel.namelist()


def test_the_wheel_installs_one_top_level_name(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"robusttune"}


def test_every_tracked_file_of_the_package_is_in_the_wheel(names: list[str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "robusttune"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    tracked = set(listed.stdout.split())
    assert {name for name in names if name.startswith("robusttune/")} >= tracked
    assert any(name.endswith(".j2") for name in tracked)
    assert "robusttune/py.typed" in tracked
