"""Opening what a user names: plain or gzip, whole or damaged."""

from __future__ import annotations

import gzip
import io
import os
import threading
from pathlib import Path

import pytest

from clustertrace.errors import BadInput, UsageError
from clustertrace.exchange import reading
from clustertrace.exchange.reading import open_source, source_of


def lines(data: bytes) -> list[tuple[int, bytes]]:
    """The numbered lines of some bytes."""
    return list(source_of(io.BytesIO(data), "test"))


def test_lines_are_numbered_and_empty_ones_left_out() -> None:
    """Numbers are those that an editor shows; the last line needs no end."""
    assert lines(b"a\n\n  \r\nb\r\nc") == [(1, b"a\n"), (4, b"b\r\n"), (5, b"c")]
    assert lines(b"") == []


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    """Files from Windows editors begin with one."""
    assert lines(b"\xef\xbb\xbf{}\n") == [(1, b"{}\n")]


def test_gzip_is_known_by_its_content() -> None:
    """Compressed data is read whatever its name, also in several members."""
    assert lines(gzip.compress(b"a\nb\n") + gzip.compress(b"c\n")) == [
        (1, b"a\n"),
        (2, b"b\n"),
        (3, b"c\n"),
    ]


def test_gzip_that_ends_early_gives_its_lines_and_then_a_sentence() -> None:
    """A broken download is read as far as it goes."""
    content = b"".join(os.urandom(20).hex().encode() + b"\n" for _ in range(5000))
    got: list[bytes] = []

    def read_on() -> None:
        for _, line in source_of(io.BytesIO(gzip.compress(content)[:-20]), "test"):
            got.append(line)

    with pytest.raises(BadInput, match="the gzip data ends early"):
        read_on()
    assert len(got) > 4000
    assert content.startswith(b"".join(got))


def test_a_binary_file_is_one_sentence() -> None:
    """Not one for each of its lines; a zero byte further down is a damaged line like any other."""
    for binary in (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\n" * 100, b"\0" + b"\n" * 100):
        with pytest.raises(BadInput, match="this is a binary file"):
            next(iter(source_of(io.BytesIO(binary), "a picture")))
    assert len(lines(b"{}\n" * 10 + b"\0\0\n" + b"{}\n")) == 12


def test_damaged_gzip_gives_a_sentence() -> None:
    """Data that is no longer what was compressed is not taken for traces."""
    packed = bytearray(gzip.compress(b"line of some length\n" * 100))
    packed[14] ^= 0xFF
    with pytest.raises(BadInput, match="the gzip data is damaged"):
        lines(bytes(packed))


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without line ends doesn't fill the memory."""
    monkeypatch.setattr(reading, "LONGEST_LINE", 1024 * 1024)
    with pytest.raises(BadInput, match="the line is longer than 1 MiB"):
        lines(b"x" * (1024 * 1024 + 1))
    assert len(lines(b"x" * (1024 * 1024 - 1) + b"\n")) == 1


def test_what_has_arrived_in_a_pipe_is_read_at_once() -> None:
    """A line is given before the next one is written."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as raw, os.fdopen(writer, "wb", buffering=0) as pipe:
        pipe.write(b"one\n")
        numbered = iter(source_of(raw, "pipe"))
        assert next(numbered) == (1, b"one\n")
        later = threading.Thread(target=lambda: (pipe.write(b"two\n"), pipe.close()))
        later.start()
        assert list(numbered) == [(2, b"two\n")]
        later.join()


def test_a_file_says_how_far_it_was_read(tmp_path: Path) -> None:
    """Size and position are those of the file as it is stored."""
    path = tmp_path / "traces.jsonl.gz"
    path.write_bytes(gzip.compress(b"a\n" * 1000))
    with open_source(path) as source:
        assert source.size == path.stat().st_size
        assert sum(1 for _ in source) == 1000
        assert source.position == source.size


def test_what_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    """A missing file and a folder are told apart, each with what to do."""
    with pytest.raises(UsageError, match=r"There is no file .*nowhere; check its name\."):
        open_source(tmp_path / "nowhere").__enter__()
    with pytest.raises(UsageError, match="is a folder; name the files in it"):
        open_source(tmp_path).__enter__()
