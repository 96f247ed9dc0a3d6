"""What people do, as the playbook names it: single behaviours, and patterns of several."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from domain.durations import Duration
from domain.playbook.models.basics import Identifier, Part, Points
from domain.words import DeliveryKind


class Counted(Part):
    """What a named behaviour is worth. Conditions see each as `behaviour.NAME`."""

    label: str = Field(min_length=1, description="What the lead did, in words that follow a name: “looked at pricing”.")
    points: Points = Field(0, description="Intent points for each time; negative ones lower intent.")
    half_life: Duration | None = Field(
        None, description="Half-life of the points; `scoring.intent.half_life` when absent."
    )
    group: Identifier | None = Field(None, description="Group whose cap limits the sum of its behaviours' points.")
    once_per: Duration | None = Field(
        None, description="Repeats within this time of one that gave points give none; without it each time does."
    )
    most: int | None = Field(None, ge=1, le=1000, description="At most so many times give points, the newest ones.")


class BehaviourMatch(Counted):
    """How raw events become a named behaviour. Where several match, the most particular wins, whatever their order:
    more `where` properties, then a name without `*`, then the longer name.
    """

    on: Literal["page", "track", "delivery", "crm"] = Field(description="The kind of event.")
    path: str = Field("", description="For `page`: a path, with `*` for any run of characters.")
    event: str = Field("", description="For the others: the event's name, with `*` for any run of characters.")
    where: dict[str, str | int | float | bool] = Field(
        {}, description="Properties that must have exactly these values."
    )
    meaningful: bool = Field(
        True, description="Whether it counts as activity. Opened mails never do, deliveries should not."
    )

    @property
    def of_opens(self) -> bool:
        """Whether it is opened mails: known and told, and never counted (C13), since programs open most of them.

        Only the whole name says so: a `*` never means them.
        """
        return self.on == "delivery" and self.event == DeliveryKind.OPENED


class Pattern(Counted):
    """Several behaviours within a window, from any channel. It happens at the moment its last part does; the parts of
    one are not used again for the next. Exactly one of `all`, `sequence` and `any` says which.
    """

    all: tuple[Identifier, ...] = Field((), max_length=8, description="Each of these, in any order.")
    sequence: tuple[Identifier, ...] = Field((), max_length=8, description="Each of these, in this order.")
    any: tuple[Identifier, ...] = Field((), max_length=20, description="Any of these, `times` in all.")
    times: int = Field(1, ge=1, le=100, description="With `any`: how many in all.")
    groups: int = Field(
        1, ge=1, le=10, description="With `any`: from at least so many groups (`group` of the behaviours)."
    )
    #: Whether it counts as activity: its parts speak for themselves.
    meaningful: ClassVar[bool] = False
    of_opens: ClassVar[bool] = False

    within: Duration = Field(description="The window: from the first part to the last; at most 180d.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("all", "sequence", "any") if getattr(self, name)]
        if len(ways) != 1:
            raise ValueError("a pattern needs exactly one of all, sequence and any")
        if ways != ["any"] and (self.times, self.groups) != (1, 1):
            raise ValueError("times and groups go with any")
        if ways != ["any"] and len(getattr(self, ways[0])) < 2:  # noqa: PLR2004 - one behaviour is no pattern
            raise ValueError(f"{ways[0]} needs at least two behaviours")
        return self

    def possible(self, times: Mapping[str, int]) -> bool:
        """Whether so many of each behaviour could fill it at all: most people's can't, and that is quickly seen."""
        if self.any:
            return sum(times.get(name, 0) for name in self.any) >= self.least
        return all(name in times for name in self.parts)

    @property
    def least(self) -> int:
        """The fewest behaviours that can fill it."""
        return max(self.times, self.groups) if self.any else len(set(self.parts))

    @property
    def parts(self) -> tuple[str, ...]:
        """The behaviours it is made of."""
        return self.all or self.sequence or self.any
