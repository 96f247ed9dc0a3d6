"""Fit and intent: points, decay, caps, grades, thresholds."""

from typing import Annotated

from pydantic import Field

from domain.durations import Duration
from domain.playbook.models.basics import Condition, Identifier, Part, Points, Slug


class FitRule(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL over lead and account fields.")
    points: Points = Field(description="Points when it holds.")


class Fit(Part):
    base: int = Field(0, ge=0, le=100, description="Points everyone starts with.")
    rules: tuple[FitRule, ...] = Field((), description="Rules whose points are added; the sum is kept within 0–100.")
    grades: dict[str, int] = Field({}, description="Letter → least fit score, such as `{A: 75, B: 50}`.")


class IntentBaseline(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL over lead and account fields.")
    points: Points = Field(
        description="Points at entry, decaying from the start of the journey with the default half-life."
    )


class Intent(Part):
    half_life: Duration = Field(description="Default half-life of intent points.")
    caps: dict[Identifier, Annotated[int, Field(ge=1, le=100)]] = Field(
        {}, description="Group → most points it may give."
    )
    entry: tuple[IntentBaseline, ...] = Field(
        (), description="Intent known at entry from fields (visits before, source)."
    )


class Scoring(Part):
    fit: Fit = Field(description="Who they are.")
    intent: Intent = Field(description="What they do.")
    mql: int = Field(ge=0, le=100, description="Intent from which a lead counts as marketing-qualified.")
    sales_ready: int = Field(ge=0, le=100, description="Intent from which a lead counts as ready for sales.")
