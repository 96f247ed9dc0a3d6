"""What a vendor's module says of itself, so that the rest of Tendril needs to know no vendor by name.

A vendor is one module with a ``VENDOR``, its inbound webhook beside it, and its line in ``adapters.vendors``.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from adapters.environment import FromEnvironment
from adapters.inbound import Inbound
from domain.errors import Refused


class VendorSettings(FromEnvironment):
    """A vendor's settings, from the environment: a subclass sets ``env_prefix`` to ``TENDRIL_`` and its name.

    Every field has a description; ``docs/settings.md`` lists them.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)


class Closable(Protocol):
    async def close(self) -> None: ...


class OnlyHeard:
    """In an adapter's place, for a vendor that tells us things and is told nothing."""

    async def close(self) -> None: ...


S = TypeVar("S", bound=VendorSettings)
P = TypeVar("P", bound=Closable)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that ``tendril connect`` looked at, in words. ``remedy`` says what to do where it is not ``well``."""

    what: str
    well: bool
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Vendor(Generic[S, P]):
    """One vendor. ``P`` is the port it stands behind: a ``MailCarrier``, ``Crm``, ``Audiences`` or ``TouchChannel``.

    ``adapter`` contacts nobody until it is used. ``inbound`` reads its webhooks, None when the secret is lacking.
    ``check`` asks the vendor whether credentials, scopes and what it will be asked to do are in order; it changes
    nothing there and raises nothing that the vendor says.
    """

    name: str
    title: str
    settings: type[S]
    adapter: Callable[[S], P]
    check: Callable[[P], Awaitable[list[Finding]]]
    inbound: Callable[[S], Inbound | None] = lambda _settings: None
    #: What will be synced or sent there, in words, for ``tendril connect``.
    carries: tuple[str, ...] = ()


AnyVendor = Vendor[Any, Any]


def settings_of(vendor: AnyVendor) -> VendorSettings:
    """The vendor's settings, from the environment. Raises ``Refused`` naming the variables that lack or are wrong."""
    try:
        made: VendorSettings = vendor.settings()
    except ValidationError as problem:
        raise Refused(
            f"{vendor.title} is not set up: {_what_lacks(vendor, problem)}.",
            "docs/settings.md says what each of these variables is.",
        ) from None
    return made


def _what_lacks(vendor: AnyVendor, problem: ValidationError) -> str:
    """What is wrong with each variable; what concerns several is said without one. No value is shown."""
    prefix = vendor.settings.model_config.get("env_prefix", "")
    told = []
    for error in problem.errors(include_url=False, include_input=False, include_context=False):
        why = error["msg"].removeprefix("Value error, ").rstrip(".")
        name = f"{prefix}{error['loc'][0]}".upper() if error["loc"] else ""
        told.append(f"{name}: {why[:1].lower()}{why[1:]}" if name else why)
    return "; ".join(told)
