"""What of a vendor is held to something that the vendor itself wrote: said where it is tested.

``docs/channels.md`` shows it, with the version that is installed (``tests.adapters.features``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from adapters.vendor import AnyVendor

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Checked:
    """``artefact``: a distribution that the vendor publishes, or a file of its specification; ``test`` says so."""

    vendor: str
    feature: str
    artefact: str
    test: str


#: Filled as the tests' modules are imported.
CHECKED: list[Checked] = []


def checked_against(vendor: AnyVendor, feature: str, artefact: str) -> Callable[[Test], Test]:
    """Of a test that compares ours with the vendor's ``artefact``."""

    def declared(test: Test) -> Test:
        CHECKED.append(Checked(vendor.name, feature, artefact, f"{test.__module__}.{test.__qualname__}"))
        return test

    return declared
