"""The demo's agents, each by what it does with its tools."""

from __future__ import annotations

import pytest

from clustertrace.demo import scripts
from clustertrace.demo.docs_assistant import IndexUnavailable, answer_from_docs
from clustertrace.demo.knowledge import help_centre, web
from clustertrace.demo.model import Reply, ScriptedModel
from clustertrace.demo.order_desk import serve_customer
from clustertrace.demo.research import MAX_SEARCHES, OutOfSearches, research
from clustertrace.demo.simulation import ToolError, network
from clustertrace.demo.visitor import Visitor

NOBODY = Visitor({})


@pytest.fixture(autouse=True)
def _quiet_network() -> None:
    """Start each test at the same time, with nothing broken."""
    network.start(10**18, seed=1)


def model(script: list[Reply]) -> ScriptedModel:
    """A model that plays a script."""
    return ScriptedModel("gpt-4o-mini", "openai", script)


def test_research_returns_the_sources_that_it_cited() -> None:
    """What the agent cites is what it says that it rests on."""
    url = "https://crumb.example/stale"
    script = scripts.open_one("bread stale", url, "Not in the fridge.")
    assert research("Where to keep bread?", model(script), (), NOBODY) == {
        "answer": "Not in the fridge.",
        "sources": [url],
    }


def test_research_stops_when_its_searches_are_used_up() -> None:
    """One search more than allowed ends the run."""
    script = scripts.answer_after_loop(["tram"] * (MAX_SEARCHES + 1), "")
    with pytest.raises(OutOfSearches, match="still open"):
        research("Which tram?", model(script), (), NOBODY)


def test_a_tool_error_is_told_to_the_model_and_the_run_goes_on() -> None:
    """An agent whose first attempt fails can try again and answer."""
    network.start(10**18, 1, [("payments", ToolError("504"))])
    script = scripts.refund_twice("TP-1042", "ines@mail.example", 5.0, "Done.")
    assert serve_customer("Refund, please.", model(script), (), NOBODY) == {"answer": "Done."}


def test_the_help_desk_gives_up_on_a_dead_index() -> None:
    """Three failed attempts end the run; two do not."""
    fault = ("index", ToolError("timeout"))
    network.start(10**18, 1, [fault] * 2)
    answer = answer_from_docs(
        "How long does delivery take?", model([scripts.say("3 days")[0]]), (), NOBODY
    )
    assert answer["articles"][0] == "delivery-times"
    network.start(10**18, 1, [fault] * 3)
    with pytest.raises(IndexUnavailable):
        answer_from_docs("How long does delivery take?", model([]), (), NOBODY)


def test_the_help_centre_finds_nothing_in_another_language() -> None:
    """Its articles are English: a German question shares no word with any."""
    assert help_centre.closest("Wie lange gilt mein Gutschein?") == []
    assert help_centre.closest("How long is a gift card valid?")[0].article == "gift-cards"


def test_the_web_ranks_by_shared_words() -> None:
    """The page that a query is about comes first, and unknown addresses are no page."""
    assert web.search("bread stale fridge")[0]["url"] == "https://crumb.example/stale"
    assert web.fetch("https://nowhere.example/") is None


def test_the_network_is_the_same_for_the_same_seed() -> None:
    """Simulated time passes alike in every process, and a planned fault comes once."""
    network.start(0, seed=3)
    network.request("page", 1.0)
    first = network.clock_ns()
    network.start(0, seed=3, faults=[("page", ToolError("slow"))])
    with pytest.raises(ToolError, match="slow"):
        network.request("page", 1.0)
    assert network.clock_ns() > first > 0
    network.request("page", 1.0)
