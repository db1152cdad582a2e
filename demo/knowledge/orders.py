"""Orders of Tidepool Coffee, a shop that is made up."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ORDERS", "Order"]


class Order(NamedTuple):
    """One order; amounts in euros."""

    order_id: str
    email: str
    items: str
    total: float
    state: str
    days_ago: int


ORDERS = {
    order.order_id: order
    for order in (
        Order("TP-1042", "ines@mail.example", "2 bags Harbour Espresso", 27.80, "shipped", 2),
        Order("TP-1057", "oskar@mail.example", "1 bag Lighthouse Filter", 14.50, "roasting", 1),
        Order("TP-1063", "mira@mail.example", "4 bags Low Tide Decaf", 52.00, "delivered", 5),
        Order("TP-1071", "jonah@mail.example", "1 moka pot", 39.00, "delivered", 12),
        Order("TP-1088", "lea@mail.example", "3 bags Harbour Espresso", 41.70, "delivered", 3),
        Order("TP-1090", "tom@mail.example", "1 gift card", 50.00, "delivered", 44),
        Order("TP-1104", "ada@mail.example", "2 bags Lighthouse Filter", 29.00, "shipped", 1),
        Order("TP-1119", "felix@mail.example", "6 bags Harbour Espresso", 79.20, "delivered", 8),
    )
}
