"""A row as a lead, or the reasons why it can't be one."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from cli.importing.countries import country_code
from cli.importing.files import CsvFile, Record
from cli.importing.seen import Seen
from cli.importing.values import convert, shown, yes_or_no
from domain.facts import FieldValue
from domain.playbook.models import Playbook
from domain.words import Channel
from storage.leads import ConsentInput, LeadInput

#: Longest external id, source, owner or company: what the API takes too.
_LONGEST = 200
_PLAIN_LOCAL_PART = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Row:
    """A record with the lead it describes, or the reasons (``problem``) why it describes none."""

    record: Record
    lead: LeadInput | None = None
    problem: str = ""


class _Bad(Exception):
    """What is wrong with the row, in words."""


@dataclass
class Reader:
    """Reads leads from records by a mapping. Remembers names, to find duplicates, and countries nobody knows."""

    playbook: Playbook
    columns: Mapping[str, int]
    width: int
    synthesise: str = ""
    seen: Seen = field(default_factory=Seen)
    unknown_countries: Counter[str] = field(default_factory=Counter)

    def read(self, file: CsvFile) -> Iterator[Row]:
        """Every row of the file, in order."""
        for record in file.rows():
            try:
                yield Row(record, self._lead(record))
            except _Bad as bad:
                yield Row(record, problem=str(bad))

    def _lead(self, record: Record) -> LeadInput:
        cells = self._cells(record)
        problems: list[str] = []
        fields = self._fields(cells, problems)
        common = self._common(cells, problems)
        consent = _consent(cells, problems)
        email = self._email(cells, problems)
        external_id = cells.get("external_id")
        if not external_id and not email and "email" not in " ".join(problems):
            problems.append("neither external id nor e-mail is given")
        if not problems:
            problems += self._duplicates(record.number, external_id, cells.get("email") and email)
        if problems:
            raise _Bad("; ".join(problems))
        return LeadInput(
            external_id=external_id,
            email=email or None,
            invented_email=bool(self.synthesise),
            fields=fields,
            consent=consent,
            country=common["country"],
            timezone=common["timezone"],
            source=common["source"],
            owner=common["owner"],
            company=common["company"],
            domain=common["domain"],
        )

    def _cells(self, record: Record) -> dict[str, str]:
        """The mapped cells that hold something."""
        if record.problem:
            raise _Bad(record.problem)
        extra = [cell for cell in record.cells[self.width :] if cell.strip()]
        if len(record.cells) < self.width or extra:
            raise _Bad(f"has {len(record.cells)} columns, the header has {self.width}")
        cells = {target: record.cells[index].strip() for target, index in self.columns.items()}
        if any("\0" in cell for cell in cells.values()):
            raise _Bad("contains the character U+0000, which can't be stored")
        return {target: cell for target, cell in cells.items() if cell}

    def _fields(self, cells: Mapping[str, str], problems: list[str]) -> dict[str, FieldValue]:
        fields: dict[str, FieldValue] = {}
        for name, declared in self.playbook.lead_fields.items():
            if name in cells:
                try:
                    fields[name] = convert(cells[name], declared.type)
                except ValueError as error:
                    problems.append(f"{name}: {error}")
        return fields

    def _common(self, cells: Mapping[str, str], problems: list[str]) -> dict[str, str]:
        zone = cells.get("timezone", "")
        if zone and zone not in available_timezones():
            problems.append(f"timezone: {shown(zone)} is not an IANA time zone such as Europe/Berlin")
        problems += [
            f"{target}: longer than {_LONGEST} characters"
            for target in ("external_id", "source", "owner", "company", "company_domain")
            if len(cells.get(target, "")) > _LONGEST
        ]
        return {
            "country": self._country(cells.get("country", "")),
            "timezone": zone,
            "source": cells.get("source", ""),
            "owner": cells.get("owner", ""),
            "company": cells.get("company", ""),
            "domain": cells.get("company_domain", ""),
        }

    def _country(self, text: str) -> str:
        code = country_code(text)
        if text and not code and len(self.unknown_countries) < _LONGEST:
            self.unknown_countries[text] += 1
        return code

    def _email(self, cells: Mapping[str, str], problems: list[str]) -> str:
        if self.synthesise and "external_id" in cells:
            return synthesised(cells["external_id"], self.synthesise)
        text = cells.get("email", "")
        if text:
            try:
                return validate_email(text, check_deliverability=False).normalized
            except EmailNotValidError as error:
                problems.append(f"email: {shown(text)} is not an address: {error}")
        return ""

    def _duplicates(self, number: int, external_id: str | None, email: str | None) -> list[str]:
        """Names that an earlier row of the file had."""
        names = {"external_id": external_id or "", "email": (email or "").lower()}
        firsts = {kind: self.seen.first(f"{kind}:{name}", number) for kind, name in names.items() if name}
        return [
            f"{kind}: {shown(names[kind])} is in row {first} already"
            for kind, first in firsts.items()
            if first != number
        ]


def synthesised(external_id: str, domain: str) -> str:
    """An address made from the id: the id itself where it can be the part before the @, else a digest of it."""
    if _PLAIN_LOCAL_PART.fullmatch(external_id):
        return f"{external_id}@{domain}"
    return f"lead-{hashlib.sha256(external_id.encode()).hexdigest()[:24]}@{domain}"


def _consent(cells: Mapping[str, str], problems: list[str]) -> tuple[ConsentInput, ...]:
    """The row's word on e-mail. A no in either column wins."""
    said: list[bool] = []
    for target, declines in (("consent_email", False), ("do_not_email", True)):
        if target in cells:
            try:
                answer = yes_or_no(cells[target])
            except ValueError as error:
                problems.append(f"{target}: {error}")
                continue
            if not declines or answer:
                said.append(answer != declines)
    if not said:
        return ()
    granted = all(said)
    basis = "consent" if granted else ""
    return (ConsentInput(channel=Channel.EMAIL, granted=granted, basis=basis, source="import"),)
