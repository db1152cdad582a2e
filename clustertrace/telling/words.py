"""Format numbers for people: durations, money, counts, shares, times, steps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clustertrace.model import NS_PER_DAY
from clustertrace.telling.plain import NO_NAME

if TYPE_CHECKING:
    from clustertrace.model import Span
    from clustertrace.patterns.statistics import Interval
    from clustertrace.store.answers import Passage, Step, TraceRow
    from clustertrace.summary import Summary

__all__ = [
    "SMALLEST_USD",
    "about_duration",
    "called_models",
    "chance",
    "count",
    "counted",
    "duration",
    "error_words",
    "found_in",
    "interval",
    "is_cost_unknown",
    "moment",
    "money",
    "percent",
    "points",
    "secrets_cut",
    "secrets_words",
    "share",
    "shortened",
    "size_of",
    "spent",
    "step_text",
    "times",
    "to_be_indexed",
    "token_counts",
    "tokens_words",
]

_HOURS_AS_SUCH = 48
_SMALLEST_CHANCE = 0.0001
SMALLEST_USD = 0.0001
"""Smaller amounts are shown as less than this."""


def count(number: int) -> str:
    """1234567 → 1,234,567"""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """1, trace → 1 trace; 2, trace → 2 traces"""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def to_be_indexed(spans: int) -> str:
    """1 span is still to be indexed"""
    return f"{counted(spans, 'span')} {'is' if spans == 1 else 'are'} still to be indexed"


def size_of(size: int) -> str:
    """Bytes: 3400000 → 3.4 MB"""
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= step:
            return f"{size / step:.1f} {unit}" if size < 10 * step else f"{size / step:.0f} {unit}"
    return f"{size} bytes"


def share(part: float) -> str:
    """0.125 → 12.5 %; whole per cents without a decimal."""
    return f"{part:.1%}".replace(".0%", "%").replace("%", " %")


def percent(part: float) -> str:
    """0.125 → 12 %"""
    return f"{part * 100:.0f} %"


def interval(rate: Interval) -> str:
    """0.18, 0.31 → 18–31 %"""
    return f"{rate.low * 100:.0f}–{rate.high * 100:.0f} %"


def points(difference: float) -> str:
    """A difference of shares in percentage points, signed: 0.28 → +28; below one, 0.003 → +0.3"""
    in_points = difference * 100
    digits = 0 if abs(in_points) >= 0.95 else 1
    text = f"{in_points:+.{digits}f}".replace("-", "−")
    return "0" if text in ("+0.0", "−0.0") else text


def money(usd: float) -> str:
    """US dollars, with four decimals below a dollar, as for single calls."""
    if usd == 0:
        return "$0"
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= SMALLEST_USD else "<$0.0001"


def spent(usd: float, unpriced: int) -> str:
    """The cost of calls of which `unpriced` have no known cost: never $0 if there are any."""
    if not unpriced:
        return money(usd)
    if is_cost_unknown(usd, unpriced):
        return "cost unknown"
    return f"at least {money(usd)}" if usd >= SMALLEST_USD else "more than $0"


def is_cost_unknown(usd: float, unpriced: int) -> bool:
    """Whether nothing is known of a cost: no call has a price, as far as there were any."""
    return unpriced > 0 and not usd


def called_models(run: TraceRow | Summary) -> bool:
    """Whether there is something to say of tokens and cost: embeddings have both, too."""
    return bool(run.llm_calls or run.input_tokens or run.cost_usd or run.unpriced_calls)


def token_counts(span: Span) -> str:
    """The tokens that a call read and wrote: 1,200 → 80; empty where none were counted."""
    if not span.has_token_counts:
        return ""
    return f"{count(span.input_tokens or 0)} → {count(span.output_tokens or 0)}"


def tokens_words(run: TraceRow | Summary) -> str:
    """The tokens that a run read and wrote: 1,200 tokens read, 80 written; empty without any."""
    if not run.input_tokens and not run.output_tokens:
        return ""
    return f"{count(run.input_tokens)} tokens read, {count(run.output_tokens)} written"


def error_words(span: Span) -> str:
    """The type and the message of a span's error, as far as there are any."""
    return ": ".join(filter(None, (span.error_type, span.error_message)))


def secrets_words(number: int) -> str:
    """1 secret was cut; 2 secrets were cut"""
    return f"{counted(number, 'secret')} {'was' if number == 1 else 'were'} cut"


def secrets_cut(spans: Iterable[Span]) -> str | None:
    """A sentence on how many secrets were cut from these spans; None if there were none."""
    from clustertrace.redaction import REDACTED  # imported late: few users of this module need it

    counts = [span.attributes.get(REDACTED) for span in spans]
    total = sum(number for number in counts if isinstance(number, int))
    return f"{secrets_words(total)} before anything was stored." if total else None


def chance(p: float) -> str:
    """A p or q value to one digit: 0.0213 → 0.02; one below 0.0001, or rounded to 0, → <0.0001"""
    return f"<{_SMALLEST_CHANCE}" if p < _SMALLEST_CHANCE else f"{p:.1g}"


def duration(nanoseconds: int | None) -> str:
    """In the unit with one to three digits before the point; from two days on, in days."""
    if nanoseconds is None:
        return "…"
    if nanoseconds and nanoseconds % NS_PER_DAY == 0:
        return counted(nanoseconds // NS_PER_DAY, "day")
    for unit, size, limit in (("µs", 1e3, 1000), ("ms", 1e6, 1000), ("s", 1e9, 60)):
        amount = nanoseconds / size
        if round(amount) < limit:
            digits = 0 if amount >= 9.95 or not amount else 1
            return f"{amount:.{digits}f} {unit}"
    minutes, seconds = divmod(round(nanoseconds / 1e9), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    if hours < _HOURS_AS_SUCH:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{counted(days, 'day')} {hours} h" if hours else counted(days, "day")


def about_duration(nanoseconds: int | None) -> str:
    """An estimated one, such as a pattern's percentiles, which are those of a histogram."""
    return duration(nanoseconds) if nanoseconds is None else f"about {duration(nanoseconds)}"


def moment(nanoseconds: int) -> str:
    """A time in the user's time zone, to the second."""
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC).astimezone().strftime("%F %T")
    except (OverflowError, ValueError):
        return f"{nanoseconds} ns"


def shortened(text: str, limit: int) -> str:
    """A text cut to at most `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def found_in(passage: Passage) -> str:
    """Where a search found its words: `input`, or `input, and in 3 later steps`."""
    repeated = f", and in {counted(passage.later, 'later step')}" if passage.later else ""
    return f"{passage.first.field}{repeated}"


def times(bucket: str) -> str:
    """A repeat count after a step's name: nothing for once, else such as ×2–3."""
    return "" if bucket == "1" else f"×{bucket.replace('-', '–')}"


def step_text(step: Step) -> str:
    """A step of a pattern: `fetch`, `fetch!` after an error, `search ×2-3`, `(a → b) ×8+`."""
    labels = [f"{NO_NAME}{label}" if label in ("", "!") else label for label in step.labels]
    text = labels[0] if len(labels) == 1 else f"({' → '.join(labels)})"
    return f"{text} {times(step.count)}".rstrip()
