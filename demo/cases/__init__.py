"""The sixty runs: who asks what, what the model decides, what breaks, and what people say to it.

Visits stand in no order of time here; the recorder spreads them over a week. What one visitor
asks in several turns is one visit, and one session.
"""

from __future__ import annotations

from clustertrace.demo.cases.docs import DOCS
from clustertrace.demo.cases.orders import ORDERS
from clustertrace.demo.cases.research import RESEARCH

__all__ = ["VISITS"]

VISITS = (*RESEARCH, *DOCS, *ORDERS)
