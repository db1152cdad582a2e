"""What the model decides in each kind of run: the plots of the demo, as lists of replies."""

from __future__ import annotations

from collections.abc import Sequence

from clustertrace.demo.model import Call, Reply

__all__ = [
    "answer_after_loop",
    "answer_from_snippets",
    "correct_number_then_status",
    "hand_over",
    "open_again",
    "open_one",
    "open_two",
    "order_status",
    "policy_refuses",
    "refund_and_tell",
    "refund_twice",
    "rewrite_then_say",
    "say",
    "search_again",
]

Script = list[Reply]


def say(answer: str) -> Script:
    """Answer at once."""
    return [Reply(answer)]


def _call(tool: str, **args: object) -> Reply:
    return Reply(calls=(Call(tool, args),))


def _cite(url: str) -> Reply:
    return _call("cite", url=url, quote="the passage that answers the question")


# Research: search the web, open pages, note sources.


def open_one(query: str, url: str, answer: str) -> Script:
    """Search, open the best page, cite it."""
    return [
        _call("web_search", query=query),
        _call("open_page", url=url),
        _cite(url),
        Reply(answer),
    ]


def open_two(query: str, url: str, other: str, answer: str) -> Script:
    """Search, compare two pages, cite one."""
    return [
        _call("web_search", query=query),
        _call("open_page", url=url),
        _call("open_page", url=other),
        _cite(url),
        Reply(answer),
    ]


def search_again(query: str, url: str, second: str, other: str, answer: str) -> Script:
    """Follow one page to a second search, cite what that one found."""
    return [
        _call("web_search", query=query),
        _call("open_page", url=url),
        _call("web_search", query=second),
        _call("open_page", url=other),
        _cite(other),
        Reply(answer),
    ]


def open_again(query: str, url: str, answer: str) -> Script:
    """Open a page that does not load the first time."""
    return [
        _call("web_search", query=query),
        _call("open_page", url=url),
        _call("open_page", url=url),
        _cite(url),
        Reply(answer),
    ]


def answer_from_snippets(query: str, answer: str) -> Script:
    """Answer a simple question from the list of results alone."""
    return [_call("web_search", query=query), Reply(answer)]


def answer_after_loop(queries: Sequence[str], answer: str) -> Script:
    """Search again and again, open nothing, and answer all the same."""
    return [*(_call("web_search", query=query) for query in queries), Reply(answer)]


# The help centre: one answer, after retrieval.


def rewrite_then_say(rewritten: str, answer: str) -> Script:
    """Put the question into the words of the help centre, then answer."""
    return [Reply(rewritten), Reply(answer)]


def hand_over(reason: str, answer: str) -> Script:
    """Pass the conversation to a person."""
    return [_call("hand_over", reason=reason), Reply(answer)]


# The order desk: look up, check, act, tell.


def order_status(order_id: str, answer: str) -> Script:
    """Find the order and its parcel."""
    return [
        _call("find_order", order_id=order_id),
        _call("shipping_status", order_id=order_id),
        Reply(answer),
    ]


def correct_number_then_status(wrong: str, order_id: str, answer: str) -> Script:
    """Read the order's number wrongly, learn from the error, and find it."""
    return [_call("find_order", order_id=wrong), *order_status(order_id, answer)]


def refund_and_tell(
    order_id: str, email: str, amount: float, answer: str, attempts: int = 1
) -> Script:
    """Check the policy, refund, write to the customer."""
    return [
        _call("find_order", order_id=order_id),
        _call("check_refund_policy", order_id=order_id, reason="damaged"),
        *[_call("refund", order_id=order_id, amount=amount)] * attempts,
        _call("send_email", to=email, subject=f"Your refund for {order_id}"),
        Reply(answer),
    ]


def refund_twice(order_id: str, email: str, amount: float, answer: str) -> Script:
    """As above, with a payment that has to be tried twice."""
    return refund_and_tell(order_id, email, amount, answer, attempts=2)


def policy_refuses(order_id: str, email: str, reason: str, answer: str) -> Script:
    """Check the policy, which says no, and explain that."""
    return [
        _call("find_order", order_id=order_id),
        _call("check_refund_policy", order_id=order_id, reason=reason),
        _call("send_email", to=email, subject=f"About your request for {order_id}"),
        Reply(answer),
    ]
