"""Every setting once: its name, environment variable, default and one line of purpose.

The table in docs/configuration.md is generated from here. The recorder reads the few variables
that it needs from `os.environ` itself (`clustertrace.record.config`), because importing
clustertrace loads the standard library only; a test holds the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from clustertrace.errors import BadSetting

__all__ = ["Settings", "load"]


class Settings(BaseSettings):
    """What the environment says, validated."""

    model_config = SettingsConfigDict(env_prefix="CLUSTERTRACE_", extra="ignore", frozen=True)

    db: str = Field(
        default="",
        description="Database: a path or an SQLAlchemy URL. Default: ~/.clustertrace/traces.db.",
    )
    endpoint: str = Field(
        default="",
        description="Send recorded spans to this receiver instead of a spool beside the database.",
    )
    key: str = Field(
        default="",
        description="The key that a receiver asks other machines for, and that programs send to "
        "the receiver at CLUSTERTRACE_ENDPOINT. Default: made once, next to the database.",
    )
    max_payload_bytes: int = Field(
        default=32768, ge=256, description="Longest input or output kept, in bytes per field."
    )
    otlp_max_bytes: int = Field(
        default=16 * 1024 * 1024,
        ge=1024,
        description="Largest request the receiver accepts, in bytes, also after decompression.",
    )
    pricing_json: Path | None = Field(
        default=None,
        description='Your own prices: a file with {"model": [input, output]}, US dollars per '
        "million tokens (see cost.md).",
    )
    capture: Literal["full", "metadata"] = Field(
        default="full", description="`metadata` stores no content: no inputs, outputs or messages."
    )
    redact: bool = Field(
        default=True, description="Cut keys and secrets before anything reaches the disk."
    )
    redact_patterns: Path | None = Field(
        default=None,
        description="Your own secrets: a file with one regular expression per line (redaction.md).",
    )
    sample_rate: float = Field(
        default=1.0, ge=0.0, le=1.0, description="Share of traces to record, 0 to 1."
    )
    deepen_model: str = Field(
        default="claude-haiku-4-5",
        description="The model that “Deepen” on the prompts page asks, with your own key.",
    )
    week_starts: Literal[
        "", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ] = Field(
        default="",
        description="The day on which weeks of the review begin, such as `sunday`. Default: that "
        "of your locale (LC_ALL, LC_TIME, LANG).",
    )
    mcp_token: str = Field(
        default="", description="The token of `clustertrace mcp --http`. Default: a new one."
    )
    disabled: bool = Field(default=False, description="Record nothing.")


def load() -> Settings:
    """Read the environment.

    Raises BadSetting with the variable's name and what it must be.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "CLUSTERTRACE_" + "_".join(str(part) for part in first["loc"]).upper()
        raise BadSetting(
            f"{name} can't be used: {first['msg'].lower()}; change or unset it."
        ) from None
