"""What a real account is asked to do and undo again: mail that reaches nobody, a contact and a task that come and go.

``test_accounts`` runs these with an owner's credentials, ``test_here`` against the stand-ins. Whoever reads back what
was written a moment ago may have to ask more than once: several vendors index later than they answer.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from adapters.crm.hubspot import HubSpot, HubSpotSettings, hubspot_client
from adapters.crm.hubspot_properties import OUTCOME, REJECT_REASON
from adapters.crm.hubspot_tasks import TASKS
from adapters.email.carrier import MailCarrier
from domain.crm_ports import CrmChange, CrmConnection, CrmContact
from domain.errors import CannotTell, TransientFault
from domain.ports import SalesFeedback
from domain.words import Channel, RejectReason
from tests.adapters.mails import mail, sought
from tests.adapters.touches import touch

_PATIENCE, _BETWEEN = 90.0, 2.0
_REASON = RejectReason.TIMING
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Harmless:
    """How a vendor takes a mail and delivers it to nobody. ``logged``: it can be asked for that mail afterwards."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    to: str = "nobody@example.com"
    headers: Mapping[str, str] = field(default_factory=dict)
    logged: bool = False
    needs_account: bool = True


#: By vendor, as its documentation says.
HARMLESS: Mapping[str, Harmless] = {
    # "Using sandbox mode" (developers.brevo.com): nothing is sent or logged.
    "brevo": Harmless(headers={"X-Sib-Sandbox": "drop"}),
    # "Sending in Test Mode" (documentation.mailgun.com): taken and logged, not sent.
    "mailgun": Harmless(settings={"test_mode": True}, logged=True),
    # The token that Postmark documents for tests ("Sending emails with the API").
    "postmark": Harmless(settings={"server_token": "POSTMARK_API_TEST"}, needs_account=False),
    # "Send Test Emails" (resend.com/docs): an address of Resend's that takes everything.
    "resend": Harmless(to="delivered@resend.dev", logged=True),
    # "Sandbox Mode" (twilio.com/docs/sendgrid): checked whole, neither sent nor logged.
    "sendgrid": Harmless(settings={"sandbox_mode": True}),
    # "The Amazon SES mailbox simulator" (SES developer guide): takes everything, and counts against no reputation.
    "ses": Harmless(to="success@simulator.amazonses.com"),
}


async def a_mail_is_taken(carrier: MailCarrier, how: Harmless, sender: Mapping[str, str]) -> None:
    """And found by its key, where the vendor logs it."""
    made = mail(f"live/{uuid.uuid4()}", to=how.to, sender=dict(sender))
    wanted = replace(made, headers={**made.headers, **how.headers})
    taken = await carrier.carry(wanted)
    assert taken
    if not how.logged:
        return

    async def found() -> str | None:
        try:
            return await carrier.carried(sought(wanted, ago=timedelta(minutes=1)))
        except (CannotTell, TransientFault):  # it may not know yet
            return None

    assert await _until(found, lambda identity: identity == taken) == taken


async def a_contact_comes_and_goes(connection: CrmConnection) -> None:
    """Created, read, changed and erased; the second writing makes no second contact."""
    lead = f"ld_live{uuid.uuid4().hex[:8]}"
    new = CrmChange(lead=lead, email=f"{lead}@example.com", fields={"buyer_stage": "research"}, version=1)
    contact = (await connection.crm.upsert([new]))[lead]
    try:
        assert (await _stage(connection, contact, "research")).email == new.email
        changed = new.model_copy(update={"crm_id": contact, "fields": {"buyer_stage": "evaluation"}, "version": 2})
        assert await connection.crm.upsert([changed]) == {lead: contact}
        await _stage(connection, contact, "evaluation")
    finally:
        gone = new.model_copy(update={"crm_id": contact, "fields": {"buyer_stage": ""}, "email": "", "erased": True})
        assert await connection.crm.erase([gone]) == {lead}
    left = await _until(lambda: _contact(connection, contact), lambda one: not one.email)
    assert (left.email, left.lead) == ("", "")


async def a_hubspot_task_comes_and_goes(connection: HubSpot, settings: HubSpotSettings) -> None:
    """Created and found by its key, answered as a seller would, the answer read, and taken away with its contact."""
    lead = f"ld_live{uuid.uuid4().hex[:8]}"
    key = f"{lead}/1/0/live"
    wanted = touch(Channel.SDR_TASK, key=key, lead=lead, email=f"{lead}@example.com")
    raw = hubspot_client(settings.base_url, settings.token.get_secret_value())
    try:
        task = (await connection.tasks.send(wanted)).vendor_id
        found = await _until(lambda: connection.tasks.lookup(wanted), lambda receipt: receipt is not None)
        assert found is not None
        assert found.vendor_id == task
        answer = {"properties": {"hs_task_status": "COMPLETED", OUTCOME: "rejected", REJECT_REASON: _REASON}}
        await raw.request("PATCH", f"{TASKS}/{task}", json=answer, harmless_to_repeat=True)
        told = await _until(lambda: connection.crm.feedback({"handoff": task}), bool)
        assert told == [SalesFeedback(handoff="handoff", outcome="rejected", reason=_REASON)]
        await raw.request("DELETE", f"{TASKS}/{task}", harmless_to_repeat=True)
        assert await _until(lambda: connection.tasks.lookup(wanted), lambda receipt: receipt is None) is None
    finally:
        await raw.close()
        gone = CrmChange(lead=lead, email="", fields={}, version=2, erased=True)
        await connection.crm.erase([gone])


async def _stage(connection: CrmConnection, contact: str, stage: str) -> CrmContact:
    found = await _until(lambda: _contact(connection, contact), lambda one: one.fields.get("buyer_stage") == stage)
    assert found.fields["buyer_stage"] == stage
    return found


async def _contact(connection: CrmConnection, contact: str) -> CrmContact:
    [found] = await connection.reading.read([contact], ["buyer_stage"], {})
    return found


async def _until(ask: Callable[[], Awaitable[T]], right: Callable[[T], bool]) -> T:
    """The first right answer, or the last one."""
    until = time.monotonic() + _PATIENCE
    while not right(answer := await ask()) and time.monotonic() < until:  # noqa: ASYNC110 - a vendor has no event
        await asyncio.sleep(_BETWEEN)
    return answer
