"""Usage and cost objects of vendors and tools, which hold several counts in one value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Field
from clustertrace.conventions.readers import count, dollars, parsed

__all__ = [
    "anthropic_metadata",
    "cost_details",
    "input_details",
    "input_with_cached",
    "langfuse_usage",
    "usage",
    "usage_of",
]

_PATHS: Final[Mapping[Field, tuple[str, ...]]] = {
    Field.INPUT_TOKENS: (
        *("prompt_tokens", "input_tokens", "promptTokenCount", "prompt_token_count"),
        *("inputTokens", "input"),
    ),
    Field.OUTPUT_TOKENS: (
        *("completion_tokens", "output_tokens", "candidatesTokenCount", "candidates_token_count"),
        *("outputTokens", "output"),
    ),
    Field.CACHE_READ_TOKENS: (
        *("prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens"),
        *("cache_read_input_tokens", "input_cached_tokens", "input_cache_read"),
        *("cachedContentTokenCount", "cached_content_token_count", "cacheReadInputTokens"),
        "cached_tokens",
    ),
    Field.CACHE_WRITE_TOKENS: (
        *("cache_creation_input_tokens", "cache_write_input_tokens", "input_cache_creation"),
        *("cacheWriteInputTokens", "prompt_tokens_details.cache_write_tokens"),
        "input_tokens_details.cache_write_tokens",
    ),
    Field.REASONING_TOKENS: (
        *("completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens"),
        *("output_reasoning_tokens", "thoughtsTokenCount", "thoughts_token_count"),
        *("output_token_details.reasoning", "reasoning_tokens"),
    ),
    Field.HOUR_TOKENS: (
        *("cache_creation.ephemeral_1h_input_tokens", "input_ephemeral_1h_input_tokens"),
        "cache_creation_input_tokens_above_1hr",
    ),
}
_THOUGHT_KEYS: Final = ("thoughtsTokenCount", "thoughts_token_count")
"""Gemini counts these beside the output; ours are part of it."""

_ANTHROPIC_CACHE_KEYS: Final = ("cache_read_input_tokens", "cache_creation_input_tokens")
_CACHE_KEYS: Final = (*_ANTHROPIC_CACHE_KEYS, "cache_write_input_tokens")
_LIFETIME_KEYS: Final = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
"""What was written to a cache, by how long it is kept; the last one is an hour."""

_WHOLE_KEYS: Final = frozenset({"input_tokens", "output_tokens"})
"""Keys that begin like Langfuse's parts and are other vendors' wholes."""


def usage(value: Any, *, own: bool = True) -> Iterator[tuple[Field, Any]]:
    """Token counts of a usage object of OpenAI, Anthropic, Gemini, Bedrock, Langfuse or MLflow.

    `own`: it is as the vendor sent it, so that Anthropic's input leaves out what was cached.
    """
    counts = parsed(value)
    if not isinstance(counts, Mapping):
        return
    is_fresh = (
        own and "input_tokens" in counts and any(key in counts for key in _ANTHROPIC_CACHE_KEYS)
    )
    for field, paths in _PATHS.items():
        tokens = next(
            (n for path in paths if (n := count(_value_at(counts, path))) is not None), None
        )
        if tokens is None:
            continue
        if field is Field.INPUT_TOKENS and is_fresh:
            field = Field.FRESH_INPUT_TOKENS
        elif field is Field.OUTPUT_TOKENS:
            tokens += next((n for key in _THOUGHT_KEYS if (n := count(counts.get(key)))), 0)
        yield field, tokens
    yield from _input_token_details(counts.get("input_token_details"))


def usage_of(response: Mapping[str, Any]) -> Iterator[tuple[Field, Any]]:
    """Token counts of a vendor's whole response."""
    for key in ("usage", "usageMetadata", "usage_metadata"):
        yield from usage(response.get(key))


def langfuse_usage(value: Any) -> Iterator[tuple[Field, Any]]:
    """Langfuse's usage details, whose `input` and `output` leave out what has a word of its own.

    People also give it counts that include it. The total tells; where there is none, words of
    Anthropic's do. Others' words are read as those mean them.
    """
    counts = parsed(value)
    if not isinstance(counts, Mapping):
        return
    parts = {
        "input": sum(
            _part_counts(counts, lambda key: key.startswith("input_") or key in _CACHE_KEYS)
        ),
        "output": sum(_part_counts(counts, lambda key: key.startswith("output_"))),
    }
    totals = {whole: count(counts.get(whole)) for whole in parts}
    sum_of_all = sum(parts.values()) + sum(tokens or 0 for tokens in totals.values())
    total = count(counts.get("total"))
    left_out = (
        sum_of_all == total if total is not None else any(key in counts for key in _CACHE_KEYS)
    )
    for field, whole in ((Field.INPUT_TOKENS, "input"), (Field.OUTPUT_TOKENS, "output")):
        tokens = totals[whole]
        if tokens is not None:
            yield field, tokens + parts[whole] if left_out else tokens
    by_lifetime = [count(counts.get(f"input_{key}")) for key in _LIFETIME_KEYS]
    yield Field.CACHE_WRITE_TOKENS, sum(tokens or 0 for tokens in by_lifetime) or None
    yield from usage(counts, own=False)


def _part_counts(counts: Mapping[str, Any], is_part: Callable[[str], bool]) -> Iterator[int]:
    """Langfuse's counts of parts."""
    for key, value in counts.items():
        tokens = count(value)
        if tokens is not None and is_part(key) and key not in _WHOLE_KEYS and "priority" not in key:
            yield tokens


def input_details(value: Any) -> Iterator[tuple[Field, Any]]:
    """LangChain's details of the input tokens, as `repr`."""
    yield from _input_token_details(
        parsed(value.replace("'", '"')) if isinstance(value, str) else value
    )


def _input_token_details(details: Any) -> Iterator[tuple[Field, Any]]:
    """LangChain's details of the input tokens, which may tell how long what was written is kept."""
    if isinstance(details, Mapping):
        yield Field.CACHE_READ_TOKENS, count(details.get("cache_read"))
        by_lifetime = [count(details.get(key)) for key in _LIFETIME_KEYS]
        written = sum(tokens or 0 for tokens in by_lifetime) or count(details.get("cache_creation"))
        yield Field.CACHE_WRITE_TOKENS, written
        yield Field.HOUR_TOKENS, by_lifetime[-1]


def anthropic_metadata(value: Any) -> Iterator[tuple[Field, Any]]:
    """Vercel's `providerMetadata`: what Anthropic told of its cache, and what a gateway cost."""
    metadata = parsed(value)
    if not isinstance(metadata, Mapping):
        return
    vendor = metadata.get("anthropic")
    if isinstance(vendor, Mapping):
        if isinstance(vendor.get("usage"), Mapping):
            yield from usage(vendor["usage"])
        yield Field.CACHE_WRITE_TOKENS, count(vendor.get("cacheCreationInputTokens"))
    gateway = metadata.get("gateway")
    if isinstance(gateway, Mapping):
        yield Field.COST_USD, dollars(gateway.get("cost"))
    openai = metadata.get("openai")
    if isinstance(openai, Mapping):
        yield Field.CACHE_READ_TOKENS, count(openai.get("cachedPromptTokens"))
        yield Field.REASONING_TOKENS, count(openai.get("reasoningTokens"))


def cost_details(value: Any) -> Iterator[tuple[Field, Any]]:
    """A cost in parts: its total, else their sum."""
    costs = parsed(value)
    if isinstance(costs, Mapping):
        total = next((costs[key] for key in ("total", "total_cost") if key in costs), None)
        parts = [cost for part in costs.values() if (cost := dollars(part)) is not None]
        yield Field.COST_USD, dollars(total) if total is not None else sum(parts) or None


def input_with_cached(tokens: int | None, fresh: int | None, cached: int) -> int | None:
    """Input tokens, cached ones (those read and those written) included.

    `fresh` are those that were told without cached ones. Most dialects say they count all; older
    releases of some instrumentors did not, and give themselves away when the part is larger than
    the whole.
    """
    if fresh is not None:
        return fresh + cached
    if tokens is None or cached <= tokens:
        return tokens
    return tokens + cached


def _value_at(mapping: Mapping[str, Any], path: str) -> Any:
    first_key, _, tail = path.partition(".")
    value = mapping.get(first_key)
    if not tail:
        return value
    return value.get(tail) if isinstance(value, Mapping) else None
