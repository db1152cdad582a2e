"""Words that more than one part of the linter knows."""

from __future__ import annotations

from typing import Final

__all__ = ["ENGLISH", "OTHERS", "WORK"]

WORK: Final = frozenset(
    "add adjust analyse analyze build change clean compare compose convert create debug delete "
    "deploy describe design develop document draft edit enhance explain extend extract find fix "
    "format generate handle implement improve install integrate investigate list merge migrate "
    "modify move optimise optimize plan port prepare refactor remove rename replace research "
    "resolve restructure review rewrite set simplify solve sort split summarise summarize support "
    "test translate tweak update upgrade write make".split()
)
"""Verbs that ask for a piece of work, in their base form."""

ENGLISH: Final = WORK | frozenset(
    "the a an and or of to in is are was were be been it its this that these those with for from "
    "on at by as not don't do does did doesn't can could should would will must may you your i my "
    "me we our please what why how when where which who if then than there has have had all any "
    "some each every only also into out up but so no need want run check use get it's i'm can't "
    "let's never maybe perhaps probably possibly avoid stop crash crashes error errors page file "
    "code function done because etc something everything somehow better work works problem issue "
    "again still now just very really thanks hello hi".split()
)
"""Common words of English prompts."""

OTHERS: Final = (
    frozenset(
        "der die das und ist nicht ein eine einen den dem mit für von auf zu im bitte wie wird "
        "sind le la les des est une et pas pour que qui dans sur avec ce cette vous je du au aux "
        "ou el los las una por para con como este esta pero y es se lo il di che non per un sono "
        "della o os uma não com em na ao seu het een en van niet dat voor och att det som är inte "
        "jag og på til av ikke w nie jest się že je ve bir bu için ile ki".split()
    )
    - ENGLISH
)
"""Common words of other languages in Latin letters that are no common English words."""
