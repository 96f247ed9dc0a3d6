"""Who an incoming profile is, and what it changes: rules on values, without a database.

Match: external id, else e-mail, else a name the lead is known by. An anonymous id alone does not make two people with
different addresses or external ids one: people share computers. New values win over old ones; absent ones change
nothing; an address or external id that is another lead's stays there, and a note says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.facts import FieldValue
from domain.words import Channel
from storage.addresses import company_domain, normalised
from storage.attach import Link
from storage.database import Text
from storage.ids import new_lead_id


class ConsentInput(BaseModel):
    """A lead's word on a channel, with its ground (``consent``, ``legitimate_interest``, …) and what it read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: Channel
    granted: bool
    basis: Text = ""
    source: Text = ""
    wording: Text = ""


class LeadInput(BaseModel):
    """A profile as a form, an import or a CRM knows it. At least one of the three ways to name someone is needed.

    ``company`` is the company's name and ``domain`` its web domain; without one the address's domain serves, unless the
    address was made up (``invented_email``) and says nothing about a company.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    external_id: Text | None = None
    email: Text | None = None
    anonymous_ids: tuple[Text, ...] = ()
    fields: Mapping[str, FieldValue] = Field(default_factory=dict)
    country: Text = ""
    timezone: Text = ""
    source: Text = ""
    owner: Text = ""
    company: Text = ""
    domain: Text = ""
    invented_email: bool = False
    consent: tuple[ConsentInput, ...] = ()

    @field_validator("email")
    @classmethod
    def _normalised(cls, email: str | None) -> str | None:
        return normalised(email) or None if email else None

    @field_validator("external_id")
    @classmethod
    def _present(cls, external_id: str | None) -> str | None:
        return external_id or None

    def names(self) -> list[str]:
        return [name for name in (self.external_id, self.email, *self.anonymous_ids) if name]


@dataclass(slots=True)
class Person:
    """A lead's row in memory, changed by what comes in. ``company_domain`` is what its account will be made from."""

    id: str
    external_id: str | None = None
    email: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    country: str = ""
    timezone: str = ""
    source: str = ""
    owner: str = ""
    account_id: str | None = None
    company_domain: str = ""
    company: str = ""
    created: bool = False
    changed: bool = False

    def put(self, name: str, value: Any) -> None:
        if value and getattr(self, name) != value:
            setattr(self, name, value)
            self.changed = True

    def conflicts(self, given: LeadInput) -> bool:
        """Whether the profile is certainly someone else's."""
        return bool(
            (given.email and self.email and given.email != self.email)
            or (given.external_id and self.external_id and given.external_id != self.external_id)
        )


class People:
    """The leads that a batch of profiles may be about, found by any of their names; new ones join as they come."""

    def __init__(self, known: Iterable[Person], identities: Mapping[tuple[str, str], str]) -> None:
        self.all = {person.id: person for person in known}
        self.links: list[Link] = []
        self._by_external = {person.external_id: person for person in self.all.values() if person.external_id}
        self._by_email = {person.email: person for person in self.all.values() if person.email}
        self._by_name = {name: self.all[lead] for name, lead in identities.items() if lead in self.all}

    def take(self, given: LeadInput) -> tuple[Person, str]:
        """The person a profile is about, changed accordingly, and a note when something was left out."""
        person = self._match(given) or self._new()
        note = self._name(person, given)
        self._merge(person, given)
        return person, note

    def _match(self, given: LeadInput) -> Person | None:
        external = given.external_id or ""
        found = self._by_external.get(external) or self._by_name.get(("user_id", external))
        found = found or self._by_email.get(given.email or "")
        if found:
            return found
        visitors = (self._by_name.get(("anonymous_id", value)) for value in given.anonymous_ids)
        return next((person for person in visitors if person and not person.conflicts(given)), None)

    def _new(self) -> Person:
        person = Person(id=new_lead_id(), created=True)
        self.all[person.id] = person
        return person

    def _name(self, person: Person, given: LeadInput) -> str:
        if given.external_id:
            if not person.external_id and given.external_id not in self._by_external:
                person.put("external_id", given.external_id)
                self._by_external[given.external_id] = person
            self._link(person, "user_id", given.external_id)
        for value in given.anonymous_ids:
            self._link(person, "anonymous_id", value)
        return self._address(person, given.email)

    def _address(self, person: Person, email: str | None) -> str:
        if not email:
            return ""
        holder = self._by_email.setdefault(email, person)
        if holder is not person:
            return f"the address belongs to {holder.id} and was left there"
        person.put("email", email)
        return ""

    def _link(self, person: Person, kind: str, value: str) -> None:
        self._by_name.setdefault((kind, value), person)
        self.links.append(Link(person.id, kind, value))

    @staticmethod
    def _merge(person: Person, given: LeadInput) -> None:
        person.put("fields", person.fields | {name: value for name, value in given.fields.items() if value is not None})
        for name in ("country", "timezone", "source", "owner", "company"):
            person.put(name, getattr(given, name))
        if given.domain or not person.account_id:
            email = "" if given.invented_email else person.email or ""
            person.company_domain = company_domain(given.domain, email) or person.company_domain


def batch_names(inputs: Sequence[LeadInput]) -> list[str]:
    """Every name in a batch: what ``turns.name_them`` holds."""
    return [name for given in inputs for name in given.names()]
