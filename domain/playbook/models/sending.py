"""How much mail may leave for whom: what receivers ask of senders, and what guards a sender's good name."""

from pydantic import Field

from domain.durations import Duration
from domain.playbook.models.basics import Part

#: Any receiving domain that has no line of its own.
EVERY_OTHER = "*"


class WarmUp(Part):
    """A new sending domain begins with few mails a day and sends more each day. Days are UTC's, from its first mail."""

    first: int = Field(50, ge=1, description="Mails of the first day.")
    growth: float = Field(1.5, ge=1, le=3, description="Factor from one day to the next.")
    most: int = Field(ge=1, description="Mails a day once it is warm.")

    def allowed(self, day: int) -> int:
        """Mails of that day; the first is 0."""
        grown = self.first * self.growth ** min(day, 365)
        return int(min(self.most, grown))


class Throttle(Part):
    domain: str = Field(
        pattern=r"^(\*|[a-z0-9.-]+\.[a-z0-9-]+)$", description="The receiving domain; `*` for each of all others."
    )
    most: int = Field(ge=1, description="Mails a minute to it.")


class Breaker(Part):
    """When a sending domain must stop. The figures are those at which Amazon SES reviews an account (5 % and 0.1 %)."""

    bounces: float = Field(5.0, gt=0, le=100, description="Percent of mails that bounced for good.")
    complaints: float = Field(0.1, gt=0, le=100, description="Percent of mails that were complained of.")
    within: Duration = Field(description="Of the mails that left within so long.")
    least: int = Field(200, ge=1, description="Fewer mails than this say nothing.")


class Sending(Part):
    """What holds for each sending domain of the playbook."""

    warm_up: WarmUp | None = Field(None, description="How a new sending domain begins; none: at full speed.")
    throttle: tuple[Throttle, ...] = Field((), description="Most mails a minute to receiving domains.")
    breaker: Breaker | None = Field(None, description="When sending stops by itself until a person lets it go on.")
