"""A person answers a mail, or books a meeting; a seller answers in Slack: each interrupts the journey at once."""

from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

from sandbox import calendly, slack
from sandbox.imap import PASSWORD, listen
from sandbox.mail import MailStore
from tests.whole.processes import eventually
from tests.whole.stack import Stack

ADA, BEN = "ada@acme.example", "ben@other.example"


def _around(stack: Stack, imap_port: int) -> dict[str, str]:
    """What the worker and the API need to know of people's vendors."""
    sandbox = f"http://127.0.0.1:{stack.settings.inbox_port}"
    return {
        "TENDRIL_REPLY_ADDRESS": "replies@example.com",
        "TENDRIL_IMAP_HOST": "127.0.0.1",
        "TENDRIL_IMAP_PORT": str(imap_port),
        "TENDRIL_IMAP_SECURITY": "none",
        "TENDRIL_IMAP_USERNAME": "replies",
        "TENDRIL_IMAP_PASSWORD": PASSWORD,
        "TENDRIL_IMAP_INTERVAL": "0.5",
        "TENDRIL_TASK_VENDOR": "slack",
        "TENDRIL_ALERT_VENDOR": "slack",
        "TENDRIL_SLACK_BASE_URL": f"{sandbox}/slack",
        "TENDRIL_SLACK_HOOKS_URL": sandbox,
        "TENDRIL_SLACK_BOT_TOKEN": "sandbox",
        "TENDRIL_SLACK_CHANNEL": slack.CHANNEL,
        "TENDRIL_SLACK_SIGNING_SECRET": slack.SIGNING_SECRET,
        "TENDRIL_CALENDLY_SIGNING_KEY": calendly.SIGNING_KEY,
    }


async def test_a_reply_a_meeting_and_a_sellers_answer_interrupt_at_once(stack: Stack):
    mailbox = MailStore()
    server = await listen(mailbox, "127.0.0.1", 0)
    around = _around(stack, server.sockets[0].getsockname()[1])
    stack.start_worker(**around)
    await stack.start_api(**around)
    for vendor in ("slack", "calendly"):
        where = {"url": f"{stack.settings.public_url}/v1/webhooks/{vendor}"}
        (await stack.sandbox.post(f"/{vendor}/_webhook", json=where)).raise_for_status()
    ada, ben = [
        (
            await stack.api.post("/v1/leads", json={"email": email, "fields": {"first_name": "Ada", "role": "cfo"}})
        ).json()
        for email in (ADA, BEN)
    ]

    headers = {name.lower(): value for name, value in (await stack.mail_arrives(ADA))["headers"]}
    mailbox.add(ADA, ["replies@example.com"], _reply(parseaddr(headers["reply-to"])[1]))
    assert "replied to a mail" in (await _handed_over(stack, ada["id"])).lower()
    answers = await stack.sandbox.post(
        "/slack/_tell", json={"outcome": "accepted", "touch": await _task(stack, ada["id"])}
    )
    assert answers.json() == [200]
    assert await stack.ended(ada["id"]) == "sales_accepted"

    await stack.mail_arrives(BEN)
    booked = await stack.sandbox.post("/calendly/_tell", json={"email": BEN, "times": 2})
    assert booked.json() == [200, 200]
    assert "booked a meeting" in (await _handed_over(stack, ben["id"])).lower()
    wish = {"outcome": "rejected", "reason": "timing", "touch": await _task(stack, ben["id"])}
    assert (await stack.sandbox.post("/slack/_tell", json=wish)).json() == [200]
    query = "select outcome_reason from handoff where lead_id = $1 and status = 'rejected'"
    assert await stack.until(query, ben["id"], otherwise="the seller's answer was lost") == "timing"
    server.close()


def _reply(to: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ADA, to, "Re: your mail"
    message["Message-ID"] = "<answer-1@acme.example>"
    message.set_content("What does it cost for forty people?")
    return message.as_bytes()


async def _task(stack: Stack, lead: str) -> str:
    query = "select key from touch where lead_id = $1 and channel = 'sdr_task' and status = 'sent'"
    key: str = await stack.until(query, lead, otherwise="sales never got a task")
    return key


async def _handed_over(stack: Stack, lead: str) -> str:
    """What the seller reads in Slack."""
    key = await _task(stack, lead)

    async def posted() -> Any:
        headers = {"authorization": "Bearer sandbox"}
        asked = {"channel": slack.CHANNEL, "include_all_metadata": "true"}
        found = (await stack.sandbox.get("/slack/conversations.history", params=asked, headers=headers)).json()
        return next((one for one in found["messages"] if _touch(one) == key), None)

    return str(await eventually(posted, "the handoff never reached Slack"))


def _touch(message: dict[str, Any]) -> str:
    return str(message.get("metadata", {}).get("event_payload", {}).get("touch", ""))
