"""With an owner's own accounts: ``pytest -m live``. Vendors whose variables are set are asked, the others skipped.

Nothing is changed but where a vendor has a place made for it (``round_trips.HARMLESS``), or where the owner says so:
CRMs named in ``TENDRIL_LIVE_WRITES`` get a contact and a task that go again; their ``tendril_`` properties stay.
"""

import os
import uuid
from typing import Any

import pytest

from adapters import vendors
from adapters.crm import hubspot
from adapters.vendor import AnyVendor, settings_of
from adapters.vendors import ALL
from domain.errors import CannotTell, Refused
from tests.adapters.mails import mail, sought
from tests.live.round_trips import HARMLESS, a_contact_comes_and_goes, a_hubspot_task_comes_and_goes, a_mail_is_taken

pytestmark = pytest.mark.live
_SENDER, _WRITES = "TENDRIL_LIVE_SENDER", "TENDRIL_LIVE_WRITES"
_MAIL, _CRM = [one.name for one in vendors.MAIL], [one.name for one in vendors.CRM]
#: A receiver of the deployment's own, beside those that have variables of theirs, is no vendor's account.
_ACCOUNTS = sorted(name for name, one in ALL.items() if one.settings.model_config["env_prefix"] != "TENDRIL_")


@pytest.fixture
def sender() -> dict[str, str]:
    """An address that the account may send from."""
    if not os.environ.get(_SENDER):
        pytest.skip(f"{_SENDER} is not set")
    return {"email": os.environ[_SENDER], "reply_to": ""}


def account(vendor: AnyVendor, **given: Any) -> Any:
    """Its adapter, with settings beside the environment's. Skips without an account, and says what is missing."""
    prefix = str(vendor.settings.model_config["env_prefix"])
    if not any(name.startswith(prefix) for name in os.environ):  # some have a default for everything: the stand-ins
        pytest.skip(f"none of {prefix}… is set")
    try:
        return vendor.adapter(settings_of(vendor).model_copy(update=given))
    except Refused as missing:
        pytest.skip(str(missing))


def may_write(name: str) -> None:
    """Skips where the owner does not want test records in that account."""
    if name not in os.environ.get(_WRITES, "").split(","):
        pytest.skip(f"{_WRITES} does not name {name}: nothing is written there")


@pytest.mark.parametrize("name", _ACCOUNTS)
async def test_everything_that_connect_looks_at_is_in_order(name: str):
    made = account(ALL[name])
    try:
        findings = await ALL[name].check(made)
    finally:
        await made.close()
    assert [finding for finding in findings if not finding.well] == []


@pytest.mark.parametrize("name", _MAIL)
async def test_a_mail_is_taken_that_reaches_nobody(name: str, sender: dict[str, str]):
    how, vendor = HARMLESS[name], ALL[name]
    carrier = account(vendor, **how.settings) if how.needs_account else vendor.adapter(vendor.settings(**how.settings))
    try:
        await a_mail_is_taken(carrier, how, sender)
    finally:
        await carrier.close()


@pytest.mark.parametrize("name", _MAIL)
async def test_a_mail_that_never_left_is_not_found(name: str):
    carrier = account(ALL[name])
    try:
        found = await carrier.carried(sought(mail(f"live/{uuid.uuid4()}")))
    except CannotTell:
        found = None
    finally:
        await carrier.close()
    assert found is None


@pytest.mark.parametrize("name", _CRM)
async def test_a_contact_is_created_read_changed_and_erased(name: str):
    connection = account(ALL[name])
    may_write(name)
    try:
        await a_contact_comes_and_goes(connection)
    finally:
        await connection.close()


async def test_a_task_in_hubspot_is_created_answered_read_and_deleted():
    connection = account(hubspot.VENDOR)
    may_write(hubspot.NAME)
    try:
        await a_hubspot_task_comes_and_goes(connection, hubspot.HubSpotSettings())
    finally:
        await connection.close()
