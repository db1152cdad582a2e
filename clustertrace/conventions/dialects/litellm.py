"""LiteLLM's own OpenTelemetry callback, of the SDK and of the proxy: GenAI with money beside it.

https://docs.litellm.ai/docs/observability/opentelemetry_integration. What the vendor said of cached
tokens stands in the `repr` of a dictionary; its prompt tokens include them, whoever the vendor is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from clustertrace.conventions.content import python_literal
from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.usage import usage

__all__ = ["LITELLM"]


def _usage(value: Any) -> Iterator[tuple[Field, Any]]:
    yield from usage(python_literal(value) if isinstance(value, str) else value, own=False)


LITELLM: Final = Dialect(
    title="LiteLLM",
    known_by="scopes `litellm*`",
    scopes=("litellm",),
    keys={
        Field.COST_USD: ("gen_ai.cost.total_cost",),
        Field.USER: ("metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id"),
    },
    composites={"metadata.usage_object": _usage},
)
