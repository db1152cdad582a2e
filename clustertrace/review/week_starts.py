"""On which day a week begins: by the user's setting, else by the territory of their locale.

The table is that of Unicode's CLDR, release 46: the element `firstDay` of `weekData` in
common/supplemental/supplementalData.xml. Territories that it has on Monday, and all others, stand
for the default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["DAYS", "first_weekday"]

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""Names of days, by what `date.weekday` says."""

_MONDAY: Final = 0
_OTHERS: Final = {
    4: "MV",
    5: "AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY",
    6: "AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN JM JP KE KH KR LA MH MM MO MT "
    "MX MZ NI NP PA PE PH PK PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW",
}
_STARTS: Final = {
    territory: day for day, territories in _OTHERS.items() for territory in territories.split()
}

_ASKED: Final = ("LC_ALL", "LC_TIME", "LANG")
"""The variables that say how times are written; the first that is set decides (POSIX)."""

_LOCALE: Final = re.compile(r"[a-z]{2,3}(?:[_-][a-z]{4})?[_-]([a-z]{2})(?![a-z])", re.I | re.A)


def first_weekday(environ: Mapping[str, str], setting: str = "") -> int:
    """The day that weeks begin on, 0 for Monday to 6 for Sunday.

    `setting` is one of `DAYS`, or empty: then the locale in the environment says.
    """
    if setting:
        return DAYS.index(setting)
    locale = next((value for name in _ASKED if (value := environ.get(name))), "")
    found = _LOCALE.match(locale)
    return _STARTS.get(found[1].upper(), _MONDAY) if found else _MONDAY
