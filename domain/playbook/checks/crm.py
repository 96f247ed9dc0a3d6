"""What the CRM is told: fields that there are, CRMs that there are, and one place for each field."""

from collections.abc import Iterable, Iterator, Mapping

from domain.crm import FIELDS, VENDORS
from domain.playbook.checks.finding import Finding, Path, did_you_mean
from domain.playbook.models import Playbook


def check_crm(document: Playbook) -> Iterator[Finding]:
    for field in document.crm.fields:
        if field not in FIELDS:
            message = f"“{field}” is no field that sales sees{did_you_mean(field, FIELDS)}"
            yield Finding(("crm", "fields", field), "crm", f"{message}; docs/channels.md lists them all")
    for field in document.crm.corrections:
        if field not in document.lead_fields:
            message = f"“{field}” is not declared in lead_fields{did_you_mean(field, document.lead_fields)}"
            yield Finding(("crm", "corrections", field), "crm", message)
    yield from _check_vendors(document)
    yield from _check_places(document)


def _check_vendors(document: Playbook) -> Iterator[Finding]:
    for path, vendors in _named(document):
        for vendor in vendors:
            if vendor not in VENDORS:
                yield Finding((*path, vendor), "crm", f"“{vendor}” is no CRM known here{did_you_mean(vendor, VENDORS)}")


def _named(document: Playbook) -> Iterator[tuple[Path, Iterable[str]]]:
    """Every place where CRMs are named."""
    parts: dict[str, Mapping[str, object]] = {"fields": document.crm.fields, "corrections": document.crm.corrections}
    for part, said in parts.items():
        for field, names in said.items():
            if isinstance(names, dict):
                yield ("crm", part, field), names
    if document.crm.opportunity is not None:
        yield ("crm", "opportunity", "pipeline"), document.crm.opportunity.pipeline
        yield ("crm", "opportunity", "stage"), document.crm.opportunity.stage


def _check_places(document: Playbook) -> Iterator[Finding]:
    """Two fields in one property would overwrite each other, day after day."""
    for vendor in VENDORS:
        taken: dict[str, str] = {}
        for field, name in document.crm.names(vendor).items():
            other = taken.setdefault(name.lower(), field)
            if other != field:
                part = "corrections" if field in document.crm.corrections else "fields"
                message = f"“{name}” has “{other}” already; give each field a property of its own"
                yield Finding(("crm", part, field, vendor), "crm", message)
