"""Who may be asked after a crash: only the one that would know. A "never seen" from elsewhere would send twice."""

from typing import Any

import pytest
from pydantic import SecretStr

from adapters.crm.handoffs import HandoffTasks
from adapters.email.channel import EmailChannel
from adapters.email.links import UnsubscribeLinks
from adapters.email.smtp import SmtpCarrier
from adapters.people.slack import Slack
from adapters.webhook import SignedWebhook
from domain.errors import Refused
from domain.words import Channel
from runtime.embedded.datadir import DataDirectory
from runtime.embedded.plan import Options, environment, settle
from runtime.settings import Settings
from runtime.vendors import open_vendors
from storage.database import Database
from storage.playbooks import PgPlaybooks


async def askable(database: Database, settings: Settings) -> dict[str, str]:
    """Channel → where it can be asked; "" where it can't."""
    async with open_vendors(settings, PgPlaybooks(database)) as vendors:
        email = vendors.channels[Channel.EMAIL]
        letters, alerts = vendors.channels[Channel.DIRECT_MAIL], vendors.channels[Channel.ALERT]
        assert isinstance(email, EmailChannel)
        carrier = email._carrier
        assert isinstance(carrier, SmtpCarrier)
        assert isinstance(letters, SignedWebhook)
        assert isinstance(alerts, SignedWebhook)
        return {
            "email": carrier._server.lookup_url,
            "direct_mail": str(letters._lookup or ""),
            "alert": str(alerts._lookup or ""),
        }


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TENDRIL_{name.upper()}", raising=False)


async def test_the_sandbox_can_be_asked(database: Database):
    local = "http://127.0.0.1:8025"
    assert await askable(database, Settings()) == {
        "email": local,
        "direct_mail": f"{local}/webhooks",
        "alert": f"{local}/webhooks",
    }


async def test_a_real_vendor_is_never_asked_about_at_the_sandbox(database: Database):
    real = Settings(smtp_host="smtp.vendor.example", direct_mail_url="https://letters.vendor.example/hook")
    assert await askable(database, real) == {
        "email": "",
        "direct_mail": "",
        "alert": "http://127.0.0.1:8025/webhooks",
    }


async def test_a_vendor_that_can_be_asked_is(database: Database):
    vendor = Settings(smtp_host="smtp.vendor.example", smtp_lookup_url="https://smtp.vendor.example/log")
    assert (await askable(database, vendor))["email"] == "https://smtp.vendor.example/log"


@pytest.mark.parametrize(
    ("given", "email"), [({}, "http://127.0.0.1:9125"), ({"smtp_host": "smtp.vendor.example"}, "")]
)
async def test_the_embedded_stacks_worker_asks_its_own_sandbox(
    database: Database, given: dict[str, Any], email: str, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    settled = settle(
        Settings(inbox_port=9125, **given), Options(), DataDirectory(tmp_path), "postgresql://db.example/x"
    )
    for name, value in environment(settled).items():
        monkeypatch.setenv(name, value)
    lookup = "http://127.0.0.1:9125/webhooks"
    assert await askable(database, Settings()) == {"email": email, "direct_mail": lookup, "alert": lookup}


def test_links_signed_with_a_former_secret_still_work():
    old = UnsubscribeLinks("https://nurture.example", Settings(secret=SecretStr("first")).link_secrets)
    rotated = Settings(secret=SecretStr("third"), secret_previous=SecretStr("first, second"))
    assert rotated.link_secrets == ["first", "second", "third"]
    token = old.token("ld_a", "ld_a/1/0/x")
    assert UnsubscribeLinks("https://nurture.example", rotated.link_secrets).verify(token).lead == "ld_a"


async def test_sellers_are_told_in_the_chat_that_is_named(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENDRIL_SLACK_BOT_TOKEN", "sandbox")
    async with open_vendors(Settings(alert_vendor="slack", task_vendor="slack"), PgPlaybooks(database)) as vendors:
        alerts, tasks = vendors.channels[Channel.ALERT], vendors.channels[Channel.SDR_TASK]
        assert isinstance(alerts, Slack)
        assert isinstance(tasks, HandoffTasks)
        assert tasks._tasks is alerts, "one connection"


@pytest.mark.parametrize("setting", ["alert_vendor", "task_vendor"])
async def test_a_chat_that_nobody_knows_is_named_with_those_that_are(database: Database, setting: str):
    with pytest.raises(Refused, match=f"TENDRIL_{setting.upper()}"):
        async with open_vendors(Settings.model_validate({setting: "pigeons"}), PgPlaybooks(database)):
            pass
