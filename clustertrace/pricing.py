"""Token counts → US dollars.

Prices come from the genai-prices package, historic ones included, as they were at the time of
the call; its updater stays off, so nothing is fetched. A file of your own prices
(CLUSTERTRACE_PRICING_JSON) goes first. A model that neither knows is unpriced: None, never 0.
docs/cost.md says what is counted how.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from clustertrace.conventions.readers import count
from clustertrace.errors import BadSetting
from clustertrace.model import MODEL_KINDS, Span

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

__all__ = [
    "COST_SOURCE",
    "TokenRates",
    "own_prices",
    "price",
    "price_span",
    "token_rates",
    "tokens_known",
    "unpriced",
]

COST_SOURCE: Final = "clustertrace.cost_source"
"""The attribute that marks a cost as worked out here; a cost without it was reported."""

_VARIABLE: Final = "CLUSTERTRACE_PRICING_JSON"
_HALF_HOUR_NS: Final = 30 * 60 * 10**9
"""No price changes within one: some vendors' nights begin at the half hour."""


class _Rates(NamedTuple):
    """US dollars per million tokens; None where no price is known."""

    input: float | None
    output: float | None
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    reasoning: float | None = None


class _Prices(NamedTuple):
    """A model's rates, and those of calls that read more than a threshold, for all their tokens."""

    base: _Rates
    past: tuple[tuple[int, _Rates], ...] = ()

    def of(self, input_tokens: int) -> _Rates:
        """The rates for a call of this size."""
        chosen = self.base
        for threshold, rates in self.past:
            if input_tokens > threshold:
                chosen = rates
        return chosen


def tokens_known(span: Span) -> bool:
    """Whether both what a call read and what it wrote is known; an embedding writes nothing."""
    written = span.output_tokens is not None or span.kind == "embedding"
    return written and span.input_tokens is not None


def price_span(span: Span) -> Span:
    """The span with its cost, if it is a model call whose tokens are known and whose cost is not.

    A cost that was worked out is marked as such (`COST_SOURCE`). Raises BadSetting when
    CLUSTERTRACE_PRICING_JSON can't be used.
    """
    if span.cost_usd is not None or span.kind not in MODEL_KINDS or span.model is None:
        return span
    if not tokens_known(span):
        # Half of the tokens at their price, and the others as if there were none, is no cost.
        return span
    usual = _UNUSUAL_KEYS.isdisjoint(span.attributes)
    cost = price(
        span.model,
        span.provider,
        input_tokens=span.input_tokens or 0,
        output_tokens=span.output_tokens or 0,
        cache_read_tokens=span.cache_read_tokens or 0,
        cache_write_tokens=span.cache_write_tokens or 0,
        cache_write_1h_tokens=0 if usual else _kept_for_an_hour(span.attributes),
        reasoning_tokens=span.reasoning_tokens or 0,
        terms=() if usual else _terms(span.attributes),
        when_ns=span.start_ns,
    )
    if cost is None:
        return span
    return span._replace(cost_usd=cost, attributes={**span.attributes, COST_SOURCE: "prices"})


def unpriced(span: Span) -> Span:
    """The span without a cost that was worked out here; a reported cost stays."""
    if COST_SOURCE not in span.attributes:
        return span
    rest = {key: value for key, value in span.attributes.items() if key != COST_SOURCE}
    return span._replace(cost_usd=None, attributes=rest)


def price(
    model: str,
    provider: str | None,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    cache_write_1h_tokens: int = 0,
    reasoning_tokens: int = 0,
    terms: tuple[tuple[str, str], ...] = (),
    when_ns: int,
) -> float | None:
    """What a model call cost in US dollars, or None where no price is known.

    `input_tokens` is everything the model read, cache reads and writes included;
    `cache_write_1h_tokens` are those of the written ones that are kept for an hour instead of
    five minutes, and `reasoning_tokens` are part of the output. Tokens without a price of their
    own cost what the larger group costs. `terms` name what the call was booked as, such as
    `(("processing", "batch"),)`; the usual price holds where none is known for them. `when_ns` is
    the time of the call, in nanoseconds since 1970. Raises BadSetting when
    CLUSTERTRACE_PRICING_JSON can't be used.
    """
    prices = _prices(model, provider, terms, when_ns // _HALF_HOUR_NS)
    if prices is None:
        return None
    rates = prices.of(input_tokens) if prices.past else prices.base
    written = rates.input if rates.cache_write is None else rates.cache_write
    hour = min(cache_write_1h_tokens, cache_write_tokens)
    thought = min(reasoning_tokens, output_tokens)
    total = 0.0
    for tokens, own, usual in (
        (max(0, input_tokens - cache_read_tokens - cache_write_tokens), rates.input, None),
        (output_tokens - thought, rates.output, None),
        (thought, rates.reasoning, rates.output),
        (cache_read_tokens, rates.cache_read, rates.input),
        (cache_write_tokens - hour, written, None),
        (hour, rates.cache_write_1h, written),
    ):
        if tokens:
            rate = usual if own is None else own
            if rate is None:
                return None
            total += tokens * rate
    return total / 1e6


class TokenRates(NamedTuple):
    """What a token of each sort costs a call, US dollars."""

    fresh: float
    output: float
    cache_read: float
    cache_write: float
    """Kept for five minutes."""


def token_rates(
    model: str, provider: str | None, *, input_tokens: int, when_ns: int
) -> TokenRates | None:
    """The usual rates of a call of this size, as `price` has them; None where none are known.

    Raises BadSetting when CLUSTERTRACE_PRICING_JSON can't be used.
    """
    prices = _prices(model, provider, (), when_ns // _HALF_HOUR_NS)
    rates = None if prices is None else prices.of(input_tokens)
    if rates is None or rates.input is None:
        return None
    read = rates.input if rates.cache_read is None else rates.cache_read
    written = rates.input if rates.cache_write is None else rates.cache_write
    return TokenRates(rates.input / 1e6, (rates.output or 0.0) / 1e6, read / 1e6, written / 1e6)


_HOUR_KEYS: Final = (
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
    "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
    "gen_ai.usage.cache_write_1h.input_tokens",
    "cache_creation_1h_tokens",
)
_TIER_KEYS: Final = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
    "anthropic.usage.service_tier",
    "anthropic.response.service_tier",
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
    "gen_ai.request.service_tier",
    "service_tier",
)
"""What was granted goes before what was asked for."""

_BATCH_KEYS: Final = ("gen_ai.request.batch", "batch")
_SPEED_KEY: Final = "speed"
_UNUSUAL_KEYS: Final = frozenset((*_HOUR_KEYS, *_TIER_KEYS, *_BATCH_KEYS, _SPEED_KEY))
"""Attributes of which one must be there for a call to have a price of its own."""


def _kept_for_an_hour(attributes: Mapping[str, Any]) -> int:
    """Cache writes with an hour to live, as the instrumentations name them."""
    for key in _HOUR_KEYS:
        tokens = count(attributes.get(key))
        if tokens is not None:
            return tokens
    return 0


def _terms(attributes: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What sets a call's price apart: batch processing, a service tier, a faster speed."""
    if not attributes:
        return ()
    tier = next((name for key in _TIER_KEYS if isinstance(name := attributes.get(key), str)), "")
    if tier == "batch" or any(attributes.get(key) is True for key in _BATCH_KEYS):
        return (("processing", "batch"),)
    terms = [("service_tier", tier)] if tier in ("flex", "priority", "fast") else []
    if attributes.get(_SPEED_KEY) == "fast":
        terms.append(("speed", "fast"))
    return tuple(terms)


@cache
def own_prices() -> Mapping[str, _Rates]:
    """The user's own prices by model, read once. Raises BadSetting where they can't be used."""
    file = os.environ.get(_VARIABLE, "")
    if not file:
        return {}
    path = Path(file).expanduser()
    try:
        prices = orjson.loads(path.read_bytes())
    except OSError as error:
        raise _bad(f"{path} can't be read ({error.strerror or error})") from None
    except orjson.JSONDecodeError as error:
        raise _bad(f"{path} is not JSON ({error})") from None
    if not isinstance(prices, dict):
        raise _bad(f"{path} must hold one JSON object")
    return {model: _rates_of(model, numbers) for model, numbers in prices.items()}


def _rates_of(model: str, numbers: Any) -> _Rates:
    if isinstance(numbers, list) and len(numbers) == 2:
        numbers = dict(zip(("input", "output"), numbers, strict=True))
    usable = (
        isinstance(numbers, dict)
        and {"input", "output"} <= numbers.keys() <= set(_Rates._fields)
        and all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers.values())
        and all(math.isfinite(n) and n >= 0 for n in numbers.values())
    )
    if not usable:
        raise _bad(
            f"the price of {model!r} must be [input, output], two numbers of 0 or more, US dollars "
            f"per million tokens, or an object of such numbers with these and any of "
            f"{', '.join(_Rates._fields[2:])}"
        )
    return _Rates(**{name: float(number) for name, number in numbers.items()})


def _bad(reason: str) -> BadSetting:
    return BadSetting(f"{_VARIABLE} can't be used: {reason}; fix the file or unset the variable.")


@lru_cache(maxsize=4096)
def _prices(
    model: str, provider: str | None, terms: tuple[tuple[str, str], ...], half_hour: int
) -> _Prices | None:
    """A model's prices in a half hour since 1970; the user's own ones go first."""
    own = own_prices()
    if own:
        for name, _ in _names(model, None):
            if name in own:
                return _Prices(own[name])
    found = _find(model, provider)
    if found is None:
        return None
    when = datetime.fromtimestamp(half_hour * _HALF_HOUR_NS // 10**9, UTC)
    public = vars(found.get_prices(when, dict(terms)))
    return _Prices(
        _rates_past(public, 0),
        tuple((threshold, _rates_past(public, threshold)) for threshold in _thresholds(public)),
    )


_RATE_NAMES: Final = (
    *("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"),
    *("cache_write_1h_mtok", "output_reasoning_mtok"),
)
"""The public names of the fields of `_Rates`."""


def _thresholds(public: Mapping[str, Any]) -> list[int]:
    rates = (public.get(name) for name in _RATE_NAMES)
    return sorted({tier.start for rate in rates for tier in getattr(rate, "tiers", ())})


def _rates_past(public: Mapping[str, Any], threshold: int) -> _Rates:
    """The rates of calls just past a threshold."""
    return _Rates(*(_rate_past(public.get(name), threshold) for name in _RATE_NAMES))


def _rate_past(rate: Any, threshold: int) -> float | None:
    if rate is None:
        return None
    past = [tier.price for tier in getattr(rate, "tiers", ()) if tier.start <= threshold]
    return float(past[-1] if past else getattr(rate, "base", rate))


@lru_cache(maxsize=1024)
def _find(model: str, provider: str | None) -> ModelInfo | None:
    """The model behind a name, as its vendor, a gateway or an instrumentor writes it."""
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    for name, vendor in _names(model, provider):
        try:
            return snapshot.find_provider_model(name, None, vendor, None)[1]
        except LookupError:
            continue
    return None


_BEDROCK: Final = re.compile(r"(?:[a-z-]+\.)?[a-z0-9]+\.[a-z][\w.-]*(?::\d+)?")
"""Amazon's names say who made the model, and may say first in which region it runs."""


def _names(model: str, provider: str | None) -> Iterator[tuple[str, str | None]]:
    """Names to look a model up by, with the vendor to look at (None: any), the surest first."""
    bare = model.removesuffix("[1m]").strip()
    if bare != model:
        yield model, provider
    if provider:
        yield bare, provider
    vendor, slash, rest = bare.partition("/")
    while slash:
        yield rest, vendor
        yield rest, None
        vendor, slash, rest = rest.partition("/")
    yield bare, None
    if _BEDROCK.fullmatch(last := bare.rpartition("/")[2]):
        yield last, "aws"
    if "/" in bare:
        yield bare.removeprefix("openrouter/"), "openrouter"
