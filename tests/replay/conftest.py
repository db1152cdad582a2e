"""An agent whose runs are recorded, to run them again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from clustertrace.model import Trace
from clustertrace.testing import capture_traces


def _recorded(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Trace:
    with capture_traces() as traces, suppress(Exception):
        fn(*args, **kwargs)
    return traces.one()


@pytest.fixture
def recorded() -> Callable[..., Trace]:
    """Call a traced function and give the trace of it; an exception is part of the run."""
    return _recorded
