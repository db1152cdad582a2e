"""Where the money of a run went: to which model, tool, sub-agent or skill, and what was in vain.

Each model call reads its whole conversation again. Cached, that costs a tenth; where the cache is
missed, it is paid for again. From the tokens of a call and of the one before it in the same
conversation follows what it **carried** along (what earlier calls had read or said already) and
what it **missed** (what had been in the cache and was not read from it).

Pure functions of the spans without payloads. Costs are US dollars, times nanoseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from clustertrace.model import Span
from clustertrace.pricing import TokenRates, token_rates
from clustertrace.understanding.reports import is_unpriced

__all__ = ["DIMENSIONS", "NONE", "Break", "Measures", "Shares", "Spent", "Tail", "breaks", "spent"]

DIMENSIONS: Final = (
    *("total", "session", "project", "model", "skill", "subagent", "tool", "break"),
)
"""What money is counted by. Each splits all of it, except `break`, which has only what was lost."""

CACHE_LIVES_NS: Final = 5 * 60 * 10**9
"""How long a cache is kept after its last use, unless it was paid for longer."""

NONE: Final = "(none)"
"""The name of what has no name: a call of no session, of no skill."""

_MIN_MISSED_TOKENS: Final = 1024
"""Tokens: no provider caches less, and boundaries of blocks explain smaller differences."""

_UNPRICED: Final = TokenRates(0.0, 0.0, 0.0, 0.0)
"""Of a call that nobody knows a price for: whatever it did adds nothing to a sum of dollars."""

_MAIN: Final = "(main agent)"
_SUB_AGENT_TOOLS: Final = frozenset({"Agent", "Task"})
"""Claude Code's tools that run a sub-agent, of which telemetry has no span."""


class Measures(NamedTuple):
    """What model calls came to."""

    calls: int = 0
    unpriced_calls: int = 0
    """Those that nobody knows a price for."""
    input_tokens: int = 0
    """Cached ones included."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    carried_tokens: int = 0
    """Of the input: what earlier calls of the conversation had read or said already."""
    missed_tokens: int = 0
    """Of these: what had been in the cache and was paid for again."""
    misses: int = 0
    """Calls that missed it."""
    cost_usd: float = 0.0
    cache_read_usd: float = 0.0
    cache_write_usd: float = 0.0
    output_usd: float = 0.0
    carried_usd: float = 0.0
    lost_usd: float = 0.0
    """What the missed tokens cost beyond reading them from the cache."""

    @property
    def hit_rate(self) -> float:
        """Of the input, the share that was read from a cache; 0 to 1."""
        return self.cache_read_tokens / self.input_tokens if self.input_tokens else 0.0

    @classmethod
    def summed(cls, all_measures: Sequence[Measures]) -> Measures:
        """The sum of some."""
        if len(all_measures) == 1:
            return all_measures[0]
        return cls(*map(sum, zip(*all_measures, strict=True)))

    def negative(self) -> Measures:
        """What takes these out again."""
        negative: list[Any] = [-number for number in self]
        return Measures(*negative)


Shares = Mapping[tuple[str, str], Measures]
"""By dimension and name; the same object where several are equal."""


class Tail(NamedTuple):
    """What a conversation leaves to its next call."""

    model: str | None
    context_tokens: int
    """All that the last call read and said."""
    cached_tokens: int
    """What of it was in the cache then."""
    end_ns: int


class Break(NamedTuple):
    """A call that did not find in the cache what had been there."""

    call: Span
    reason: str
    """`idle`: the cache was too old. `model`: another model. `start`: nothing was found, so the
    system prompt or the tools were others. `history`: earlier messages were others."""
    kept_tokens: int
    """Where the prefix broke: so much of it was still found."""
    missed_tokens: int
    lost_usd: float
    idle_ns: int
    """Since the call before."""


class Spent(NamedTuple):
    """What a run spent."""

    shares: Shares
    tail: Tail | None
    """Of its main conversation, which the session's next run goes on with."""


def spent(
    calls: Sequence[Span],
    spans: Sequence[Span],
    roots: Collection[str],
    *,
    session: str | None,
    project: str | None,
    skills: Mapping[str, str],
    before: Tail | None,
) -> Spent:
    """Split what the model calls of a run cost.

    `calls` are those that count, in order; `roots` are the ids of root spans, `skills` the skill
    that a call was made for, `before` is what the session's run before left.
    """
    owners = _Owners(spans, roots)
    tools = owners.tools_before(calls)
    tails: dict[str, Tail | None] = {_MAIN: before}
    by_dimension: dict[str, dict[str, list[Measures]]] = {
        name: defaultdict(list) for name in ("model", "skill", "subagent", "tool", "break")
    }
    all_measures: list[Measures] = []
    for call in calls:
        owner = owners.of(call)
        cache_break, measures = _measure_call(call, tails.get(owner))
        tails[owner] = _tail_after(call, tails.get(owner))
        all_measures.append(measures)
        by_dimension["model"][call.model or NONE].append(measures)
        by_dimension["skill"][skills.get(call.span_id, NONE)].append(measures)
        by_dimension["subagent"][owners.name(owner)].append(measures)
        if cache_break is not None:
            losses = Measures(
                misses=1, missed_tokens=measures.missed_tokens, lost_usd=measures.lost_usd
            )
            by_dimension["break"][cache_break.reason].append(losses)
        for tool, part in _split_measures(measures, tools.get(call.span_id) or [NONE]):
            by_dimension["tool"][tool].append(part)
    return Spent(_shares(all_measures, session, project, by_dimension), tails[_MAIN])


def _shares(
    all_measures: Sequence[Measures],
    session: str | None,
    project: str | None,
    by_dimension: Mapping[str, Mapping[str, Sequence[Measures]]],
) -> Shares:
    if not all_measures:
        return {}
    total = Measures.summed(all_measures)
    shares = {("total", ""): total}
    shares |= {("session", session or NONE): total, ("project", project or NONE): total}
    for dimension, parts in by_dimension.items():
        for name, part_measures in parts.items():
            is_total = len(parts) == 1 and dimension != "break"
            shares[dimension, name] = total if is_total else Measures.summed(part_measures)
    return shares


def breaks(calls: Sequence[Span], spans: Sequence[Span], roots: Collection[str]) -> Iterator[Break]:
    """The calls of a session's runs, in order, that missed the cache; arguments as of `spent`."""
    owners = _Owners(spans, roots)
    tails: dict[str, Tail | None] = {}
    for call in calls:
        owner = owners.of(call)
        cache_break, _ = _measure_call(call, tails.get(owner))
        tails[owner] = _tail_after(call, tails.get(owner))
        if cache_break is not None:
            yield cache_break


def _tail_after(call: Span, before: Tail | None) -> Tail | None:
    """What a conversation leaves after a call.

    A call that failed, or told no tokens, changes nothing, nor does a small one of another model
    in between, such as for a title.
    """
    if call.input_tokens is None:
        return before
    cache_read, cache_written = call.cache_read_tokens or 0, call.cache_write_tokens or 0
    context = call.input_tokens + (call.output_tokens or 0)
    if before is not None and call.model != before.model and 2 * context < before.context_tokens:
        return before
    return Tail(call.model, context, cache_read + cache_written, call.end_ns or call.start_ns)


def _measure_call(call: Span, before: Tail | None) -> tuple[Break | None, Measures]:
    """What a call came to, after what stood before it in its conversation."""
    input_tokens, cache_read = call.input_tokens or 0, call.cache_read_tokens or 0
    cache_written, output_tokens = call.cache_write_tokens or 0, call.output_tokens or 0
    carried = min(input_tokens, before.context_tokens) if before else 0
    rates = _rates(call)
    cache_break = _find_break(call, before, rates)
    reread = min(carried, cache_read)
    rewrite_rate = rates.cache_write if cache_written else rates.fresh
    return cache_break, Measures(
        calls=1,
        unpriced_calls=int(is_unpriced(call)),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_written,
        carried_tokens=carried,
        missed_tokens=cache_break.missed_tokens if cache_break else 0,
        misses=int(cache_break is not None),
        cost_usd=call.cost_usd or 0.0,
        cache_read_usd=cache_read * rates.cache_read,
        cache_write_usd=cache_written * rates.cache_write,
        output_usd=output_tokens * rates.output,
        carried_usd=reread * rates.cache_read + (carried - reread) * rewrite_rate,
        lost_usd=cache_break.lost_usd if cache_break else 0.0,
    )


def _rates(call: Span) -> TokenRates:
    """The rates that give what the call cost; those of the list, where it cost nothing else."""
    if call.cost_usd is None or call.model is None:
        return _UNPRICED
    input_tokens, read_tokens = call.input_tokens or 0, call.cache_read_tokens or 0
    written_tokens = call.cache_write_tokens or 0
    rates = token_rates(call.model, call.provider, input_tokens=input_tokens, when_ns=call.start_ns)
    if rates is None:
        return _UNPRICED
    listed_cost = (
        max(0, input_tokens - read_tokens - written_tokens) * rates.fresh
        + read_tokens * rates.cache_read
        + written_tokens * rates.cache_write
        + (call.output_tokens or 0) * rates.output
    )
    factor = call.cost_usd / listed_cost if listed_cost else 1.0
    fresh, output, cache_read, cache_write = rates
    return TokenRates(fresh * factor, output * factor, cache_read * factor, cache_write * factor)


def _find_break(call: Span, before: Tail | None, rates: TokenRates) -> Break | None:
    input_tokens, cache_read = call.input_tokens or 0, call.cache_read_tokens or 0
    # Of a context that was cut short nothing else could be expected.
    if (
        before is None
        or not input_tokens
        or input_tokens < min(before.context_tokens, before.cached_tokens)
    ):
        return None
    missed = min(before.cached_tokens, input_tokens) - cache_read
    if missed < _MIN_MISSED_TOKENS:
        return None
    idle_ns = max(0, call.start_ns - before.end_ns)
    if call.model != before.model:
        reason = "model"
    elif idle_ns > CACHE_LIVES_NS:
        reason = "idle"
    else:
        reason = "history" if cache_read else "start"
    paid_rate = rates.cache_write if call.cache_write_tokens else rates.fresh
    extra_rate = max(0.0, paid_rate - rates.cache_read)
    return Break(call, reason, cache_read, missed, missed * extra_rate, idle_ns)


def _split_measures(measures: Measures, names: Sequence[str]) -> Iterator[tuple[str, Measures]]:
    """A call's measures in equal parts; whole numbers stay whole and add up.

    Each part counts the call: it was made for all of them.
    """
    if len(names) == 1:
        yield names[0], measures
        return
    count = len(names)
    for index, name in enumerate(names):
        parts: list[Any] = [
            number // count + (index < number % count)
            if isinstance(number, int)
            else number / count
            for number in measures
        ]
        yield name, Measures(*parts)._replace(calls=1)


class _Owners:
    """Which agent each span belongs to: a sub-agent, or the main one."""

    def __init__(self, spans: Sequence[Span], roots: Collection[str]) -> None:
        self._spans = spans
        self._by_id = {span.span_id: span for span in spans}
        self._below = dict.fromkeys(roots, _MAIN)
        """Whose the spans below a span are."""

    def of(self, span: Span) -> str:
        """The id of the sub-agent's span, or `_MAIN`."""
        path: list[str] = []
        above = span.parent_span_id
        while above is not None and above not in self._below and above not in path:
            path.append(above)
            parent = self._by_id.get(above)
            if parent is None:
                break
            if parent.kind == "agent" or parent.name in _SUB_AGENT_TOOLS:
                self._below[above] = above
                break
            above = parent.parent_span_id
        owner = self._below.get(above or "", _MAIN)
        self._below.update(dict.fromkeys(path, owner))
        return owner

    def name(self, owner: str) -> str:
        """What an agent is called."""
        return owner if owner == _MAIN else self._by_id[owner].name

    def tools_before(self, calls: Sequence[Span]) -> dict[str, list[str]]:
        """For each call the tools whose results it reads first: those since its agent's last."""
        counted = {call.span_id for call in calls}
        pending: dict[str, list[str]] = defaultdict(list)
        tools_by_call: dict[str, list[str]] = {}
        for span in sorted(
            self._spans, key=lambda span: (span.start_ns, span.ordinal, span.span_id)
        ):
            if span.span_id in counted:
                tools_by_call[span.span_id] = pending.pop(self.of(span), [])
            elif span.kind == "tool":
                pending[self.of(span)].append(span.name)
        return tools_by_call
