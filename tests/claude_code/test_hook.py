"""Our hook among other people's."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.claude_code.hook import (
    EVENTS,
    command,
    handlers,
    installed,
    look_up,
    uninstalled,
)
from clustertrace.errors import BadInput

TOLD = command("/opt/a python/bin/python3", 7777, 15.0, None)

THEIRS = st.fixed_dictionaries({"type": st.just("command"), "command": st.text(max_size=8)})
GROUPS = st.lists(
    st.fixed_dictionaries(
        {"hooks": st.lists(THEIRS, min_size=1, max_size=2)}, optional={"matcher": st.text()}
    ),
    min_size=1,
    max_size=2,
)
SETTINGS = st.dictionaries(
    st.sampled_from(["model", "env"]), st.text(max_size=4), max_size=2
).flatmap(
    lambda top: st.dictionaries(st.sampled_from([*EVENTS, "Stop"]), GROUPS, max_size=3).map(
        lambda events: top | ({"hooks": events} if events else {})
    )
)


@given(SETTINGS, st.sampled_from([None, 2, "\t"]))
def test_what_is_put_in_can_be_taken_out(settings: Any, indent: Any) -> None:
    """Afterwards the text is what it was, byte for byte; in between all else is."""
    text = json.dumps(settings, indent=indent, ensure_ascii=False)
    with_ours = installed(text, TOLD)
    assert [handler.event for handler in handlers(json.loads(with_ours))] == [
        event for event in json.loads(with_ours)["hooks"] if event in EVENTS
    ]
    for event, groups in settings.get("hooks", {}).items():
        assert json.loads(with_ours)["hooks"][event][: len(groups)] == groups
    assert uninstalled(with_ours) == text


@given(SETTINGS)
def test_putting_it_in_twice_is_putting_it_in(settings: Any) -> None:
    """However often the hook is installed, it stands once in each of its events."""
    once = installed(json.dumps(settings), TOLD)
    assert installed(once, TOLD) == once


def test_another_python_takes_the_place_of_the_last() -> None:
    """The command changes where it stands, and nothing else does; copies go."""
    theirs = {"hooks": [{"type": "command", "command": "theirs"}]}
    copies = [{"hooks": [{"type": "command", "command": TOLD, "timeout": 99}]}] * 2
    text = json.dumps({"hooks": {"SessionStart": [copies[0], theirs, copies[1]]}})
    newer = command("/new/python", 7777, 15.0, None)
    groups = json.loads(installed(text, newer))["hooks"]["SessionStart"]
    ours = {"hooks": [{"type": "command", "command": newer, "timeout": 99}]}
    assert groups == [ours, theirs]


def test_a_group_that_others_share_stays() -> None:
    """Only our handler is taken out of a group that has others."""
    theirs = {"type": "command", "command": "theirs # not clustertrace-hook at all"}
    ours = {"type": "command", "command": TOLD}
    text = json.dumps({"hooks": {"Stop": [{"matcher": "", "hooks": [ours, theirs]}]}})
    assert json.loads(uninstalled(text)) == {
        "hooks": {"Stop": [{"matcher": "", "hooks": [theirs]}]}
    }


@pytest.mark.parametrize(
    "settings",
    [{}, {"hooks": None}, {"hooks": []}, {"hooks": {"SessionStart": {}}}, {"hooks": {"Stop": [1]}},
     {"hooks": {"Stop": [{"hooks": [{"command": 7}, None]}]}}],
)  # fmt: skip
def test_there_is_none_of_ours(settings: Any) -> None:
    """Whatever else stands there, taking ours out changes nothing."""
    assert handlers(settings) == []
    assert uninstalled(json.dumps(settings)) == json.dumps(settings)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"hooks": []}', '{"hooks": null}', '{"hooks": {"SessionStart": {}}}']
)
def test_settings_that_make_no_sense_are_refused(text: str) -> None:
    """What stands there is somebody's, and nothing we understand."""
    with pytest.raises(BadInput):
        installed(text, TOLD)


def test_the_command_is_silent_and_needs_no_path() -> None:
    """Absolute paths, quoted; output nowhere; success whatever happens."""
    words = shlex.split(TOLD, comments=True)
    assert words[0] == "/opt/a python/bin/python3"
    assert words[1:3] == ["-I", "-S"]
    assert words[3].endswith("/claude_code/starting.py")
    assert words[-4:] == [">/dev/null", "2>&1", "||", "true"]


def test_a_command_that_was_changed_by_hand_is_still_ours() -> None:
    """As long as its mark is there; what can't be told of it is not."""
    for line in ("# clustertrace-hook", "'unclosed # clustertrace-hook", "x y # clustertrace-hook"):
        found = look_up({"hooks": {"Stop": [{"hooks": [{"command": line}]}]}})
        assert (found.works, found.python, found.port) == (False, None, None)
        assert found.events == ("Stop",)


def test_the_database_is_named_by_its_whole_path() -> None:
    """Hooks run in the project's folder."""
    words = shlex.split(command("/p", 7777, 15.0, "~/runs.db"), comments=True)
    assert words[words.index("--db") + 1].startswith("/")
    assert words[words.index("--db") + 1].endswith("/runs.db")


def test_whether_it_works(tmp_path: Any) -> None:
    """A hook works if its Python is there and hooks are not turned off."""
    assert not look_up({}).works
    assert "install" in look_up({}).sentence
    python = tmp_path / "python"
    settings = json.loads(installed("{}", command(str(python), 7777, 15.0, None)))
    assert f"can't start {python}" in look_up(settings).sentence
    python.touch()
    found = look_up(settings)
    assert (found.works, found.events, found.python) == (True, EVENTS, str(python))
    assert found.port == 7777
    off = look_up(settings | {"disableAllHooks": True})
    assert (off.works, "disableAllHooks" in off.sentence) == (False, True)


@pytest.mark.parametrize("name", ["allowManagedHooksOnly", "disableAllHooks"])
def test_managed_settings_keep_hooks_from_running(name: str) -> None:
    """Where managed settings forbid hooks, ours does not work, and another install won't help."""
    settings = json.loads(installed("{}", command(sys.executable, 7777, 15.0, None)))
    assert look_up(settings, {name: False}).works
    found = look_up(settings, {name: True})
    assert (found.works, "managed settings" in found.sentence) == (False, True)


def test_a_port_for_grpc_is_passed_on() -> None:
    """A port for gRPC stands in the hook's command, and is read from it."""
    line = command(sys.executable, 7800, 15.0, None, 4400)
    assert look_up(json.loads(installed("{}", line))).grpc_port == 4400
