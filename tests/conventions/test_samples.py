"""Requests that real instrumentors sent, held against what is known about each."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clustertrace.conventions.otlp.traces import Received, decode_json, decode_protobuf

SPOKEN = ("otel-", "openinference-", "openllmetry-", "anthropic-sdk-")
"""The instrumentors whose dialects are mapped in full."""


@pytest.fixture(scope="session")
def samples(shared: Path) -> Path:
    return shared / "otlp_samples"


@pytest.fixture(scope="session")
def manifest(samples: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((samples / "manifest.json").read_bytes())
    return {name: facts for name, facts in manifest.items() if facts["signal"] == "traces"}


def read(file: Path) -> Received:
    body = file.read_bytes()
    if file.suffix == ".gz":
        body = gzip.decompress(body)
    return (decode_json if ".json" in file.name else decode_protobuf)(body)


def test_every_sample_is_read(samples: Path, manifest: dict[str, Any]) -> None:
    """No real request is refused, and no span of one."""
    for name, facts in manifest.items():
        received = read(samples / name)
        assert received.rejected == [], name
        assert len(received.batch.spans) == facts["spans"], name


def test_kinds_and_tokens(samples: Path, manifest: dict[str, Any]) -> None:
    """Kinds, models, tokens, errors and sessions are what is known of each request."""
    spoken = [name for name in manifest if name.startswith(SPOKEN)]
    assert len(spoken) > 30
    for name in spoken:
        facts, batch = manifest[name], read(samples / name).batch
        assert Counter(span.kind for span in batch.spans) == facts["kinds"], name
        calls = [span for span in batch.spans if span.kind in ("llm", "embedding")]
        usages = Counter(
            (s.model, s.input_tokens or 0, s.output_tokens or 0, s.cache_read_tokens or 0)
            for s in calls
        )
        known = Counter(
            (
                c.get("model"),
                *(c.get(key) or 0 for key in ("input_tokens", "output_tokens", "cache_read")),
            )
            for c in facts["llm_calls"]
        )
        assert usages == known, name
        errors = Counter(s.name for s in batch.spans if s.status == "error")
        assert errors == Counter(error["span"] for error in facts["errors"]), name
        sessions = {fact.session_id for fact in batch.facts if fact.session_id}
        assert sessions <= set(facts["session_ids"]) | {"thread-1"}, name


def test_a_conversation_is_the_same_from_every_dialect(samples: Path) -> None:
    """The conversation of a call is the same list of messages from every dialect."""
    for name in (
        "otel-genai-openai-chat.traces.pb",
        "openinference-openai-chat.traces.pb",
        "openllmetry-openai-chat.traces.pb",
        "openllmetry-0.40-openai-chat.traces.pb",
    ):
        (span,) = read(samples / name).batch.spans
        assert [message["role"] for message in span.input] == ["system", "user"], name
        assert [message["role"] for message in span.output] == ["assistant"], name
        assert "sunny in Paris" in json.dumps(span.output), name
        assert span.finish_reason == "stop" or name.startswith("openinference"), name
