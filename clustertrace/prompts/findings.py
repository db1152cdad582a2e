"""What a rule says about a draft, and what a rule is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from clustertrace.prompts.draft import Draft

__all__ = ["ENGLISH", "LEVELS", "Finding", "Level", "Rule", "Strength", "at_least", "quoted"]

Level = Literal["low", "medium", "high"]
LEVELS: Final[tuple[Level, ...]] = ("low", "medium", "high")

ENGLISH: Final = frozenset({"en"})
_LONGEST_QUOTE: Final = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. `start` and `end` are characters of the text; None where something is absent."""

    rule: str
    level: Level
    message: str
    suggestion: str
    start: int | None = None
    end: int | None = None


class Rule(ABC):
    """Looks for one bad habit."""

    name: ClassVar[str]
    habit: ClassVar[str]
    """What prompts with it do, in the third person: `use vague verbs`."""
    level: ClassVar[Level]
    suggestion: ClassVar[str]
    """What to write instead."""
    languages: ClassVar[frozenset[str] | None] = ENGLISH
    """None: it holds for any language."""

    @abstractmethod
    def find(self, draft: Draft) -> Iterable[tuple[int, int, str]]:
        """Where it is, in characters, and what is said of it; the words go where `{}` stands."""

    def holds(self, draft: Draft) -> bool:
        """Whether there is anything to remark on, without saying it."""
        return next(iter(self.find(draft)), None) is not None

    def findings(self, draft: Draft) -> Iterable[Finding]:
        """The remarks on a draft in one of the rule's languages."""
        for start, end, message in self.find(draft):
            said = message.replace("{}", quoted(draft.text[start:end]))
            yield Finding(self.name, self.level, said, self.suggestion, start, end)


class Strength(ABC):
    """Looks for one good habit. Where it would help and is absent, that is a finding."""

    name: ClassVar[str]
    habit: ClassVar[str]
    level: ClassVar[Level]
    """Of its absence."""
    absence: ClassVar[str]
    """What is said of it."""
    suggestion: ClassVar[str]
    languages: ClassVar[frozenset[str] | None] = ENGLISH

    @property
    def rule(self) -> str:
        """The name of the finding that it is absent."""
        return f"no-{self.name}"

    @abstractmethod
    def helps(self, draft: Draft) -> bool:
        """Whether such a prompt would be better with it."""

    @abstractmethod
    def present(self, draft: Draft) -> bool:
        """Whether it is there."""

    def finding(self) -> Finding:
        """The remark that it is absent."""
        return Finding(self.rule, self.level, self.absence, self.suggestion)


def quoted(words: str) -> str:
    """Words of the text on one line, between quotation marks, cut where they go on for long."""
    # What is cut off is not even split: it may be most of a megabyte.
    line = " ".join(words[: 4 * _LONGEST_QUOTE].split())
    return f"“{line}”" if len(line) <= _LONGEST_QUOTE else f"“{line[: _LONGEST_QUOTE - 1]}…”"


def at_least(finding: Finding, level: Level) -> bool:
    """Whether a finding is as grave as `level`, or more so."""
    return LEVELS.index(finding.level) >= LEVELS.index(level)
