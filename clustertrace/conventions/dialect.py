"""What a dialect is: a table from attribute keys to the fields of a span.

Each dialect is a file with one `Dialect` in it. All of them are read for every span, because a
span often speaks several (an OpenInference span around an OpenTelemetry GenAI one): for each
field, the first key in the order of the tables whose value is usable wins. A dialect with
`scopes` is read only for spans of those instrumentation scopes, and goes first there: its keys
are words (`model`, `input_tokens`) that mean something else in other people's spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from clustertrace.conventions import readers
from clustertrace.conventions.readers import Reader

if TYPE_CHECKING:
    from clustertrace.conventions.raw import RawSpan
    from clustertrace.model import Span

__all__ = ["READERS", "STANDARD", "STAYING", "Composite", "Dialect", "Field", "Refine"]

Composite = Callable[[Any], Iterable[tuple["Field", Any]]]
"""Reads several fields out of one value, such as a vendor's usage object."""

Refine = Callable[["Span", "RawSpan"], "Span"]
"""Says what no table can of the spans of one instrumentation."""


class Field(IntEnum):
    """The fields that attributes can fill. Those of content stand together, and the last ones are
    the names and facts that a span has no field for."""

    KIND = 0
    MODEL = 1
    PROVIDER = 2
    INPUT = 3
    """Structured content: messages, arguments, documents."""
    OUTPUT = 4
    BARE_INPUT = 5
    """Content of unknown shape, used where there is no structured one."""
    BARE_OUTPUT = 6
    SYSTEM = 7
    """System instructions that stand apart from the messages."""
    SAID_TEXT = 8
    """A reply in pieces: its text, its reasoning and the tools that it calls."""
    SAID_REASONING = 9
    SAID_CALLS = 10
    INPUT_TOKENS = 11
    """Cached tokens included."""
    FRESH_INPUT_TOKENS = 12
    """Cached tokens left out: reads and writes are added."""
    OUTPUT_TOKENS = 13
    CACHE_READ_TOKENS = 14
    CACHE_WRITE_TOKENS = 15
    REASONING_TOKENS = 16
    COST_USD = 17
    FINISH_REASON = 18
    FAILED = 19
    """The span failed, whatever its status says."""
    ERROR_TYPE = 20
    ERROR_MESSAGE = 21
    SESSION = 22
    TOOL_NAME = 23
    AGENT_NAME = 24
    CALL_NAME = 25
    """What to call a model call."""
    NAME = 26
    """What to call a span of any other kind, where nothing better is known."""
    RESPONSE_ID = 27
    TOOL_CALL_ID = 28
    TOOL_DEFINITIONS = 29
    USER = 30
    STREAM = 31
    FIRST_TOKEN_SECONDS = 32
    """From the start of the call."""
    FIRST_TOKEN_NS = 33
    """When the first token came, nanoseconds since 1970."""
    EVALUATIONS = 34
    """Scores of the span: a list of objects with `name`, `score`, `label` and so on."""
    HOUR_TOKENS = 35
    """Of the tokens written to a cache, those that are kept for an hour."""


STANDARD: Final[Mapping[Field, str]] = {
    Field.RESPONSE_ID: "gen_ai.response.id",
    Field.TOOL_CALL_ID: "gen_ai.tool.call.id",
    Field.TOOL_DEFINITIONS: "gen_ai.tool.definitions",
    Field.USER: "user.id",
    Field.STREAM: "gen_ai.request.stream",
    Field.FIRST_TOKEN_SECONDS: "gen_ai.response.time_to_first_chunk",
    Field.AGENT_NAME: "gen_ai.agent.name",
    Field.TOOL_NAME: "gen_ai.tool.name",
    Field.EVALUATIONS: "evaluations",
    Field.HOUR_TOKENS: "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
}
"""Facts that a span has no field for: they stand in its attributes under these names."""

STAYING: Final = frozenset(
    {
        Field.KIND,
        Field.FRESH_INPUT_TOKENS,
        Field.FAILED,
        Field.TOOL_NAME,
        Field.AGENT_NAME,
        Field.CALL_NAME,
        Field.NAME,
        Field.RESPONSE_ID,
        Field.TOOL_CALL_ID,
        Field.USER,
        Field.STREAM,
        Field.FIRST_TOKEN_SECONDS,
        Field.FIRST_TOKEN_NS,
    }
)
"""Fields whose attributes stay as they came: the span keeps them in another form, or nowhere."""


class Dialect(NamedTuple):
    """One convention for naming the attributes of model calls, tools and agents."""

    title: str
    """As people call it."""
    known_by: str
    """What gives its spans away, in Markdown."""
    keys: Mapping[Field, Sequence[str]]
    """For each field the keys that may fill it, the best first."""
    kinds: Sequence[tuple[str, Mapping[str, str]]] = ()
    """Keys that tell the span's kind, with what their values (in lower case) mean."""
    families: Mapping[str, Field] = {}
    """Prefixes of flat indexed keys (`prefix.0.role`), which together fill one field."""
    event_messages: Mapping[str, tuple[Field, str]] = {}
    """Span events that each carry one message: the field it belongs to and the role it has."""
    event_values: Mapping[str, Sequence[tuple[str, Field]]] = {}
    """Span events that carry content: which attribute of theirs fills which field."""
    first_tokens: Sequence[str] = ()
    """Span events that mark the first token of a stream."""
    readers: Mapping[str, Reader] = {}
    """Keys whose value is not read the way their field usually is."""
    keeps: frozenset[str] = frozenset()
    """Keys that say more than the field that they fill, and stay."""
    composites: Mapping[str, Composite] = {}
    """Keys whose value fills several fields that no other key has filled; they stay."""
    scopes: Sequence[str] = ()
    """Beginnings of the names of the scopes that alone speak this dialect; none: everybody."""
    refine: Refine | None = None
    """What to mend in the finished span; only of a dialect with scopes."""


READERS: Mapping[Field, Reader] = {
    Field.MODEL: readers.word,
    Field.PROVIDER: readers.provider,
    Field.INPUT: readers.content,
    Field.OUTPUT: readers.content,
    Field.BARE_INPUT: readers.content,
    Field.BARE_OUTPUT: readers.content,
    Field.SYSTEM: readers.parsed,
    Field.SAID_TEXT: readers.text,
    Field.SAID_REASONING: readers.parsed,
    Field.SAID_CALLS: readers.parsed,
    Field.INPUT_TOKENS: readers.count,
    Field.FRESH_INPUT_TOKENS: readers.count,
    Field.OUTPUT_TOKENS: readers.count,
    Field.CACHE_READ_TOKENS: readers.count,
    Field.CACHE_WRITE_TOKENS: readers.count,
    Field.REASONING_TOKENS: readers.count,
    Field.COST_USD: readers.dollars,
    Field.FINISH_REASON: readers.first_text,
    Field.ERROR_TYPE: readers.word,
    Field.ERROR_MESSAGE: readers.word,
    Field.SESSION: readers.word,
    Field.TOOL_NAME: readers.word,
    Field.AGENT_NAME: readers.word,
    Field.CALL_NAME: readers.word,
    Field.NAME: readers.word,
    Field.RESPONSE_ID: readers.word,
    Field.TOOL_CALL_ID: readers.word,
    Field.TOOL_DEFINITIONS: readers.parsed,
    Field.USER: readers.word,
    Field.STREAM: readers.boolean,
    Field.FIRST_TOKEN_SECONDS: readers.seconds,
    Field.FIRST_TOKEN_NS: readers.time_ns,
    Field.EVALUATIONS: readers.parsed,
    Field.HOUR_TOKENS: readers.count,
}
"""How each field's value is read unless a dialect says otherwise."""
