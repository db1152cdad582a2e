"""What is true of a run: the conditions that failure rules are made of.

A trait is a small tuple, `(what, step, other, number)`, such as `("calls", "search", "", 3)`:
`search` was called three times or more. All traits of a run come from one pass over its steps.
Measures are numbers (tokens, sizes, seconds) of which rules use thresholds.

Only what happens in the run counts: not its outcome, not how the root ended, no tags. That a run
broke off is noted, but only so that what it did not come to is not held against it. Steps keep
their names without ids and numbers (`normal_name`), a failed one has a `!` behind it.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple

import orjson

from clustertrace.model import Span
from clustertrace.patterns.recovery import never_recovered
from clustertrace.patterns.signature import CutShort, cut_short, ids_above, normal_name, steps_of
from clustertrace.understanding.endings import ENDS_BADLY, ending_of_call
from clustertrace.understanding.reports import undated

__all__ = [
    "BROKE_OFF",
    "MEASURES",
    "RAISED",
    "VERSION",
    "Act",
    "Run",
    "Trait",
    "act_of",
    "counted_as",
    "run_of",
    "traits_of",
]

VERSION: Final = 4
"""Raised by a change of what follows; `backfill-signatures` then works out stored traits anew."""

Trait = tuple[str, str, str, float]
"""What, step, other step, number. A class would read better, and take a tenth longer to note."""

BROKE_OFF: Final[Trait] = ("broke off", "", "", 0)
"""No condition asks this: of such a run nobody knows which steps would have come."""

RAISED: Final[Trait] = ("raised", "", "", 0)
"""Nor this: of such a run nobody knows if the steps would have come that others take later."""

MEASURES: Final = (
    *("input tokens", "output tokens", "different steps", "argument bytes", "result bytes"),
    *("longest argument", "last argument", "last result"),
)
"""The names of all measures, in the order in which they are stored."""

_COUNT_STEPS: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20)
_POSITIONS: Final = 5
"""Steps from the beginning whose place is a trait of its own."""

_NAME_LIMIT: Final = 40
"""Steps of different names in a run, the first ones, that conditions name."""
_OTHER_NAME: Final = "another step"

_ERROR_WORDS: Final = (
    *("error", "not found", "invalid", "exception", "cannot", "failed", "unable", "denied"),
    *("doesn't exist", "does not exist", "timed out", "unknown"),
)
_ERROR_WORDS_WITHIN: Final = 200
"""Characters from the beginning of a result in which such a word makes it an error's text."""

_EMPTY_TEXTS: Final = frozenset({"", "[]", "{}", "()", "null", "None", '""'})


class Act(NamedTuple):
    """One step, reduced to what conditions ask of it."""

    name: str
    failed: bool
    call: int
    """Digest of name and arguments: equal for the same call again; 0 if none were recorded."""
    result: int
    """Digest of the result; 0 where there is none."""
    empty: bool
    error_text: bool
    """It ended well, and its result reads like an error."""
    argument_bytes: int
    result_bytes: int


class Run(NamedTuple):
    """A run as conditions see it."""

    acts: Sequence[Act]
    model_calls: int
    user_turns: int
    input_tokens: int
    output_tokens: int
    models: frozenset[str]
    endings: frozenset[str] = frozenset()
    """How answers of models ended badly (clustertrace.understanding.endings)."""
    cut_short: CutShort | None = None


def run_of(spans: Sequence[Span]) -> Run:
    """Reduce a trace's spans, in any order, to what conditions ask of it."""
    models = [span for span in spans if span.kind == "llm"]
    steps = steps_of(spans)
    passed_on = _ids_that_passed_on(steps, spans)
    return Run(
        tuple(
            # It broke with its step, and what it would have given is not known.
            act._replace(failed=False, empty=False) if span.span_id in passed_on else act
            for span, act in zip(steps, map(act_of, steps), strict=True)
        ),
        len(models),
        sum(1 for span in spans if span.kind == "user"),
        sum(span.input_tokens or 0 for span in models),
        sum(span.output_tokens or 0 for span in models),
        frozenset(name for span in models for name in _names_of_model(span)),
        frozenset(filter(None, (ending_of_call(span.finish_reason) for span in models))),
        cut_short(spans),
    )


def _ids_that_passed_on(steps: Sequence[Span], spans: Sequence[Span]) -> set[str]:
    """Ids of the steps that failed with one of their own, which never worked afterwards."""
    named = [(normal_name(step.name), step.status == "error") for step in steps]
    lasting = [step for step, lasts in zip(steps, never_recovered(named), strict=True) if lasts]
    failed_ids = {step.span_id for step in lasting}
    return ids_above(lasting, spans) & failed_ids


def _names_of_model(span: Span) -> Iterable[str]:
    """The model as it was asked for, and as the one that answered calls itself.

    Nothing answers a call that fails. If its name alone counted, failing calls would seem to be
    those of another model than the very same calls that work.
    """
    if span.model:
        yield undated(span.model)
        if span.status != "error":
            yield span.model


def act_of(span: Span) -> Act:
    """Reduce one span."""
    arguments, result = _payload_bytes(span.input), _payload_bytes(span.output)
    name = normal_name(span.name)
    failed = span.status == "error"
    start = result[: _ERROR_WORDS_WITHIN * 4].decode("utf-8", "replace")[:_ERROR_WORDS_WITHIN]
    start = start.lower()
    empty = start.strip(' "') in _EMPTY_TEXTS
    return Act(
        name,
        failed,
        0
        if span.input is None
        else zlib.crc32(arguments, zlib.crc32(name.encode("utf-8", "replace"))),
        0 if empty else zlib.crc32(result),
        empty,
        not failed and any(map(start.__contains__, _ERROR_WORDS)),
        len(arguments),
        len(result),
    )


def _payload_bytes(value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, UnicodeEncodeError):
        # Deeper than it writes, numbers past 64 bits, halves of characters.
        return repr(value).encode("utf-8", "replace")


def traits_of(run: Run) -> tuple[set[Trait], dict[str, float]]:
    """Every trait of a run, and its measures by name."""
    traits: set[Trait] = set()
    run = run._replace(acts=_limit_names(run.acts))
    names = [act.name for act in run.acts]
    labels = [act.name + "!" * act.failed for act in run.acts]
    _add_step_counts(traits, names, [act.name for act in run.acts if act.failed])
    for what, count in (
        ("steps", len(names)),
        ("model calls", run.model_calls),
        ("user turns", run.user_turns),
        ("errors", sum(act.failed for act in run.acts)),
    ):
        _add_count(traits, what, "", count)
    _add_streaks(traits, run.acts)
    _add_order(traits, labels)
    _add_repeats(traits, run.acts)
    _add_results(traits, run.acts)
    traits.update(("model", model, "", 0) for model in run.models)
    traits.update(("answer", ending, "", 0) for ending in run.endings & ENDS_BADLY.keys())
    if run.cut_short is not None:
        traits.add(BROKE_OFF if run.cut_short == "broke off" else RAISED)
    return traits, _measures(run)


def _limit_names(acts: Sequence[Act]) -> Sequence[Act]:
    """The acts with so many different names at most, whatever ids an agent puts into names."""
    names = dict.fromkeys(act.name for act in acts)
    if len(names) <= _NAME_LIMIT:
        return acts
    kept_names = set(list(names)[:_NAME_LIMIT])
    return [act if act.name in kept_names else act._replace(name=_OTHER_NAME) for act in acts]


def counted_as(count: int) -> int:
    """The largest count that is asked for and not above this one: seven are "six or more"."""
    return max((number for number in _COUNT_STEPS if number <= count), default=0)


def _add_count(traits: set[Trait], what: str, step: str, count: int) -> None:
    """At least so often, for each count that is asked for."""
    for number in _COUNT_STEPS:
        if count < number:
            return
        traits.add((what, step, "", number))


def _add_step_counts(traits: set[Trait], names: Iterable[str], failed: Iterable[str]) -> None:
    for what, group in (("calls", names), ("fails", failed)):
        for name, count in Counter(group).items():
            _add_count(traits, what, name, count)


def _add_streaks(traits: set[Trait], acts: Sequence[Act]) -> None:
    for name, group in groupby(acts, key=lambda act: act.name):
        count = sum(1 for _ in group)
        if count > 1:
            _add_count(traits, "in a row", name, count)
    longest = max(
        (sum(1 for _ in g) for bad, g in groupby(acts, lambda a: a.failed) if bad), default=0
    )
    if longest > 1:
        _add_count(traits, "errors in a row", "", longest)


def _add_order(traits: set[Trait], labels: Sequence[str]) -> None:
    if not labels:
        return
    traits.update(("then", one, other, 0) for one, other in pairwise(labels))
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, name in enumerate(labels):
        first.setdefault(name, place)
        last[name] = place
    traits.update(
        ("later", one, other, 0) for one in first for other in last if first[one] < last[other]
    )
    traits.add(("ends with", labels[-1], "", 0))
    traits.update(("at", name, "", place) for place, name in enumerate(labels[:_POSITIONS], 1))


def _add_repeats(traits: set[Trait], acts: Sequence[Act]) -> None:
    """The same call with the same arguments, and the same result of a step, more than once."""
    calls = Counter((act.name, act.call) for act in acts if act.call)
    for (name, _), count in calls.items():
        if count > 1:
            _add_count(traits, "same call", name, count)
            _add_count(traits, "same call", "", count)
    results = Counter((act.name, act.result) for act in acts if act.result)
    traits.update(("same result", name, "", 0) for (name, _), n in results.items() if n > 1)


def _add_results(traits: set[Trait], acts: Sequence[Act]) -> None:
    lasting = never_recovered([(act.name, act.failed) for act in acts])
    for act, lasts in zip(acts, lasting, strict=True):
        if act.empty:
            traits.add(("empty", act.name, "", 0))
        if act.error_text:
            traits.update((("error text", act.name, "", 0), ("error text", "", "", 0)))
        if lasts:
            traits.update((("not recovered", act.name, "", 0), ("not recovered", "", "", 0)))


def _measures(run: Run) -> dict[str, float]:
    acts = run.acts
    values = (
        run.input_tokens,
        run.output_tokens,
        len({act.name for act in acts}),
        sum(act.argument_bytes for act in acts),
        sum(act.result_bytes for act in acts),
        max((act.argument_bytes for act in acts), default=0),
        acts[-1].argument_bytes if acts else 0,
        acts[-1].result_bytes if acts else 0,
    )
    return dict(zip(MEASURES, map(float, values), strict=True))
