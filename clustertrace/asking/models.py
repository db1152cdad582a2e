"""Anthropic's and OpenAI's models, asked through their own SDKs.

The SDKs are large and optional (`clustertrace[models]`), and are imported when they are used. A
request is made once: a paid call is never repeated without the user knowing.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple, Protocol

from clustertrace.errors import ModelError, UsageError
from clustertrace.pricing import price

__all__ = ["Answer", "Model", "Vendor", "estimate_usd", "model_of", "vendor_of"]

Vendor = Literal["anthropic", "openai"]

TIMEOUT_SECONDS: Final = 60.0
STREAM_SECONDS: Final = 180.0
"""From the question to the last piece of its answer."""
_KEYS: Final = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
_NO_ANSWER: Final = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What the SDKs raise where a reply is not of the shape that they expect."""
_BYTES_A_TOKEN: Final = 2.5
"""A guess on the dear side, for any script: English has about four, Chinese three a character."""


class Answer(NamedTuple):
    """What a model said, and what it cost."""

    text: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """US dollars; None where the model has no known price."""


class Model(Protocol):
    """Something that can be asked."""

    name: str

    def ask(self, system: str, prompt: str, max_tokens: int) -> Answer:
        """Ask once. Raises ModelError with a sentence for the user."""

    def stream(self, system: str, prompt: str, max_tokens: int) -> Iterator[str | Answer]:
        """Ask once and give the answer piece by piece, then as a whole. Raises ModelError."""


def vendor_of(name: str) -> Vendor:
    """Whose model a name is: `claude…` is Anthropic's, everything else is asked at OpenAI."""
    return "anthropic" if name.startswith("claude") else "openai"


def estimate_usd(name: str, prompt: str, max_tokens: int) -> float | None:
    """What asking will cost at most, about; None where the model has no known price."""
    return _cost(name, int(len(prompt.encode("utf-8", "replace")) / _BYTES_A_TOKEN) + 1, max_tokens)


def _cost(name: str, read: int, written: int) -> float | None:
    return price(
        name,
        vendor_of(name),
        input_tokens=read,
        output_tokens=written,
        when_ns=time.time_ns(),
    )


def model_of(name: str, *, http_client: Any = None) -> Model:
    """The model of a name, with the key that its vendor's variable holds.

    `http_client` replaces the SDK's own connections. Raises UsageError where the SDK or the key
    is missing.
    """
    vendor = vendor_of(name)
    key = os.environ.get(_KEYS[vendor], "").strip()
    if not key:
        raise UsageError(f"{name} needs a key: set {_KEYS[vendor]} to yours.")
    if not (key.isascii() and key.isprintable()):
        raise UsageError(f"{_KEYS[vendor]} contains characters that no key has; copy it again.")
    try:
        sdk = importlib.import_module(vendor)
    except ImportError:
        raise UsageError(
            f"{name} needs the {vendor} package: pip install 'clustertrace[models]'."
        ) from None
    kind = sdk.Anthropic if vendor == "anthropic" else sdk.OpenAI
    client = kind(api_key=key, max_retries=0, timeout=TIMEOUT_SECONDS, http_client=http_client)
    return (_Anthropic if vendor == "anthropic" else _OpenAI)(name, client, sdk)


class _Sdk:
    """What both have in common: errors of the SDK as a sentence."""

    def __init__(self, name: str, client: Any, sdk: Any) -> None:
        self.name = name
        self._client = client
        self._sdk = sdk

    def ask(self, system: str, prompt: str, max_tokens: int) -> Answer:
        """See Model."""
        with self._errors_in_words():
            text, read, written = self._ask(system, prompt, max_tokens)
        return Answer(text, read, written, _cost(self.name, read, written))

    def stream(self, system: str, prompt: str, max_tokens: int) -> Iterator[str | Answer]:
        """See Model."""
        until = time.monotonic() + STREAM_SECONDS
        with self._errors_in_words():
            for piece in self._stream(system, prompt, max_tokens):
                yield piece if isinstance(piece, str) else self._priced(piece)
                if time.monotonic() > until:
                    raise ModelError(
                        f"{self.name} wrote for longer than {STREAM_SECONDS:.0f} s and was cut off."
                    )

    @contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        try:
            yield
        except self._sdk.APIError as error:
            raise ModelError(self._sentence(error)) from error
        except _NO_ANSWER as error:
            raise ModelError(
                f"What came back is not an answer from {self.name}; something in between may have "
                "answered, such as a proxy or a login page of the network."
            ) from error
        except Exception as error:
            # Between two pieces the SDKs let the errors of their HTTP library pass.
            if not type(error).__module__.startswith("httpx"):
                raise
            raise ModelError(f"The connection to {self.name} broke off; try again.") from error

    def _priced(self, answer: Answer) -> Answer:
        cost = _cost(self.name, answer.input_tokens, answer.output_tokens)
        return answer._replace(cost_usd=cost)

    def _stream(self, system: str, prompt: str, max_tokens: int) -> Iterator[str | Answer]:
        raise NotImplementedError

    def _ask(self, system: str, prompt: str, max_tokens: int) -> tuple[str, int, int]:
        raise NotImplementedError

    def _sentence(self, error: Any) -> str:
        if isinstance(error, self._sdk.AuthenticationError | self._sdk.PermissionDeniedError):
            return f"{self.name} refused the key; check {_KEYS[vendor_of(self.name)]}."
        if isinstance(error, self._sdk.RateLimitError):
            return f"{self.name} is asked too often, or the credit is used up; try again later."
        if isinstance(error, self._sdk.NotFoundError):
            return f"There is no model {self.name}; name another."
        if isinstance(error, self._sdk.APITimeoutError):
            return f"{self.name} did not answer within {TIMEOUT_SECONDS:.0f} s; try again."
        if isinstance(error, self._sdk.APIConnectionError):
            return f"{self.name} can't be reached; check your connection."
        return f"{self.name} answered with an error: {str(error)[:200]}"


class _Anthropic(_Sdk):
    def _ask(self, system: str, prompt: str, max_tokens: int) -> tuple[str, int, int]:
        message = self._client.messages.create(
            model=self.name,
            max_tokens=max_tokens,
            system=system,
            messages=[{"role": "user", "content": prompt}],
        )
        return self._parts(message)

    def _stream(self, system: str, prompt: str, max_tokens: int) -> Iterator[str | Answer]:
        with self._client.messages.stream(
            model=self.name,
            max_tokens=max_tokens,
            system=system,
            messages=[{"role": "user", "content": prompt}],
        ) as stream:
            yield from stream.text_stream
            yield Answer(*self._parts(stream.get_final_message()), None)

    def _parts(self, message: Any) -> tuple[str, int, int]:
        text = "".join(block.text for block in message.content if block.type == "text")
        usage = message.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        return text, usage.input_tokens + cached, usage.output_tokens


class _OpenAI(_Sdk):
    def _ask(self, system: str, prompt: str, max_tokens: int) -> tuple[str, int, int]:
        completion = self._client.chat.completions.create(
            model=self.name,
            max_completion_tokens=max_tokens,
            messages=[{"role": "system", "content": system}, {"role": "user", "content": prompt}],
        )
        usage = completion.usage
        counts = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        return completion.choices[0].message.content or "", *counts

    def _stream(self, system: str, prompt: str, max_tokens: int) -> Iterator[str | Answer]:
        parts: list[str] = []
        counts = (0, 0)
        for chunk in self._client.chat.completions.create(
            model=self.name,
            max_completion_tokens=max_tokens,
            messages=[{"role": "system", "content": system}, {"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
        ):
            if chunk.usage:
                counts = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            if chunk.choices and (delta := chunk.choices[0].delta.content):
                parts.append(delta)
                yield delta
        if not parts and not any(counts):
            raise ValueError("The stream held no event.")
        yield Answer("".join(parts), *counts, None)
