"""Token counts → US dollars.

Prices come from the genai-prices package, historic ones included, as they were on the day of
the call; its updater stays off, so nothing is fetched. A file of your own prices
(CLUSTERTRACE_PRICING_JSON) goes first. A model that neither knows is unpriced: None, never 0.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from clustertrace.errors import BadSetting
from clustertrace.model import Span

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

__all__ = ["check_overrides", "price", "price_span"]

_VARIABLE: Final = "CLUSTERTRACE_PRICING_JSON"
_PRICED_KINDS: Final = frozenset({"llm", "embedding"})
_MILLION: Final = Decimal(1_000_000)


class _Rates(NamedTuple):
    """US dollars per million tokens; None where no price is known."""

    input: Decimal | None
    output: Decimal | None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None


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
    rates = _own_rates(model) or _public_rates(model, provider, input_tokens, when_ns)
    if rates is None:
        return None
    fresh = max(0, input_tokens - cache_read_tokens - cache_write_tokens)
    total = Decimal(0)
    for tokens, rate in (
        (fresh, rates.input),
        (output_tokens, rates.output),
        (cache_read_tokens, rates.input if rates.cache_read is None else rates.cache_read),
        (cache_write_tokens, rates.input if rates.cache_write is None else rates.cache_write),
    ):
        if tokens:
            if rate is None:
                return None
            total += tokens * rate
    return float(total / _MILLION)


def check_overrides() -> None:
    """Read the user's own prices now. Raises BadSetting where they can't be used."""
    _overrides(os.environ.get(_VARIABLE, ""))


def _own_rates(model: str) -> _Rates | None:
    own = _overrides(os.environ.get(_VARIABLE, ""))
    if not own:
        return None
    return next((own[name] for name, _ in _names(model, None) if name in own), None)


@lru_cache(maxsize=8)
def _overrides(file: str) -> Mapping[str, _Rates]:
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
    return _Rates(Decimal(str(numbers[0])), Decimal(str(numbers[1])))


def _bad(reason: str) -> BadSetting:
    return BadSetting(f"{_VARIABLE} can't be used: {reason}; mend the file or unset the variable.")


def _public_rates(
    model: str, provider: str | None, input_tokens: int, when_ns: int
) -> _Rates | None:
    found = _find(model, provider)
    if found is None:
        return None
    prices = vars(found.get_prices(datetime.fromtimestamp(when_ns / 1e9, UTC)))
    return _Rates(
        *(
            _tier(prices.get(key), input_tokens)
            for key in ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
        )
    )


def _tier(rate: Any, input_tokens: int) -> Decimal | None:
    """The rate that holds for a call of this size: past a threshold it holds for all its tokens."""
    if rate is None or isinstance(rate, Decimal):
        return rate
    past = [tier.price for tier in rate.tiers if input_tokens > tier.start]
    chosen: Decimal = past[-1] if past else rate.base
    return chosen


@lru_cache(maxsize=4096)
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
