"""Files that are whole or not there."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from clustertrace.errors import UsageError
from clustertrace.exchange.writing import open_target


def test_the_name_decides_about_compression(tmp_path: Path) -> None:
    """A name that ends in .gz is compressed, the same content to the same bytes."""
    for name in ("a.jsonl", "a.jsonl.gz", "b.jsonl.gz"):
        with open_target(tmp_path / name) as target:
            target.write(b"content\n")
    assert (tmp_path / "a.jsonl").read_bytes() == b"content\n"
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == b"content\n"
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """What stood under the name stays until the new content is whole; no draft is left behind."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"old")

    def fail() -> None:
        with open_target(path) as target:
            target.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed(tmp_path: Path) -> None:
    """The file that a link points at is replaced, not the link."""
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link.jsonl"
    link.symlink_to(tmp_path / "folder" / "real.jsonl")
    with open_target(link) as target:
        target.write(b"content")
    assert link.is_symlink()
    assert (tmp_path / "folder" / "real.jsonl").read_bytes() == b"content"


def test_a_device_is_written_to_as_it_is() -> None:
    """A device is not replaced by a file."""
    with open_target(Path("/dev/null")) as target:
        target.write(b"content")
    assert Path("/dev/null").is_char_device()


def test_what_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """A missing folder is named, with the reason."""
    with pytest.raises(UsageError, match=r"x\.jsonl can't be written: no such file or directory\."):
        open_target(tmp_path / "no" / "x.jsonl").__enter__()
