"""What customers ask the help desk. It answers in any language, but its articles are English."""

from __future__ import annotations

from clustertrace.demo import scripts
from clustertrace.demo.cases.visit import Turn, Visit
from clustertrace.demo.simulation import ToolError

__all__ = ["DOCS"]

INDEX_TIMEOUT = ToolError("the index did not answer within 200 ms")

DOCS = (
    # Retrieve, rerank, answer.
    Visit(
        "docs",
        (
            Turn(
                "Can I pause my subscription?",
                scripts.say("Yes, for up to three months, under Account, Subscription, Pause."),
            ),
            Turn(
                "Six weeks away: what becomes of bags roasted before then?",
                scripts.rewrite_then_say(
                    "pause subscription bags already roasted", "Those are still sent."
                ),
                outcome="pass",
            ),
            Turn(
                "And how do I cancel the subscription?",
                scripts.say("Under Account, Subscription; it ends after the bags you have paid."),
            ),
        ),
        "pro",
    ),
    Visit(
        "docs",
        (
            Turn(
                "How long does delivery take?",
                scripts.say("Two to three working days, up to eight abroad."),
            ),
        ),
    ),
    Visit(
        "docs",
        (
            Turn(
                "Do you ship to Norway or Switzerland?",
                scripts.say("Yes, to both. Customs duties are yours to pay."),
                outcome="pass",
            ),
        ),
    ),
    Visit(
        "docs",
        (
            Turn(
                "Should I store coffee beans in the fridge?",
                scripts.say("Better not: they take up moisture there. Cool, dark and dry is best."),
            ),
        ),
        "pro",
    ),
    Visit(
        "docs",
        (
            Turn(
                "How much caffeine is left in decaf?",
                scripts.say("Less than 0.1 %. We take it out with water alone."),
                outcome="pass",
            ),
            Turn(
                "My mother hates the noise of her mill, can her coffee arrive ground for filter?",
                scripts.rewrite_then_say(
                    "change grind of coffee for filter",
                    "Yes: set the grind to filter under Account, Preferences.",
                ),
            ),
        ),
    ),
    Visit(
        "docs",
        (
            Turn(
                "Is a gift card valid for a subscription?",
                scripts.say("Yes, and you can use it in parts, for three years."),
            ),
        ),
        "enterprise",
    ),
    # A weak first find, a better question.
    Visit(
        "docs",
        (
            Turn(
                "Our bookkeeper wants papers with the firm's tax number on them, is that possible?",
                scripts.rewrite_then_say(
                    "company invoice with tax number",
                    "Add the number before you order; an invoice can't be changed afterwards.",
                ),
            ),
            Turn(
                "Then I'd like a person to change one invoice for my company.",
                scripts.hand_over(
                    "wants a sent invoice changed", "I have asked a colleague to look at it."
                ),
            ),
        ),
        "enterprise",
    ),
    # The index does not answer at first.
    Visit(
        "docs",
        (
            Turn(
                "Until when can I change the grind of my coffee?",
                scripts.say("Until two days before roasting."),
                (("index", INDEX_TIMEOUT),),
            ),
        ),
    ),
    Visit(
        "docs",
        (
            Turn(
                "How is a damaged bag refunded?",
                scripts.say("In full, within 30 days. Send a photo."),
                (("index", INDEX_TIMEOUT),),
                "pass",
            ),
        ),
        "pro",
    ),
    Visit(
        "docs",
        (
            Turn(
                "Are delivery days the same abroad?",
                scripts.say(""),
                (("index", INDEX_TIMEOUT),) * 3,
            ),
        ),
        late=True,
    ),
    # Asked in German, the help centre finds nothing; the answer comes from nowhere.
    Visit(
        "docs",
        (
            Turn(
                "Kann ich mein Abo im Urlaub unterbrechen?",
                scripts.say("Ja, wir unterbrechen es automatisch, sobald Sie uns schreiben."),
                (),
                "fail",
                "promises something that we do not do",
            ),
            Turn(
                "Gut, vielen Dank!",
                scripts.say("Sehr gern!"),
                outcome="pass",
            ),
        ),
        "pro",
        "de",
    ),
    Visit(
        "docs",
        (
            Turn(
                "Liefern Sie auch nach Island?",
                scripts.say("Ja, nach Island liefern wir in vier Tagen."),
                (),
                "fail",
                "we do not deliver there",
            ),
        ),
        "free",
        "de",
    ),
    Visit(
        "docs",
        (
            Turn(
                "Bekomme ich mein Geld zurück, wenn mir der Kaffee nicht schmeckt?",
                scripts.say("Ja, Sie haben 60 Tage Zeit, ihn zurückzuschicken."),
                (),
                "fail",
                "there is no such rule",
            ),
        ),
        "free",
        "de",
        True,
    ),
    Visit(
        "docs",
        (
            Turn(
                "Wie lange gilt mein Gutschein?",
                scripts.say("Ihr Gutschein gilt ein Jahr."),
                (),
                "fail",
                "it is three years",
            ),
        ),
        "pro",
        "de",
        True,
    ),
)
