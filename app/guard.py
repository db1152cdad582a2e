"""No page shows a Python exception: our own errors are sentences, others go to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from clustertrace.app import markup
from clustertrace.errors import ClustertraceError

__all__ = ["guarded"]

_log = logging.getLogger(__name__)
P = ParamSpec("P")


def guarded(draw: Callable[P, None]) -> Callable[P, None]:
    """Let a page or a fragment say what went wrong. Streamlit's own control flow passes."""

    @wraps(draw)
    def safe(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except ClustertraceError as error:
            st.html(markup.notice(str(error)))
        except Exception:
            _log.exception("%s could not be drawn", draw.__module__)
            st.html(
                markup.notice(
                    "Something went wrong while this page was drawn; reload it, and if that does "
                    "not help, see what the dashboard printed in its terminal."
                )
            )

    return safe
