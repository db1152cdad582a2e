"""What may be stored: the one place that every span and fact passes before the database.

However a record arrived, here it loses its content (CLUSTERTRACE_CAPTURE=metadata), its secrets
(CLUSTERTRACE_REDACT), and what exceeds CLUSTERTRACE_MAX_PAYLOAD_BYTES; attributes say what was
removed. A second pass changes nothing, so an export, imported anywhere, stays the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

from clustertrace.content import CAPTURE, bare
from clustertrace.errors import BadSetting
from clustertrace.model import EMPTY, Log, Span, TraceFacts
from clustertrace.record.clipping import clipped_span
from clustertrace.record.rebuilding import READ, Rebuilder, without_ends
from clustertrace.redaction import MARK, REDACTED, Redactor, redactor
from clustertrace.store.rows import (
    ATTRIBUTES,
    INPUT,
    JSON_TEXTS,
    NAME,
    TEXTS,
    json_text,
    json_value,
    span_row,
)
from clustertrace.store.writing.log_rows import log_row

__all__ = ["Policy", "policy"]

CUT: Final = "clustertrace.cut"
"""The attribute that names what was too large, as the recorder does: `input.query`, `output`."""

_SLACK_BYTES: Final = 512
"""The recorder's own mark may stand beyond the limit; what it has cut is not cut again."""

_NO_SPAN: Final = "0" * 16
_PATHS_NAMED: Final = 20
_MARKS: Final = frozenset({CUT, "clustertrace.opaque", REDACTED, CAPTURE})

Row = tuple[Any, ...]

_texts: Final = itemgetter(*TEXTS)


class Policy(NamedTuple):
    """What the settings let pass."""

    redact: Redactor | None
    metadata_only: bool
    payload_bytes: int

    def row(self, span: Span, origin: str | None) -> Row:
        """The row of `spans` that may be stored of a span."""
        if self.metadata_only:
            span = bare(span)
        row = span_row(span, origin)
        texts = "\n".join(filter(None, _texts(row)))
        clipped: Sequence[int] = ()
        if len(texts) > READ * self.payload_bytes:
            whole_row, row = row, span_row(clipped_span(span, READ * self.payload_bytes), origin)
            clipped = [column for column in TEXTS if row[column] != whole_row[column]]
            texts = "\n".join(filter(None, _texts(row)))
        if self.redact is not None and self.redact.suspects(texts):
            row = _without_ends(_redacted_row(row, self.redact), clipped)
        # A character takes at most four bytes.
        limit = self.payload_bytes // 4
        if clipped or (
            len(texts) > limit and any(len(text) > limit for text in _texts(row) if text)
        ):
            row = _fitted_row(row, self.payload_bytes, clipped)
        return row

    def log(self, log: Log) -> Row:
        """The row of `logs` that may be stored of a record: its texts pass as a span's do."""
        span = Span(log.trace_id, _NO_SPAN, None, log.name, "chain", "ok", log.time_ns, None)
        row = self.row(span._replace(input=log.body, attributes=log.attributes), None)
        log = log._replace(name=row[NAME])
        if self.redact is not None:
            session = log.session_id and self.redact(log.session_id)[0]
            log = log._replace(scope=self.redact(log.scope)[0], session_id=session)
        return log_row(log, body=row[INPUT], attributes=row[ATTRIBUTES])

    def facts(self, fact: TraceFacts) -> TraceFacts:
        """What may be stored of what was said about a trace."""
        if self.metadata_only:
            # What a user writes about a run is no content of the run.
            reason = fact.outcome_reason if fact.by_hand else None
            fact = fact._replace(outcome_reason=reason, extra=EMPTY)
        return self._limited(fact if self.redact is None else _without_secrets(fact, self.redact))

    def _limited(self, fact: TraceFacts) -> TraceFacts:
        """What was said about a trace, each text within the limit; the user's own words stay."""
        short = self._limited_text
        return fact._replace(
            name=fact.name and short(fact.name),
            session_id=fact.session_id and short(fact.session_id),
            extra=self._limited_extra(fact.extra) if fact.extra else fact.extra,
            tags={short(key): short(value) for key, value in fact.tags.items()},
            metrics=tuple(one._replace(name=short(one.name)) for one in fact.metrics),
            outcome_reason=fact.outcome_reason
            and (fact.outcome_reason if fact.by_hand else short(fact.outcome_reason)),
        )

    def _limited_extra(self, extra: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a file says more of a trace, within the limit."""
        fits = _size(json_text(dict(extra)) or "") <= self.payload_bytes
        return extra if fits else _shortened(extra, self.payload_bytes)[0]

    def _limited_text(self, text: str) -> str:
        """A text within the limit."""
        limit = self.payload_bytes
        fits = len(text) <= limit // 4 or _size(text) <= limit
        return text if fits else str(_shortened(text, limit)[0])


def _without_secrets(fact: TraceFacts, redact: Redactor) -> TraceFacts:
    """What was said about a trace, without secrets."""
    return fact._replace(
        name=fact.name and redact(fact.name)[0],
        session_id=fact.session_id and redact(fact.session_id)[0],
        extra=json_value(redact.json(json_text(fact.extra) or "{}")[0]),
        tags={redact(key)[0]: redact.named(key, value) for key, value in fact.tags.items()},
        metrics=tuple(one._replace(name=redact(one.name)[0]) for one in fact.metrics),
        outcome_reason=fact.outcome_reason and redact(fact.outcome_reason)[0],
        note=fact.note and redact(fact.note)[0],
    )


def policy() -> Policy:
    """The policy that the environment asks for. Raises BadSetting where it can't be used."""
    return Policy(
        redactor(),
        _metadata_only(os.environ.get("CLUSTERTRACE_CAPTURE", "")),
        _payload_bytes(os.environ.get("CLUSTERTRACE_MAX_PAYLOAD_BYTES", "")),
    )


@lru_cache(maxsize=8)
def _metadata_only(setting: str) -> bool:
    capture_word = setting.strip().lower() or "full"
    if capture_word not in ("full", "metadata"):
        raise BadSetting(
            f"CLUSTERTRACE_CAPTURE can't be used: it must be full or metadata, not {setting!r}; "
            "change or unset it."
        )
    return capture_word == "metadata"


@lru_cache(maxsize=8)
def _payload_bytes(setting: str) -> int:
    text = setting.strip() or "32768"
    if not text.isascii() or not text.isdecimal() or int(text) < 256:
        raise BadSetting(
            "CLUSTERTRACE_MAX_PAYLOAD_BYTES can't be used: it must be a whole number from 256, "
            f"not {setting!r}; change or unset it."
        )
    return int(text)


def _redacted_row(row: Row, redact: Redactor) -> Row:
    """The row without secrets in its texts, and with their number among the attributes."""
    values, count = list(row), 0
    for column in TEXTS:
        if values[column]:
            values[column], cuts = (redact.json if column in JSON_TEXTS else redact)(values[column])
            count += cuts
    if count:
        attributes = json_value(values[ATTRIBUTES]) or {}
        earlier_count = attributes.get(REDACTED)
        attributes[REDACTED] = count + (earlier_count if isinstance(earlier_count, int) else 0)
        values[ATTRIBUTES] = json_text(attributes)
    return tuple(values)


def _without_ends(row: Row, clipped: Sequence[int]) -> Row:
    """The row without the ends of texts that were clipped, where secrets before them are gone."""
    values = list(row)
    for column in clipped:
        if MARK in values[column]:
            is_json = column in JSON_TEXTS
            value = without_ends(json_value(values[column]) if is_json else values[column])
            values[column] = json_text(value) if is_json else value
    return tuple(values)


def _fitted_row(row: Row, limit: int, clipped: Sequence[int]) -> Row:
    """The row with every text within the limit, and with the names of those that were not.

    What was clipped fits, where secrets took up so much of it, and is named as well.
    """
    values = list(row)
    attributes: Mapping[str, Any] = json_value(row[ATTRIBUTES]) or {}
    marks = {key: value for key, value in attributes.items() if key in _MARKS}
    other_attributes = {key: value for key, value in attributes.items() if key not in _MARKS}
    earlier = marks.get(CUT)
    earlier_paths = (
        [path for path in earlier if isinstance(path, str)] if isinstance(earlier, list) else []
    )
    paths: list[str] = []
    for column, field in TEXTS.items():
        text = (
            json_text(other_attributes)
            if column == ATTRIBUTES and other_attributes
            else values[column]
        )
        slack = (
            _SLACK_BYTES if any(path.partition(".")[0] == field for path in earlier_paths) else 0
        )
        if text is None or _size(text) <= limit + slack:
            paths += [field] if column in clipped else []
            continue
        value = json_value(text) if column in JSON_TEXTS else text
        value, cut_paths = _shortened(value, limit)
        if column == ATTRIBUTES:
            other_attributes = value
        values[column] = json_text(value) if column in JSON_TEXTS else value
        paths += [f"{field}.{path}".rstrip(".") for path in cut_paths]
    if paths:
        all_paths = [*earlier_paths, *(path for path in paths if path not in earlier_paths)]
        values[ATTRIBUTES] = json_text({CUT: all_paths, **_without(marks, CUT), **other_attributes})
    return tuple(values)


def _without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _shortened(value: Any, limit: int) -> tuple[Any, Sequence[str]]:
    """A value that fits, and the paths in it where something is missing.

    Marks take room as well, so that what was cut may still be too large and is cut deeper.
    """
    budget = limit
    while True:
        rebuilder = Rebuilder(budget)
        fitting = rebuilder.rebuilt(value)
        size = _size((fitting if isinstance(value, str) else json_text(fitting)) or "")
        if size <= limit or budget <= 16:
            paths = rebuilder.cut
            return fitting, paths if 0 < len(paths) <= _PATHS_NAMED else ("",)
        budget = min(budget - 16, budget * limit // size)
