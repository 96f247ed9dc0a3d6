"""The contract of ``MailCarrier``: what every vendor that carries mail must do. One subclass a vendor.

A subclass names the vendor's line, the settings that reach its stand-in, and how to read what the stand-in holds.
Stand-ins refuse senders of ``mails.UNVERIFIED``. A vendor with a list of people it won't write to also subclasses
``SuppressingContract``.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from adapters.email.carrier import MailCarrier, Suppressed
from adapters.vendor import AnyVendor
from domain.errors import CannotTell, LeadFault, OurFault, TransientFault, VendorFault
from domain.ports import RenderedEmail
from tests.adapters.mails import KEY, UNVERIFIED, WAY_OUT, mail, sought
from tests.adapters.running import Sandbox, serving
from tests.adapters.standing import emptied, standing_sandbox
from tests.adapters.touches import PERSONAL

NOWHERE = "http://127.0.0.1:1"


class Tells(Enum):
    """What a vendor can be asked: whether it took a mail; only where a mail it took is; nothing."""

    ALL = "all"
    WHAT_IT_TOOK = "what it took"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Held:
    """A mail as the stand-in holds it, read back from the vendor's own shape. ``headers`` have lower-case names."""

    vendor_id: str
    sender: tuple[str, str]
    to: str
    subject: str
    html: str
    text: str
    reply_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


class AgainstAStandIn(ABC):
    """How a subclass reaches its vendor's stand-in."""

    vendor: AnyVendor

    @abstractmethod
    def settings(self, url: str) -> dict[str, Any]:
        """The vendor's settings that reach the stand-in of the sandbox at ``url``; the address is ``base_url``."""

    @pytest.fixture(scope="class")
    def standing(self) -> Iterator[Sandbox]:
        with standing_sandbox() as sandbox:
            yield sandbox

    @pytest.fixture
    def sandbox(self, standing: Sandbox) -> Sandbox:
        return emptied(standing)

    @pytest_asyncio.fixture(autouse=True)
    async def made(self) -> AsyncIterator[list[MailCarrier]]:
        """The carriers of a test, closed after it."""
        self._made: list[MailCarrier] = []
        yield self._made
        for carrier in self._made:
            await carrier.close()

    def carrier(self, sandbox: Sandbox, **given: Any) -> Any:
        """``given`` are settings that differ."""
        carrier = self.vendor.adapter(self.vendor.settings(**(self.settings(sandbox.url) | given)))
        self._made.append(carrier)
        return carrier


class MailCarrierContract(AgainstAStandIn):
    #: Which part of the stand-in's paths is the sending itself.
    sending: str
    #: Settings whose credentials the stand-in does not accept.
    wrong_key: ClassVar[Mapping[str, Any]]
    tells: Tells = Tells.ALL
    #: Whether the vendor itself takes a repeated mail for the same one.
    merges: bool = False

    @abstractmethod
    def held(self, sandbox: Sandbox) -> list[Held]:
        """The mails that the vendor holds, oldest first."""

    @abstractmethod
    def unwelcome(self, sandbox: Sandbox) -> str:
        """An address that this vendor refuses for good when it is handed the mail."""

    def fail(self, sandbox: Sandbox, kind: str, **options: Any) -> None:
        sandbox.fail(self.vendor.name, kind, path=self.sending, **options)

    async def fault(self, carrier: MailCarrier, **given: Any) -> VendorFault:
        """The fault that a mail meets; it tells nobody's name, and whose answer it was."""
        with pytest.raises(VendorFault) as caught:
            await carrier.carry(mail(**given))
        fault = caught.value
        told = f"{fault} {fault!r} {fault.code} {fault.__cause__}"
        assert not [word for word in PERSONAL if word in told]
        assert fault.__suppress_context__ or fault.__context__ is None
        assert fault.vendor == self.vendor.name
        return fault

    # What a mail is when it gets there.

    async def test_a_mail_arrives_whole(self, sandbox):
        wanted = mail()
        identity = await self.carrier(sandbox).carry(wanted)
        [held] = self.held(sandbox)
        assert (held.vendor_id, held.key, held.to) == (identity, KEY, wanted.to)
        assert held.sender == (wanted.sender.name, wanted.sender.email)
        assert (held.reply_to, held.subject) == (wanted.reply_to, "A guide")
        assert held.html.strip() == wanted.rendered.html
        assert held.text.strip() == wanted.rendered.text.strip()

    async def test_unsubscribing_takes_one_click(self, sandbox):
        """RFC 8058: the two headers reach the reader as they are."""
        await self.carrier(sandbox).carry(mail())
        headers = self.held(sandbox)[0].headers
        assert headers["list-unsubscribe"] == f"<{WAY_OUT}>"
        assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"

    async def test_letters_of_every_alphabet_survive_the_way(self, sandbox):
        rendered = RenderedEmail(subject="Grüße — 価格 €", html="<p>Ελληνικά 🌱</p>", text="Ελληνικά 🌱\n.\nend\n")
        sender = {"name": 'Dr. "Øyvind", Sales & Co.'}
        await self.carrier(sandbox).carry(mail(rendered=rendered, sender=sender))
        [held] = self.held(sandbox)
        assert held.sender[0] == sender["name"]
        assert (held.subject, held.html.strip()) == (rendered.subject, rendered.html)
        assert held.text.split() == rendered.text.split()

    async def test_a_subject_can_add_no_header(self, sandbox):
        rendered = RenderedEmail(subject="Hello\r\nBcc: all@example.com", html="<p>x</p>", text="x")
        await self.carrier(sandbox).carry(mail(rendered=rendered))
        [held] = self.held(sandbox)
        assert held.subject == "Hello Bcc: all@example.com"
        assert "bcc" not in held.headers

    async def test_a_sender_without_a_place_for_replies_has_none(self, sandbox):
        await self.carrier(sandbox).carry(mail(sender={"reply_to": ""}))
        assert self.held(sandbox)[0].reply_to == ""

    async def test_an_answer_that_can_not_be_read_is_a_fault_or_a_success_and_nothing_else(self, sandbox):
        """Such as a page of somebody's proxy. A fault is kept for asking; a success is known by our own reference."""
        async with serving(_a_page) as url:
            carrier = self.carrier(sandbox, base_url=url)
            with suppress(VendorFault):
                assert await carrier.carry(mail())

    # The same mail again.

    async def test_a_repeated_mail_is_one_mail_where_the_vendor_knows_it_again(self, sandbox):
        carrier = self.carrier(sandbox)
        identities = {await carrier.carry(mail()) for _ in range(2)}
        expected = 1 if self.merges else 2
        assert len(identities) == len(self.held(sandbox)) == expected

    async def test_many_mails_at_once_all_arrive_once(self, sandbox):
        carrier = self.carrier(sandbox)
        keys = [f"ld_aaaabbbbcccc/1/0/step-{number}" for number in range(self.at_once)]
        identities = await asyncio.gather(*(carrier.carry(mail(key)) for key in keys))
        assert {(held.key, held.vendor_id) for held in self.held(sandbox)} == set(zip(keys, identities, strict=True))

    #: So many mails that the vendor's published rate does not slow the test.
    at_once: int = 30

    # Asking about it.

    async def asked(self, carrier: MailCarrier, key: str = KEY) -> str | None:
        """What the vendor says of a mail; "can't tell" when it says nothing."""
        try:
            return await carrier.carried(sought(mail(key)))
        except CannotTell:
            return "can't tell"

    async def test_before_it_is_sent_nothing_is_found(self, sandbox):
        expected = None if self.tells is Tells.ALL else "can't tell"
        assert await self.asked(self.carrier(sandbox)) == expected

    async def test_after_it_was_sent_the_same_mail_is_found_every_time(self, sandbox):
        carrier = self.carrier(sandbox)
        sent = await carrier.carry(mail())
        expected = "can't tell" if self.tells is Tells.NOTHING else sent
        assert [await self.asked(carrier) for _ in range(2)] == [expected, expected]
        assert len(self.held(sandbox)) == 1

    async def test_where_the_address_is_not_known_nobody_says_that_nothing_was_sent(self, sandbox):
        """As of somebody erased since."""
        carrier = self.carrier(sandbox)
        sent = await carrier.carry(mail())
        with suppress(CannotTell):
            assert await carrier.carried(replace(sought(mail()), to="")) == sent

    async def test_another_mail_to_the_same_lead_is_not_mistaken_for_this_one(self, sandbox):
        carrier = self.carrier(sandbox)
        await carrier.carry(mail("ld_aaaabbbbcccc/1/0/guide/1"))
        expected = None if self.tells is Tells.ALL else "can't tell"
        assert await self.asked(carrier, "ld_aaaabbbbcccc/1/0/guide/11") == expected

    async def test_a_lost_answer_is_cleared_up_by_asking(self, sandbox):
        """The vendor took the mail and the connection died before it said so."""
        self.fail(sandbox, "reset", after=True)
        carrier = self.carrier(sandbox)
        fault = await self.fault(carrier)
        assert isinstance(fault, TransientFault)
        assert not fault.certainly_not_sent
        [held] = self.held(sandbox)
        assert await self.asked(carrier) == ("can't tell" if self.tells is Tells.NOTHING else held.vendor_id)

    async def test_a_vendor_that_is_not_there_does_not_say_that_it_has_nothing(self, sandbox):
        with pytest.raises((VendorFault, CannotTell)):
            await self.carrier(sandbox, base_url=NOWHERE).carried(sought(mail()))

    # What can go wrong.

    async def test_an_address_that_is_not_written_to_is_about_the_lead(self, sandbox):
        address = self.unwelcome(sandbox)
        fault = await self.fault(self.carrier(sandbox), to=address)
        assert isinstance(fault, LeadFault)
        assert fault.for_good
        assert fault.certainly_not_sent
        assert address not in f"{fault!r} {fault.code}"
        assert not self.held(sandbox)

    async def test_a_sender_that_is_not_ours_is_our_fault(self, sandbox):
        """It says nothing of the lead: read as a dead mailbox, one wrong setting would suppress everyone."""
        fault = await self.fault(self.carrier(sandbox), sender={"email": f"hello@{UNVERIFIED}"})
        assert isinstance(fault, OurFault)
        assert fault.certainly_not_sent
        assert not self.held(sandbox)

    async def test_a_wrong_key_is_our_fault(self, sandbox):
        fault = await self.fault(self.carrier(sandbox, **self.wrong_key))
        assert isinstance(fault, OurFault)
        assert fault.certainly_not_sent
        assert not self.held(sandbox)

    async def test_a_busy_vendor_is_nobodys_fault_and_is_left_alone_for_as_long_as_it_says(self, sandbox):
        self.fail(sandbox, "429", seconds=7)
        carrier = self.carrier(sandbox)
        first, second = [await self.fault(carrier) for _ in range(2)]
        assert isinstance(first, TransientFault)
        assert (first.status, first.retry_after, first.certainly_not_sent) == (429, 7, True)
        assert isinstance(second, TransientFault)
        assert second.code == "budget"
        assert not self.held(sandbox)

    async def test_a_broken_vendor_is_nobodys_fault_and_may_have_taken_it(self, sandbox):
        self.fail(sandbox, "500")
        fault = await self.fault(self.carrier(sandbox))
        assert isinstance(fault, TransientFault)
        assert (fault.status, fault.certainly_not_sent) == (500, False)

    async def test_no_answer_leaves_it_open_whether_the_mail_was_sent(self, sandbox):
        self.fail(sandbox, "timeout")
        fault = await self.fault(self.carrier(sandbox, timeout=0.3))
        assert isinstance(fault, TransientFault)
        assert not fault.certainly_not_sent

    async def test_a_vendor_that_is_not_there_certainly_took_nothing(self, sandbox):
        fault = await self.fault(self.carrier(sandbox, base_url=NOWHERE))
        assert isinstance(fault, TransientFault)
        assert fault.certainly_not_sent

    # `tendril connect`.

    async def test_connecting_finds_everything_in_order(self, sandbox):
        found = await self.vendor.check(self.carrier(sandbox))
        assert found
        assert [finding for finding in found if not finding.well] == []

    @pytest.mark.parametrize("wrong", ["key", "address"])
    async def test_connecting_says_what_is_wrong_and_what_to_do(self, sandbox, wrong):
        given = self.wrong_key if wrong == "key" else {"base_url": NOWHERE}
        found = await self.vendor.check(self.carrier(sandbox, **given))
        assert [finding for finding in found if not finding.well and finding.remedy]

    async def test_connecting_to_somebody_elses_page_says_so(self, sandbox):
        async with serving(_a_page) as url:
            found = await self.vendor.check(self.carrier(sandbox, base_url=url))
        assert [finding for finding in found if not finding.well and finding.remedy]

    def test_every_setting_is_described_and_named_after_the_vendor(self):
        kind = self.vendor.settings
        assert kind.model_config["env_prefix"].startswith(f"TENDRIL_{self.vendor.name.upper()}")
        assert not [name for name, setting in kind.model_fields.items() if not setting.description]


async def _a_page(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<html>"})


class SuppressingContract(AgainstAStandIn):
    """A carrier that is ``Suppressing``: the vendor's list of people it won't write to is read whole."""

    #: Reasons as this vendor can have them, of complained, hard_bounced and opted_out.
    reasons: tuple[str, ...]
    #: More than one page of the vendor's list.
    many: int

    @abstractmethod
    def suppress(self, sandbox: Sandbox, email: str, reason: str, at: datetime) -> None:
        """Put somebody on the stand-in's list."""

    async def listed(self, sandbox: Sandbox, since: datetime | None = None) -> list[Suppressed]:
        return [one async for one in self.carrier(sandbox).suppressed(since)]

    async def test_who_is_not_written_to_is_told_with_the_reason(self, sandbox):
        at = datetime.now(UTC).replace(microsecond=0)
        for reason in self.reasons:
            self.suppress(sandbox, f"{reason}@example.com", reason, at)
        assert {(one.email, one.reason, one.at) for one in await self.listed(sandbox)} == {
            (f"{reason}@example.com", reason, at) for reason in self.reasons
        }

    async def test_a_list_of_several_pages_is_told_whole_and_once(self, sandbox):
        at = datetime.now(UTC).replace(microsecond=0)
        for number in range(self.many):
            self.suppress(sandbox, f"lead{number}@example.com", self.reasons[0], at - timedelta(minutes=number))
        told = [one.email for one in await self.listed(sandbox)]
        assert sorted(told) == sorted(f"lead{number}@example.com" for number in range(self.many))

    async def test_only_those_added_since_are_told_where_that_is_asked(self, sandbox):
        now = datetime.now(UTC).replace(microsecond=0)
        for name, days in (("long-ago", 30), ("of-late", 0)):
            self.suppress(sandbox, f"{name}@example.com", self.reasons[0], now - timedelta(days=days))
        assert [one.email for one in await self.listed(sandbox, now - timedelta(days=2))] == ["of-late@example.com"]

    async def test_a_list_that_can_not_be_read_is_a_fault_and_no_empty_list(self, sandbox):
        sandbox.fail(self.vendor.name, "500")
        with pytest.raises(TransientFault):
            await self.listed(sandbox)
