"""Read rows of Claude Code transcripts, whichever version wrote them.

The format is undocumented and changes: any field may be missing or of another type. Based on real
runs of version 2.1.330, and on descriptions of older layouts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.readers import count, text
from clustertrace.payloads.conversation import NO_PROMPT
from clustertrace.transcripts.turn import short_folder
from clustertrace.understanding.amending import REFUSED

__all__ = [
    "INTERRUPTED",
    "SYNTHETIC",
    "blocks",
    "content",
    "end_of_tool",
    "interruption",
    "is_error",
    "is_prompt",
    "message",
    "message_text",
    "tags",
    "usage",
]

RowObject = Mapping[str, Any]

INTERRUPTED: Final = "interrupted"
"""The finish reason of a turn or a tool that its user stopped."""

SYNTHETIC: Final = "<synthetic>"
"""The model name of messages that no model wrote."""

_INTERRUPTION: Final = "[Request interrupted by user"

_DENIED: Final = (
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action",
    "Claude requested permissions to",
    "Permission to use",
)
"""How older versions say that a tool call was not permitted."""

_STOPPED_KINDS: Final = frozenset({"interrupted", "cancelled"})


def message(row: RowObject) -> RowObject:
    """The message of a row; empty if it has none."""
    value = row.get("message")
    return value if isinstance(value, dict) else {}


def content(row: RowObject) -> Any:
    """The content of a message: a text or a list of blocks."""
    return message(row).get("content")


def blocks(row: RowObject, kind: str | None = None) -> Iterator[RowObject]:
    """The blocks of a message, or those of one type."""
    items = content(row)
    for block in items if isinstance(items, list) else ():
        if isinstance(block, dict) and kind in (None, block.get("type")):
            yield block


def message_text(row: RowObject) -> str:
    """The plain text of a message."""
    body = content(row)
    if isinstance(body, str):
        return body
    parts = (block.get("text") for block in blocks(row, "text"))
    return "\n".join(part for part in parts if isinstance(part, str))


def is_prompt(row: RowObject) -> bool:
    """Whether a row is a prompt, of a user or of a program in their place."""
    if row.get("type") != "user" or any(
        row.get(mark) is True
        for mark in ("isMeta", "isCompactSummary", "isVisibleInTranscriptOnly")
    ):
        return False
    if any(True for _ in blocks(row, "tool_result")):
        return False
    prompt = message_text(row).lstrip()
    return bool(prompt or list(blocks(row))) and not prompt.startswith(NO_PROMPT)


def interruption(row: RowObject) -> bool:
    """Whether a row reports that the user stopped the agent."""
    return row.get("type") == "user" and message_text(row).startswith(_INTERRUPTION)


def is_error(row: RowObject) -> bool:
    """Whether an assistant's row reports a failed call; such a row was not written by a model."""
    return row.get("isApiErrorMessage") is True or (
        message(row).get("model") == SYNTHETIC and text(row.get("error")) is not None
    )


def end_of_tool(row: RowObject, result: RowObject) -> tuple[str, str | None, str | None]:
    """How a tool call ended: status, finish reason, error message.

    A call that was not permitted did not run, and a call that was stopped did not fail.
    """
    tool_result = row.get("toolUseResult")
    if result.get("is_error") is not True:
        was_stopped = isinstance(tool_result, dict) and tool_result.get("interrupted") is True
        return "ok", INTERRUPTED if was_stopped else None, None
    decision = row.get("permissionDecision")
    kind = text(row.get("toolDenialKind"))
    result_text = _result_text(result)
    if isinstance(decision, dict) and decision.get("decision") == "reject":
        return "ok", REFUSED, None
    if row.get("toolDenialBeforeRun") is True or kind == "permission-rule":
        return "ok", REFUSED, None
    if kind in _STOPPED_KINDS or (kind == "user-rejected" and text(row.get("version"))):
        # It was permitted and ran: a call that never ran has a mark of its own.
        return "ok", INTERRUPTED, None
    if (
        kind is not None
        or result_text.startswith(_DENIED)
        or tool_result == "User rejected tool use"
    ):
        return "ok", REFUSED, None
    return (
        "error",
        None,
        result_text.removeprefix("<tool_use_error>").removesuffix("</tool_use_error>"),
    )


def _result_text(result: RowObject) -> str:
    body = result.get("content")
    if isinstance(body, str):
        return body
    parts = [
        part["text"]
        for part in (body if isinstance(body, list) else ())
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]
    return "\n".join(parts)


def usage(row: RowObject) -> dict[str, Any]:
    """The span fields from the usage of a message, with attributes that affect the price.

    Anthropic's `input_tokens` exclude cache reads and writes; ours include them.
    """
    reported = message(row).get("usage")
    if not isinstance(reported, dict):
        return {}
    cache_read, cache_written = (
        count(reported.get("cache_read_input_tokens")),
        _cache_written(reported),
    )
    parts = [count(reported.get("input_tokens")), cache_read, cache_written]
    known = [part for part in parts if part is not None]
    details = reported.get("output_tokens_details")
    reasoning = details.get("thinking_tokens") if isinstance(details, dict) else None
    return {
        "input_tokens": sum(known) if known else None,
        "output_tokens": count(reported.get("output_tokens")),
        "cache_read_tokens": cache_read,
        "cache_write_tokens": cache_written,
        "reasoning_tokens": count(reasoning),
        "attributes": {
            key: value
            for key, value in (
                (
                    "cache_creation_1h_tokens",
                    count(_cache_writes(reported).get("ephemeral_1h_input_tokens")),
                ),
                ("service_tier", reported.get("service_tier")),
                ("speed", reported.get("speed")),
            )
            if value
        },
    }


def _cache_writes(usage: RowObject) -> RowObject:
    cache_writes = usage.get("cache_creation")
    return cache_writes if isinstance(cache_writes, dict) else {}


def _cache_written(usage: RowObject) -> int | None:
    total = count(usage.get("cache_creation_input_tokens"))
    if total is not None:
        return total
    parts = [n for value in _cache_writes(usage).values() if (n := count(value)) is not None]
    return sum(parts) if parts else None


def tags(row: RowObject) -> dict[str, str]:
    """Tags from a row, on where and how its session runs."""
    branch = text(row.get("gitBranch"))
    folder = text(row.get("cwd"))
    values = {
        "folder": folder and short_folder(folder),
        # HEAD stands for no branch, or no repository.
        "branch": None if branch == "HEAD" else branch,
        "version": text(row.get("version")),
        "permission_mode": text(row.get("permissionMode")),
        "entrypoint": text(row.get("entrypoint")),
    }
    return {key: value for key, value in values.items() if value}
