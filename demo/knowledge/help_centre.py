"""The help centre of Tidepool Coffee, a shop that is made up. It is written in English only."""

from __future__ import annotations

from typing import NamedTuple

from clustertrace.demo.knowledge.text import overlap

__all__ = ["ARTICLES", "Passage", "closest"]


class Passage(NamedTuple):
    """A piece of an article, with how well it fits a question, 0 to 1."""

    article: str
    text: str
    score: float = 0.0


ARTICLES = (
    Passage(
        "pause-a-subscription",
        "You can pause your subscription for up to three months under Account, Subscription, "
        "Pause. Bags that are already roasted are still sent.",
    ),
    Passage(
        "cancel-a-subscription",
        "Cancel your subscription at any time under Account, Subscription. It ends after the "
        "bags that you have paid for.",
    ),
    Passage(
        "change-the-grind",
        "Change the grind of your coffee under Account, Preferences until two days before "
        "roasting. We grind for espresso, filter, press and moka pot.",
    ),
    Passage(
        "delivery-times",
        "We roast on Monday and Thursday. Delivery takes two to three working days within the "
        "country and up to eight abroad.",
    ),
    Passage(
        "countries",
        "We ship abroad to all countries of the European Union, to Norway and to Switzerland. "
        "Customs duties are yours to pay.",
    ),
    Passage(
        "refunds",
        "A bag that arrives damaged or stale is refunded in full within 30 days. Send a photo. "
        "Opened bags that are merely not to your taste are not refunded.",
    ),
    Passage(
        "gift-cards",
        "A gift card is valid for three years, can be used in parts, and pays for "
        "subscriptions too.",
    ),
    Passage(
        "invoices",
        "Invoices are under Account, Orders. For a company invoice add your tax number first; "
        "we can't change an invoice afterwards.",
    ),
    Passage(
        "storage",
        "Store coffee beans cool, dark and dry in the closed bag. Don't keep them in the fridge, "
        "where they take up moisture. Drink them within eight weeks of roasting.",
    ),
    Passage(
        "decaf",
        "Our decaf is made with water alone, without solvents, and keeps less than 0.1 % of its "
        "caffeine.",
    ),
)


def closest(question: str, limit: int = 4, threshold: float = 0.2) -> list[Passage]:
    """The passages nearest to a question, best first; none where nothing comes close."""
    scored = [
        passage._replace(score=round(overlap(question, f"{passage.article} {passage.text}"), 3))
        for passage in ARTICLES
    ]
    found = [passage for passage in scored if passage.score >= threshold]
    return sorted(found, key=lambda passage: -passage.score)[:limit]
