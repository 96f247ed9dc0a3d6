"""When touches leave, and how many."""

from datetime import time
from typing import Literal

from pydantic import Field

from domain.durations import Duration, parse_duration
from domain.playbook.models.basics import ClockTime, Condition, Country, Part, Slug, Weekday
from domain.words import Channel


class Cap(Part):
    per: Literal["lead", "account"] = Field("lead", description="Whose touches are counted.")
    channel: Channel | Literal["any"] = Field(
        "any", description="Which channel; `any` is e-mail and direct mail together."
    )
    most: int = Field(ge=1, le=1000, description="Most touches …")
    within: Duration = Field(description="… within this time; with `per: account` at most 60d.")


class Pace(Part):
    """How engagement changes the gaps. The first that holds wins; caps and the least gap hold whatever the pace."""

    id: Slug = Field(description="Name in reasons.")
    label: str = Field("", description="What people read; the name when empty.")
    when: Condition = Field(description="CEL.")
    factor: float = Field(ge=0.25, le=4, description="Gaps of tracks are multiplied by this: 0.5 is twice as fast.")


class Holidays(Part):
    """Public holidays on which nothing is sent to a lead. Dates are those of the `holidays` library."""

    lead: bool = Field(True, description="Those of the lead's country, where it is known.")
    countries: tuple[Country, ...] = Field((), description="Those of these countries, for everyone.")
    unknown: Country | None = Field(None, description="Those of this country, for leads whose country is unknown.")


class Cadence(Part):
    days: tuple[Weekday, ...] = Field(
        ("mon", "tue", "wed", "thu", "fri"), min_length=1, description="Days on which to send."
    )
    opens: ClockTime = Field(time(9), description="Start of the send window, in the lead's time zone.")
    closes: ClockTime = Field(time(17), description="End of the send window.")
    timezone: str = Field("UTC", description="Zone for leads whose own is unknown.")
    holidays: Holidays | None = Field(None, description="Days off; without it every day is as its weekday.")
    spread: Duration = Field(
        parse_duration("0d"),
        description="What waited for the window leaves within this time of its opening, each lead at a moment of its "
        "own, so that not everyone is written to at nine sharp.",
    )
    least_gap: Duration = Field(description="Least time between two touches that reach the lead, triggers included.")
    caps: tuple[Cap, ...] = Field((), description="Frequency caps.")
    paces: tuple[Pace, ...] = Field((), description="Faster for the engaged, slower for the quiet.")
