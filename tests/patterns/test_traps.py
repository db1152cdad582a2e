"""What real runs do to an engine: enormous traces, names that never repeat, any script."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clustertrace.model import Span
from clustertrace.patterns.conditions import case_of
from clustertrace.patterns.cutting import Member, before, failure_point
from clustertrace.patterns.families import features, nearest
from clustertrace.patterns.rules import mine
from clustertrace.patterns.signature import KEPT, Variant, in_order, root_of, variant
from clustertrace.patterns.suspects import MOST, Sibling, labels_of, suspects
from clustertrace.patterns.why import Population, explain

TRACE = "0123456789abcdef0123456789abcdef"
LONG = 100_000


def long_run(name: Callable[[int], str], *, depth: bool = False) -> list[Span]:
    """Make a run of a hundred thousand tools, the last of them failed."""
    spans = [Span(TRACE, f"{1:016x}", None, "agent", "agent", "error", 0, LONG + 2)]
    for at in range(2, LONG + 1):
        status = "error" if at == LONG else "ok"
        parent = f"{at - 1 if depth else 1:016x}"
        times = (at, LONG + 1 if depth else at + 1)
        spans.append(Span(TRACE, f"{at:016x}", parent, name(at), "tool", status, *times, at, at))
    return spans


def letters(number: int) -> str:
    """Write a number in letters, so that no name loses it as an id."""
    return "".join(chr(97 + int(digit)) for digit in str(number))


def placed(spans: list[Span]) -> Variant:
    """Return the variant."""
    ordered = in_order(spans)
    return variant(ordered, root_of(ordered))


@pytest.mark.parametrize(
    ("name", "depth"),
    [(lambda at: "abcdefgh"[at * 7 % 8], False), (letters, True)],
    ids=["few names side by side", "no name twice one inside the other"],
)
def test_a_trace_of_a_hundred_thousand_spans(name: Callable[[int], str], depth: bool) -> None:
    """Everything that looks at one run copes with it, whatever its names and its depth."""
    spans = long_run(name, depth=depth)
    found = placed(spans)
    assert len(found.steps) == KEPT
    assert nearest(features(found.steps), []) is None
    case = case_of(spans, True, None)
    assert ("steps", "", "", 20) in case.traits
    assert len(case.traits) < 3_000
    assert len(suspects(spans, [Sibling("1", False, labels_of(spans[:50]))])) <= MOST
    member = Member(TRACE, True, spans)
    point = failure_point(member)
    assert point is not None
    assert len(before(spans, point)) == LONG - 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("load 8f14e45f-ceea-467f-a2d3-0d1e2f3a4b5c", "load 1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
        ("job deadbeef01", "job cafebabe02"),
        ("seite_12_地図", "seite_7_地図"),
        ("order12345", "order67890"),
    ],
)
def test_names_with_ids_are_one_pattern(one: str, other: str) -> None:
    """What differs from run to run makes no pattern and no condition of its own."""
    runs = [
        [
            Span(TRACE, f"{1:016x}", None, "agent", "agent", "ok", 0, 9),
            Span(TRACE, f"{2:016x}", f"{1:016x}", name, "tool", "ok", 1, 2),
        ]
        for name in (one, other)
    ]
    assert placed(runs[0]).id == placed(runs[1]).id
    traits = [case_of(spans, False, None).traits for spans in runs]
    assert traits[0] == traits[1]


@pytest.mark.parametrize("name", ["🛠️ пошук", "a\ud800b", "\u202eevil", "", "a\x00b", "`x` and y"])
def test_any_text_is_a_name(name: str) -> None:
    """Names in any script, torn, hostile or empty are placed, mined and explained."""

    def run(number: int, tool: str, *, failed: bool) -> Member:
        trace_id = f"{number:032x}"
        spans = [
            Span(trace_id, f"{1:016x}", None, name, "agent", "ok", 0, 9),
            Span(trace_id, f"{2:016x}", f"{1:016x}", tool, "tool", "ok", 1, 2),
        ]
        return Member(trace_id, failed, spans, None, True)

    members = [run(at, name, failed=True) for at in range(20)]
    members += [run(at, "other", failed=False) for at in range(50, 90)]
    assert len({placed(list(one.spans)).id for one in members}) == 2
    mined = mine([case_of(one.spans, one.failed, None) for one in members])
    assert [rule.failed for rule in mined.rules] == [20]
    assert explain([Population("pattern", members)]).differences
