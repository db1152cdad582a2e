"""MLflow Tracing (`mlflow.*`), whose values are all JSON: `"\\"TOOL\\""`.

https://mlflow.org/docs/latest/genai/tracing/opentelemetry/
"""

from __future__ import annotations

from typing import Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.usage import cost_details, usage
from clustertrace.model import KINDS

__all__ = ["MLFLOW"]

MLFLOW: Final = Dialect(
    title="MLflow",
    known_by="`mlflow.spanType`, `mlflow.spanInputs`",
    keys={
        Field.MODEL: ("mlflow.llm.model", "mlflow.chat.model"),
        Field.PROVIDER: ("mlflow.llm.provider", "mlflow.message.format"),
        Field.BARE_INPUT: ("mlflow.spanInputs",),
        Field.BARE_OUTPUT: ("mlflow.spanOutputs",),
        Field.SESSION: ("mlflow.trace.session",),
        Field.TOOL_DEFINITIONS: ("mlflow.chat.tools",),
        Field.USER: ("mlflow.trace.user",),
    },
    kinds=[
        (
            "mlflow.spanType",
            {
                **{kind: kind for kind in KINDS},
                "chat_model": "llm",
                "parser": "chain",
                "workflow": "chain",
                "task": "chain",
                "memory": "chain",
            },
        )
    ],
    composites={
        "mlflow.chat.tokenUsage": lambda value: usage(value, own=False),
        "mlflow.llm.cost": cost_details,
    },
)
