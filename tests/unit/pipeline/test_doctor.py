"""The look at an installation finds what is wrong with it, and leaves nothing behind."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from robusttune.execution.executors import LocalPool
from robusttune.pipeline import doctor
from robusttune.pipeline.doctor import State, check_installation

VERSION = metadata.version


@pytest.fixture(autouse=True)
def _without_worker(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("thorough") is None:
        monkeypatch.setattr(LocalPool, "call", lambda self, function: None)


def found(subject: str, out: Path, storage: str | None = None) -> list[tuple[State, str]]:
    return [
        (one.state, one.text)
        for one in check_installation(out=out, storage=storage)
        if one.subject == subject
    ]


def test_this_installation_is_fit_and_nothing_stays_behind(tmp_path: Path) -> None:
    findings = check_installation(out=tmp_path / "results" / "deep", storage=f"sqlite:///{tmp_path}/no.db")
    assert [one for one in findings if one.state is State.PROBLEM and one.subject != "database"] == []
    assert list(tmp_path.iterdir()) == []


def test_a_version_outside_its_range_is_named_with_the_line_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "3.0.1" if name == "pandas" else VERSION(name))
    ((state, text),) = found("packages", tmp_path)
    assert state is State.PROBLEM
    assert text == "pandas 3.0.1 does not work with it: `pip install 'pandas<3,>=2.2'`"


def test_a_missing_extra_is_a_note_with_its_install_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name == "moviepy":
            raise metadata.PackageNotFoundError(name)
        return VERSION(name)

    monkeypatch.setattr(metadata, "version", version)
    assert found("extra video", tmp_path) == [
        (State.NOTE, "without moviepy: `pip install 'robusttune[video]'`")
    ]


def test_an_extra_of_another_package_is_followed_to_what_it_needs() -> None:
    names = {one.name for one in doctor._with_its_extras(Requirement("gymnasium[mujoco]"))}
    assert names >= {"gymnasium", "mujoco"}
    assert "numpy" not in names


def test_a_training_that_fails_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: LocalPool, function: object) -> None:
        raise ImportError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(LocalPool, "call", fail)
    ((state, text),) = found("training", tmp_path)
    assert state is State.PROBLEM
    assert "libcudart" in text


def test_storage_that_cannot_be_used_is_a_problem(tmp_path: Path) -> None:
    assert found("storage", Path("/proc/nowhere"))[0][0] is State.PROBLEM
    (tmp_path / "text.db").write_text("no database " * 100)
    assert found("database", tmp_path, f"sqlite:///{tmp_path}/text.db")[0][0] is State.PROBLEM


@pytest.mark.thorough
def test_a_worker_trains(tmp_path: Path) -> None:
    assert found("training", tmp_path)[0][0] is State.OK
