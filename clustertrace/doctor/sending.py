"""Send a test span as other programs do, look for it in the database, and remove it."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from typing import Final

from clustertrace.doctor.findings import Finding
from clustertrace.errors import ClustertraceError
from clustertrace.keys import access_key, bearer
from clustertrace.store import Store, queries
from clustertrace.store.place import Place

__all__ = ["send_test"]

_NAME: Final = "clustertrace doctor"
_ANSWER_SECONDS: Final = 15.0


def send_test(host: str, port: int, place: Place | None) -> Finding:
    """Send a span to the receiver at an address, look for it in `place`, and remove it."""
    trace_id = secrets.token_hex(16)
    try:
        started = time.perf_counter()
        status, answer = _post(host, port, _body(trace_id))
        if status == 401 and place is not None:
            # Behind a proxy, the receiver asks even this machine for the key.
            started = time.perf_counter()
            status, answer = _post(host, port, _body(trace_id), access_key(place.path))
        elapsed_s = time.perf_counter() - started
    except ClustertraceError as error:
        return _wrong(str(error), None)
    except (OSError, http.client.HTTPException) as error:
        return _wrong(
            f"No span could be sent to port {port} ({error}).", "`clustertrace dashboard`"
        )
    if status != 200:
        return _wrong(f"The receiver refused a span: {answer[:200]}", None)
    if place is None:
        return _wrong("The receiver does not say where it stores.", None)
    try:
        with Store.open(place.text) as store:
            with store.read() as conn:
                found = queries.known_traces(conn, [trace_id])
            store.remove(trace_id)
    except ClustertraceError as error:
        return _wrong(str(error), None)
    if not found:
        return _wrong(
            f"A span was sent and acknowledged, but is not in {place.name}.",
            "check whether another file has taken its place, and restart the receiver",
        )
    database = place.path.name if place.is_file else place.name
    sentence = f"A span was sent, found in {database} and removed again; {elapsed_s * 1000:.0f} ms."
    return Finding("test span", "ok", sentence)


def _wrong(sentence: str, advice: str | None) -> Finding:
    return Finding("test span", "wrong", sentence, advice)


def _post(host: str, port: int, body: bytes, key: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = bearer(key)
        connection.request("POST", "/v1/traces", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(65536).decode(errors="replace")
    finally:
        connection.close()


def _body(trace_id: str) -> bytes:
    """An OTLP request with one span; its name says what it is, in case it is not removed."""
    now_ns = time.time_ns()
    span = {
        "traceId": trace_id,
        "spanId": secrets.token_hex(8),
        "name": _NAME,
        "kind": 1,
        "startTimeUnixNano": str(now_ns - 1_000_000),
        "endTimeUnixNano": str(now_ns),
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
