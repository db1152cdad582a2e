"""The recorder's settings: the same as everybody else's, and never in the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clustertrace import settings
from clustertrace.record.config import config, get_db_path, without_login


def test_defaults_agree_with_the_settings() -> None:
    """Both readers of the environment have the same defaults."""
    ours, all_settings = config(), settings.load()
    assert ours.disabled == all_settings.disabled
    assert ours.metadata_only == (all_settings.capture == "metadata")
    assert ours.payload_bytes == all_settings.max_payload_bytes
    assert ours.sample_rate == all_settings.sample_rate
    assert ours.endpoint == all_settings.endpoint
    assert ours.key == all_settings.key
    assert (ours.redact is not None) == all_settings.redact


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_PAYLOAD_BYTES", "many"),
        ("MAX_PAYLOAD_BYTES", "3"),
        ("SAMPLE_RATE", "2"),
        ("SAMPLE_RATE", "nan"),
        ("DISABLED", "perhaps"),
        ("REDACT_PATTERNS", "/no/such/file"),
    ],
)
def test_a_bad_value_is_noticed_and_replaced(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A setting that can't be used is logged with its name; recording goes on."""
    usual = config()
    config.cache_clear()
    monkeypatch.setenv(f"CLUSTERTRACE_{name}", value)
    assert config()._replace(redact=None) == usual._replace(redact=None)
    assert config().redact is not None
    assert f"CLUSTERTRACE_{name}" in caplog.text


@pytest.mark.parametrize("word", ["none", "meta", "Metadata"])
def test_a_word_that_means_to_hide_content_hides_it(
    word: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever CLUSTERTRACE_CAPTURE says but `full`, no content is kept; a misspelling is told."""
    config.cache_clear()
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", word)
    assert config().metadata_only
    assert ("neither full nor metadata" in caplog.text) == (word != "Metadata")


def test_the_database_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path, a URL of a file, or the default in the home folder."""
    assert get_db_path() == tmp_path / "traces.db"
    monkeypatch.setenv("CLUSTERTRACE_DB", "sqlite:////some/where.db")
    assert get_db_path() == Path("/some/where.db")
    monkeypatch.delenv("CLUSTERTRACE_DB")
    assert get_db_path() == Path.home() / ".clustertrace" / "traces.db"


def test_importing_loads_the_standard_library_only() -> None:
    """`import clustertrace` and a traced call bring in no third-party module."""
    source = (
        "import sys, clustertrace\n"
        "clustertrace.trace(lambda: 1)()\n"
        "mine = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(mine - sys.stdlib_module_names - {'clustertrace', '__main__'}))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", source],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"


def test_the_public_face_is_sorted_and_there() -> None:
    """Public names are sorted, and every one of them exists."""
    import clustertrace

    assert clustertrace.__all__ == sorted(clustertrace.__all__)
    assert all(hasattr(clustertrace, name) for name in clustertrace.__all__)


@pytest.mark.parametrize(
    ("address", "shown", "login"),
    [
        ("http://me:secret@host:7777", "http://host:7777", "me:secret"),
        ("https://me@host/below", "https://host/below", "me"),
        ("https://host:7777/team@work", "https://host:7777/team@work", ""),
        ("https://host/team@work", "https://host/team@work", ""),
        ("https://[::1]:7777", "https://[::1]:7777", ""),
        ("http://me:sec/ret@host", "http://host", "me:sec/ret"),
        ("http://me:s@c@host", "http://host", "me:s@c"),
        ("", "", ""),
    ],
)
def test_a_password_in_an_address_is_told_from_it(address: str, shown: str, login: str) -> None:
    """It may hold what it should not; an @ further behind belongs to the path, not to a login."""
    assert without_login(address) == (shown, login)
