"""Token counts → US dollars.

Prices come from the genai-prices package, historic ones included, as they were at the time of
the call; its updater stays off, so nothing is fetched. A file of your own prices
(CLUSTERTRACE_PRICING_JSON) goes first. A model that neither knows is unpriced: None, never 0.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from clustertrace.errors import BadSetting
from clustertrace.model import Span

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

__all__ = ["own_prices", "price", "price_span"]

_VARIABLE: Final = "CLUSTERTRACE_PRICING_JSON"
_PRICED_KINDS: Final = frozenset({"llm", "embedding"})
_HALF_HOUR_NS: Final = 30 * 60 * 10**9
"""No price changes within one: some vendors' nights begin at the half hour."""


class _Rates(NamedTuple):
    """US dollars per million tokens; None where no price is known."""

    input: float | None
    output: float | None
    cache_read: float | None = None
    cache_write: float | None = None


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


def price_span(span: Span) -> Span:
    """The span with its cost, if it is a model call that has tokens and reports no cost itself.

    Raises BadSetting when CLUSTERTRACE_PRICING_JSON can't be used.
    """
    if span.cost_usd is not None or span.kind not in _PRICED_KINDS or span.model is None:
        return span
    if span.input_tokens is None and span.output_tokens is None:
        return span
    cost = price(
        span.model,
        span.provider,
        input_tokens=span.input_tokens or 0,
        output_tokens=span.output_tokens or 0,
        cache_read_tokens=span.cache_read_tokens or 0,
        cache_write_tokens=span.cache_write_tokens or 0,
        when_ns=span.start_ns,
    )
    return span if cost is None else span._replace(cost_usd=cost)


def price(
    model: str,
    provider: str | None,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    when_ns: int,
) -> float | None:
    """What a model call cost in US dollars, or None where no price is known.

    `input_tokens` is everything the model read, cache reads and writes included. Cached tokens of
    a model without a price for them cost what other input costs. `when_ns` is the time of the
    call, in nanoseconds since 1970. Raises BadSetting when CLUSTERTRACE_PRICING_JSON can't be used.
    """
    prices = _prices(model, provider, when_ns // _HALF_HOUR_NS)
    if prices is None:
        return None
    usual, output, read, written = prices.of(input_tokens) if prices.past else prices.base
    fresh = max(0, input_tokens - cache_read_tokens - cache_write_tokens)
    total = 0.0
    for tokens, rate in (
        (fresh, usual),
        (output_tokens, output),
        (cache_read_tokens, usual if read is None else read),
        (cache_write_tokens, usual if written is None else written),
    ):
        if tokens:
            if rate is None:
                return None
            total += tokens * rate
    return total / 1e6


@cache
def own_prices() -> Mapping[str, _Rates]:
    """The user's own prices by model, read once. Raises BadSetting where they can't be used."""
    file = os.environ.get(_VARIABLE, "")
    if not file:
        return {}
    path = Path(file).expanduser()
    try:
        told = orjson.loads(path.read_bytes())
    except OSError as error:
        raise _bad(f"{path} can't be read ({error.strerror or error})") from None
    except orjson.JSONDecodeError as error:
        raise _bad(f"{path} is not JSON ({error})") from None
    if not isinstance(told, dict):
        raise _bad(f"{path} must hold one JSON object")
    return {model: _rates_of(model, numbers) for model, numbers in told.items()}


def _rates_of(model: str, numbers: Any) -> _Rates:
    usable = (
        isinstance(numbers, list)
        and len(numbers) == 2
        and all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
        and all(math.isfinite(n) and n >= 0 for n in numbers)
    )
    if not usable:
        raise _bad(
            f"the price of {model!r} must be [input, output], "
            "two numbers of 0 or more, US dollars per million tokens"
        )
    return _Rates(*map(float, numbers))


def _bad(reason: str) -> BadSetting:
    return BadSetting(f"{_VARIABLE} can't be used: {reason}; mend the file or unset the variable.")


@lru_cache(maxsize=4096)
def _prices(model: str, provider: str | None, half_hour: int) -> _Prices | None:
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
    public = vars(found.get_prices(when))
    return _Prices(
        _rates_past(public, 0),
        tuple((threshold, _rates_past(public, threshold)) for threshold in _thresholds(public)),
    )


_RATE_NAMES: Final = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


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
