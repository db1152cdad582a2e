"""A web of a few pages. The last ones are the kind that a search finds and nobody can use."""

from __future__ import annotations

from typing import NamedTuple

from clustertrace.demo.knowledge.text import overlap

__all__ = ["PAGES", "Page", "fetch", "search"]


class Page(NamedTuple):
    """One page of the web."""

    url: str
    title: str
    text: str


PAGES = (
    Page(
        "https://homeheat.example/cold-climate",
        "Heat pumps in a cold winter",
        "A heat pump moves warmth instead of making it. At 7 °C outside, a good one delivers "
        "about four units of heat for each unit of power; at -15 °C still about two. Models "
        "made for cold climates keep their full output down to about -20 °C.",
    ),
    Page(
        "https://homeheat.example/sizing",
        "Choosing the size of a heat pump",
        "Measure how much heat the house loses on the coldest day before choosing a heat pump. "
        "One that is too large starts and stops all day, which wears it out and wastes power.",
    ),
    Page(
        "https://seaside.example/salt",
        "Where the salt in sea water comes from",
        "Rain is slightly acid and dissolves minerals from rock. Rivers carry them to the sea, "
        "where water evaporates and salt stays. Vents on the ocean floor add more. Sea water "
        "holds about 35 grams of salt a litre, and has for a very long time.",
    ),
    Page(
        "https://seaside.example/tides",
        "How tide tables are made",
        "A tide table adds up dozens of regular waves, each with the period of one movement of "
        "the moon or the sun. Their heights at one harbour are fitted to a year of measurements, "
        "and then the sum can be computed for years ahead. Wind and air pressure are left out.",
    ),
    Page(
        "https://crumb.example/sourdough",
        "What makes sourdough rise",
        "In a sourdough starter live wild yeasts and lactic acid bacteria. The yeasts make the "
        "gas that lifts the dough; the bacteria make the acid that gives the taste and keeps "
        "mould away for days.",
    ),
    Page(
        "https://crumb.example/stale",
        "Why bread goes stale",
        "Bread goes stale mainly because its starch forms crystals again and takes water out of "
        "the soft crumb, not because it dries. This is fastest just above freezing, so the "
        "fridge is the worst place. Warming the bread melts the crystals.",
    ),
    Page(
        "https://cells.example/lfp",
        "Iron phosphate cells explained",
        "Lithium iron phosphate batteries store less energy a kilogram than nickel cells, about "
        "160 against 250 watt hours, but stand 3 000 charge cycles or more, need no cobalt, and "
        "hardly ever catch fire.",
    ),
    Page(
        "https://cells.example/nickel",
        "Nickel cells explained",
        "Batteries with nickel, manganese and cobalt pack the most energy into a car. They last "
        "about 1 500 cycles and dislike being kept full, so daily charging should stop at 80 %.",
    ),
    Page(
        "https://hive.example/dance",
        "The waggle dance",
        "A bee that has found flowers dances in a figure of eight. The angle of the straight "
        "part against the vertical is the direction from the sun; its length is the distance, "
        "about one second for each kilometre.",
    ),
    Page(
        "https://reef.example/octopus",
        "Three hearts of an octopus",
        "An octopus has three hearts: two push blood through the gills, one through the body. "
        "The body's heart stops while the animal swims, which is why it prefers to crawl. Its "
        "blood is blue, because it carries oxygen with copper.",
    ),
    Page(
        "https://garden.example/compost",
        "How long compost takes",
        "A warm heap that is turned each week makes compost in about three months. Left alone, "
        "the same heap takes a year. It needs about thirty parts of carbon for each of nitrogen.",
    ),
    Page(
        "https://garden.example/autumn",
        "Why leaves turn red",
        "In autumn a tree takes back the green dye of its leaves, and the yellow that was there "
        "all along shows. Red is new: some trees make it in those last weeks, probably to shade "
        "the leaf while it is emptied.",
    ),
    Page(
        "https://quiet.example/headphones",
        "How headphones cancel noise",
        "Small microphones hear the noise outside, and the headphones play the same wave turned "
        "upside down. The two add up to almost nothing. It works best for low, steady sounds.",
    ),
    Page(
        "https://clockwork.example/leap-second",
        "What a leap second is for",
        "The earth turns a little unevenly. Since 1972 a second has been added 27 times, so that "
        "clocks stay within 0.9 seconds of the sun. From 2035 on, none will be added.",
    ),
    Page(
        "https://townnews.example/transport",
        "Transport: all our stories",
        "Read our stories on tram, ferry, bicycle and bus. Subscribers see this month's figures "
        "for passengers, sales and the new timetable of every operator in the region.",
    ),
    Page(
        "https://forum.example/thread-4711",
        "Anyone know this quarter's numbers?",
        "Somebody must have the sales figures for this year by region. I looked everywhere. "
        "Last answer: did you ever find them?",
    ),
    Page(
        "https://directory.example/reports",
        "Reports by year, region and operator",
        "A directory of reports about passengers, sales, growth, prices and timetables. The "
        "reports themselves are kept at the publishers.",
    ),
)


def search(query: str, limit: int = 3) -> list[dict[str, str]]:
    """The best pages for a query, as a search engine lists them: title, address, first words."""
    ranked = sorted(PAGES, key=lambda page: -overlap(query, f"{page.title} {page.text}"))
    return [
        {"title": page.title, "url": page.url, "snippet": page.text[:90] + "…"}
        for page in ranked[:limit]
    ]


def fetch(url: str) -> Page | None:
    """The page at an address; None if there is none."""
    return next((page for page in PAGES if page.url == url), None)
