"""What customers ask the order desk."""

from __future__ import annotations

from clustertrace.demo import scripts
from clustertrace.demo.cases.visit import Turn, Visit
from clustertrace.demo.order_desk import PaymentRefused
from clustertrace.demo.simulation import ToolError

__all__ = ["ORDERS"]

GATEWAY_TIMEOUT = ToolError("504 from the payment gateway; nothing was paid")
REFUSED = PaymentRefused("the card of this order has expired; the provider refuses refunds to it")

ORDERS = (
    # Where is it?
    Visit(
        "orders",
        (
            Turn(
                "Where is my order TP-1042?",
                scripts.order_status("TP-1042", "It was shipped two days ago."),
            ),
        ),
    ),
    Visit(
        "orders",
        (
            Turn(
                "Has TP-1057 left yet?",
                scripts.order_status("TP-1057", "Not yet, it is being roasted."),
                outcome="pass",
            ),
        ),
        "pro",
    ),
    Visit(
        "orders",
        (
            Turn(
                "TP-1104, when does it come?",
                scripts.order_status("TP-1104", "It was shipped yesterday; two more days."),
            ),
        ),
    ),
    Visit(
        "orders",
        (
            Turn(
                "Was TP-1063 delivered?",
                scripts.order_status("TP-1063", "Yes, five days ago."),
            ),
            Turn(
                "One of the bags was torn open.",
                scripts.refund_and_tell(
                    "TP-1063", "mira@mail.example", 13.0, "I am sorry. I have refunded that bag."
                ),
                outcome="pass",
            ),
        ),
        "enterprise",
    ),
    Visit(
        "orders",
        (
            Turn(
                "Status of TP-1119, please.",
                scripts.order_status("TP-1119", "It was delivered eight days ago."),
            ),
            Turn(
                "It arrived wet, all six bags.",
                scripts.refund_and_tell(
                    "TP-1119", "felix@mail.example", 79.2, "All six bags are refunded."
                ),
            ),
        ),
    ),
    # Refunds that the policy allows.
    Visit(
        "orders",
        (
            Turn(
                "My moka pot from TP-1071 came without a lid.",
                scripts.refund_and_tell(
                    "TP-1071", "jonah@mail.example", 39.0, "I have refunded the pot."
                ),
            ),
        ),
    ),
    Visit(
        "orders",
        (
            Turn(
                "One bag of TP-1088 was stale.",
                scripts.refund_and_tell(
                    "TP-1088", "lea@mail.example", 13.9, "That bag is refunded."
                ),
                outcome="pass",
            ),
            Turn(
                "The other two just aren't for me. Those as well, please?",
                scripts.policy_refuses(
                    "TP-1088",
                    "lea@mail.example",
                    "taste",
                    "I am sorry: opened bags can't be refunded for their taste.",
                ),
            ),
        ),
        "pro",
    ),
    Visit(
        "orders",
        (
            Turn(
                "I want my money back for the gift card, TP-1090.",
                scripts.policy_refuses(
                    "TP-1090",
                    "tom@mail.example",
                    "unused",
                    "That order is older than 30 days, so I can't; the card is valid for 3 years.",
                ),
            ),
        ),
    ),
    # An order's number, misread and corrected.
    Visit(
        "orders",
        (
            Turn(
                "where is 1042? ordered by ines",
                scripts.correct_number_then_status(
                    "1042", "TP-1042", "It was shipped two days ago."
                ),
                outcome="pass",
            ),
        ),
    ),
    Visit(
        "orders",
        (
            Turn(
                "Status for TP 1104 thanks",
                scripts.correct_number_then_status("TP 1104", "TP-1104", "Shipped yesterday."),
            ),
        ),
        "enterprise",
    ),
    # Payments that hang, and one that is refused for good.
    Visit(
        "orders",
        (
            Turn(
                "TP-1063 again: a second bag is torn as well.",
                scripts.refund_twice(
                    "TP-1063", "mira@mail.example", 13.0, "Refunded, it took two attempts."
                ),
                (("payments", GATEWAY_TIMEOUT),),
                "pass",
            ),
        ),
        "enterprise",
    ),
    Visit(
        "orders",
        (
            Turn(
                "TP-1119: please refund the delivery too, it came soaked.",
                scripts.refund_and_tell("TP-1119", "felix@mail.example", 4.9, ""),
                (("payments", REFUSED),),
            ),
        ),
        late=True,
    ),
)
