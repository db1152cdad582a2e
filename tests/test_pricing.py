from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace import pricing
from clustertrace.errors import BadSetting
from clustertrace.model import Span

WHEN = int(datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()) * 10**9


pytestmark = pytest.mark.usefixtures("forget_prices")


def cost(model: str, provider: str | None = None, **tokens: int) -> float | None:
    counts = {"input_tokens": 0, "output_tokens": 0, **tokens}
    return pricing.price(model, provider, when_ns=WHEN, **counts)


def call(**fields: object) -> Span:
    usual: dict[str, object] = {"model": "gpt-4o-mini", "provider": "openai"}
    usual |= {"input_tokens": 1000, "output_tokens": 0}
    return Span("1" * 32, "2" * 16, None, "chat", "llm", "ok", WHEN, WHEN + 1)._replace(
        **{**usual, **fields}
    )


def test_anthropic_with_cache() -> None:
    """Cache reads cost a tenth of fresh input and cache writes a quarter more."""
    dollars = cost(
        "claude-sonnet-4-5",
        "anthropic",
        input_tokens=1_000 + 90_000 + 5_000,
        output_tokens=100,
        cache_read_tokens=90_000,
        cache_write_tokens=5_000,
    )
    expected = (1_000 * 3 + 90_000 * 0.30 + 5_000 * 3.75 + 100 * 15) / 1e6
    assert dollars == pytest.approx(expected, rel=1e-12)


def test_anthropic_long_context() -> None:
    """Past 200 000 tokens read, cached ones included, the dearer rates hold for the whole call."""
    dollars = cost(
        "claude-sonnet-4-5",
        "anthropic",
        input_tokens=1_000 + 900_000 + 50_000,
        output_tokens=100,
        cache_read_tokens=900_000,
        cache_write_tokens=50_000,
    )
    expected = (1_000 * 6 + 900_000 * 0.60 + 50_000 * 7.50 + 100 * 22.50) / 1e6
    assert dollars == pytest.approx(expected, rel=1e-12)


def test_anthropic_cache_for_an_hour() -> None:
    """Of the tokens written to the cache, those kept for an hour cost twice the fresh ones."""
    dollars = cost(
        "claude-sonnet-4-5",
        "anthropic",
        input_tokens=11_000,
        cache_write_tokens=10_000,
        cache_write_1h_tokens=4_000,
    )
    assert dollars == pytest.approx((1_000 * 3 + 6_000 * 3.75 + 4_000 * 6) / 1e6, rel=1e-12)


def test_openai_with_cache() -> None:
    """Of a million prompt tokens, the 900 000 cached ones cost half."""
    dollars = cost("gpt-4o-mini", "openai", input_tokens=1_000_000, cache_read_tokens=900_000)
    assert dollars == pytest.approx((100_000 * 0.15 + 900_000 * 0.075) / 1e6, rel=1e-12)


def test_thinking_has_a_price_of_its_own_where_the_vendor_says_so() -> None:
    """Thinking is part of the output, and has a price of its own where the vendor says so."""
    usual = cost("gpt-5", "openai", output_tokens=1_000_000, reasoning_tokens=400_000)
    assert usual == pytest.approx(10.0)
    own = cost("sonar-deep-research", "perplexity", output_tokens=10**6, reasoning_tokens=400_000)
    assert own == pytest.approx(0.6 * 8 + 0.4 * 3)


def test_batch_and_tiers() -> None:
    """A batch costs half, flex half, priority more; where no such price is known, the usual one."""
    usual = cost("gpt-5-mini", "openai", input_tokens=10**6)
    assert usual == pytest.approx(0.25)
    for terms, dollars in (
        ((("processing", "batch"),), 0.125),
        ((("service_tier", "flex"),), 0.125),
        ((("service_tier", "priority"),), 0.45),
        ((("service_tier", "unheard-of"),), 0.25),
    ):
        assert pricing.price(
            "gpt-5-mini", "openai", input_tokens=10**6, output_tokens=0, terms=terms, when_ns=WHEN
        ) == pytest.approx(dollars)


def test_prices_of_their_day() -> None:
    """A call is priced as of its own day: o3 cost five times as much before June 10th, 2025."""
    old, new = (
        pricing.price(
            "o3",
            "openai",
            input_tokens=10**6,
            output_tokens=0,
            when_ns=int(datetime(2025, month, 1, tzinfo=UTC).timestamp()) * 10**9,
        )
        for month in (6, 7)
    )
    assert (old, new) == (pytest.approx(10.0), pytest.approx(2.0))


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o-mini", None),
        ("gpt-4o-mini-2024-07-18", "openai"),
        ("openai/gpt-4o-mini", None),
        ("openai/gpt-4o-mini", "litellm"),
        ("gpt-4o-mini", "a-vendor-nobody-knows"),
        ("GPT-4o-mini", "openai"),
    ],
)
def test_names_with_dates_and_prefixes_have_one_price(model: str, provider: str | None) -> None:
    """Dated names, vendor prefixes and unknown vendors lead to the same price."""
    assert cost(model, provider, input_tokens=1_000_000) == pytest.approx(0.15)


BEDROCK = "anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize(
    ("model", "provider", "dollars"),
    [
        (f"us.{BEDROCK}", "aws.bedrock", 0.33),
        (f"us.{BEDROCK}", "aws", 0.33),
        (f"us.{BEDROCK}", "anthropic", 0.33),
        (f"us.{BEDROCK}", None, 0.33),
        (f"bedrock/us.{BEDROCK}", None, 0.33),
        (f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{BEDROCK}", None, 0.33),
        (f"global.{BEDROCK}", "aws.bedrock", 0.30),
        ("claude-sonnet-4-5@20250929", "gcp.vertex_ai", 0.30),
        ("claude-sonnet-4-5@20250929", "anthropic", 0.30),
        ("vertex_ai/claude-sonnet-4-5@20250929", None, 0.30),
        ("anthropic/claude-sonnet-4.5", "openrouter", 0.30),
        ("anthropic/claude-sonnet-4.5", None, 0.30),
        ("openrouter/anthropic/claude-sonnet-4.5", None, 0.30),
        ("claude-sonnet-4-5-20250929", "anthropic", 0.30),
        ("claude-sonnet-4-5-20250929", None, 0.30),
    ],
)
def test_names_of_clouds_and_gateways(model: str, provider: str | None, dollars: float) -> None:
    """Bedrock, Vertex and OpenRouter name the same model; a region of Amazon's costs more."""
    assert cost(model, provider, input_tokens=100_000) == pytest.approx(dollars)


def test_context_suffix() -> None:
    """The suffix with which a coding agent asks for a long context is no part of the name."""
    assert cost("claude-sonnet-4-5[1m]", "anthropic", input_tokens=1_000) == pytest.approx(0.003)


@pytest.mark.parametrize("model", ["a-model-nobody-knows", "openai/nothing", "", "/", "[1m]"])
def test_unknown_model(model: str) -> None:
    """A model without a known price is unpriced, not free."""
    assert cost(model, "openai", input_tokens=1_000) is None


@given(
    fresh=st.integers(0, 10**6),
    read=st.integers(0, 10**6),
    written=st.integers(0, 10**6),
    output=st.integers(0, 10**6),
    name=st.sampled_from(
        [
            ("claude-sonnet-4-5", "anthropic"),
            ("claude-opus-4-1", "anthropic"),
            ("gpt-4o-mini", "openai"),
            ("gpt-5", "openai"),
            ("gemini-2.5-pro", "google"),
            ("deepseek-chat", "deepseek"),
            ("mistral-large-latest", "mistral"),
        ]
    ),
)
def test_agrees_with_its_source(
    fresh: int, read: int, written: int, output: int, name: tuple[str, str]
) -> None:
    """Our quick arithmetic gives what genai-prices' own slow one does."""
    from genai_prices import Usage, calc_price

    model, provider = name
    reference = calc_price(
        Usage(
            input_tokens=fresh + read + written,
            output_tokens=output,
            cache_read_tokens=read,
            cache_write_tokens=written,
        ),
        model_ref=model,
        provider_id=provider,
        genai_request_timestamp=datetime.fromtimestamp(WHEN / 1e9, UTC),
    )
    assert cost(
        model,
        provider,
        input_tokens=fresh + read + written,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
    ) == pytest.approx(float(reference.total_price), rel=1e-12)


def test_span_gets_its_cost() -> None:
    """A model call with tokens and no reported cost is priced, and says where the cost is from."""
    priced = pricing.price_span(call(attributes={"mine": 1}))
    assert priced.cost_usd == pytest.approx(0.00015)
    assert priced.attributes == {"mine": 1, "clustertrace.cost_source": "prices"}
    assert pricing.unpriced(priced) == call(attributes={"mine": 1})
    assert pricing.unpriced(call(cost_usd=0.5)).cost_usd == 0.5


def test_embedding_writes_nothing() -> None:
    """Of a call for embeddings all is known once it is known what was read."""
    asked = call(kind="embedding", model="text-embedding-3-small", output_tokens=None)
    assert pricing.price_span(asked).cost_usd == pytest.approx(0.00002)


@pytest.mark.parametrize(
    ("attributes", "dollars"),
    [
        ({"openai.response.service_tier": "flex"}, 0.125),
        ({"openai.request.service_tier": "flex", "openai.response.service_tier": "default"}, 0.25),
        ({"service_tier": "batch"}, 0.125),
        ({"gen_ai.request.batch": True}, 0.125),
        ({"service_tier": ["odd"]}, 0.25),
    ],
)
def test_span_says_how_it_was_booked(attributes: dict[str, object], dollars: float) -> None:
    """Batch and service tiers are read from the attributes, the granted before the wanted."""
    priced = pricing.price_span(call(model="gpt-5-mini", input_tokens=10**6, attributes=attributes))
    assert priced.cost_usd == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("key", "value", "hour"),
    [
        ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens", 4_000, 4_000),
        ("cache_creation_1h_tokens", "4000", 4_000),
        ("cache_creation_1h_tokens", 10**9, 10_000),
        ("cache_creation_1h_tokens", [1], 0),
    ],
)
def test_span_says_what_is_kept_for_an_hour(key: str, value: object, hour: int) -> None:
    """Hour-long cache writes are read as instrumentations name them, and never exceed the whole."""
    span = call(
        model="claude-sonnet-4-5",
        provider="anthropic",
        input_tokens=10_000,
        cache_write_tokens=10_000,
        attributes={key: value},
    )
    expected = (hour * 6 + (10_000 - hour) * 3.75) / 1e6
    assert pricing.price_span(span).cost_usd == pytest.approx(expected)


@pytest.mark.parametrize(
    "span",
    [
        call(cost_usd=0.5),
        call(kind="agent"),
        call(model=None),
        call(input_tokens=None),
        call(output_tokens=None),
        call(kind="embedding", input_tokens=None),
        call(model="a-model-nobody-knows"),
    ],
)
def test_span_stays_as_it_is(span: Span) -> None:
    """A reported cost stands; agents, calls without tokens and unknown models get none."""
    assert pricing.price_span(span) is span


def test_own_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's file goes before the public prices and adds models to them."""
    file = tmp_path / "prices.json"
    exact = {"input": 2, "output": 4, "cache_read": 0.5, "cache_write": 3}
    own = {"gpt-4o-mini": [1, 2], "house-model": [0.5, 0], "exact": exact}
    file.write_text(json.dumps(own))
    monkeypatch.setenv("CLUSTERTRACE_PRICING_JSON", str(file))
    assert cost("openai/gpt-4o-mini", input_tokens=10**6, output_tokens=10**6) == 3.0
    assert cost("house-model", input_tokens=10**6, cache_read_tokens=10**5) == 0.5
    assert cost("gpt-4o", "openai", input_tokens=10**6) == 2.5
    assert cost("exact", input_tokens=10**6, cache_read_tokens=400_000) == 0.6 * 2 + 0.4 * 0.5


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"m": 3}', '{"m": [1]}', '{"m": [1, -2]}', '{"m": [1, true]}'),
        *('{"m": ["1", 2]}', '{"m": {"input": 1}}', '{"m": {"input": 1, "output": 2, "x": 3}}'),
    ],
)
def test_bad_own_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A file that can't be used is named in one sentence."""
    file = tmp_path / "prices.json"
    file.write_text(text)
    monkeypatch.setenv("CLUSTERTRACE_PRICING_JSON", str(file))
    with pytest.raises(BadSetting, match="CLUSTERTRACE_PRICING_JSON can't be used"):
        pricing.own_prices()


def test_missing_own_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not there is an error, not a lack of prices."""
    monkeypatch.setenv("CLUSTERTRACE_PRICING_JSON", str(tmp_path / "none.json"))
    with pytest.raises(BadSetting, match="can't be read"):
        pricing.own_prices()
