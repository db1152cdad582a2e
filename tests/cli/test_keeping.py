"""`vacuum` and `cleanup` from end to end."""

from __future__ import annotations

import json

import pytest

from clustertrace.cli import main
from clustertrace.cli.keeping import size_of
from clustertrace.errors import UsageError

Capture = pytest.CaptureFixture[str]


pytestmark = pytest.mark.usefixtures("demo")


def json_of(capsys: Capture, *command: str) -> dict[str, int]:
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    answer: dict[str, int] = json.loads(capsys.readouterr().out)
    return answer


def test_dry_run_changes_nothing(capsys: Capture) -> None:
    """What would go is counted, and all of it is still there."""
    planned = json_of(capsys, "vacuum", "--where", "name:order_desk", "--dry-run")
    assert planned["traces"] == 15
    assert json_of(capsys, "stats")["traces"] == 60


@pytest.mark.sqlite("the bytes that its file gives back")
def test_what_is_deleted_is_gone_from_totals_and_file(capsys: Capture) -> None:
    """What is deleted is gone from the totals, and the file is shorter."""
    gone = json_of(capsys, "vacuum", "--where", "name:order_desk or name:docs_assistant")
    assert gone["traces"] == 34
    assert gone["bytes_after"] < gone["bytes_before"]
    assert json_of(capsys, "stats")["traces"] == 26


def test_younger_runs_stay(capsys: Capture) -> None:
    """Runs that are younger than the age stay."""
    assert json_of(capsys, "vacuum", "--older-than", "5000w")["traces"] == 0
    assert json_of(capsys, "vacuum", "--older-than", "1s")["traces"] == 60


def test_where_nothing_runs_nothing_is_marked(capsys: Capture) -> None:
    """Where nothing runs, nothing is marked."""
    assert json_of(capsys, "cleanup", "--stale-after", "1h")["traces"] == 0


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["vacuum"], "Say what to delete"),
        (["vacuum", "--older-than", "-1d"], "--older-than expects an age"),
        (["vacuum", "--older-than", "99999999999d"], "at most 36500d"),
        (["vacuum", "--max-size", "much"], "--max-size expects a size"),
        (["vacuum", "--max-size", "9" * 400], "--max-size expects a size"),
        (["vacuum", "--where", "status:("], "status"),
        (["vacuum", "--where", ""], "--where is empty"),
        (["vacuum", "--older-than", "1s", "--where", " "], "--where is empty"),
        (["cleanup", "--stale-after", "0"], "--stale-after expects an age"),
        (["cleanup", "--stale-after", "99999999999d"], "at most 36500d"),
    ],
)
def test_wrong_use(command: list[str], sentence: str, capsys: Capture) -> None:
    """What makes no sense is said in a sentence, and deletes nothing."""
    assert main(command) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500_000_000), ("2 GB", 2 * 10**9), ("1.5k", 1500), ("7", 7)]
)
def test_sizes_read_as_people_write_them(text: str, size: int) -> None:
    """Sizes read as people write them."""
    assert size_of(text) == size


def test_no_size() -> None:
    """What is no size is refused."""
    with pytest.raises(UsageError):
        size_of("-3GB")
