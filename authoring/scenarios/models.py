"""A scenario as it is written: the lead, what happens, what is expected. Models check shape; names are checked against
the playbook in ``authoring.scenarios.names``.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, field_validator, model_validator

from authoring.scenarios.expectations import Expectation
from authoring.scenarios.moments import Offset, Span
from domain.playbook.models.basics import Country, Identifier, Part, Slug
from domain.words import Channel, CommandKind, DeliveryKind, RejectReason

#: A Monday in spring, far from public holidays: scenarios begin here unless they say otherwise.
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
#: More than anybody does in a year, and few enough to be simulated in seconds.
MOST_HAPPENS = 2_000
#: Kinds of events that are behaviour, by the same names.
BEHAVIOUR_KINDS = ("page", "track", "delivery", "crm")


class Account(Part):
    """The lead's company. What is not said is as for a lead nobody else was seen with."""

    leads: int | None = Field(None, ge=1, description="Leads known at the account, this one included.")
    active_leads_30d: int | None = Field(
        None, ge=0, description="Other leads of the account active in the last 30 days."
    )
    open_opportunity: bool | None = Field(None, description="Whether an opportunity is open at the account.")


class Person(Part):
    """Who it happens to. Nobody real."""

    email: str | None = Field(
        "someone@company.example", description="Their address; `null` for a lead without one.", min_length=3
    )
    country: Country | None = Field(None, description="ISO 3166 code.")
    timezone: str | None = Field(None, description="Their time zone; unknown when absent.")
    source: str = Field("", description="Where they came from.")
    owner: str = Field("", description="The seller who owns the record.")
    fields: dict[Identifier, Any] = Field({}, description="What is known: the playbook's lead fields.")
    declined: tuple[Channel, ...] = Field((), description="Channels they said no to.")
    suppressed: Literal["opted_out", "complained", "hard_bounced", "erased", "manual"] | None = Field(
        None, description="Why they must not be contacted, from the start."
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        try:
            ZoneInfo(zone or "UTC")
        except (KeyError, ValueError, OSError):  # the last two for paths that are no names
            raise ValueError(f"“{zone}” is not a time zone; write one such as Europe/Berlin") from None
        return zone


class Lead(Person):
    """The lead of a scenario."""

    like: str | None = Field(
        None, description="A file with a lead to begin from, seen from this file; what is written here goes before it."
    )


class LeadFile(Person):
    """A lead in a file of its own, for `like` and for `tendril playbook trace --lead`."""

    id: Slug = Field("invented", description="Decides which variant of an experiment they get.")
    account: Account = Field(Account(), description="Their company.")


class Event(Part):
    """Something that happens: `at`, what it is, and details. Exactly one key says what it is."""

    at: Offset = Field(description="When, after the start: `3d`, `3d4h`, `2mo`. With a minus: before the start.")
    page: str | None = Field(None, min_length=1, description="They look at a page: its path.")
    track: str | None = Field(None, min_length=1, description="They do something: the event's name.")
    delivery: DeliveryKind | None = Field(None, description="What becomes of a touch: clicked, opened, replied, …")
    crm: str | None = Field(None, min_length=1, description="The CRM reports something: the event's name.")
    sales: Literal["accepted", "rejected"] | None = Field(None, description="Sales answers the open handoff.")
    answers: dict[Identifier, Any] | None = Field(
        None, min_length=1, description="They answer questions on the form: field → value."
    )
    identify: dict[Identifier, Any] | None = Field(
        None, min_length=1, description="Their profile changes, by an import or another system: field → value."
    )
    account: Account | None = Field(None, description="Something changes at their company: a colleague turns up.")
    command: CommandKind | None = Field(None, description="An operator says so: pause, resume, skip_wait, …")
    properties: dict[str, Any] = Field({}, description="With page, track, delivery and crm: properties.")
    reason: str = Field("", description="With `sales: rejected` and with some commands: the reason.")
    stage: str = Field("", description="With `command: force_stage`: the stage.")
    times: Annotated[int, Field(ge=1, le=500)] = Field(1, description="How often it happens …")
    every: Span = Field(timedelta(days=1), description="… and how long after each other.")

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            said = f"not {' and '.join(kinds)}" if kinds else "this has none"
            raise ValueError(f"an event has exactly one of {', '.join(KINDS)}; {said}")
        if self.properties and kinds[0] not in BEHAVIOUR_KINDS:
            raise ValueError(f"properties go with {', '.join(BEHAVIOUR_KINDS)}")
        if self.sales == "rejected" and self.reason not in set(RejectReason):
            raise ValueError(f"sales rejects for one of these reasons: {', '.join(RejectReason)}")
        return self

    @property
    def kind(self) -> str:
        """Which of the keys it has."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def name(self) -> str:
        """What it is called: a path, an event's name, “rejected”; for a change of fields the kind itself."""
        value = getattr(self, self.kind)
        return str(value) if isinstance(value, str) else self.kind


KINDS = ("page", "track", "delivery", "crm", "sales", "answers", "identify", "account", "command")


class Scenario(Part):
    """One lead, what happens to them, and what the playbook must do then."""

    scenario: str = Field(min_length=3, max_length=200, description="What it shows, as a sentence.")
    lead: Lead = Field(Lead(), description="Who it is about.")
    account: Account = Field(Account(), description="Their company.")
    start: AwareDatetime = Field(START, description="When the journey begins: an ISO time with a zone.")
    events: tuple[Event, ...] = Field((), max_length=500, description="What happens, in any order.")
    variants: dict[Slug, str] = Field(
        {}, description="Experiment → the variant this lead gets; empty text for the holdout."
    )
    until: Span = Field(timedelta(days=360), description="How long it goes on after the start.")
    expect: tuple[Expectation, ...] = Field(
        description="What must be true; each is reported on its own.", json_schema_extra={"minItems": 1}
    )

    @field_validator("events")
    @classmethod
    def _bounded(cls, events: tuple[Event, ...]) -> tuple[Event, ...]:
        if (happens := sum(event.times for event in events)) > MOST_HAPPENS:
            raise ValueError(f"{happens:,} things happen; {MOST_HAPPENS:,} are enough for any life")
        return events

    @field_validator("expect")
    @classmethod
    def _expects_something(cls, expect: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
        """Asked once the items are sound: of `min_length`, one broken item would make a second complaint."""
        if not expect:
            raise ValueError("needs at least 1: a scenario that expects nothing tests nothing")
        return expect
