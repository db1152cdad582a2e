"""Looking at what the doctor judges: the port, the database, the settings."""

from __future__ import annotations

import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

from clustertrace.claude_code.hook import Found, look_up
from clustertrace.claude_code.starting import PORT, log_path
from clustertrace.claude_code.user_settings import (
    managed_folder,
    managed_settings,
    session_environment,
    settings_path,
    variables_of,
)
from clustertrace.cli.supervisor import Address, health
from clustertrace.doctor import checks, claude
from clustertrace.doctor.checks import Port
from clustertrace.doctor.findings import Finding
from clustertrace.doctor.sending import send_test
from clustertrace.errors import ClustertraceError, ServeError, StoreCorrupt
from clustertrace.json_edits.files import read
from clustertrace.settings import load
from clustertrace.store import Store, queries
from clustertrace.store.place import Place, place_of
from clustertrace.store.queries.describing import is_unfinished
from clustertrace.store.sqlite.aside import set_aside
from clustertrace.store.upkeep.checking import check
from clustertrace.telling.words import counted

__all__ = ["examine"]


def examine(
    port: int | None, db: str | None, *, send: bool, recount: bool, aside: bool
) -> list[Finding]:
    """All findings, in the order in which a user would go through them.

    `recount`: also work out every total anew. `aside`: move a damaged database away.

    Raises BadSetting where the database can't even be named.
    """
    place = place_of(db)
    hook, settings = _claude_code_settings()
    port = port or (hook and hook.port) or PORT
    seen, own = _probe_port(port), version("clustertrace")
    started = hook is not None and hook.works and hook.port == port
    # Where nobody listens yet, what the hook will start counts.
    grpc = (
        seen.health.get("grpc") if seen.health else (hook.grpc_port if hook and started else None)
    )
    awaited = settings is not None and claude.reports_here(settings, port, grpc)
    findings = [
        _versions_finding(own),
        checks.receiver(
            seen, _name_as_reported(seen, place), own, awaited=awaited, started_by_hook=started
        ),
    ]
    if send:
        findings.append(_test_span_finding(seen, place))
    findings += [
        *_database_findings(place, recount=recount, aside=aside),
        _disk_finding(place.path),
        _recording_finding(),
        *_claude_code_findings(settings, hook, port, grpc),
    ]
    return findings


def _versions_finding(own: str) -> Finding:
    python = ".".join(str(part) for part in sys.version_info[:3])
    parts = f"Python {python}, Streamlit {version('streamlit')}, FastAPI {version('fastapi')}"
    return Finding("versions", "ok", f"clustertrace {own}; {parts}.")


def _probe_port(number: int) -> Port:
    try:
        return Port(number, health(Address("localhost", number)), taken=False, ended=_last_error())
    except ServeError:
        return Port(number, None, taken=True)


def _last_error() -> str | None:
    """The error that the log of receivers in the background ends with, if it does."""
    try:
        lines = Path(log_path()).read_text(errors="replace").splitlines()
    except OSError:
        return None
    last = lines[-1] if lines else ""
    return last.removeprefix("Error: ") if last.startswith("Error: ") else None


def _test_span_finding(port: Port, place: Place) -> Finding:
    if port.health is None:
        reason = "There is no receiver to send it to."
        return Finding("test span", "wrong", reason, "`clustertrace dashboard`")
    reported_db = port.health.get("db")
    # What others are told of a database lacks its password, which ours may have.
    other_place = None if reported_db is None else place_of(reported_db)
    return send_test(
        "localhost",
        port.number,
        place if reported_db == _name_as_reported(port, place) else other_place,
    )


def _name_as_reported(port: Port, place: Place) -> str:
    """The database's name, or the receiver's for the same one: a path may go round by a folder."""

    def real(name: str) -> str:
        folder, file = os.path.split(name)
        return name if "://" in name else os.path.join(os.path.realpath(folder), file)

    reported_db = (port.health or {}).get("db")
    is_same = isinstance(reported_db, str) and real(reported_db) == real(place.name)
    return str(reported_db) if is_same else place.name


def _database_findings(place: Place, *, recount: bool, aside: bool) -> list[Finding]:
    """The database, its spool, and what came last; nothing is made where there is none."""
    unsent = len(list((place.path.parent / "outbox").glob("*.jsonl")))
    if place.is_file and not place.path.exists() and not place.spool.exists():
        return [
            checks.database(place.name, None, None),
            checks.spool(0, 0, unsent, None),
            checks.last_span(None, time.time_ns()),
        ]
    try:
        with Store.open(place.text) as store:
            with store.writing():
                pass
            spool = _spool_finding(store, unsent)
            with store.read() as conn:
                newest = queries.newest_span(conn)
                size = conn.size_bytes()
                copied = checks.copied(unfinished=is_unfinished(conn))
            contents = [_contents_finding(store)] if recount else []
    except StoreCorrupt as error:
        # Another program's database is sound, and not ours to move.
        return [_damaged_finding(place, str(error), aside=aside and error.__cause__ is not None)]
    except ClustertraceError as error:
        return [checks.database(place.name, None, str(error))]
    now = time.time_ns()
    return [
        checks.database(place.name, size, None),
        *copied,
        *contents,
        spool,
        checks.last_span(newest, now),
        checks.clock(newest, now),
    ]


def _damaged_finding(place: Place, sentence: str, *, aside: bool) -> Finding:
    if not aside or not place.is_file:
        return checks.database(place.name, None, sentence)
    kept = set_aside(place.path)
    sentence = (
        f"{place.name} could not be used and was set aside as {kept.name}; a new one will be "
        "created."
    )
    advice = f"`sqlite3 {kept} .recover` may recover its contents"
    return Finding("database", "note", sentence, advice)


def _contents_finding(store: Store) -> Finding:
    store.refresh()
    return checks.soundness(check(store))


def _spool_finding(store: Store, unsent: int) -> Finding:
    try:
        drained = store.drain()
    except ClustertraceError as error:
        return checks.spool(0, 0, unsent, str(error))
    unreadable = [path for path in store.spool.glob("*.jsonl") if not os.access(path, os.R_OK)]
    if unreadable:
        files = counted(len(unreadable), "file")
        sentence = f"{files} of spans can't be read, {unreadable[0]} among them."
        return Finding("spool", "wrong", sentence, "give yourself permission to read them")
    return checks.spool(drained.spans, drained.bad_lines, unsent, None)


def _disk_finding(path: Path) -> Finding:
    folder = next(parent for parent in path.parents if parent.exists())
    return checks.disk(folder, shutil.disk_usage(folder).free)


def _recording_finding() -> Finding:
    try:
        settings = load()
    except ClustertraceError as error:
        return Finding("recording", "wrong", str(error))
    return checks.recording(
        disabled=settings.disabled,
        sample_rate=settings.sample_rate,
        metadata=settings.capture == "metadata",
        endpoint=settings.endpoint,
    )


def _claude_code_settings() -> tuple[Found | None, dict[str, str] | None]:
    """The hook and the variables of Claude Code's sessions; None where they can't be read."""
    try:
        return look_up(read(settings_path()), managed_settings()), session_environment()
    except ClustertraceError:
        return None, None


def _claude_code_findings(
    settings: dict[str, str] | None, hook: Found | None, port: int, grpc: int | None
) -> list[Finding]:
    if settings is None or hook is None:
        try:
            session_environment()
        except ClustertraceError as error:
            return [Finding("Claude Code", "wrong", str(error))]
        return []
    managed = variables_of(managed_settings())
    if not settings_path().parent.exists() and not hook.events and not managed:
        return [Finding("Claude Code", "ok", "There is none here.")]
    telemetry = claude.telemetry(settings, port, grpc)
    return [claude.as_managed(telemetry, managed, managed_folder()), claude.hook(hook)]
