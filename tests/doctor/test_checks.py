"""What the doctor makes of what was looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clustertrace.doctor import checks
from clustertrace.doctor.checks import Port
from clustertrace.doctor.findings import Finding, document, well
from clustertrace.store.queries.arriving import Newest
from clustertrace.store.upkeep.checking import Checked

DB = "/home/me/traces.db"
SAID = {"db": DB, "version": "1.0", "pid": 77, "ui": "ready", "trouble": None}
NOW = 1_800_000_000 * 10**9
MB = 1 << 20


def receiver(port: Port, *, awaited: bool = False, hook: bool = False) -> Finding:
    """The finding on a receiver of version 1.0."""
    return checks.receiver(port, DB, "1.0", awaited=awaited, started_by_hook=hook)


@pytest.mark.parametrize(
    ("port", "more", "state", "words"),
    [
        (Port(7777, SAID, False), {}, "ok", "runs at http://localhost:7777"),
        (Port(7777, {**SAID, "idle_shutdown_minutes": 15.0}, False), {}, "ok", "15 idle minutes"),
        (Port(7777, None, True), {}, "wrong", "taken by another program"),
        (Port(7777, {**SAID, "db": "/other.db"}, False), {}, "wrong", "stores in /other.db"),
        (Port(7777, {**SAID, "version": "0.9"}, False), {}, "wrong", "is version 0.9"),
        (Port(7777, {**SAID, "trouble": "no room."}, False), {}, "wrong", "no room."),
        (Port(7777, None, False), {}, "note", "waits in the spool"),
        (Port(7777, None, False), {"awaited": True}, "wrong", "its spans are lost"),
        (Port(7777, None, False, "It broke."), {"hook": True}, "wrong", "ended: It broke."),
        (Port(7777, None, False), {"awaited": True, "hook": True}, "ok", "the hook starts it"),
    ],
)
def test_the_receiver(port: Port, more: Any, state: str, words: str) -> None:
    """Each way in which a port can disappoint, and what to type."""
    found = receiver(port, **more)
    assert (found.state, words in found.sentence) == (state, True)
    assert found.state == "ok" or found.advice or port.health or port.ended


def test_a_receiver_to_be_started_again_is_named() -> None:
    """The advice to start a receiver again names its process, which nothing else would end."""
    assert "kill 77" in str(receiver(Port(7777, {**SAID, "version": "0.9"}, False)).advice)


def test_the_database() -> None:
    """There, not yet there, or unusable with the reason."""
    assert checks.database(DB, 2_500_000, None).sentence == f"{DB} is writable and has 2.5 MB."
    assert checks.database(DB, None, None).state == "ok"
    assert checks.database(DB, None, "It is damaged.") == (
        "database",
        "wrong",
        "It is damaged.",
        None,
    )


@pytest.mark.parametrize(
    ("free", "state"), [(10 << 30, "ok"), (500 * MB, "note"), (10 * MB, "wrong"), (0, "wrong")]
)
def test_the_disk(free: int, state: str) -> None:
    """Little room is said before it is none."""
    assert checks.disk(Path("/home/me"), free).state == state


@pytest.mark.parametrize(
    ("given", "state", "words"),
    [
        ((0, 0, 0, None), "ok", "Nothing was left"),
        ((3, 0, 0, None), "ok", "3 spans waited"),
        ((3, 1, 0, None), "note", "1 line in the spool could not be used"),
        ((0, 0, 2, None), "wrong", "2 files of spans are still to be sent"),
        ((0, 0, 1, None), "wrong", "1 file of spans is still to be sent"),
        ((0, 0, 0, "In use."), "wrong", "In use."),
    ],
)
def test_the_spool(given: Any, state: str, words: str) -> None:
    """What recorders left behind, and what became of it."""
    found = checks.spool(*given)
    assert (found.state, words in found.sentence) == (state, True)


def test_the_last_span_and_the_clock() -> None:
    """How long ago, and whether that can be."""
    past, soon, future = (Newest("0" * 32, "step", NOW + at * 10**9) for at in (-90, 60, 7200))
    assert checks.last_span(past, NOW).sentence.endswith("step, ended 1 min 30 s ago.")
    assert checks.last_span(None, NOW).state == "note"
    assert [checks.clock(one, NOW).state for one in (past, soon, future, None)] == [
        *("ok", "ok", "wrong", "ok")
    ]
    assert "2 h 0 min from now" in checks.clock(future, NOW).sentence


def test_what_a_program_would_not_record_is_said() -> None:
    """What a program started here would leave out is said."""
    usual: dict[str, Any] = {
        "disabled": False,
        "sample_rate": 1.0,
        "metadata": False,
        "endpoint": "",
    }
    assert checks.recording(**usual).state == "ok"
    assert checks.recording(**usual | {"disabled": True}).advice == "unset it"
    found = checks.recording(
        **usual | {"sample_rate": 0.5, "metadata": True, "endpoint": "http://me:secret@a"}
    )
    assert found.state == "note"
    for words in ("50% of the traces", "no content", "sent to http://a"):
        assert words in found.sentence


def test_all_is_well_without_anything_wrong() -> None:
    """Findings that are mere notes leave all well."""
    good, note, bad = (Finding("x", state, "y") for state in ("ok", "note", "wrong"))
    assert well([good, note])
    assert not well([good, bad])
    assert document([note]) == {
        "ok": True,
        "findings": [{"topic": "x", "state": "note", "sentence": "y", "advice": None}],
    }


def test_what_the_contents_are_worth() -> None:
    """Damaged pages come before totals, which nobody can trust then."""
    sound = Checked(2, 9, (), True, {})
    assert checks.soundness(sound).state == "ok"
    damaged = checks.soundness(sound._replace(damage=("page 3 is never used",)))
    assert (damaged.state, "page 3 is never used" in damaged.sentence) == ("wrong", True)
    off = checks.soundness(sound._replace(differing={"sessions": 2}, index_agrees=False))
    assert off.sentence.endswith("these differ: 2 rows of sessions, the text index.")
    priced = checks.soundness(sound._replace(differing={"spending": 4}, only_by_prices=True))
    assert (priced.state, "backfill-signatures" in (priced.advice or "")) == ("note", True)
