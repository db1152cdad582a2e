"""What the parts of a message are, in whichever provider's shape: words, calls, results, media.

Pictures, sound and files are described by type and size and never shown: a trace is read offline,
and a reader's browser should not open or fetch what an agent was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from clustertrace.payloads.conversation import call_text, part_text, text
from clustertrace.telling.words import size_of

__all__ = ["Part", "parts_of", "remaining"]

PartKind = Literal["text", "thinking", "call", "result", "media", "other"]


class Part(NamedTuple):
    """A part of a message."""

    kind: PartKind
    text: str
    """The words; of a call `name(arguments)`; of media what it is."""
    failed: bool = False
    """A result that says that its tool failed."""


_CONTENT: Final = ("content", "parts", "text")
_KNOWN: Final = frozenset({"role", *_CONTENT, "tool_calls"})
_THINKING: Final = frozenset({"thinking", "reasoning", "redacted_thinking"})
_CALLS: Final = frozenset(
    {"tool_use", "tool_call", "function_call", "server_tool_use", "mcp_tool_use"}
)
_RESULTS: Final = ("_result", "_response", "_output")
"""What the types of parts end in that bring a tool's result."""
_RESULT_KEYS: Final = ("content", "response", "result", "output")
_MEDIA: Final = frozenset(
    {
        *("image", "image_url", "input_image", "audio", "input_audio", "video", "file"),
        *("input_file", "document", "blob", "uri", "image_generation_call"),
    }
)
_GEMINI_MEDIA: Final = ("inlineData", "inline_data", "fileData", "file_data")
_GEMINI_CALLS: Final = ("functionCall", "function_call")
_GEMINI_RESULTS: Final = ("functionResponse", "function_response")
_DATA_KEYS: Final = ("data", "content", "file_data", "b64_json", "result")
_TYPE_KEYS: Final = ("media_type", "mime_type", "mimeType", "format", "modality")
_PLACE_KEYS: Final = ("url", "uri", "file_uri", "fileUri", "file_id", "fileId", "filename")


def parts_of(message: Mapping[str, Any]) -> Iterator[Part]:
    """Everything that a message says, in its order; calls that stand beside the words last."""
    content = next((message[key] for key in _CONTENT if message.get(key) is not None), None)
    if content is None and "role" in message and "type" in message:
        # An item of a list that mixes messages with calls and results.
        content = [{key: held for key, held in message.items() if key != "role"}]
    for part in content if isinstance(content, list) else [content]:
        if part not in (None, ""):
            yield _part(part)
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else [calls] if calls else []:
        yield Part("call", call_text(call))


def remaining(message: Mapping[str, Any]) -> dict[str, Any]:
    """What a message holds beside its role and what it says."""
    if not any(message.get(key) is not None for key in (*_CONTENT, "tool_calls")):
        return {}
    return {
        key: held
        for key, held in message.items()
        if key not in _KNOWN and held not in (None, [], "")
    }


def _part(part: Any) -> Part:
    if not isinstance(part, Mapping):
        return Part("text", part if isinstance(part, str) else text(part))
    kind = part.get("type")
    kind = kind if isinstance(kind, str) else ""
    if kind in _THINKING:
        return Part("thinking", _thought(part))
    plain_text = part_text(part)
    if plain_text is not None:
        return Part("text", plain_text)
    if kind in _CALLS:
        return Part("call", call_text(part))
    if kind.endswith(_RESULTS):
        return Part("result", _result(part), failed=part.get("is_error") is True)
    if kind in _MEDIA:
        return Part("media", _media(part, kind))
    return _of_gemini(part) or Part("other", text(part))


def _of_gemini(part: Mapping[str, Any]) -> Part | None:
    """Gemini's parts have no type: their one key says what they are."""
    for key in _GEMINI_CALLS:
        if key in part:
            return Part("call", call_text(part[key]))
    for key in _GEMINI_RESULTS:
        if isinstance(part.get(key), Mapping):
            return Part("result", _result(part[key]))
    for key in _GEMINI_MEDIA:
        if isinstance(part.get(key), Mapping):
            return Part("media", _media(part[key], "file"))
    return None


def _thought(part: Mapping[str, Any]) -> str:
    keys = ("thinking", "content", "text", "summary")
    thought = next((part[key] for key in keys if part.get(key)), "")
    if isinstance(thought, Sequence) and not isinstance(thought, str):
        return "\n".join(_part(one).text for one in thought)
    return thought if isinstance(thought, str) and thought else "(not told)"


def _result(part: Mapping[str, Any]) -> str:
    result = next((part[key] for key in _RESULT_KEYS if key in part), part)
    if isinstance(result, str):
        return result
    if isinstance(result, list) and result:
        return "\n".join(_part(one).text for one in result)
    return text(result)


def _media(part: Mapping[str, Any], kind: str) -> str:
    """`image/png, 34 kB`, or where it is; never what it holds."""
    held = _innermost(part)
    media_type = next((held[key] for key in _TYPE_KEYS if isinstance(held.get(key), str)), "")
    place = next((held[key] for key in _PLACE_KEYS if isinstance(held.get(key), str)), "")
    data = next((held[key] for key in _DATA_KEYS if isinstance(held.get(key), str)), "")
    if place.startswith("data:"):
        head, _, data = place.partition(",")
        media_type, place = head.removeprefix("data:").partition(";")[0], ""
    what = [media_type or kind.removeprefix("input_").removesuffix("_url")]
    if data:
        # Three bytes are four characters of base64.
        what.append(size_of(len(data) * 3 // 4))
    if place:
        what.append(f"at {place}")
    return ", ".join(what)


def _innermost(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object that describes it, which some providers wrap once more."""
    for key in ("source", "image_url", "input_audio", "file", "audio"):
        inner = part.get(key)
        if isinstance(inner, str):
            return {"url": inner}
        if isinstance(inner, Mapping):
            return inner
    return part
