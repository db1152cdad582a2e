"""Write a pytest module that runs a failing run again, with its recorded answers.

Pure functions: a trace and the entry's name in, the text of the module out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from clustertrace.model import Span, Trace
from clustertrace.replay.checking import variant_of
from clustertrace.telling.words import step_text
from clustertrace.wire import span_to_dict

__all__ = ["repro_module", "slim_recording"]

_KEPT_ATTRIBUTES: Final = frozenset(
    "clustertrace.cut clustertrace.opaque clustertrace.capture clustertrace.internal "
    "gen_ai.operation.name gen_ai.response.id http.response.status_code".split()
)
"""Attributes that a replay needs."""

_MODULE: Final = '''\
"""{title}

{steps}

Made by `clustertrace repro` from trace {trace_id}.
{meaning}
"""

import json

from {module} import {name}

from clustertrace.testing import replay

RECORDING = json.loads(
    r"""
{recording}
"""
)


def test_{test}() -> None:
    """{docstring}"""
    again = replay({entry}, RECORDING, stub={stub!r})
    assert {expected}, again.summary
'''


def repro_module(trace: Trace, entry: str, *, stub: str, expect_failure: bool) -> str:
    """The text of a test module that replays the trace.

    `entry` is `module:function`. With `expect_failure` the test passes while the run still fails
    this way; otherwise once it no longer does.
    """
    module, _, name = entry.partition(":")
    steps = " → ".join(step_text(step) for step in variant_of(trace).steps)
    if expect_failure:
        meaning = "It passes while the entry, given the same answers, fails in the same way."
        docstring, expected = "The run still fails as it was recorded.", "again.fails_as_recorded"
        test = f"{trace.name} still fails as recorded"
    else:
        meaning = "It fails while the entry, given the same answers, fails in the same way."
        docstring, expected = "The run no longer fails as recorded.", "not again.fails_as_recorded"
        test = f"{trace.name} no longer fails as recorded"
    return _MODULE.format(
        title=_docstring_line(f"How {trace.name} failed: {_reason(trace)}"),
        steps=_docstring_line(f"Steps: {steps or 'none'}"),
        trace_id=trace.trace_id,
        meaning=meaning,
        module=module,
        name=name.partition(".")[0],
        entry=name,
        recording=_json(slim_recording(trace)),
        test=re.sub(r"\W+", "_", test, flags=re.ASCII).strip("_").lower(),
        docstring=docstring,
        stub=stub,
        expected=expected,
    )


def slim_recording(trace: Trace) -> dict[str, Any]:
    """A trace in the native format, with only the keys that a replay needs."""
    return {
        "format": "clustertrace/1",
        "trace_id": trace.trace_id,
        "name": trace.name,
        "status": trace.status,
        "outcome": trace.outcome,
        "spans": [_slim(span) for span in trace.spans],
    }


def _slim(span: Span) -> dict[str, Any]:
    kept = {key: value for key, value in span.attributes.items() if key in _KEPT_ATTRIBUTES}
    document = span_to_dict(span._replace(attributes=kept))
    return {key: value for key, value in document.items() if value is not None and value != {}}


def _reason(trace: Trace) -> str:
    if trace.outcome == "fail":
        return trace.outcome_reason or "called a failure by its user"
    root = next((span for span in trace.spans if span.parent_span_id is None), trace.spans[0])
    return root.error_message or root.error_type or "it ended in error"


def _docstring_line(text: str) -> str:
    """A text on one line, safe inside a docstring."""
    line = " ".join(text.split())
    return line[:160].replace("\\", "/").replace('"', "'")


def _json(document: Mapping[str, Any]) -> str:
    """JSON for a raw triple-quoted string: one span per line. JSON never holds three quotes."""
    head = {key: value for key, value in document.items() if key != "spans"}
    spans = ",\n".join(json.dumps(span) for span in document["spans"])
    return f'{json.dumps(head)[:-1]}, "spans": [\n{spans}\n]}}'
