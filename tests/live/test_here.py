"""The live suite against the stand-ins, by the variables that an owner sets: what is known of it without accounts."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from _pytest.outcomes import Skipped

from adapters import vendors
from sandbox.mailers import Mailer
from tests.adapters.running import Sandbox, running_sandbox
from tests.live import round_trips
from tests.live import test_accounts as live
from tests.live.round_trips import HARMLESS

_SENDER = {"email": "hello@example.com", "reply_to": ""}
#: Beside TENDRIL_{VENDOR}_BASE_URL.
_VARIABLES: dict[str, dict[str, str]] = {
    "brevo": {"API_KEY": "sandbox"},
    "mailgun": {"API_KEY": "sandbox", "DOMAIN": "mg.nurture.example"},
    "postmark": {"SERVER_TOKEN": "sandbox"},
    "resend": {"API_KEY": "sandbox"},
    "sendgrid": {"API_KEY": "sandbox"},
    "ses": {"REGION": "eu-west-1", "ACCESS_KEY_ID": "sandbox", "SECRET_ACCESS_KEY": "sandbox"},
    "hubspot": {"TOKEN": "sandbox"},
    "pipedrive": {"API_TOKEN": "sandbox"},
    "salesforce": {"CLIENT_ID": "tendril", "CLIENT_SECRET": "sandbox"},
}


@pytest_asyncio.fixture
async def here(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """Every vendor's variables lead to the sandbox."""
    async with running_sandbox() as running:
        for vendor in (*vendors.MAIL, *vendors.CRM):
            prefix = str(vendor.settings.model_config["env_prefix"])
            monkeypatch.setenv(f"{prefix}BASE_URL", f"{running.url}/{vendor.name}")
            for name, value in _VARIABLES[vendor.name].items():
                monkeypatch.setenv(prefix + name, value)
        monkeypatch.setattr(round_trips, "_PATIENCE", 3.0)
        monkeypatch.setenv("TENDRIL_LIVE_WRITES", ",".join(vendor.name for vendor in vendors.CRM))
        yield running


async def test_every_mail_vendor_takes_a_mail_and_does_not_know_one_that_never_left(here: Sandbox):
    assert list(HARMLESS) == [vendor.name for vendor in vendors.MAIL], "a new one says how it is tried"
    for vendor in vendors.MAIL:
        await live.test_a_mail_is_taken_that_reaches_nobody(vendor.name, _SENDER)
        await live.test_a_mail_that_never_left_is_not_found(vendor.name)
    kept = [name for name in HARMLESS if here.app.state.store.of(name, Mailer).mails]
    assert kept == ["mailgun", "resend", "ses"], "the others only look at it"


async def test_every_crm_has_nothing_left_of_a_contact_and_a_task_that_came_and_went(here: Sandbox):
    for vendor in vendors.CRM:
        await live.test_a_contact_is_created_read_changed_and_erased(vendor.name)
    await live.test_a_task_in_hubspot_is_created_answered_read_and_deleted()
    assert not any(here.app.state.store.state.records.values())


async def test_without_an_account_or_leave_to_write_it_is_skipped_and_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TENDRIL_MAILGUN_API_KEY", raising=False)
    monkeypatch.setenv("TENDRIL_MAILGUN_DOMAIN", "mg.nurture.example")
    with pytest.raises(Skipped, match="TENDRIL_MAILGUN_API_KEY"):
        await live.test_a_mail_is_taken_that_reaches_nobody("mailgun", _SENDER)
    monkeypatch.setenv("TENDRIL_HUBSPOT_TOKEN", "of-an-account-in-use")
    monkeypatch.delenv("TENDRIL_LIVE_WRITES", raising=False)
    with pytest.raises(Skipped, match="TENDRIL_LIVE_WRITES does not name hubspot"):
        await live.test_a_task_in_hubspot_is_created_answered_read_and_deleted()
