"""What people ask the research agent. One question in four is one that its web can't answer."""

from __future__ import annotations

from typing import Literal

from clustertrace.demo import scripts
from clustertrace.demo.cases.visit import Turn, Visit
from clustertrace.demo.simulation import ToolError

__all__ = ["RESEARCH"]

PAGE_TIMEOUT = ToolError("the page did not answer within 4 s")

HOMEHEAT = "https://homeheat.example/"
SEASIDE = "https://seaside.example/"
CRUMB = "https://crumb.example/"
GARDEN = "https://garden.example/"


def _looping(
    question: str,
    topic: str,
    words: tuple[str, ...],
    answer: str,
    reason: str | None,
    outcome: Literal["pass", "fail"] | None = "fail",
    tier: str = "pro",
) -> Visit:
    queries = [f"{topic} {word}".strip() for word in words]
    script = scripts.answer_after_loop(queries, answer)
    return Visit("research", (Turn(question, script, (), outcome, reason),), tier, late=True)


RESEARCH = (
    # Search, open a page, cite it: what usually happens, and works.
    Visit(
        "research",
        (
            Turn(
                "Do heat pumps still work at -15 °C?",
                scripts.open_one(
                    "heat pump cold winter",
                    HOMEHEAT + "cold-climate",
                    "Yes. At -15 °C a good heat pump still gives about two units of heat for each "
                    "unit of power.",
                ),
                outcome="pass",
            ),
            Turn(
                "And how do I find the right size?",
                scripts.open_two(
                    "choosing size of heat pump",
                    HOMEHEAT + "sizing",
                    HOMEHEAT + "cold-climate",
                    "From the heat that the house loses on the coldest day. Too large is worse "
                    "than it sounds: the pump starts and stops all day.",
                ),
            ),
        ),
        "pro",
    ),
    Visit(
        "research",
        (
            Turn(
                "Why is sea water salty?",
                scripts.open_one(
                    "why sea water salt",
                    SEASIDE + "salt",
                    "Rivers carry dissolved minerals there; water evaporates, the salt stays.",
                ),
            ),
            Turn(
                "How are tide tables computed for years ahead?",
                scripts.open_one(
                    "how tide tables are made",
                    SEASIDE + "tides",
                    "As a sum of regular waves, fitted to one year of measurements at the harbour.",
                ),
                outcome="pass",
            ),
        ),
    ),
    Visit(
        "research",
        (
            Turn(
                "What makes sourdough rise?",
                scripts.open_one(
                    "sourdough rise yeasts",
                    CRUMB + "sourdough",
                    "Wild yeasts in the starter, which make gas.",
                ),
            ),
        ),
    ),
    Visit(
        "research",
        (
            Turn(
                "How do bees tell each other where flowers are?",
                scripts.open_one(
                    "bee dance direction flowers",
                    "https://hive.example/dance",
                    "By a dance whose angle is the direction from the sun and whose length is the "
                    "distance.",
                ),
            ),
        ),
        "enterprise",
    ),
    Visit(
        "research",
        (
            Turn(
                "Why does an octopus prefer crawling to swimming?",
                scripts.open_one(
                    "octopus hearts swims crawl",
                    "https://reef.example/octopus",
                    "One of its three hearts stops while it swims.",
                ),
            ),
        ),
    ),
    Visit(
        "research",
        (
            Turn(
                "How long until my compost is ready?",
                scripts.open_one(
                    "how long compost takes",
                    GARDEN + "compost",
                    "About three months if you turn it each week, a year if you leave it alone.",
                ),
                outcome="pass",
            ),
        ),
        "pro",
    ),
    # Two pages compared.
    Visit(
        "research",
        (
            Turn(
                "Iron phosphate or nickel cells for a home battery?",
                scripts.open_two(
                    "lithium iron phosphate nickel batteries",
                    "https://cells.example/lfp",
                    "https://cells.example/nickel",
                    "Iron phosphate: twice the charge cycles, and weight matters little at home.",
                ),
                outcome="pass",
            ),
        ),
        "enterprise",
    ),
    Visit(
        "research",
        (
            Turn(
                "Does bread keep better in the fridge, and is that so for sourdough?",
                scripts.open_two(
                    "bread stale fridge sourdough",
                    CRUMB + "stale",
                    CRUMB + "sourdough",
                    "No: just above freezing is where bread goes stale fastest. Sourdough keeps "
                    "longer anyway, because its acid holds off mould.",
                ),
            ),
        ),
    ),
    Visit(
        "research",
        (
            Turn(
                "Can I compost red autumn leaves?",
                scripts.open_two(
                    "compost autumn leaves red",
                    GARDEN + "compost",
                    GARDEN + "autumn",
                    "Yes; the red is only a dye. Mix them in, for they are mostly carbon.",
                ),
            ),
        ),
        "pro",
    ),
    # A second search, after what the first one found.
    Visit(
        "research",
        (
            Turn(
                "Is a house battery a good match for a heat pump in winter?",
                scripts.search_again(
                    "heat pump winter power",
                    HOMEHEAT + "cold-climate",
                    "lithium iron phosphate batteries cycles",
                    "https://cells.example/lfp",
                    "It shifts a few hours, not a winter: the pump needs about half a unit of "
                    "power for each unit of heat at -15 °C.",
                ),
            ),
        ),
        "enterprise",
    ),
    Visit(
        "research",
        (
            Turn(
                "Why do tide tables not need leap seconds?",
                scripts.search_again(
                    "how tide tables are made",
                    SEASIDE + "tides",
                    "leap second clocks",
                    "https://clockwork.example/leap-second",
                    "The waves are fitted to the moon and the sun over years; clocks are held "
                    "within 0.9 seconds of the sun anyway.",
                ),
                outcome="pass",
            ),
        ),
    ),
    # A page that times out once and is opened again: an error, and a good answer.
    Visit(
        "research",
        (
            Turn(
                "How do headphones cancel noise?",
                scripts.open_again(
                    "headphones cancel noise",
                    "https://quiet.example/headphones",
                    "They play the noise turned upside down, and the two cancel.",
                ),
                (("page", PAGE_TIMEOUT),),
                "pass",
            ),
        ),
    ),
    Visit(
        "research",
        (
            Turn(
                "Why do some leaves turn red instead of yellow?",
                scripts.open_again(
                    "why leaves turn red autumn",
                    GARDEN + "autumn",
                    "Red is made new in autumn, probably as a shade; yellow was there all along.",
                ),
                (("page", PAGE_TIMEOUT),),
            ),
        ),
        "pro",
    ),
    # Simple enough for the list of results.
    Visit(
        "research",
        (
            Turn(
                "How many hearts does an octopus have?",
                scripts.answer_from_snippets("octopus hearts", "Three."),
                outcome="pass",
            ),
            Turn(
                "And how many leap seconds were there?",
                scripts.answer_from_snippets("leap second added", "27 since 1972."),
            ),
        ),
    ),
    # Search after search, nothing opened: where most failures are.
    _looping(
        "How many passengers did the harbour ferry carry last month?",
        "ferry passengers",
        ("last month", "figures", "official figures", "figures", "by month", "statistics"),
        "The ferry carried roughly 41 000 passengers last month.",
        "the number is made up",
    ),
    _looping(
        "Which tram line grew most this year?",
        "tram passengers growth",
        ("this year", "by line", "figures", "figures"),
        "Most likely line 4, as in earlier years.",
        "cites no source",
    ),
    _looping(
        "How many cargo bicycles were sold in the region last quarter?",
        "bicycle sales",
        ("quarter", "region", "report", "quarter", "report region"),
        "About 2 300 cargo bicycles were sold.",
        "cites no source, and the publisher says 900",
    ),
    _looping(
        "What did the bus operator change in its new timetable?",
        "bus timetable",
        ("new", "changes", "operator", "new", "this month"),
        "The operator added evening services on most lines.",
        "not what the timetable says",
    ),
    _looping(
        "How full were the night trains in August?",
        "night trains",
        ("August", "seats taken", "figures", "figures by route", "seats taken"),
        "They ran at about 85 % of their seats.",
        "the number is made up",
        tier="free",
    ),
    _looping(
        "Which harbour handled the most freight last year?",
        "harbour freight",
        ("last year", "tonnes", "ranking", "tonnes by harbour"),
        "Probably the one at the river's mouth, with some 40 million tonnes.",
        "cites no source",
        tier="enterprise",
    ),
    _looping(
        "How did bicycle sales develop by region this year?",
        "bicycle sales by region",
        ("", "this year", "figures", "report", "figures this year", "report", "download"),
        "",
        None,
        None,
    ),
    _looping(
        "Which operator raised its prices most this year?",
        "operator prices",
        ("this year", "raised", "report", "this year", "all operators", "report", "list"),
        "",
        None,
        None,
    ),
    _looping(
        "Where could I find figures about ferry passengers?",
        "ferry passengers",
        ("figures", "reports", "directory", "reports by operator"),
        "In the reports of the operators; directory.example lists them.",
        None,
        "pass",
    ),
)
