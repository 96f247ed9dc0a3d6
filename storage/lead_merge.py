"""Who an incoming profile is, and what it changes: rules on values, without a database.

Match: external id (or another one the lead is known by), else e-mail, else a visitor's id. A visitor's id alone does
not make two people with different addresses or external ids one: people share computers, and each id is whose was seen
with it last. New values win over old ones; absent ones change nothing.

A profile may name two leads. One that this very batch has made becomes the other; two that are stored are told apart
here (``Same``), and united or suggested by whoever writes (``storage.leads``). Where they stay two, an address that is
the other's stays there, and a note says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.addresses import mailbox
from domain.facts import FieldValue
from domain.merging import Said
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
    address was made up (``invented_email``) and says nothing about a company. What is only ``claimed``, by a page that
    anybody can read, adds to a lead and changes nothing that is known of it.
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
    claimed: bool = False

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
    """A lead's row in memory, changed by what comes in. ``company_domain`` is what its account will be made from.

    ``readdressed``: its address is new, so that others may turn out to share its mailbox. ``replaced`` are
    those it had.
    """

    id: str
    external_id: str | None = None
    email: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    country: str = ""
    timezone: str = ""
    source: str = ""
    owner: str = ""
    account_id: str | None = None
    merged_into: str | None = None
    company_domain: str = ""
    company: str = ""
    created: bool = False
    changed: bool = False
    readdressed: bool = False
    replaced: list[str] = field(default_factory=list)

    @property
    def mailbox(self) -> str | None:
        return mailbox(self.email) if self.email else None

    def put(self, name: str, value: Any) -> None:
        if value and getattr(self, name) != value:
            setattr(self, name, value)
            self.changed = True

    def conflicts(self, other: "LeadInput | Person") -> bool:
        """Whether the other is certainly somebody else, as far as names say."""
        return bool(
            (other.email and self.email and other.email != self.email)
            or (other.external_id and self.external_id and other.external_id != self.external_id)
        )


class Same(NamedTuple):
    """Two stored leads that a profile says are one."""

    one: str
    other: str
    said: Said


class People:
    """The leads that a batch of profiles may be about, found by any of their names; new ones join as they come.

    ``known`` holds with each merged lead its survivor.
    """

    def __init__(self, known: Iterable[Person], identities: Mapping[tuple[str, str], str]) -> None:
        rows = {person.id: person for person in known}
        self.all = {person.id: person for person in rows.values() if person.merged_into is None}
        self.links: list[Link] = []
        self.same: dict[frozenset[str], Same] = {}
        of = {person.id: rows[person.merged_into or person.id] for person in rows.values()}
        self._by_external = {row.external_id: of[row.id] for row in rows.values() if row.external_id}
        self._by_email = {row.email: of[row.id] for row in rows.values() if row.email}
        self._by_name = {name: of[lead] for name, lead in identities.items() if lead in of}
        self._of_merged = {row.email for row in rows.values() if row.merged_into}
        self._became: dict[str, Person] = {}

    def take(self, given: LeadInput) -> tuple[Person, str]:
        """The person a profile is about, changed accordingly, and a note when something was left out.

        Ask ``final`` who it is once all are taken.
        """
        person = self._match(given) or self._new()
        note = self._name(person, given)
        self._merge(person, given)
        return person, note

    def final(self, person: Person) -> Person:
        """Who somebody is after all: a later profile may have said that they are another."""
        while person.id in self._became:
            person = self._became[person.id]
        return person

    def _match(self, given: LeadInput) -> Person | None:
        external = given.external_id or ""
        by_external = self._by_external.get(external) or self._by_name.get(("user_id", external))
        by_email = self._by_email.get(given.email or "")
        named = by_external or by_email
        if by_external and by_email:
            named = self._one(by_external, by_email, Said.CLAIMED if given.claimed else Said.IDENTIFIED)
        visitors = [self._by_name.get(("anonymous_id", value)) for value in given.anonymous_ids]
        for seen in (person for person in visitors if person):
            if named is None and not seen.conflicts(given):
                named = seen
            elif named and not named.conflicts(seen) and not seen.conflicts(given):
                named = self._one(named, seen, Said.CLAIMED if given.claimed else Said.VISITOR)
        return named

    def _one(self, person: Person, other: Person, said: Said) -> Person:
        """The person that both are, or the first while they are two."""
        if person is other:
            return person
        if not (person.created or other.created):
            pair = frozenset((person.id, other.id))
            self.same.setdefault(pair, Same(person.id, other.id, said))
        elif not (person.email and other.email):
            gone, stays = (person, other) if person.created else (other, person)
            self._fold(gone, stays)
            return stays
        return person

    def _fold(self, gone: Person, stays: Person) -> None:
        """Somebody whom this batch has made turns out to be somebody else."""
        del self.all[gone.id]
        self._became[gone.id] = stays
        for names in (self._by_external, self._by_email):
            names.update({name: stays for name, person in names.items() if person is gone})
        self._by_name.update({name: stays for name, person in self._by_name.items() if person is gone})
        self.links = [replace(link, lead_id=stays.id) if link.lead_id == gone.id else link for link in self.links]
        stays.put("fields", gone.fields | stays.fields)
        stays.readdressed |= gone.readdressed
        for name in ("external_id", "email", "country", "timezone", "source", "owner", "company", "company_domain"):
            stays.put(name, getattr(stays, name) or getattr(gone, name))

    def _new(self) -> Person:
        person = Person(id=new_lead_id(), created=True)
        self.all[person.id] = person
        return person

    def _name(self, person: Person, given: LeadInput) -> str:
        if given.external_id:
            if not person.external_id and given.external_id not in self._by_external:
                person.put("external_id", given.external_id)
                self._by_external[given.external_id] = person
            self._by_name.setdefault(("user_id", given.external_id), person)
            self.links.append(Link(person.id, "user_id", given.external_id))
        for value in given.anonymous_ids:
            self._by_name["anonymous_id", value] = person
            self.links.append(Link(person.id, "anonymous_id", value, latest=True))
        return self._address(person, given)

    def _address(self, person: Person, given: LeadInput) -> str:
        email = given.email
        if not email:
            return ""
        if given.claimed and person.email and email != person.email:
            return "the address was only claimed, and another is known"
        holder = self._by_email.setdefault(email, person)
        if holder is not person:
            return f"the address belongs to {holder.id} and was left there"
        if email not in self._of_merged and email != person.email:
            person.readdressed = True
            person.replaced += [person.email] if person.email else []
            person.put("email", email)
        return ""

    @staticmethod
    def _merge(person: Person, given: LeadInput) -> None:
        said = {name: value for name, value in given.fields.items() if value is not None}
        person.put("fields", said | person.fields if given.claimed else person.fields | said)
        for name in ("country", "timezone", "source", "owner", "company"):
            if not (given.claimed and getattr(person, name)):
                person.put(name, getattr(given, name))
        if (given.domain and not given.claimed) or not person.account_id:
            email = "" if given.invented_email else person.email or ""
            person.company_domain = company_domain(given.domain, email) or person.company_domain


def batch_names(inputs: Sequence[LeadInput]) -> list[str]:
    """Every name in a batch: what ``turns.name_them`` holds."""
    return [name for given in inputs for name in given.names()]
