"""With an owner's own accounts: ``pytest -m live``. Vendors whose variables are set are asked, the others skipped.

Nothing is changed but where a vendor has a place made for it: Postmark's test token and Amazon's simulator take mail
that reaches nobody.
"""

import os
import uuid

import pytest

from adapters.email import postmark, ses
from adapters.vendor import AnyVendor, settings_of
from adapters.vendors import ALL
from domain.errors import CannotTell, Refused
from tests.adapters.mails import mail, sought

pytestmark = pytest.mark.live
_SENDER = "TENDRIL_LIVE_SENDER"
#: "The Amazon SES mailbox simulator" of the SES developer guide: accepts, and counts against no reputation.
_SIMULATOR = "success@simulator.amazonses.com"


@pytest.fixture
def sender() -> dict[str, str]:
    """An address that the account may send from."""
    if not os.environ.get(_SENDER):
        pytest.skip(f"{_SENDER} is not set")
    return {"email": os.environ[_SENDER], "reply_to": ""}


def adapter(vendor: AnyVendor):
    """Skips, with the name of what is missing, when there is no account."""
    prefix = str(vendor.settings.model_config["env_prefix"])
    if not any(name.startswith(prefix) for name in os.environ):  # some have a default for everything: the stand-ins
        pytest.skip(f"none of {prefix}… is set")
    try:
        return vendor.adapter(settings_of(vendor))
    except Refused as missing:
        pytest.skip(str(missing))


#: A receiver of the deployment's own, beside those that have variables of theirs, is no vendor's account.
_ACCOUNTS = sorted(name for name, one in ALL.items() if one.settings.model_config["env_prefix"] != "TENDRIL_")


@pytest.mark.parametrize("name", _ACCOUNTS)
async def test_everything_that_connect_looks_at_is_in_order(name: str):
    made = adapter(ALL[name])
    try:
        findings = await ALL[name].check(made)
    finally:
        await made.close()
    assert [finding for finding in findings if not finding.well] == []


async def test_amazons_simulator_takes_a_mail(sender: dict[str, str]):
    carrier = adapter(ses.VENDOR)
    try:
        assert await carrier.carry(mail(f"live/{uuid.uuid4()}", to=_SIMULATOR, sender=sender))
    finally:
        await carrier.close()


async def test_postmark_validates_a_mail_that_it_does_not_send(sender: dict[str, str]):
    """With the token ``POSTMARK_API_TEST``, which Postmark documents for this."""
    carrier = postmark.VENDOR.adapter(postmark.VENDOR.settings(server_token="POSTMARK_API_TEST"))
    try:
        assert await carrier.carry(mail(f"live/{uuid.uuid4()}", sender=sender))
    finally:
        await carrier.close()


@pytest.mark.parametrize("name", ["mailgun", "postmark", "resend", "sendgrid", "ses"])
async def test_a_mail_that_never_left_is_not_found(name: str):
    carrier = adapter(ALL[name])
    try:
        found = await carrier.carried(sought(mail(f"live/{uuid.uuid4()}")))
    except CannotTell:
        found = None
    finally:
        await carrier.close()
    assert found is None
