"""Events in the shape of Segment's HTTP tracking API (segment.com/docs, HTTP API source).

Members that Tendril has no use for (``integrations``, most of ``context`` …) are taken and left out, so Segment's own
libraries can point here. Times are ISO-8601 with a zone. What the libraries send as ``null`` or "" counts as absent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from api.schemas.text import JsonObject, Line, Name


def _id_as_text(value: Any) -> Any:
    """Segment's libraries send numbers as ids too, and some an empty text for none."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[Name, BeforeValidator(_id_as_text)]
OptionalId = Annotated[Name | None, BeforeValidator(_id_as_text)]
Members = Annotated[JsonObject, BeforeValidator(lambda value: {} if value is None else value)]


class _Common(BaseModel):
    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True)

    message_id: OptionalId = Field(None, description="The sender's id of this event; the same one is taken once.")
    user_id: OptionalId = Field(None, description="The lead's external id, or Tendril's own id of the lead.")
    anonymous_id: OptionalId = Field(None, description="A visitor's id, before and after they are known.")
    timestamp: AwareDatetime | None = Field(None, description="When it happened, on the sender's clock.")
    original_timestamp: AwareDatetime | None = Field(None, description="What some libraries call `timestamp`.")
    sent_at: AwareDatetime | None = Field(None, description="When it was sent, on the same clock: corrects its error.")
    context: Any = Field(None, description="`traits` in it are read, as in Segment's specification; the rest is not.")

    @property
    def happened(self) -> datetime | None:
        return self.timestamp or self.original_timestamp

    @property
    def spoken_email(self) -> str | None:
        """The address in ``context.traits``: who it is, said beside what they did. None when it is no address."""
        said = _context_traits(self.context).get("email")
        try:
            return _EMAIL.validate_python(said) if said else None
        except ValidationError:
            return None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.user_id is None and self.anonymous_id is None:
            raise ValueError("one of userId and anonymousId must be given")
        return self


class TrackEvent(_Common):
    """Something a visitor or lead did."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"userId": "crm-1017", "event": "Demo Video Watched", "properties": {"percent": 90}}]
        }
    )
    type: Literal["track"] = "track"
    event: Name = Field(description="Name of what happened, as playbooks match it.")
    properties: Members = Field({}, description="What more is known about it.")


class PageEvent(_Common):
    """A page looked at. Its path is ``properties.path``, else the path of ``properties.url``, else ``name``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"anonymousId": "visitor-81", "properties": {"path": "/pricing"}}]}
    )
    type: Literal["page"] = "page"
    name: Line | None = Field(None, description="Name of the page.")
    properties: Members = Field({}, description="path, url, title, referrer …")


class ScreenEvent(_Common):
    """A screen of an app looked at. Playbooks see it as the page ``/screen/NAME``."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"userId": "crm-1017", "name": "Pricing"}]})
    type: Literal["screen"] = "screen"
    name: Line | None = Field(None, description="Name of the screen.")
    properties: Members = Field({}, description="What more is known about it.")


class Traits(BaseModel):
    """What an identify says of a person. Scalars and lists of text become lead fields of the same name."""

    model_config = ConfigDict(extra="allow")

    email: EmailStr | None = None

    @field_validator("email", mode="before")
    @classmethod
    def _empty_is_unknown(cls, value: Any) -> Any:
        return value.strip() or None if isinstance(value, str) else value

    @model_validator(mode="after")
    def _storable(self) -> Self:
        _OBJECT.validate_python(self.others)
        return self

    @property
    def others(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class IdentifyEvent(_Common):
    """Who a visitor is. With ``traits.email`` the lead is created or updated; the anonymous id is linked to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "crm-1017",
                    "anonymousId": "visitor-81",
                    "traits": {"email": "robin@orchard.example", "company": "Orchard", "role": "Head of operations"},
                }
            ]
        }
    )
    type: Literal["identify"] = "identify"
    traits: Traits = Field(
        default_factory=Traits,
        description="email, company, country, timezone, lead fields; `context.traits` says what is absent here.",
    )

    @model_validator(mode="before")
    @classmethod
    def _traits_from_context(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(own := given.get("traits"), dict | None):
            return given
        return given | {"traits": {**_context_traits(given.get("context")), **(own or {})}}


class GroupEvent(_Common):
    """The company that somebody belongs to. ``groupId`` is your id of it; ``name`` and ``domain`` are kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"userId": "crm-1017", "groupId": "acc-77", "traits": {"name": "Orchard", "domain": "orchard.example"}}
            ]
        }
    )
    type: Literal["group"] = "group"
    group_id: Id = Field(description="Your id of the company.")
    traits: Members = Field({}, description="name, domain (or website), and what more is known about it.")


class AliasEvent(_Common):
    """Two ids of one person: what ``previousId`` did is what ``userId`` did."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"userId": "crm-1017", "previousId": "visitor-81"}]})
    type: Literal["alias"] = "alias"
    user_id: Id = Field(description="The id from now on.")
    previous_id: Id = Field(description="The id until now: a visitor's or a former userId.")


def _context_traits(context: Any) -> Mapping[str, Any]:
    traits = context.get("traits") if isinstance(context, dict) else None
    return traits if isinstance(traits, dict) else {}


_OBJECT: TypeAdapter[dict[str, Any]] = TypeAdapter(JsonObject)
_EMAIL: TypeAdapter[str | None] = TypeAdapter(EmailStr | None)
AnyEvent = TrackEvent | PageEvent | ScreenEvent | IdentifyEvent | GroupEvent | AliasEvent
#: One event of a batch, told apart by ``type``.
BATCH_EVENT: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")])


class Batch(BaseModel):
    """Up to 2,500 events. Each is checked alone: a bad one goes to the dead letters, the rest are taken."""

    model_config = ConfigDict(
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "batch": [
                        {"type": "page", "anonymousId": "visitor-81", "properties": {"path": "/pricing"}},
                        {"type": "track", "userId": "crm-1017", "event": "Webinar Attended"},
                    ]
                }
            ]
        },
    )
    batch: list[Any] = Field(min_length=1, description="Events, each with its `type`: track, page, screen …")
    sent_at: AwareDatetime | None = Field(None, description="When the batch was sent, on the sender's clock.")


class Taken(BaseModel):
    """What became of the events. They are committed before this is sent."""

    success: bool = True
    accepted: int = Field(description="Events stored now.")
    duplicates: int = Field(description="Events whose messageId was stored before.")
    rejected: int = Field(0, description="Events that could not be understood; kept as dead letters.")
