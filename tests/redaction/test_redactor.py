"""What the settings say of secrets, and what stands under a name by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustertrace.errors import BadSetting
from clustertrace.redaction import Redactor, redactor

cut = Redactor()


def test_the_users_patterns_are_cut_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with a regular expression a line adds to what is known."""
    file = tmp_path / "patterns"
    file.write_text("# ours\nEMP-\\d{6}\n\n")
    monkeypatch.setenv("CLUSTERTRACE_REDACT_PATTERNS", str(file))
    own = redactor()
    assert own is not None
    assert own("id EMP-123456!") == ("id [redacted: by your pattern]!", 1)


def test_a_bad_pattern_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that is not a regular expression is told by its number."""
    file = tmp_path / "patterns"
    file.write_text("fine\n(\n")
    monkeypatch.setenv("CLUSTERTRACE_REDACT_PATTERNS", str(file))
    with pytest.raises(BadSetting, match="line 2"):
        redactor()


def test_it_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLUSTERTRACE_REDACT=0 keeps everything."""
    monkeypatch.setenv("CLUSTERTRACE_REDACT", "0")
    assert redactor() is None


def test_nothing_is_no_secret() -> None:
    """An empty value stays wherever it stands: that a key was empty is why a run failed."""
    assert cut.named("ACCESS_KEY", "") == ""
    assert cut('{"ACCESS_KEY": ""}') == ('{"ACCESS_KEY": ""}', 0)
    assert cut.named("ACCESS_KEY", "x") == "[redacted: by its name]"
    assert cut.named("PWD", "/home/ann") == "/home/ann"
    assert cut.named("PWD", "hunter2") == cut.named("SECRET", "/x") == "[redacted: by its name]"
