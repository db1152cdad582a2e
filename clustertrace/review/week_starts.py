"""The first day of the week: from the user's setting, else from the territory of their locale.

The table is from Unicode's CLDR, release 46: `firstDay` of `weekData` in
common/supplemental/supplementalData.xml. Territories that are not listed start on Monday.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["DAYS", "first_weekday"]

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""Names of days, indexed as by `date.weekday`."""

_MONDAY: Final = 0
_TERRITORIES: Final = {
    4: "MV",
    5: "AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY",
    6: "AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN JM JP KE KH KR LA MH MM MO MT "
    "MX MZ NI NP PA PE PH PK PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW",
}
_FIRST_DAYS: Final = {
    territory: day for day, territories in _TERRITORIES.items() for territory in territories.split()
}

_LOCALE_VARIABLES: Final = ("LC_ALL", "LC_TIME", "LANG")
"""The variables for the locale of times; the first that is set wins (POSIX)."""

_LOCALE: Final = re.compile(r"[a-z]{2,3}(?:[_-][a-z]{4})?[_-]([a-z]{2})(?![a-z])", re.I | re.A)


def first_weekday(environ: Mapping[str, str], setting: str = "") -> int:
    """The first day of the week, 0 for Monday to 6 for Sunday.

    `setting` is one of `DAYS`, or empty to use the locale in the environment.
    """
    if setting:
        return DAYS.index(setting)
    locale = next((value for name in _LOCALE_VARIABLES if (value := environ.get(name))), "")
    match = _LOCALE.match(locale)
    return _FIRST_DAYS.get(match[1].upper(), _MONDAY) if match else _MONDAY
