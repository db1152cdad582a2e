"""Rules, and their findings about a draft."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from clustertrace.prompts.draft import Draft
from clustertrace.telling.words import shortened

__all__ = ["ENGLISH", "LEVELS", "Finding", "Level", "Rule", "Strength", "at_least"]

Level = Literal["low", "medium", "high"]
LEVELS: Final[tuple[Level, ...]] = ("low", "medium", "high")

ENGLISH: Final = frozenset({"en"})
_MAX_QUOTE: Final = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. `start` and `end` are character positions; None if it is about an absence."""

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
    """What prompts with it do, such as `use vague verbs`."""
    level: ClassVar[Level]
    suggestion: ClassVar[str]
    """What to write instead."""
    languages: ClassVar[frozenset[str] | None] = ENGLISH
    """None if it applies to any language."""

    @abstractmethod
    def find(self, draft: Draft) -> Iterable[tuple[int, int, str]]:
        """Start, end and message of each occurrence; `{}` in a message stands for the words."""

    def holds(self, draft: Draft) -> bool:
        """Whether there is any occurrence."""
        return next(iter(self.find(draft)), None) is not None

    def findings(self, draft: Draft) -> Iterable[Finding]:
        """The findings for a draft, which must be in one of the rule's languages."""
        for start, end, message in self.find(draft):
            text = message.replace("{}", _quoted(draft.text[start:end]))
            yield Finding(self.name, self.level, text, self.suggestion, start, end)


class Strength(ABC):
    """Looks for one good habit. Its absence is a finding if it would help."""

    name: ClassVar[str]
    habit: ClassVar[str]
    level: ClassVar[Level]
    """The level of its absence."""
    absence: ClassVar[str]
    """The message about its absence."""
    suggestion: ClassVar[str]
    languages: ClassVar[frozenset[str] | None] = ENGLISH

    @property
    def rule(self) -> str:
        """The name of the finding about its absence."""
        return f"no-{self.name}"

    @abstractmethod
    def helps(self, draft: Draft) -> bool:
        """Whether the prompt would be better with it."""

    @abstractmethod
    def present(self, draft: Draft) -> bool:
        """Whether the prompt has it."""

    def finding(self) -> Finding:
        """The finding about its absence."""
        return Finding(self.rule, self.level, self.absence, self.suggestion)


def _quoted(words: str) -> str:
    """Words of the text on one line, in quotation marks, shortened if they are long."""
    # Cut before splitting: the rest may be most of a megabyte.
    line = " ".join(words[: 4 * _MAX_QUOTE].split())
    return f"“{shortened(line, _MAX_QUOTE)}”"


def at_least(finding: Finding, level: Level) -> bool:
    """Whether a finding is at least as severe as `level`."""
    return LEVELS.index(finding.level) >= LEVELS.index(level)
