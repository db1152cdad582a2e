"""Reading filters: what is meant, and where it goes wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.errors import UsageError
from clustertrace.filters import parse, parse_chosen
from clustertrace.filters.syntax import FilterError, read_duration
from clustertrace.filters.tree import (
    And,
    Compare,
    Filter,
    Match,
    Not,
    Or,
    Sequence,
    Since,
    StepName,
    Text,
)

NOW = 10**18
DAY = 86_400 * 10**9


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", And()),
        ("status:error", Match("status", "error")),
        ("STATUS:Error", Match("status", "error")),
        ("tag.agent:research", Match("tag.agent", "research")),
        ('tag."my key":"two words"', Match("tag.my key", "two words")),
        ("model:claude-*", Match("model", "claude-*")),
        ("cost>0.10", Compare("cost", ">", 0.1)),
        ("cost<=$2", Compare("cost", "<=", 2.0)),
        ("duration>5s", Compare("duration", ">", 5e9)),
        ("duration<250ms", Compare("duration", "<", 250e6)),
        ("tokens>=10k", Compare("tokens", ">=", 10_000.0)),
        ("calls:3", Compare("calls", "=", 3.0)),
        ("metric.score<0.5", Compare("metric.score", "<", 0.5)),
        ("since:7d", Since(NOW - 7 * DAY)),
        ("has(web_search)", Sequence((StepName("web_search", False),))),
        ("has(pay!)", Sequence((StepName("pay", True),))),
        ("lacks(cite)", Not(Sequence((StepName("cite", False),)))),
        ('has("pay (again)"!)', Sequence((StepName("pay (again)", True),))),
        ('has("pay!")', Sequence((StepName("pay!", False),))),
        ('seq("a -> b" -> c)', Sequence((StepName("a -> b", False), StepName("c", False)))),
        ('has(say "hi)', Sequence((StepName('say "hi', False),))),
        (
            "seq(search -> open_page → answer)",
            Sequence(tuple(StepName(n, False) for n in ("search", "open_page", "answer"))),
        ),
        ('text:"rate limit"', Text("rate limit")),
        ("timeout", Text("timeout")),
        ("a or b", Or((Text("a"), Text("b")))),
        ("a b", And((Text("a"), Text("b")))),
        ("a and b", And((Text("a"), Text("b")))),
        ("a or b c", Or((Text("a"), And((Text("b"), Text("c")))))),
        ("not (a or b)", Not(Or((Text("a"), Text("b"))))),
        ("not(a or b)", Not(Or((Text("a"), Text("b"))))),
        ("a or(b)", Or((Text("a"), Text("b")))),
        ("a and(b)", And((Text("a"), Text("b")))),
        ("rate (429)", And((Text("rate"), Text("429")))),
        ('"foo(bar)" ">"', And((Text("foo(bar)"), Text(">")))),
        ("not not a", Not(Not(Text("a")))),
        ("PROGRA~1 -Xmx:2g", And((Text("PROGRA~1"), Text("-Xmx:2g")))),
        ('"status!=ok"', Text("status!=ok")),
        ("tag.path:~/code", Match("tag.path", "~/code")),
        ("nothing or android", Or((Text("nothing"), Text("android")))),
    ],
)
def test_a_filter_means_what_it_says(text: str, tree: Filter) -> None:
    """Every condition and every way to combine them."""
    assert parse(text, now_ns=NOW) == tree


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("a or (b", 5, "never closed"),
        ("a) b", 1, "never opened"),
        ("foo:1", 0, "no field 'foo'"),
        ("cost>much", 5, "US dollars"),
        ("duration>5x", 9, "ms, s, m, h"),
        ("status:bad", 7, "ok, error, running"),
        ("name>a", 5, "can't be compared"),
        ("status:", 7, "needs a value"),
        ("not", 3, "missing here"),
        ("or a", 0, "missing before"),
        ("a or", 4, "missing here"),
        ('say "hello', 4, "never closed"),
        ("has()", 4, "name a step"),
        ("has(a -> b)", 6, "name a step"),
        ("seq(a -> )", 9, "name a step"),
        ("seq(-> a)", 4, "name a step"),
        ("seq(a -> -> b)", 9, "name a step"),
        ('has("a" b)', 4, "name a step"),
        ('has("")', 4, "name a step"),
        ("a hass(b)", 2, "only has, lacks and seq"),
        ("a has(b", 5, "never closed"),
        ("Lacks(b or c", 5, "never closed"),
        ("cost > 3", 5, "without spaces"),
        ("cost >3", 5, "without spaces"),
        ("since:99999999999d", 6, "at most 36500d"),
        ("until:-99999999999d", 6, "at most 36500d"),
        (f"since:{'9' * 400}d", 6, "at most 36500d"),
        ("cost != 3", 5, "not status:ok"),
        ("since:yesterday", 6, "7d, 12h"),
        ("tag.language!=de", 0, "write not tag.language:de;"),
        ("a status!=ok", 2, "write not status:ok;"),
        ('name≠"two words"', 0, 'write not name:"two words";'),
        ("cost!=3", 0, "write not cost:3;"),
        ("-cost>3", 0, "write not cost>3;"),
        ("!starred:yes", 0, "write not starred:yes;"),
        ("name==x", 0, "write name:x;"),
        ("foo!=", 0, "write not foo:value;"),
        ("model~gpt", 0, r"write model:\*gpt\*;"),
        ('error!~"rate limit"', 0, r'write not error:"\*rate limit\*";'),
        ("status~ok", 0, "write status:ok;"),
        ("tag.:x", 0, "write tag.KEY:value"),
        ("tag.my$key:x", 0, 'tag."any key":value'),
        ("metric.>3", 0, "write metric.NAME>value"),
        (" or ".join(["a"] * 501), 2500, "more than 500 conditions"),
        (" ".join(["seq(a -> b)"] * 251), 3000, "more than 500 conditions"),
        (f"seq({' -> '.join('a' * 31)})", 0, "more than 30 steps"),
    ],
)
def test_an_error_points_at_its_place(text: str, position: int, reason: str) -> None:
    """The character and what is wrong there are told."""
    with pytest.raises(FilterError, match=reason) as caught:
        parse(text, now_ns=NOW)
    assert caught.value.position == position
    assert f"character {position + 1}:" in str(caught.value)


def test_dates_that_no_database_can_compare_with() -> None:
    """They are the last, or the first, moment that one can."""
    assert parse("since:9999-12-31") == Since(2**63 - 1)
    assert parse("since:1066-10-14") == Since(0)


def test_a_time_has_a_unit_and_a_limit() -> None:
    """A time has a unit and is no longer than a hundred years; what is none is nothing."""
    assert read_duration("20s") == 20 * 10**9
    assert read_duration("36500d") == 36_500 * DAY
    assert [read_duration(text) for text in ("20", "-1d", "0s", "soon")] == [None] * 4
    for text in ("36501d", "9" * 400 + "w"):
        with pytest.raises(UsageError, match="at most 36500d"):
            read_duration(text)


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_chooses_nothing(text: str) -> None:
    """Where traces are to be changed, an empty filter is refused rather than taken for all."""
    with pytest.raises(UsageError, match="id:\\* for all"):
        parse_chosen(text)
    assert parse_chosen("id:*") == Match("id", "*")


@given(st.text(max_size=80) | st.text(alphabet='ab:>()"-. ornt!*', max_size=60))
def test_anything_typed_is_read_or_refused(text: str) -> None:
    """No text leads to anything but a filter or a sentence."""
    with suppress(FilterError):
        parse(text, now_ns=NOW)
