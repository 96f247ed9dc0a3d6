"""Leads as they come in and as they are shown."""

from datetime import datetime
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints, model_validator

from api.schemas.text import Line, Name, storable
from domain.facts import FieldValue
from domain.words import Channel

ZONES = available_timezones()


def _known_zone(value: str) -> str:
    if value and value not in ZONES:
        raise ValueError("is not a time zone of the IANA database; write one such as Europe/Berlin")
    return value


Zone = Annotated[Line, AfterValidator(_known_zone)]
Country = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^([A-Za-z]{2})?$")]


class ConsentWord(BaseModel):
    """A lead's word on one channel."""

    model_config = ConfigDict(extra="forbid")

    granted: bool = Field(description="Yes or no.")
    basis: Line = Field("", description="Ground: consent, legitimate_interest, contract …")
    source: Line = Field("", description="Where it was given: a form, a fair, an import.")


class LeadBody(BaseModel):
    """A lead to create or update. What is absent stays as it was."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "external_id": "crm-1017",
                    "email": "robin@orchard.example",
                    "company": "Orchard",
                    "country": "DE",
                    "timezone": "Europe/Berlin",
                    "source": "webinar",
                    "fields": {"role": "head_of_operations", "employees": 240},
                    "consent": {"email": {"granted": True, "basis": "consent", "source": "webinar form"}},
                }
            ]
        },
    )

    external_id: Name | None = Field(None, description="Your own id of the lead.")
    email: EmailStr | None = Field(None, description="Address; compared without regard to case.")
    anonymous_ids: list[Name] = Field([], max_length=50, description="Visitor ids known to be this lead.")
    fields: Annotated[dict[Name, FieldValue], AfterValidator(storable)] = Field(
        {}, description="Lead fields that the playbook declares."
    )
    country: Country = Field("", description="ISO 3166 code of two letters.")
    timezone: Zone = Field("", description="IANA zone: when touches may reach the lead.")
    source: Line = Field("", description="Where the lead came from.")
    owner: Line = Field("", description="The seller who owns the lead, as your CRM names them.")
    company: Line = Field("", description="Name of the company.")
    domain: Line = Field("", description="The company's web domain; taken from the address when absent.")
    consent: dict[Channel, ConsentWord] = Field({}, description="The lead's word by channel.")
    playbook: Line = Field("", description="Playbook to enrol in; the default one when empty.")
    enrol: bool = Field(True, description="Whether a journey begins, if none is open.")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.external_id is None and self.email is None:
            raise ValueError("one of external_id and email must be given")
        return self


class LeadTaken(BaseModel):
    """What became of the lead. Committed before this is sent; the journey begins by itself."""

    id: str
    created: bool = Field(description="False when the lead was known.")
    enrolled: bool = Field(description="Whether this request began a journey.")
    cycle: int | None = Field(description="Number of the lead's newest journey; null when there is none.")
    note: str = Field("", description="What was left out and why, if anything.")
    journey: str = Field(description="Where the journey is shown.")


class LeadView(BaseModel):
    """A lead's profile."""

    id: str
    external_id: str | None
    email: str | None
    fields: dict[str, Any]
    country: str
    timezone: str
    source: str
    owner: str
    account_id: str | None
    crm_id: str
    created_at: datetime
    updated_at: datetime


class LeadList(BaseModel):
    """One page of leads. ``total`` counts all that match."""

    total: int
    items: list[LeadView]
    next_cursor: str | None = Field(description="Give it as cursor for the next page; null on the last.")
