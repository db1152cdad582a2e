"""Altair, which draws the charts, told to check each of them once.

It checks a chart against the grammar's schema as a whole before it is sent, and in its debug mode
each part of it as well, when that is made: a third of what the page of a trace took.
"""

from __future__ import annotations

import altair as alt
from altair.utils.schemapi import disable_debug_mode

__all__ = ["alt"]

disable_debug_mode()
