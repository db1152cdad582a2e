"""Models asked through the real SDKs, on a fake transport."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from clustertrace.asking import models
from clustertrace.asking.models import Answer, Model, estimate_usd, model_of, vendor_of
from clustertrace.errors import ModelError, UsageError

CLAUDE = "claude-haiku-4-5"
GPT = "gpt-4o-mini"
REPLIES: dict[str, Any] = {
    CLAUDE: {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": CLAUDE,
        "content": [{"type": "text", "text": "Yes."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 10},
    },
    GPT: {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": GPT,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Yes."},
            }
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010},
    },
}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("OPENAI_API_KEY", "k")


def asked(name: str, handle: Callable[[httpx2.Request], httpx2.Response]) -> Model:
    """A model whose requests a function answers."""
    return model_of(name, http_client=httpx2.Client(transport=httpx2.MockTransport(handle)))


@pytest.mark.parametrize("name", [CLAUDE, GPT])
def test_an_answer_comes_with_its_tokens_and_cost(name: str) -> None:
    """The text, all tokens that were read, and what they cost come back; one request is sent."""
    requests: list[Any] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        requests.append(json.loads(request.content))
        return httpx2.Response(200, json=REPLIES[name])

    answer = asked(name, handle).ask("Be brief.", "Is it so?", 50)
    assert (answer.text, answer.input_tokens, answer.output_tokens) == ("Yes.", 1000, 10)
    assert answer.cost_usd is not None
    assert answer.cost_usd > 0
    assert len(requests) == 1
    assert "Is it so?" in json.dumps(requests)


@pytest.mark.parametrize("name", [CLAUDE, GPT])
@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "refused the key"),
        (403, "refused the key"),
        (404, "There is no model"),
        (429, "too often"),
        (500, "answered with an error"),
        (529, "answered with an error"),
    ],
)
def test_a_refusal_is_a_sentence_and_not_tried_again(name: str, status: int, sentence: str) -> None:
    """Every refusal is a sentence, and the paid call is not tried again."""
    sent: list[int] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        sent.append(status)
        return httpx2.Response(status, json={"error": {"type": "x", "message": "no"}})

    with pytest.raises(ModelError, match=sentence):
        asked(name, handle).ask("", "Hm?", 5)
    assert sent == [status]


@pytest.mark.parametrize("name", [CLAUDE, GPT])
@pytest.mark.parametrize(
    ("error", "sentence"),
    [(httpx2.ReadTimeout, "did not answer within"), (httpx2.ConnectError, "can't be reached")],
)
def test_no_answer(name: str, error: type[Exception], sentence: str) -> None:
    """A silent or unreachable model is told apart."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        raise error("gone")

    with pytest.raises(ModelError, match=sentence):
        asked(name, handle).ask("", "Hm?", 5)


@pytest.mark.parametrize("name", [CLAUDE, GPT])
@pytest.mark.parametrize("body", [b"<html>Log in to the hotel's network</html>", b"{}", b"[1]"])
def test_what_is_no_answer(name: str, body: bytes) -> None:
    """What a proxy or a login page says in a model's place is told as such, streamed or not."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=body)

    with pytest.raises(ModelError, match="is not an answer from"):
        asked(name, handle).ask("", "Hm?", 5)
    with pytest.raises(ModelError, match="is not an answer from"):
        list(asked(name, handle).stream("", "Hm?", 5))


@pytest.mark.parametrize("key", ["sk-ant-…", "sk-ant-\x07"])
def test_a_key_that_can_be_none(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was copied with an ellipsis is told before anything is sent."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UsageError, match="OPENAI_API_KEY contains characters that no key has"):
        model_of(GPT)


def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, the variable to set is named."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(UsageError, match="set ANTHROPIC_API_KEY"):
        model_of(CLAUDE)


def test_an_estimate_grows_with_the_prompt() -> None:
    """An estimate grows with the prompt, and is none for a model without a price."""
    short, long = (estimate_usd(CLAUDE, "x" * size, 100) for size in (100, 100_000))
    assert short is not None
    assert long is not None
    assert 0 < short < long
    assert estimate_usd("made-up-model", "x", 100) is None
    assert vendor_of(GPT) == "openai"


CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": GPT}
EVENTS = {
    CLAUDE: [
        {"type": "message_start", "message": {**REPLIES[CLAUDE], "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": t}}
            for t in ("Yes", ", it is.")
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 12},
        },
        {"type": "message_stop"},
    ],
    GPT: [
        *(
            {
                **CHUNK,
                "choices": [{"index": 0, "delta": {"content": t}, "finish_reason": None}],
            }
            for t in ("Yes", ", it is.")
        ),
        {
            **CHUNK,
            "choices": [],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 12, "total_tokens": 1012},
        },
    ],
}


def sent_events(name: str, events: list[Any]) -> bytes:
    """Events as each vendor sends them."""
    lines = []
    for event in events:
        if name == CLAUDE:
            lines.append(f"event: {event['type']}\n")
        lines.append(f"data: {json.dumps(event)}\n\n")
    return "".join([*lines, "" if name == CLAUDE else "data: [DONE]\n\n"]).encode()


def streaming(name: str, body: Any, sent: list[Any] | None = None) -> Model:
    """A model that answers with this stream."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        if sent is not None:
            sent.append(json.loads(request.content))
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    return asked(name, handle)


@pytest.mark.parametrize("name", [CLAUDE, GPT])
def test_pieces_come_before_the_whole(name: str) -> None:
    """Pieces come as they are, then the whole with its tokens and price; one request is sent."""
    sent: list[Any] = []
    model = streaming(name, sent_events(name, EVENTS[name]), sent)
    *pieces, answer = model.stream("Be brief.", "Is it so?", 50)
    assert pieces == ["Yes", ", it is."]
    assert isinstance(answer, Answer)
    assert (answer.text, answer.input_tokens, answer.output_tokens) == ("Yes, it is.", 1000, 12)
    assert answer.cost_usd is not None
    assert len(sent) == 1


def test_a_stream_that_turns_into_an_error() -> None:
    """What had come stays; the error is a sentence."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    model = streaming(CLAUDE, sent_events(CLAUDE, [*EVENTS[CLAUDE][:3], error]))
    got: list[Any] = []
    with pytest.raises(ModelError, match="answered with an error"):
        got.extend(model.stream("", "Hm?", 5))


@pytest.mark.parametrize("name", [CLAUDE, GPT])
def test_a_stream_that_breaks_off(name: str) -> None:
    """A connection that is gone between two pieces is told as such, and nothing is asked again."""
    sent: list[Any] = []

    def body() -> Iterator[bytes]:
        yield sent_events(name, EVENTS[name][:3]).removesuffix(b"data: [DONE]\n\n")
        raise httpx2.ReadError("gone")

    got: list[Any] = []
    with pytest.raises(ModelError):
        got.extend(streaming(name, body(), sent).stream("", "Hm?", 5))
    assert got[:1] == ["Yes"]
    assert len(sent) == 1


def test_a_stream_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a limit to how long an answer may take."""
    monkeypatch.setattr(models, "STREAM_SECONDS", -1.0)
    with pytest.raises(ModelError, match="longer than"):
        list(streaming(CLAUDE, sent_events(CLAUDE, EVENTS[CLAUDE])).stream("", "Hm?", 5))


@pytest.mark.parametrize(("status", "sentence"), [(401, "refused the key"), (429, "too often")])
def test_a_stream_that_is_refused(status: int, sentence: str) -> None:
    """Errors before the first piece read as they do without a stream."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json={"error": {"type": "x", "message": "no"}})

    with pytest.raises(ModelError, match=sentence):
        list(asked(CLAUDE, handle).stream("", "Hm?", 5))
