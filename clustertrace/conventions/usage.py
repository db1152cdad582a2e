"""Usage and cost objects of vendors and tools, which hold several counts in one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Field
from clustertrace.conventions.readers import count, dollars, parsed

__all__ = ["anthropic_metadata", "cost_details", "input_details", "usage"]

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
        *("input_token_details.cache_read", "cached_tokens"),
    ),
    Field.CACHE_WRITE_TOKENS: (
        *("cache_creation_input_tokens", "cache_write_input_tokens", "input_cache_creation"),
        *("cacheWriteInputTokens", "input_token_details.cache_creation"),
        "prompt_tokens_details.cache_write_tokens",
    ),
    Field.REASONING_TOKENS: (
        *("completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens"),
        *("output_reasoning_tokens", "thoughtsTokenCount", "thoughts_token_count"),
        *("output_token_details.reasoning", "reasoning_tokens"),
    ),
}
_THOUGHTS: Final = ("thoughtsTokenCount", "thoughts_token_count")
"""Gemini counts these beside the output; ours are part of it."""

_ANTHROPIC: Final = ("cache_read_input_tokens", "cache_creation_input_tokens")


def usage(value: Any, *, own: bool = True) -> Iterator[tuple[Field, Any]]:
    """Token counts of a usage object of OpenAI, Anthropic, Gemini, Bedrock, Langfuse or MLflow.

    `own`: it is as the vendor sent it, so that Anthropic's input leaves out what was cached.
    """
    told = parsed(value)
    if not isinstance(told, Mapping):
        return
    fresh = own and "input_tokens" in told and any(key in told for key in _ANTHROPIC)
    for field, paths in _PATHS.items():
        tokens = next((n for path in paths if (n := count(_at(told, path))) is not None), None)
        if tokens is None:
            continue
        if field is Field.INPUT_TOKENS and fresh:
            field = Field.FRESH_INPUT_TOKENS
        elif field is Field.OUTPUT_TOKENS:
            tokens += next((n for key in _THOUGHTS if (n := count(told.get(key)))), 0)
        yield field, tokens


def input_details(value: Any) -> Iterator[tuple[Field, Any]]:
    """LangChain's details of the input tokens, `cache_read` and `cache_creation`, as `repr`."""
    told = parsed(value.replace("'", '"')) if isinstance(value, str) else value
    if isinstance(told, Mapping):
        yield Field.CACHE_READ_TOKENS, count(told.get("cache_read"))
        yield Field.CACHE_WRITE_TOKENS, count(told.get("cache_creation"))


def anthropic_metadata(value: Any) -> Iterator[tuple[Field, Any]]:
    """Vercel's `providerMetadata`: what Anthropic told of its cache, and what a gateway cost."""
    told = parsed(value)
    if not isinstance(told, Mapping):
        return
    vendor = told.get("anthropic")
    if isinstance(vendor, Mapping):
        if isinstance(vendor.get("usage"), Mapping):
            yield from usage(vendor["usage"])
        yield Field.CACHE_WRITE_TOKENS, count(vendor.get("cacheCreationInputTokens"))
    gateway = told.get("gateway")
    if isinstance(gateway, Mapping):
        yield Field.COST_USD, dollars(gateway.get("cost"))
    openai = told.get("openai")
    if isinstance(openai, Mapping):
        yield Field.CACHE_READ_TOKENS, count(openai.get("cachedPromptTokens"))
        yield Field.REASONING_TOKENS, count(openai.get("reasoningTokens"))


def cost_details(value: Any) -> Iterator[tuple[Field, Any]]:
    """A cost in parts: its total, else their sum."""
    told = parsed(value)
    if isinstance(told, Mapping):
        total = next((told[key] for key in ("total", "total_cost") if key in told), None)
        parts = [cost for part in told.values() if (cost := dollars(part)) is not None]
        yield Field.COST_USD, dollars(total) if total is not None else sum(parts) or None


def _at(told: Mapping[str, Any], path: str) -> Any:
    head, _, tail = path.partition(".")
    below = told.get(head)
    if not tail:
        return below
    return below.get(tail) if isinstance(below, Mapping) else None
