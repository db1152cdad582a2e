"""OpenAI's clients: OpenAI and AzureOpenAI, sync or async, and others with their protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from clustertrace.wrap.facts import Endpoint, Reply, Request, section
from clustertrace.wrap.openai_chat import CHAT
from clustertrace.wrap.openai_responses import RESPONSES
from clustertrace.wrap.stainless import wrapped_client

__all__ = ["wrap_openai"]

C = TypeVar("C")

_HOSTS: Final = (
    ("azure.com", "azure"),
    ("openrouter.ai", "openrouter"),
    ("groq.com", "groq"),
    ("deepseek.com", "deepseek"),
    ("mistral.ai", "mistral"),
    ("together.xyz", "together"),
    ("fireworks.ai", "fireworks"),
    ("x.ai", "x-ai"),
    ("perplexity.ai", "perplexity"),
    ("cerebras.ai", "cerebras"),
    ("googleapis.com", "google"),
    ("amazonaws.com", "aws.bedrock"),
)
"""Providers with OpenAI's protocol, by the end of the host name."""


def wrap_openai(client: C) -> C:
    """A copy of an OpenAI client whose model calls are recorded, one span each.

    Takes OpenAI and AzureOpenAI, sync or async; Chat Completions, Responses and embeddings
    are recorded. The copy is of the same type and shares the client's connections; the client
    itself stays unrecorded. Raises UsageError for anything else.

        client = clustertrace.wrap_openai(openai.OpenAI())
    """
    return wrapped_client(client, "openai", "wrap_openai", _ENDPOINTS, _provider)


def _provider(client: Any) -> str:
    if any("Azure" in kind.__name__ for kind in type(client).__mro__):
        return "azure"
    host = getattr(getattr(client, "base_url", None), "host", None) or ""
    return next(
        (provider for suffix, provider in _HOSTS if host == suffix or host.endswith(f".{suffix}")),
        "openai",
    )


def _embedding_request(body: Mapping[str, Any]) -> Request:
    rest = dict(body)
    return Request(
        "embeddings", rest.pop("model", None), rest.pop("input", None), rest, kind="embedding"
    )


def _embedding_reply(body: Mapping[str, Any]) -> Reply:
    vectors, usage = body.get("data") or [], section(body, "usage")
    dimensions = _dimensions(vectors[0].get("embedding")) if vectors else None
    return Reply(
        output={"embeddings": len(vectors), "dimensions": dimensions},
        model=body.get("model"),
        input_tokens=usage.get("prompt_tokens"),
        attributes={"gen_ai.embeddings.dimension.count": dimensions} if dimensions else {},
    )


def _dimensions(vector: Any) -> int | None:
    """The length of a vector, which as text is base64 with four bytes per number."""
    if isinstance(vector, str):
        return len(vector.rstrip("=")) * 3 // 16
    return len(vector) if isinstance(vector, list) else None


_ENDPOINTS: Final = {
    "/chat/completions": CHAT,
    "/responses": RESPONSES,
    "/embeddings": Endpoint(_embedding_request, _embedding_reply),
}
