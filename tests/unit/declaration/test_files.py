"""What is written is whole, or as it was before, and has the permissions that its user wants."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from robusttune.declaration.files import whole_file


def test_an_old_file_stays_where_a_new_one_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text("old")
    with pytest.raises(OSError, match="full"):  # noqa: PT012, SIM117
        with whole_file(path) as temporary:
            temporary.write_text("half of")
            assert path.read_text() == "old"
            raise OSError("the disk is full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    path = tmp_path / "link"
    path.symlink_to(tmp_path / "there" / "file")
    for text in ("new", "newer"):
        with whole_file(path) as temporary:
            temporary.write_text(text)
        assert path.is_symlink()
        assert (tmp_path / "there" / "file").read_text() == text
    assert [one.name for one in (tmp_path / "there").iterdir()] == ["file"]


def test_a_pipe_is_written_itself(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with whole_file(path) as temporary:
        temporary.write_text("text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.fixture(params=[0o002, 0o027, 0o077], ids=oct)
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_file_has_the_permissions_that_the_mask_gives_and_the_group_of_a_shared_folder(
    tmp_path: Path, mask: int
) -> None:
    if os.getuid() == 0:
        os.chown(tmp_path, -1, 1)  # the folder of another group
    tmp_path.chmod(0o2770)
    for _ in range(2):
        with whole_file(tmp_path / "table.csv") as path:
            path.write_text("a,b")
    found = (tmp_path / "table.csv").stat()
    assert stat.S_IMODE(found.st_mode) == 0o666 & ~mask
    assert found.st_gid == tmp_path.stat().st_gid
