"""Arguments of a recorded call, made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import clustertrace
from clustertrace.assembling import assembled
from clustertrace.errors import CannotReplay, UsageError
from clustertrace.model import Span, TraceFacts
from clustertrace.replay.arguments import arguments_of, parse_change, prompt_change, with_changes
from clustertrace.testing import capture_traces


def root(payload: Any, **attributes: Any) -> Span:
    return Span(
        "1" * 32, "2" * 16, None, "run", "agent", "ok", 1, 2, payload, attributes=attributes
    )


@given(
    st.integers(),
    st.lists(st.integers(), max_size=3),
    st.booleans(),
    st.dictionaries(st.sampled_from(["x", "y"]), st.text(), max_size=2),
)
def test_round_trip(first: int, rest: list[int], flag: bool, others: Mapping[str, str]) -> None:
    """A function of any signature is called again exactly as it was called."""
    calls: list[Any] = []

    @clustertrace.trace
    def run(first: int, /, *rest: int, flag: bool = False, **others: str) -> None:
        calls.append((first, rest, flag, others))

    with capture_traces() as traces:
        run(first, *rest, flag=flag, **others)
    again = arguments_of(traces.one().spans[0], run)
    run.__wrapped__(*again.args, **again.kwargs)  # type: ignore[attr-defined]
    assert calls[1] == calls[0]


def test_types_are_made_again() -> None:
    """Annotated arguments get their types back."""

    @dataclass
    class Options:
        depth: int

    def run(options: Options, folder: Path) -> None: ...

    run.__annotations__ = {"options": Options, "folder": Path}
    again = arguments_of(root({"options": {"depth": 2}, "folder": "/tmp/x"}), run)
    assert again.args == (Options(2), Path("/tmp/x"))


def test_cut_argument() -> None:
    """An argument that is not as it was is refused with its name, unless it is given anew."""

    def run(query: str) -> None: ...

    span = root({"query": "ab… [cut]"}, **{"clustertrace.cut": ["input.query"]})
    with pytest.raises(CannotReplay, match="its argument 'query' was too large"):
        arguments_of(span, run)
    assert arguments_of(span, run, [parse_change("query=whole")]).args == ("whole",)


@pytest.mark.parametrize(
    ("payload", "attributes", "sentence"),
    [
        ({"key": "[redacted: by its name]"}, {}, "its argument 'key' held a secret"),
        ({"key": "<Client>"}, {"clustertrace.opaque": ["input.key"]}, "'key' is not data"),
        ({}, {}, "its argument 'key' was not recorded"),
        ({"key": 1, "old": 2}, {}, "'old' was recorded, and run\\(\\) takes no such"),
        (["a list"], {}, "not recorded with its arguments by name"),
        (None, {"clustertrace.capture": "metadata"}, "was not recorded"),
    ],
)
def test_what_cant_be_rebuilt_is_refused_by_name(
    payload: Any, attributes: dict[str, Any], sentence: str
) -> None:
    """What can't be rebuilt is refused by name."""

    def run(key: str) -> None: ...

    with pytest.raises(CannotReplay, match=sentence):
        arguments_of(root(payload, **attributes), run)


def test_change_inside() -> None:
    """A change may go deep into an argument, and leaves the recording as it is."""

    def run(messages: list[Any]) -> None: ...

    span = root({"messages": [{"role": "user", "content": "Why?"}]})
    again = arguments_of(span, run, [parse_change("messages[0].content=How?")])
    assert again.args == ([{"role": "user", "content": "How?"}],)
    assert span.input["messages"][0]["content"] == "Why?"


def test_recording_with_changes() -> None:
    """A changed recording holds the values that are given, and asks for no other in their place."""

    def run(client: str, query: str) -> None: ...

    lost = ["input.client", "input.query"]
    span = root({"client": "<Client>", "query": "Why?"}, **{"clustertrace.opaque": lost})
    before = assembled([span], TraceFacts(span.trace_id))
    after = with_changes(before, [parse_change("client=mine")])
    with pytest.raises(CannotReplay, match="'query' is not data"):
        arguments_of(after.spans[0], run)
    whole = with_changes(after, [parse_change("query=How?")])
    assert arguments_of(whole.spans[0], run).args == ("mine", "How?")
    assert before.spans[0] == span


@pytest.mark.parametrize("text", ["nothing", "=x", "[0]=x", "a[=x", "a]b=x"])
def test_bad_change(text: str) -> None:
    """What is no PATH=VALUE is refused."""
    with pytest.raises(UsageError, match="--set expects"):
        parse_change(text)


def test_change_nowhere() -> None:
    """A path to nothing is refused with what there is."""

    def run(question: str) -> None: ...

    with pytest.raises(CannotReplay, match=r"nothing at 'question.deep'.*'question'"):
        arguments_of(root({"question": "Why?"}), run, [parse_change("question.deep=x")])


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"question": "Why?", "depth": 1}, ("question",)),
        ({"who": "me"}, ("who",)),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            ("messages", 0, "content"),
        ),
    ],
)
def test_the_users_words_are_found_by_their_usual_names(
    payload: Any, path: tuple[Any, ...]
) -> None:
    """The user's words are found by their usual names, as the last user's message, or alone."""
    assert prompt_change(root(payload), "New").path == path


def test_no_prompt() -> None:
    """Where nothing looks like the prompt, the user is asked to name it."""
    with pytest.raises(CannotReplay, match="is unclear which argument"):
        prompt_change(root({"a": "x", "b": "y"}), "New")
