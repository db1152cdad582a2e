"""A tool-using agent: looks up orders, checks the refund policy, refunds, writes to customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import clustertrace
from clustertrace.demo.knowledge.orders import ORDERS
from clustertrace.demo.model import Message, ScriptedModel, converse
from clustertrace.demo.simulation import ToolError, network
from clustertrace.demo.visitor import Visitor

__all__ = ["PaymentRefused", "serve_customer"]

REFUND_DAYS = 30

INSTRUCTIONS = (
    "You work at the order desk of Tidepool Coffee. Find the order first. Check the refund "
    "policy before you refund anything, and write to the customer when something was decided."
)


class PaymentRefused(Exception):
    """The payment provider refuses for good; a person has to look at it."""


@clustertrace.trace(name="order_desk", kind="agent", skip=("model", "history", "visitor"))
def serve_customer(
    request: str, model: ScriptedModel, history: tuple[Message, ...], visitor: Visitor
) -> dict[str, Any]:
    """Do what a customer asks, as far as the rules allow; returns the answer.

    Raises PaymentRefused.
    """
    visitor.arrive()
    messages: list[Message] = [
        {"role": "system", "content": INSTRUCTIONS},
        *history,
        {"role": "user", "content": request},
    ]
    tools: dict[str, Callable[..., Any]] = {
        "find_order": find_order,
        "shipping_status": shipping_status,
        "check_refund_policy": check_refund_policy,
        "refund": refund,
        "send_email": send_email,
    }
    answer = converse(model, messages, tools)
    visitor.leave()
    return {"answer": answer}


@clustertrace.trace(kind="tool")
def find_order(order_id: str) -> dict[str, Any]:
    """An order by its number."""
    network.request("orders", seconds=0.08)
    order = ORDERS.get(order_id)
    if order is None:
        raise ToolError(f"there is no order {order_id}; numbers look like TP-1042")
    return order._asdict()


@clustertrace.trace(kind="tool")
def shipping_status(order_id: str) -> dict[str, Any]:
    """Where a parcel is."""
    network.request("carrier", seconds=0.7)
    order = ORDERS[order_id]
    return {"order_id": order_id, "state": order.state, "days_ago": order.days_ago}


@clustertrace.trace(kind="guardrail")
def check_refund_policy(order_id: str, reason: str) -> dict[str, Any]:
    """Whether the rules allow a refund, and which rule decided."""
    network.wait(0.01)
    order = ORDERS[order_id]
    if order.days_ago > REFUND_DAYS:
        return {"allowed": False, "rule": f"older than {REFUND_DAYS} days"}
    if reason == "taste":
        return {"allowed": False, "rule": "opened bags are not refunded for their taste"}
    return {"allowed": True, "amount": order.total}


@clustertrace.trace(kind="tool")
def refund(order_id: str, amount: float) -> dict[str, Any]:
    """Pay an amount back, in euros."""
    network.request("payments", seconds=1.1)
    return {"order_id": order_id, "refunded": amount}


def send_email(to: str, subject: str) -> dict[str, str]:
    """Write to a customer; recorded after the fact, as a call of someone else's code would be."""
    network.wait(0.12)
    result = {"queued": f"{subject} → {to}"}
    clustertrace.tool_call("send_email", {"to": to, "subject": subject}, result)
    return result
