"""What the world told Tendril and what it was answered: the verdict is about every word that was acknowledged."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Person:
    """One lead as the world knows them. ``taken`` are the message ids that were acknowledged, in the order in which
    they were sent; ``given_up`` those of which nobody heard.
    """

    number: int
    lead: str = ""
    taken: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    @property
    def visitor(self) -> str:
        return f"visitor-{self.number}"

    @property
    def address(self) -> str:
        return f"lead-{self.number}@company-{self.number % 97}.example"


@dataclass
class Ordered:
    """One command: ``decision`` is the number it was answered with; ``refused`` and neither: nobody answered."""

    id: str
    lead: str
    kind: str
    decision: int | None = None
    refused: str = ""


@dataclass
class Told:
    """All of it."""

    people: list[Person]
    commands: list[Ordered] = field(default_factory=list)
    #: Operations over many that were acknowledged.
    operations: list[str] = field(default_factory=list)
    #: Lead → real time at which the opt-out was acknowledged.
    opted_out: dict[str, datetime] = field(default_factory=dict)
    #: Sellers' answers that their CRM took.
    sold: Counter[str] = field(default_factory=Counter)
    #: Answers of the API by status, "none" for requests without one.
    answers: Counter[str] = field(default_factory=Counter)
    #: Answers that nobody should ever get, whatever is broken.
    wrong: list[str] = field(default_factory=list)

    def enrolled(self) -> list[Person]:
        return [person for person in self.people if person.lead]

    def counts(self) -> dict[str, Any]:
        """For whoever watches."""
        return {
            "leads": len(self.enrolled()),
            "behaviours": sum(len(person.taken) for person in self.people),
            "given up": sum(len(person.given_up) for person in self.people),
            "commands": sum(one.decision is not None for one in self.commands),
            "refused": sum(bool(one.refused) for one in self.commands),
            "operations": len(self.operations),
            "opt-outs": len(self.opted_out),
            "sellers' answers": sum(self.sold.values()),
        }
