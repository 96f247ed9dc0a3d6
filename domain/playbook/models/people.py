"""Who writes, who is written to, and which way they go: sender, fields, segments, lengths, situations, triage."""

from typing import Literal, Self

from pydantic import Field, model_validator

from domain.durations import Duration
from domain.playbook.models.basics import Condition, Identifier, Part, Slug
from domain.words import DisqualifyReason


class Sender(Part):
    name: str = Field(min_length=1, description="The name mail comes from.")
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="The address mail comes from.")
    reply_to: str = Field("", description="Where replies go, when not to `email`.")
    postal_address: str = Field(
        min_length=10, description="The sender's postal address: the law wants it in every mail."
    )


class LeadField(Part):
    type: Literal["string", "int", "float", "bool", "list"] = Field(description="The type conditions see.")
    label: str = Field("", description="What people read; the name when empty.")


class Segment(Part):
    id: Identifier = Field(description="Name in tracks and conditions.")
    label: str = Field(min_length=1, description="What people read.")
    when: Condition | None = Field(
        None, description="CEL; the first segment that holds wins. Only the last may have none."
    )
    sender: Identifier | None = Field(None, description="Who mail to it comes from, of `senders`; none: `sender`.")


#: Preset → (longest time of scheduled touches, factor on every gap). None: no limit. The figures are the field's own
#: (CAPABILITIES C18): small companies decide in weeks, mid-market within a quarter, enterprises within a year.
PRESETS: dict[str, tuple[str | None, float]] = {
    "smb": ("28d", 0.5),
    "mid_market": ("90d", 1.0),
    "enterprise": ("365d", 2.0),
    "continuous": (None, 2.5),
}


class Length(Part):
    """How long scheduled touches go on, and how far apart. The first that holds wins; without any: no limit, factor 1.

    Presets: `smb` 28 days at half the gaps, `mid_market` 90 days, `enterprise` 365 days at double gaps, `continuous`
    without limit at 2.5 times the gaps. Behaviour is answered, and re-engagement follows, however long it has been.
    """

    id: Identifier = Field(description="Name in conditions (`length`).")
    label: str = Field("", description="What people read; the name when empty.")
    when: Condition | None = Field(None, description="CEL; only the last may have none.")
    preset: Literal["smb", "mid_market", "enterprise", "continuous"] | None = Field(
        None, description="A preset; `limit` and `factor` change it."
    )
    limit: Duration | None = Field(None, description="Time since nurture began after which nothing scheduled is sent.")
    factor: float | None = Field(None, ge=0.25, le=10, description="Every gap of a track is multiplied by this.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.preset is None and self.limit is None and self.factor is None:
            raise ValueError("a length needs a preset, a limit or a factor")
        return self


class Situation(Part):
    """Something about the buyer's situation that changes what is sent: needs approval, no budget yet, only curious."""

    id: Identifier = Field(description="Name in conditions: `situation.NAME` is true or false.")
    label: str = Field(min_length=1, description="What people read, in the console and in the seller's brief.")
    when: Condition = Field(description="CEL, asked at every decision.")
    advice: str = Field("", description="For the seller's brief: how to open, given this.")


class TriageRule(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL; the first rule that holds decides.")
    then: Literal["sales", "sales_review", "profile", "nurture", "disqualify"] = Field(
        description="Where the lead goes at entry; `profile` asks what is missing first."
    )
    reason: DisqualifyReason | None = Field(None, description="Recorded reason; required with `disqualify`.")


class DisqualifyRule(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL, asked at every decision.")
    reason: DisqualifyReason = Field(description="Recorded reason.")
