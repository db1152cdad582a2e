"""Other programs' settings files: changed whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clustertrace.errors import BadInput, UsageError
from clustertrace.json_edits.files import change, read
from clustertrace.json_edits.text import with_value


def put(text: str) -> str:
    """The edit of these tests."""
    return with_value(text, ["a"], 1)


def test_a_change_leaves_a_backup(tmp_path: Path) -> None:
    """The file as it was stands beside it, and what was done is told."""
    path = tmp_path / "settings.json"
    path.write_text('{"b": 2}')
    path.chmod(0o640)
    done = change(path, put)
    assert (done.path, done.changed) == (path, True)
    assert path.read_text() == '{"b": 2, "a": 1}'
    assert path.stat().st_mode & 0o777 == 0o640
    assert done.backup is not None
    assert done.backup.read_text() == '{"b": 2}'
    assert sorted(tmp_path.iterdir()) == sorted([path, done.backup])


def test_backups_never_replace_each_other(tmp_path: Path) -> None:
    """Two changes within a second leave two."""
    path = tmp_path / "settings.json"
    path.write_text("{}")
    backups = {change(path, lambda text, n=n: with_value(text, ["n"], n)).backup for n in range(3)}
    assert len(backups) == 3
    assert all(backup and backup.exists() for backup in backups)


def test_what_is_as_wished_is_not_touched(tmp_path: Path) -> None:
    """No backup, no new file, the same times."""
    path = tmp_path / "settings.json"
    path.write_text('{"a": 1}')
    os.utime(path, (1, 1))
    done = change(path, put)
    assert (done.changed, done.backup) == (False, None)
    assert path.stat().st_mtime == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_made(tmp_path: Path) -> None:
    """With the folders that it needs, for its owner only."""
    path = tmp_path / "new" / "settings.json"
    assert read(path) == {}
    done = change(path, put)
    assert (done.changed, done.backup) == (True, None)
    assert read(path) == {"a": 1}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_is_followed(tmp_path: Path) -> None:
    """Settings that are kept elsewhere stay there, and the link stays a link."""
    target = tmp_path / "dotfiles.json"
    target.write_text("{}")
    path = tmp_path / "settings.json"
    path.symlink_to(target)
    change(path, put)
    assert path.is_symlink()
    assert read(target) == {"a": 1}


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff{}", b'{"a": 1} // mine'])
def test_what_can_not_be_read_is_left_as_it_is(tmp_path: Path, data: bytes) -> None:
    """One sentence names the file, which stays as it was."""
    path = tmp_path / "settings.json"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=f"^{path} can't be changed: .*try again.$"):
        change(path, put)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_change_by_somebody_else_is_not_lost(tmp_path: Path) -> None:
    """A file that changes while we work on it is left to who changed it."""
    path = tmp_path / "settings.json"
    path.write_text("{}")

    def slow(text: str) -> str:
        path.write_text('{"theirs": 1}')
        return put(text)

    with pytest.raises(UsageError, match="was changed by another program just now"):
        change(path, slow)
    assert read(path) == {"theirs": 1}


def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    """A folder in its place, or a file where its folder should be."""
    with pytest.raises(UsageError, match="can't be read"):
        change(tmp_path, put)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"can't be (read|written)"):
        change(tmp_path / "file" / "settings.json", put)
