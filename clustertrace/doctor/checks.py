"""Findings from what was examined: one pure function per topic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from clustertrace.doctor.findings import Finding
from clustertrace.record.config import without_login
from clustertrace.store.queries.arriving import Newest
from clustertrace.store.upkeep.checking import Checked
from clustertrace.telling.words import counted, duration, moment, size_of

__all__ = [
    "Port",
    "clock",
    "copied",
    "database",
    "disk",
    "last_span",
    "receiver",
    "recording",
    "soundness",
    "spool",
]

_TOO_LITTLE_BYTES: Final = 200 << 20
_LITTLE_BYTES: Final = 1 << 30
_SKEW_NS: Final = 300 * 10**9
"""How far in the future a span may end before the clock counts as wrong."""


class Port(NamedTuple):
    """What listens on the receiver's port."""

    number: int
    health: Mapping[str, Any] | None
    """The answer of /healthz; None if nothing or another program listens."""
    taken: bool
    """Whether another program listens."""
    ended: str | None = None
    """Why the receiver that was last started in the background ended."""


def receiver(port: Port, db: str, version: str, *, awaited: bool, started_by_hook: bool) -> Finding:
    """Whether the receiver runs as it should. `awaited`: Claude Code reports to it."""
    topic = "receiver"
    if port.taken:
        return Finding(
            topic,
            "wrong",
            f"Port {port.number} is taken by another program, so nothing can be received there.",
            f"see which with `lsof -i :{port.number}` and end it, or serve elsewhere: "
            "`clustertrace dashboard --port 7800`",
        )
    if port.health is None:
        return _not_listening_finding(topic, port, awaited=awaited, started_by_hook=started_by_hook)
    restart = (
        f"end it (`kill {port.health.get('pid')}`) and start it again: `clustertrace dashboard`"
    )
    if port.health.get("db") != db:
        return Finding(
            topic,
            "wrong",
            f"The receiver stores in {port.health.get('db')}, commands here read {db}.",
            f"set CLUSTERTRACE_DB={port.health.get('db')} for them, or {restart}",
        )
    if port.health.get("version") != version:
        return Finding(
            topic,
            "wrong",
            f"The receiver is version {port.health.get('version')}, installed is {version}.",
            restart,
        )
    if port.health.get("trouble"):
        return Finding(topic, "wrong", f"The receiver can't store: {port.health['trouble']}")
    minutes = port.health.get("idle_shutdown_minutes")
    shutdown = f"; it exits after {minutes:g} idle minutes" if minutes else ""
    pages = f"its pages are {port.health.get('ui')}"
    return Finding(topic, "ok", f"It runs at http://localhost:{port.number}, {pages}{shutdown}.")


def _not_listening_finding(
    topic: str, port: Port, *, awaited: bool, started_by_hook: bool
) -> Finding:
    if port.ended:
        return Finding(topic, "wrong", f"It was started in the background and ended: {port.ended}")
    not_listening = f"Nothing listens on port {port.number}"
    if started_by_hook:
        return Finding(topic, "ok", f"{not_listening} now; the hook starts it with a session.")
    if awaited:
        return Finding(
            topic,
            "wrong",
            f"{not_listening}, where Claude Code reports to: its spans are lost.",
            "`clustertrace dashboard` now, or `clustertrace claude-code-hook install` for good",
        )
    return Finding(
        topic,
        "note",
        f"{not_listening}; what your programs record waits in the spool meanwhile.",
        "`clustertrace dashboard`",
    )


def database(name: str, size: int | None, trouble: str | None) -> Finding:
    """The database: its size in bytes, None if there is none yet; or why it can't be used."""
    if trouble:
        return Finding("database", "wrong", trouble)
    if size is None:
        return Finding("database", "ok", f"{name} will be created with the first span.")
    return Finding("database", "ok", f"{name} is writable and has {size_of(size)}.")


def copied(*, unfinished: bool) -> list[Finding]:
    """Whether the database is an unfinished copy of another one."""
    if not unfinished:
        return []
    sentence = "This is an unfinished copy of another database."
    return [
        Finding("copy", "wrong", sentence, "finish it with the same `clustertrace db copy` command")
    ]


def soundness(checked: Checked) -> Finding:
    """Whether the file is intact, and its totals and text index agree with its spans."""
    rescue = "save its contents with `clustertrace export --all > all.jsonl`, and import them again"
    if checked.damage:
        sentence = f"The database is damaged: {'; '.join(checked.damage[:3])}."
        return Finding("contents", "wrong", sentence, rescue)
    if checked.index_agrees and checked.only_by_prices:
        sentence = "Cache costs were calculated with other prices than those known here."
        advice = "set CLUSTERTRACE_PRICING_JSON as it was, or `clustertrace backfill-signatures`"
        return Finding("contents", "note", sentence, advice)
    differing = [f"{counted(rows, 'row')} of {table}" for table, rows in checked.differing.items()]
    differing += [] if checked.index_agrees else ["the text index"]
    if differing:
        sentence = f"Recomputed from the spans, these differ: {', '.join(differing)}."
        return Finding("contents", "wrong", sentence, rescue)
    contents = f"{counted(checked.traces, 'trace')} with {counted(checked.spans, 'span')}"
    return Finding("contents", "ok", f"Every total and the text index agree with {contents}.")


def disk(folder: Path, free: int) -> Finding:
    """The free space where the database is; `free` is bytes."""
    sentence = f"{size_of(free)} are free where the database is ({folder})."
    if free < _TOO_LITTLE_BYTES:
        return Finding("disk", "wrong", sentence, "free some space: a full disk loses spans")
    if free < _LITTLE_BYTES:
        return Finding("disk", "note", sentence, "free some space soon")
    return Finding("disk", "ok", sentence)


def spool(drained: int, unusable: int, unsent: int, trouble: str | None) -> Finding:
    """What recorders left: spans that were just read, unusable lines, files not yet sent."""
    if trouble:
        return Finding("spool", "wrong", trouble)
    if unsent:
        return Finding(
            "spool",
            "wrong",
            f"{counted(unsent, 'file')} of spans {'is' if unsent == 1 else 'are'} still to be sent "
            "to CLUSTERTRACE_ENDPOINT.",
            "start the receiver there, or, if it runs, give programs its CLUSTERTRACE_KEY; the "
            "next one that records sends them",
        )
    if unusable:
        sentence = f"{counted(unusable, 'line')} in the spool could not be used, as after a crash"
        return Finding("spool", "note", f"{sentence}; {counted(drained, 'span')} could.")
    if drained:
        return Finding("spool", "ok", f"{counted(drained, 'span')} waited, and have been read now.")
    return Finding("spool", "ok", "Nothing was left behind.")


def last_span(newest: Newest | None, now_ns: int) -> Finding:
    """The newest span."""
    if newest is None:
        return Finding(
            "last span",
            "note",
            "None has come yet.",
            "`clustertrace doctor --send-test` tests the connection; `clustertrace demo` shows "
            "some",
        )
    ago = now_ns - newest.end_ns
    when = f"ended {duration(ago)} ago" if ago >= 0 else f"ends at {moment(newest.end_ns)}"
    return Finding("last span", "ok", f"The newest span, {newest.name[:60]}, {when}.")


def clock(newest: Newest | None, now_ns: int) -> Finding:
    """Whether spans end in the future."""
    ahead = newest.end_ns - now_ns if newest else 0
    if ahead > _SKEW_NS:
        return Finding(
            "clock",
            "wrong",
            f"The newest span ends {duration(ahead)} from now.",
            "set the clock of this machine, or of the one that sent it",
        )
    return Finding("clock", "ok", f"It is {moment(now_ns)} here, and no span is ahead of that.")


def recording(*, disabled: bool, sample_rate: float, metadata: bool, endpoint: str) -> Finding:
    """What programs that are started in this shell would record."""
    if disabled:
        return Finding(
            "recording", "note", "CLUSTERTRACE_DISABLED is set: nothing is recorded.", "unset it"
        )
    limits = [
        f"{sample_rate:.0%} of the traces" if sample_rate < 1 else "",
        "no content (CLUSTERTRACE_CAPTURE=metadata)" if metadata else "",
        f"to be sent to {without_login(endpoint)[0]}" if endpoint else "",
    ]
    limit_words = ", ".join(limit for limit in limits if limit)
    if limit_words:
        return Finding("recording", "note", f"Programs started here record {limit_words}.")
    return Finding("recording", "ok", "Programs started here record all traces.")
