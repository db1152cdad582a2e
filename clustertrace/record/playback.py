"""A run that is repeated from its recording: who answers in place of tools and models.

Nobody, as a rule. `clustertrace replay` and the tests that it writes set a player
(clustertrace.replay.player) for one process while the program's entry runs; the decorator and the
wrapped clients then ask it before each call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from clustertrace.record.active import ActiveSpan
    from clustertrace.record.callables import Sort

__all__ = ["Player", "RecordedReply", "player", "playing"]


class RecordedReply(NamedTuple):
    """What a model call was answered with, from its recorded span."""

    output: Any
    """Messages in clustertrace's shape (see clustertrace.wrap.messages)."""
    model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    input_tokens: int = 0
    """Cache reads and writes included, as everywhere."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    error: str | None = None
    """Why the call failed, if it did."""
    status_code: int | None = None
    """HTTP's, where the provider refused the call."""


class Player(Protocol):
    """Answers calls from a recording."""

    tags: Mapping[str, str]
    """For every trace that begins meanwhile."""
    model: str | None
    """The model to ask instead of the program's own; None: as the program says."""

    def stand_in(self, span: ActiveSpan, fn: Callable[..., Any], sort: Sort) -> Callable[..., Any]:
        """What to call in place of a traced function: it, or what answers as it did."""

    def reply(self, span: ActiveSpan, operation: str) -> RecordedReply | None:
        """What a model call is to be answered with; None: the model is asked."""


player: Player | None = None
"""The player of this process; read as `playback.player`, since it changes."""


@contextmanager
def playing(one: Player) -> Iterator[None]:
    """Let a player answer inside the block; one at a time in a process."""
    global player
    before, player = player, one
    try:
        yield
    finally:
        player = before
