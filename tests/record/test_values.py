"""Any value becomes JSON text in bounded time, and says what of it is missing."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import uuid
from typing import Any, NamedTuple

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.record.values import Captured, Items, capture, plain_text
from clustertrace.redaction import Redactor

LIMIT = 4096


@dataclasses.dataclass
class Point:
    x: int
    y: Any


class Model(pydantic.BaseModel):
    name: str
    sizes: list[int]


class Pair(NamedTuple):
    left: int
    right: int


class Colour(enum.Enum):
    RED = "red"


class Hostile:
    """Raises whatever is asked of it."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


def read(value: Any) -> Any:
    """The value that the text stands for."""
    return json.loads(capture(value, LIMIT).text)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        ({"a": [1, 2.5, True, None, "x"]}, {"a": [1, 2.5, True, None, "x"]}),
        ((1, 2), [1, 2]),
        ("grüß 東京 😀", "grüß 東京 😀"),
        ({3, 1, 2}, [1, 2, 3]),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        (Point(1, Point(2, None)), {"x": 1, "y": {"x": 2, "y": None}}),
        (Model(name="m", sizes=[1]), {"name": "m", "sizes": [1]}),
        (Pair(1, 2), {"left": 1, "right": 2}),
        (Colour.RED, "red"),
        (np.arange(3), [0, 1, 2]),
        (np.float32(2.5), 2.5),
        (datetime.date(2025, 1, 2), "2025-01-02"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (decimal.Decimal("1.10"), "1.10"),
        (float("nan"), "nan"),
        ([float("-inf")], ["-inf"]),
        ("\ud800x", "?x"),
        (2**100, str(2**100)),
        (ValueError("no"), "ValueError: no"),
    ],
)
def test_values_keep_what_they_say(value: Any, kept: Any) -> None:
    """Data of every usual sort is data afterwards."""
    assert read(value) == kept


def test_a_cycle_ends() -> None:
    """A value that holds itself is recorded once and said to be more than data."""
    loop: list[Any] = [1]
    loop.append(loop)
    assert capture(loop, LIMIT) == Captured('[1,"[cycle]"]', (), ("",))


@pytest.mark.parametrize("value", [b"\xff\x00abc", object(), lambda: 1])
def test_what_is_no_data_is_said(value: Any) -> None:
    """What can't be rebuilt from JSON is named by its path."""
    captured = capture({"it": value, "n": 1}, LIMIT)
    assert captured.opaque == ("it",)
    assert json.loads(captured.text)["n"] == 1


def test_a_large_text_is_cut_and_says_so() -> None:
    """Two megabytes are cut to the cap, with the mark in the text and beside it."""
    captured = capture({"q": "y" * 2_000_000, "n": 1}, LIMIT)
    assert len(captured.text) < LIMIT * 1.1
    assert "q" in captured.cut
    assert "2000000 characters in all" in captured.text


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-{}",
        "password={}",
        '{{"api_key": ["a", "{}"]}}',
        "postgres://ann:{}@db/x",
        "<token>{}</token>",
        "create user ann with password '{}'",
    ],
)
@pytest.mark.parametrize(
    "place", [lambda text: text, lambda text: [{"role": "user", "content": text}] * 2]
)
def test_no_secret_is_cut_in_two(secret: str, place: Any) -> None:
    """Half a password, of which nothing tells any more what it is, is not written either."""
    redact = Redactor()
    for before in range(140, 256, 3):
        text = "x" * before + " " + secret.format("Q7xZ-Hunter2" * 2) + " and so on" * 40
        captured = capture(place(text), 256, redact)
        assert "Q7xZ-Hu" not in redact.json(captured.text)[0]
        assert len(captured.text) < 600
        assert captured.cut == ("",)


def test_nothing_is_cut_that_takes_no_more_space_than_the_note() -> None:
    """So the short words behind a long text stay what they are, such as whose message it is."""
    word = "assistant\ud800"
    assert json.loads(capture(["x" * 100, word], 110).text) == ["x" * 100, "assistant?"]
    assert capture("x" * 125, 100) == Captured('"' + "x" * 125 + '"', (), ())
    assert capture("x" * 150, 100).cut == ("",)


def test_a_large_array_is_told_by_its_shape() -> None:
    """A matrix keeps its shape, type and first numbers."""
    captured = capture(np.zeros((300, 400)), LIMIT)
    assert json.loads(captured.text)["shape"] == [300, 400]
    assert captured.cut == ("",)


def test_a_deep_nest_ends() -> None:
    """Ten thousand levels are cut, not followed."""
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert capture(deep, LIMIT).cut == ("",)


def test_a_huge_structure_takes_bounded_work() -> None:
    """Of ten million elements only what fits is ever looked at."""

    class Counting(list[Any]):
        looked = 0

        def __iter__(self) -> Any:
            for item in super().__iter__():
                Counting.looked += 1
                yield item

    captured = capture(Counting(["x" * 100] * 100_000), LIMIT)
    assert Counting.looked < 100
    assert captured.cut == ("",)


def test_an_object_that_raises_is_survived() -> None:
    """Whatever a value does when it is looked at, a note stands in its place."""
    assert "not recorded" in capture(Hostile(), LIMIT).text
    assert "not recorded" in capture([1, Hostile()], LIMIT).text


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner)
        | st.frozensets(st.integers() | st.text())
    ),
)


@given(ANY, st.integers(16, 2000))
def test_any_value_becomes_json_that_utf8_can_hold(value: Any, limit: int) -> None:
    """The text is ASCII, strict JSON, without lone surrogates, and of bounded length."""
    text = capture(value, limit).text
    parsed = json.loads(text, parse_constant=pytest.fail)
    json.dumps(parsed, ensure_ascii=False).encode("utf-8")
    assert text.isascii()
    assert len(text) < 8 * limit + 200


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_plain_values_come_back_whole(value: Any) -> None:
    """What JSON can say is kept exactly, and nothing is marked."""
    captured = capture(value, 1_000_000)
    assert json.loads(captured.text) == value
    assert (captured.cut, captured.opaque) == ((), ())


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("😀\ud83d", "😀?"),
        ("\ud83d😀", "?😀"),
        ("\\ud83d", "\\ud83d"),
        ("\\ud83d\ude00", "\\ud83d?"),
    ],
)
def test_halves_of_pairs_are_told_from_pairs(text: str, kept: str) -> None:
    """A surrogate without its other half is replaced, and nothing beside it."""
    assert read(text) == kept
    assert read([text]) == [kept]


def test_what_has_emoji_takes_the_short_way() -> None:
    """Pairs are plain text: most chats have some."""
    value = {"content": "grüß 😀 東京"}
    text = plain_text(value, LIMIT)
    assert text is not None
    assert json.loads(text) == value


class Proxy:
    """What stands for something that is not there, as a web framework's request does."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("there is no request")


def test_one_bad_value_does_not_take_the_others_along() -> None:
    """A value that can't be looked at is a note; what stands beside it is kept."""
    captured = capture({"query": "kept", "request": Proxy(), "odd": Hostile()}, LIMIT)
    fields = json.loads(captured.text)
    assert fields["query"] == "kept"
    assert "not recorded" in fields["request"]
    assert captured.opaque == ("request", "odd")


def test_what_is_large_is_not_read_to_its_end() -> None:
    """Neither a large set is sorted nor a large model dumped, however deep it is large."""

    class Large(pydantic.BaseModel):
        rows: list[int]
        hidden: str = pydantic.Field(default="secret", exclude=True)

        def model_dump(self, **_: Any) -> dict[str, Any]:
            raise AssertionError("copies everything")

    rows = Large.model_construct(rows=list(range(100_000)))
    model = json.loads(capture({"model": rows}, LIMIT).text)["model"]
    assert model["rows"][:3] == [0, 1, 2]
    assert "hidden" not in model

    class Vector(pydantic.BaseModel):
        numbers: list[float]

    class Vectors(pydantic.BaseModel):
        data: list[Vector]

        def model_dump(self, **_: Any) -> dict[str, Any]:
            raise AssertionError("copies everything")

    vectors = Vectors(data=[Vector(numbers=[0.5] * 1000) for _ in range(100)])
    assert read(vectors)["data"][0]["numbers"][:2] == [0.5, 0.5]

    class Item:
        def __lt__(self, other: object) -> bool:
            raise AssertionError("is sorted")

        def __repr__(self) -> str:
            return "item"

    assert read({Item() for _ in range(2000)})[0] == "item"


def test_a_list_of_items_keeps_what_fits() -> None:
    """Items are kept in order until the space is used; the rest is counted."""
    items = Items(100)
    for n in range(50):
        items.add({"n": n})
    text, cut, opaque, _ = items.captured()
    made = json.loads(text)
    assert made[:2] == [{"n": 0}, {"n": 1}]
    assert made[-1] == f"[cut: {50 - len(made) + 1} more]"
    assert (cut, opaque) == (("",), ())
