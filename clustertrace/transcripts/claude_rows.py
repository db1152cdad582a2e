"""What a row of a Claude Code transcript says, whichever version wrote it.

The format is undocumented and grows: every field may be missing or of another type. Versions that
were looked at: 2.1.330 (real runs), older layouts by their descriptions.
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
    "said_text",
    "tags",
    "usage",
]

RowObject = Mapping[str, Any]

INTERRUPTED: Final = "interrupted"
"""The finish reason of a turn or a tool that its user stopped."""

SYNTHETIC: Final = "<synthetic>"
"""The model of messages that no model made."""

_INTERRUPTION: Final = "[Request interrupted by user"

_DENIED: Final = (
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action",
    "Claude requested permissions to",
    "Permission to use",
)
"""How older versions tell the model that a tool was not allowed."""

_STOPPED: Final = frozenset({"interrupted", "cancelled"})


def message(row: RowObject) -> RowObject:
    """The message of a row; empty if it has none."""
    found = row.get("message")
    return found if isinstance(found, dict) else {}


def content(row: RowObject) -> Any:
    """What a message holds: a text or a list of blocks."""
    return message(row).get("content")


def blocks(row: RowObject, kind: str | None = None) -> Iterator[RowObject]:
    """The blocks of a message, or those of one type."""
    held = content(row)
    for block in held if isinstance(held, list) else ():
        if isinstance(block, dict) and kind in (None, block.get("type")):
            yield block


def said_text(row: RowObject) -> str:
    """The plain text of a message."""
    held = content(row)
    if isinstance(held, str):
        return held
    parts = (block.get("text") for block in blocks(row, "text"))
    return "\n".join(part for part in parts if isinstance(part, str))


def is_prompt(row: RowObject) -> bool:
    """Whether a row is what a user, or a program in their place, asks."""
    if row.get("type") != "user" or any(
        row.get(mark) is True
        for mark in ("isMeta", "isCompactSummary", "isVisibleInTranscriptOnly")
    ):
        return False
    if any(True for _ in blocks(row, "tool_result")):
        return False
    said = said_text(row).lstrip()
    return bool(said or list(blocks(row))) and not said.startswith(NO_PROMPT)


def interruption(row: RowObject) -> bool:
    """Whether a row says that the user stopped the agent."""
    return row.get("type") == "user" and said_text(row).startswith(_INTERRUPTION)


def is_error(row: RowObject) -> bool:
    """Whether an assistant's row stands for a call that failed; it was not made by a model."""
    return row.get("isApiErrorMessage") is True or (
        message(row).get("model") == SYNTHETIC and text(row.get("error")) is not None
    )


def end_of_tool(row: RowObject, result: RowObject) -> tuple[str, str | None, str | None]:
    """How a tool call ended: status, finish reason, error message.

    One that nobody permitted did not run, and one that was stopped did not fail.
    """
    structured = row.get("toolUseResult")
    if result.get("is_error") is not True:
        stopped = isinstance(structured, dict) and structured.get("interrupted") is True
        return "ok", INTERRUPTED if stopped else None, None
    decision = row.get("permissionDecision")
    kind = text(row.get("toolDenialKind"))
    said = _result_text(result)
    if isinstance(decision, dict) and decision.get("decision") == "reject":
        return "ok", REFUSED, None
    if row.get("toolDenialBeforeRun") is True or kind == "permission-rule":
        return "ok", REFUSED, None
    if kind in _STOPPED or (kind == "user-rejected" and text(row.get("version"))):
        # It had been permitted and ran: a call that never ran says so.
        return "ok", INTERRUPTED, None
    if kind is not None or said.startswith(_DENIED) or structured == "User rejected tool use":
        return "ok", REFUSED, None
    return "error", None, said.removeprefix("<tool_use_error>").removesuffix("</tool_use_error>")


def _result_text(result: RowObject) -> str:
    held = result.get("content")
    if isinstance(held, str):
        return held
    parts = [
        part["text"]
        for part in (held if isinstance(held, list) else ())
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]
    return "\n".join(parts)


def usage(row: RowObject) -> dict[str, Any]:
    """The fields of a span that the usage of a message fills, and its attributes about price.

    Anthropic's `input_tokens` leave out what was read from a cache or written to one; ours are
    all that the model read.
    """
    used = message(row).get("usage")
    if not isinstance(used, dict):
        return {}
    read, written = count(used.get("cache_read_input_tokens")), _written(used)
    parts = [count(used.get("input_tokens")), read, written]
    known = [part for part in parts if part is not None]
    details = used.get("output_tokens_details")
    thought = details.get("thinking_tokens") if isinstance(details, dict) else None
    return {
        "input_tokens": sum(known) if known else None,
        "output_tokens": count(used.get("output_tokens")),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "reasoning_tokens": count(thought),
        "attributes": {
            key: value
            for key, value in (
                ("cache_creation_1h_tokens", count(_kept(used).get("ephemeral_1h_input_tokens"))),
                ("service_tier", used.get("service_tier")),
                ("speed", used.get("speed")),
            )
            if value
        },
    }


def _kept(used: RowObject) -> RowObject:
    kept = used.get("cache_creation")
    return kept if isinstance(kept, dict) else {}


def _written(used: RowObject) -> int | None:
    told = count(used.get("cache_creation_input_tokens"))
    if told is not None:
        return told
    parts = [n for value in _kept(used).values() if (n := count(value)) is not None]
    return sum(parts) if parts else None


def tags(row: RowObject) -> dict[str, str]:
    """What a row says of where and how its session runs."""
    branch = text(row.get("gitBranch"))
    folder = text(row.get("cwd"))
    found = {
        "folder": folder and short_folder(folder),
        # Outside a repository, and on no branch, it says HEAD.
        "branch": None if branch == "HEAD" else branch,
        "version": text(row.get("version")),
        "permission_mode": text(row.get("permissionMode")),
        "entrypoint": text(row.get("entrypoint")),
    }
    return {key: value for key, value in found.items() if value}
