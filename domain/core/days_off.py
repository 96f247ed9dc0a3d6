"""Public holidays by country: days on which nothing is sent (C19).

Dates are those of the ``holidays`` library, which computes them from the country and the year alone.
"""

from datetime import date
from functools import lru_cache

from domain.playbook.models import Holidays


def countries(rules: Holidays | None, lead_country: str) -> tuple[str, ...]:
    """The countries whose holidays a lead keeps. ``lead_country``: ISO 3166, "" when unknown."""
    if rules is None:
        return ()
    known = lead_country.strip().upper()
    own = (known if rules.lead else "") or ("" if known else rules.unknown or "")
    return (own, *rules.countries) if own else rules.countries


def holiday_in(day: date, where: tuple[str, ...]) -> str:
    """The first of the countries that has a public holiday on the day, or ""."""
    return next((country for country in where if day in _dates(country, day.year)), "")


@lru_cache(maxsize=1024)
def _dates(country: str, year: int) -> frozenset[date]:
    """None for a country that the library does not know: whoever is there is written to on every working day."""
    from holidays import country_holidays  # noqa: PLC0415 loading it takes longer than a year of decisions

    try:
        return frozenset(country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()
