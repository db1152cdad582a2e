"""Runs of one root name that are of the same kind of agent: those that share steps."""

from __future__ import annotations

from clustertrace.patterns.kin import Kin, kin, step_names
from clustertrace.patterns.signature import Step


def names(**families: str) -> dict[str, frozenset[str]]:
    """Families with the names of their steps."""
    return {family: frozenset(steps.split()) for family, steps in families.items()}


def test_steps_bind_from_family_to_family() -> None:
    """One agent's ways may share no step with each other, as long as a third shares with both."""
    families = names(a="find get", b="get cancel", c="cancel pay", x="SELECT", y="SELECT SHOW")
    assert kin(frozenset({"find"}), families) == Kin(("a", "b", "c"), others=True)
    assert kin(frozenset({"SHOW"}), families) == Kin(("x", "y"), others=True)


def test_a_run_without_steps_is_of_the_only_kind_there_is() -> None:
    """Where two kinds share a root name, nothing tells whose it is, and its like are its kin."""
    one_kind = names(a="find get", b="get", none="")
    assert kin(frozenset({"find"}), one_kind) == Kin(("a", "b", "none"), others=False)
    assert kin(frozenset(), one_kind) == Kin(("a", "b", "none"), others=False)
    two_kinds = one_kind | names(x="SELECT")
    assert kin(frozenset({"find"}), two_kinds) == Kin(("a", "b"), others=True)
    assert kin(frozenset(), two_kinds) == Kin(("none",), others=True)
    assert kin(frozenset(), names(none="")) == Kin(("none",), others=False)


def test_steps_that_no_family_has_are_of_a_kind_of_their_own() -> None:
    """Such a run has no kin; with no family at all there is nobody else."""
    assert kin(frozenset({"book"}), names(a="find", none="")) == Kin((), others=True)
    assert kin(frozenset({"book"}), {}) == Kin((), others=False)


def test_model_calls_bind_nothing() -> None:
    """Model calls, which all agents make, make no two agents kin."""
    steps = [
        Step(("model call",), (False,), ("llm",), "1"),
        Step(("find", "get"), (False, True), ("tool", "chain"), "2-3"),
    ]
    assert step_names(steps) == {"find", "get"}
