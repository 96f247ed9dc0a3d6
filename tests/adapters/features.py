"""The table of ``docs/channels.md``: which vendor does what, and what that is tested against. ``make docs`` writes it.

What works against the sandbox is read from the tests themselves: a vendor has a feature when a contract of this
directory is subclassed for it, or when ``artefacts`` names the test that stands in a contract's place.
"""

import importlib
import importlib.metadata
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters import vendors
from adapters.vendor import AnyVendor
from tests.adapters.artefacts import AUDIENCES, LINES, LIST, MAIL, RECORDS, SENDING, TASKS, WEBHOOK, Line
from tests.adapters.audiences_contract import AudiencesContract
from tests.adapters.contract import TouchChannelContract
from tests.adapters.crm_contract import CrmContract
from tests.adapters.inbound_contract import InboundContract
from tests.adapters.mail_contract import MailCarrierContract, SuppressingContract

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "channels.md"
BEGIN, END = "<!-- written by make docs -->", "<!-- until here -->"
#: Group → its vendors, and what its columns are.
GROUPS: Mapping[str, tuple[Sequence[AnyVendor], tuple[str, ...]]] = {
    "E-mail": (vendors.MAIL, (SENDING, LIST, WEBHOOK)),
    "Mail in": (vendors.MAIL_IN, (MAIL,)),
    "CRM": (vendors.CRM, (RECORDS, TASKS, WEBHOOK)),
    "Ads": (vendors.ADS, (AUDIENCES,)),
    "People": (vendors.PEOPLE, (TASKS, WEBHOOK)),
}
_CONTRACTS: Mapping[type[Any], str] = {
    MailCarrierContract: SENDING,
    SuppressingContract: LIST,
    InboundContract: WEBHOOK,
    CrmContract: RECORDS,
    AudiencesContract: AUDIENCES,
    TouchChannelContract: TASKS,
}
_SANDBOX, _NONE = "sandbox", "unsupported"


def section() -> str:
    """The tables, one a group, between their markers."""
    held, checked = features(), _checked()
    parts = [BEGIN]
    for group, (members, columns) in GROUPS.items():
        rows = [
            f"| {vendor.title} | " + " | ".join(_cell(vendor, one, held, checked) for one in columns) + " |"
            for vendor in members
        ]
        parts += ["", f"| {group} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|", *rows]
    return "\n".join([*parts, "", END])


def features() -> set[tuple[str, str]]:
    """Vendor and feature, for all that a test stands for."""
    found = {(_vendor_of(kind, contract), feature) for kind, contract, feature in _subclasses()}
    return found | {(line.vendor, line.feature) for line in LINES}


def missing(line: Line) -> str:
    """Why a line says more than its test does; "" when it does not."""
    module, _, name = line.test.partition(".")
    found: Any = _module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not inspect.isfunction(found):
        return f"there is no test {line.test}"
    mark = line.mark or _package(line.artefact)
    return f"tests/adapters/{module}.py never names {mark}" if mark not in inspect.getsource(_module(module)) else ""


def written(page: str) -> str:
    """The page with the tables as they are now."""
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _found: section(), page, flags=re.DOTALL)


def _subclasses() -> Iterator[tuple[type[Any], type[Any], str]]:
    for file in sorted(HERE.glob("test_*.py")):
        for kind in vars(_module(file.stem)).values():
            if inspect.isclass(kind) and kind.__module__.endswith(f".{file.stem}") and not inspect.isabstract(kind):
                yield from (
                    (kind, contract, what) for contract, what in _CONTRACTS.items() if issubclass(kind, contract)
                )


def _vendor_of(kind: type[Any], contract: type[Any]) -> str:
    """The name of the vendor that a subclass of a contract is about."""
    if contract is InboundContract:
        return str(kind().inbound().vendor)
    named = getattr(kind, "vendor_of", None) or getattr(kind, "vendor", None) or getattr(kind, "network", "")
    return named if isinstance(named, str) else str(named.name)


def _checked() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in LINES:
        if line.artefact:
            found[line.vendor, line.feature].append(_named(line.artefact))
    return found


def _cell(vendor: AnyVendor, feature: str, held: set[tuple[str, str]], checked: Mapping[Any, list[str]]) -> str:
    if (vendor.name, feature) not in held:
        return _NONE
    return ", ".join([_SANDBOX, *checked.get((vendor.name, feature), [])])


def _named(artefact: str) -> str:
    """With its version, where it is a distribution."""
    try:
        return f"{artefact} {importlib.metadata.version(artefact)}"
    except importlib.metadata.PackageNotFoundError:
        return artefact


@cache
def _package(distribution: str) -> str:
    """The name that is imported."""
    if not distribution:
        return ""
    wanted = re.sub(r"[-_.]+", "-", distribution).lower()
    for name, distributions in _distributions().items():
        if wanted in {re.sub(r"[-_.]+", "-", one).lower() for one in distributions}:
            return name
    return distribution


@cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"tests.adapters.{name}")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
