"""The page of one trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.model import INTERNAL, REPLAY_OF, Batch, Span
from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces
from tests.pages.conftest import facts_with, run


def test_a_failed_trace_says_why_and_opens_where_it_broke(
    some: Store, show: Callable[..., Any]
) -> None:
    """The outcome's reason stands above; the failed step is open, its error first."""
    html = show("trace", id=f"{1:032x}").html
    assert "✕ failed" in html
    assert "<b>cites nothing</b>" in html
    assert html.index("<b>Timeout</b>") < html.index("took", html.index("<b>Timeout</b>"))
    assert "no answer within 5 s" in html
    assert "line 1\nline 2" in html


def test_the_address_opens_a_span_and_conversations_read_as_such(
    some: Store, show: Callable[..., Any]
) -> None:
    """`?span=` opens that span; messages have roles, tool calls read like calls."""
    html = show("trace", id=f"{1:032x}", span=f"{99:016x}").html
    assert '<div class="ct-role">user</div>' in html
    assert "What are tides?" in html
    assert "search({&quot;q&quot;: &quot;tides&quot;})" in html
    assert "1,200 (1,000 from cache)" in html
    assert "a-model (someone)" in html


def test_a_long_error_leaves_room_for_the_trace(store: Store, show: Callable[..., Any]) -> None:
    """The head has its beginning; all of it stands with the step that broke."""
    message = "no such table: " + "x" * 10_000
    store.write(run(1, "search", status="error", error_message=message))
    store.refresh()
    html = show("trace", id=f"{1:032x}").html
    assert html.count(message) == 1
    assert "First error: <b>no such table: xxx" in html


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (2, "The root span ended in an error; no outcome is recorded."),
        (3, "1 step ended in an error on the way."),
        (4, "The outcome recorded for this run is a pass."),
        (5, "whether the result was right is not known"),
        (6, "The root span has not ended yet."),
        (7, "The process is gone"),
    ],
)
def test_the_state_is_said_in_words(
    some: Store, show: Callable[..., Any], number: int, sentence: str
) -> None:
    """What the state rests on is a sentence."""
    assert sentence in show("trace", id=f"{number:032x}").html


def test_tags_sessions_metrics_and_patterns_are_on_the_page(
    some: Store, show: Callable[..., Any]
) -> None:
    """What was said about the run, each with a link to the runs that share it."""
    assert 'href="/?where=tag.version%3A2"' in show("trace", id=f"{1:032x}").html
    html = show("trace", id=f"{4:032x}").html
    assert 'href="/sessions?id=s-1"' in html
    assert "score <b>0.5</b>" in html
    assert 'href="/pattern?id=' in html


def test_an_unknown_trace_says_so(some: Store, show: Callable[..., Any]) -> None:
    """One sentence and a way back, whatever the address holds."""
    for wrong in ("", "f" * 32, "zz", "<script>", "0" * 4000):
        html = show("trace", id=wrong).html
        assert "There is no such trace" in html
        assert "<script" not in html
        assert 'href="/"' in html


def test_hostile_texts_stay_text(hostile: Store, show: Callable[..., Any]) -> None:
    """Names, reasons, tags, errors, messages and attributes never become elements."""
    for span in (1, 2, 3):
        html = show("trace", id=f"{1:032x}", span=f"{span:016x}").html
        assert "&lt;script&gt;" in html
        assert "<script" not in html
        assert "<img" not in html
        assert "\x01" not in html
        assert "\u202e" not in html


def test_inner_life_is_folded_and_gaps_are_told(store: Store, show: Callable[..., Any]) -> None:
    """Spans of an instrumentation's own are counted, not drawn; what a call lacks is said."""
    batch = run(1, "search")
    root = batch.spans[0]
    inner = root._replace(
        span_id="f" * 16,
        parent_span_id=root.span_id,
        name="inner",
        kind="chain",
        attributes={INTERNAL: True},
    )
    call = root._replace(
        span_id="e" * 16, parent_span_id="f" * 16, name="chat", kind="llm", model="some-model"
    )
    store.write(batch._replace(spans=[*batch.spans, inner, call]))
    store.refresh()
    html = show("trace", id=root.trace_id).html
    assert "1 internal span of the instrumentation" in html
    assert "token" in html


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"input_tokens": 9}, "not all of its tokens are known"),
        ({"status": "error", "input_tokens": 9}, "not all of its tokens are known"),
        ({"input_tokens": 9, "output_tokens": 9}, "no price is known for this model"),
        ({"kind": "embedding", "input_tokens": 9}, "no price is known for this model"),
        ({"status": "error"}, None),
    ],
)
def test_a_call_without_a_cost_says_why(
    store: Store, show: Callable[..., Any], fields: dict[str, Any], why: str | None
) -> None:
    """As totals count it: one that failed before a token was counted is free."""
    batch = run(1, "search")
    call = batch.spans[1]._replace(**{"kind": "llm", "model": "nobody-s", **fields})
    store.write(batch._replace(spans=[batch.spans[0], call]))
    store.refresh()
    html = show("trace", id=call.trace_id, span=call.span_id).html
    assert f"unpriced: {why}" in html if why else "unpriced" not in html
    if why and "kind" not in fields:
        assert re.search(r">unknown<.{,80}>cost<", html)
    with store.read() as conn:
        assert queries.trace_row(conn, call.trace_id).unpriced_calls == (why is not None)


def test_suspicious_steps_and_ways_on(some: Store, show: Callable[..., Any]) -> None:
    """A failed run names where it may have broken, and leads to runs beside it."""
    html = show("trace", id=f"{1:032x}").html
    assert "Where it may have broken" in html
    assert "fetch!</a>" in html
    assert "Other runs of its pattern" in html
    assert "Compare with the most similar run that did not fail" in html


def test_a_replay_leads_to_what_it_repeats(store: Store, show: Callable[..., Any]) -> None:
    """A replay links to the run that it repeats, and says that it is counted nowhere."""
    store.write(run(1, "search", facts=facts_with(tags={REPLAY_OF: f"{2:032x}"})))
    store.refresh()
    html = show("trace", id=f"{1:032x}").html
    assert f'A replay of <a href="/trace?id={2:032x}"' in html
    assert "no figure counts it" in html


def test_a_run_without_a_broken_step_opens_the_one_that_is_suspected(
    store: Store, show: Callable[..., Any]
) -> None:
    """Where only the outcome says that it failed, its details are not those of the root."""
    for number in range(1, 30):
        bad = facts_with(outcome="fail") if number % 3 == 0 else facts_with(outcome="pass")
        batch = run(number, "plan", "search" if number % 3 == 0 else "cite", "answer", facts=bad)
        batch.spans[2] = batch.spans[2]._replace(output=f"what step {number} said")
        store.write(batch)
    store.refresh()
    html = show("trace", id=f"{27:032x}").html
    assert "Where it may have broken" in html
    assert "what step 27 said" in html


def test_the_user_judges_a_run(some: Store, show: Callable[..., Any]) -> None:
    """A star, a note and an outcome given on the page are stored."""
    shown = show("trace", id=f"{5:032x}").ran
    shown.toggle[0].set_value(True)
    shown.text_input[0].set_value("look again")
    shown.run()
    assert not shown.exception
    with some.read() as conn:
        kept = queries.trace(conn, f"{5:032x}")
    assert (kept.starred, kept.note) == (True, "look again")


def test_the_user_takes_a_judgement_back(some: Store, show: Callable[..., Any]) -> None:
    """Only a run that was judged by hand has something to take back."""
    trace_id = f"{5:032x}"
    with some.read() as conn:
        before = queries.trace(conn, trace_id)
    assert "own" not in show("trace", id=trace_id).ran.segmented_control[0].options
    annotate_traces(some, [trace_id], TraceEdit(outcome="fail"))
    shown = show("trace", id=trace_id).ran
    shown.segmented_control[0].set_value("own").run()
    assert not shown.exception
    with some.read() as conn:
        assert queries.trace(conn, trace_id) == before


@pytest.fixture
def coding(store: Store) -> str:
    """A session of three turns; the middle one, whose id this is, looked at a picture, edited a
    file, and streamed its answer."""
    for number in (1, 2, 3):
        store.write(run(number, facts=facts_with(session_id="s1")))
    batch = run(2, "Edit", "look", facts=facts_with(session_id="s1"))
    root, edit, look = batch.spans
    picture = {"type": "image", "source": {"media_type": "image/png", "data": "AAAA" * 1000}}
    result = {"type": "tool_result", "content": "no such file", "is_error": True}
    spans = [
        root,
        edit._replace(input={"file_path": "a.py", "old_string": "x = 1", "new_string": "x = 2"}),
        look._replace(
            kind="llm",
            input=[{"role": "user", "content": [picture, result]}],
            output=[{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]}],
            attributes={
                "gen_ai.response.time_to_first_chunk": 0.25,
                "clustertrace.stream.chunk_count": 4,
                "clustertrace.stream.chunks": [[250, 3], [300, 4], [900, 9], [950, 2]],
            },
        ),
    ]
    store.write(batch._replace(spans=spans))
    store.refresh()
    return root.trace_id


def test_a_change_to_a_file_reads_as_a_diff(coding: str, show: Callable[..., Any]) -> None:
    """The path stands above; how it was called can be unfolded."""
    shown = show("trace", id=coding, span=f"{2:016x}")
    assert "a.py" in shown.html
    [diff] = [code.value for code in shown.ran.code if code.language == "diff"]
    assert diff == "@@ -1 +1 @@\n-x = 1\n+x = 2"
    assert "As it was called" in [one.label for one in shown.ran.expander]


def test_messages_of_any_shape_read_as_a_chat(coding: str, show: Callable[..., Any]) -> None:
    """A picture by its type, a failed result as such, thinking folded."""
    html = show("trace", id=coding, span=f"{3:016x}").html
    assert "image/png, 3.0 kB (not shown)" in html
    assert "AAAA" not in html
    assert "✕ failed" in html
    assert "no such file" in html
    assert "<summary>thinking</summary>" in html


def test_a_streamed_answer_says_when_it_came(coding: str, show: Callable[..., Any]) -> None:
    """Time to the first token, and what had come by when."""
    shown = show("trace", id=coding, span=f"{3:016x}")
    assert "after 250 ms" in shown.html
    charts = [one.proto.spec for one in shown.ran.get("vega_lite_chart")]
    assert any("seconds into the call" in spec for spec in charts)


def test_turns_beside_it_are_a_click_away(coding: str, show: Callable[..., Any]) -> None:
    """The turn before and the one after, of the same session; the first has none before."""
    html = show("trace", id=coding).html
    assert f"/trace?id={1:032x}" in html
    assert f"/trace?id={3:032x}" in html
    first = show("trace", id=f"{1:032x}").html
    assert "Previous turn" not in first
    assert "Next turn" in first


def test_a_long_name_is_no_page_of_headings(store: Store, show: Callable[..., Any]) -> None:
    """It begins the heading, and is whole in its tip; one of a thing is in the singular."""
    name = "n" * 3_000
    root = Span("1" * 32, "1" * 16, None, name, "llm", "ok", 1, 9)
    store.write(Batch([root], []))
    store.settle(everything=True)
    html = show("trace", id="1" * 32).html
    heading = html[html.index("<h1") : html.index("</h1>")]
    assert f'title="{name}"' in heading
    assert f">{'n' * 119}… " in heading
    assert "model call<" in html
    assert "tokens in" not in html, "a call that reports no tokens has not read none"


def test_a_long_text_is_drawn_in_part(store: Store, show: Callable[..., Any]) -> None:
    """What a browser would choke on is cut, and said to be."""
    batch = run(1)
    store.write(batch._replace(spans=[batch.spans[0]._replace(output="word " * 5_000)]))
    store.refresh()
    html = show("trace", id=f"{1:032x}").html
    assert "5,000 more characters are not drawn." in html
    assert len(html) < 60_000


def test_a_long_prompt_does_not_hide_what_was_said_after_it(
    store: Store, show: Callable[..., Any]
) -> None:
    """In a conversation the beginning of a long text is open, and the rest a click away."""
    rules = "\n".join(f"{number}. Be kind." for number in range(1_000))
    said = [{"role": "system", "content": rules}, {"role": "user", "content": "Hello there"}]
    store.write(run(1, kind="llm", input=said, output=rules))
    store.refresh()
    html = show("trace", id=f"{1:032x}").html
    folded = html[html.index("<details>") : html.index("</details>")]
    assert " more characters</summary>" in folded
    assert "999. Be kind." in folded
    assert "\n2. Be kind." not in folded
    assert html.index("</details>") < html.index("Hello there")
    assert html.count("<details>") == 1


def test_a_step_far_down_is_opened(store: Store, show: Callable[..., Any]) -> None:
    """Past the rows that are drawn, the one that broke opens, or the one in the address."""
    tools = [f"{chr(0x4E00 + n)} goes" for n in range(1_200)]
    store.write(run(1, *tools, "fetch!", "the last"))
    store.refresh()
    html = show("trace", id=f"{1:032x}").html
    assert "<b>Timeout</b>" in html
    assert (
        f"203 more rows are not drawn; clustertrace inspect {1:032x} --json has them all." in html
    )
    assert "the last" not in html
    assert "the last" in show("trace", id=f"{1:032x}", span=f"{1_203:016x}").html


def test_steps_are_read_once_for_all_clicks_and_anew_after_news(
    some: Store, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click on a long trace costs no second reading; a step that comes late is seen."""
    from clustertrace.app.trace_page import layout

    reads: list[str] = []

    def gaps(spans: Any) -> list[str]:
        reads.append(spans[0].trace_id)
        return [f"{len(spans)} steps were read."]

    monkeypatch.setattr(layout, "gaps", gaps)
    trace_id = f"{3:032x}"
    for _ in range(2):
        assert "3 steps were read." in show("trace", id=trace_id).html
    assert reads == [trace_id]
    [first, *_] = run(3).spans
    some.write(Batch([first._replace(span_id=f"{77:016x}", parent_span_id=first.span_id)], []))
    assert "4 steps were read." in show("trace", id=trace_id).html


def test_embeddings_alone_cost_something_too(store: Store, show: Callable[..., Any]) -> None:
    """A run that only filled an index shows what it read and what that cost, as its list does."""
    span = Span("9" * 32, "9" * 16, None, "index", "embedding", "ok", 1, 9)
    store.write(Batch([span._replace(input_tokens=1_200, cost_usd=0.0125)], []))
    store.refresh()
    facts = show("trace", id="9" * 32).html.split('"ct-facts"')[1].split("</div>")[0]
    assert ">1,200 → 0<" in facts
    assert ">$0.0125<" in facts
    assert "model call" not in facts
