"""A lead's whole way, over HTTP and SMTP: nothing is called that an outsider could not call."""

from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.whole.processes import eventually
from tests.whole.stack import Stack

ADA = "ada@acme.example"


async def _lead(stack: Stack, **more: Any) -> str:
    """A lead as a form would send it, with a worker and an API that run."""
    stack.start_worker()
    await stack.start_api()
    body = {"email": ADA, "anonymous_ids": ["visitor-1"], "fields": {"first_name": "Ada", "role": "cfo"}} | more
    answer = await stack.api.post("/v1/leads", json=body)
    assert answer.status_code in (200, 201), answer.text
    lead: str = answer.json()["id"]
    return lead


async def test_from_the_first_mail_to_sales(hurried: Stack):
    lead = await _lead(hurried)
    _is_a_mail_to_be_proud_of(await hurried.mail_arrives(ADA), hurried)

    page = {"anonymousId": "visitor-1", "messageId": "m-1", "properties": {"path": "/pricing"}}
    assert (await hurried.api.post("/v1/page", json=page)).json()["accepted"] == 1
    assert (await hurried.api.post("/v1/page", json=page)).json()["duplicates"] == 1
    assert (await hurried.mail_arrives(ADA, 2))["subject"] == "What it costs, and why"
    await _joins(hurried, "high_intent")

    meeting = {"anonymousId": "visitor-1", "messageId": "m-2", "event": "Meeting Booked"}
    assert (await hurried.api.post("/v1/track", json=meeting)).is_success
    await _seller_accepts(hurried, lead)
    assert await hurried.ended(lead) == "sales_accepted"
    assert (await (await hurried.journey(lead)).result()).ending == "sales_accepted"

    shown = (await hurried.api.get(f"/v1/leads/{lead}/journey")).json()
    assert (shown["status"], shown["handoffs"][0]["status"]) == ("sales_accepted", "accepted")
    await _contact_shows(hurried, tendril_lead_status="sales_accepted")
    await _audiences_are_empty(hurried)
    assert await hurried.repeated() == 0


async def test_one_click_in_a_mail_program_ends_it_for_good(stack: Stack):
    lead = await _lead(stack)
    mail = await stack.mail_arrives(ADA)
    way_out = dict(mail["headers"])["List-Unsubscribe"].split(">")[0].strip("<")
    async with httpx.AsyncClient(trust_env=False) as outsider:
        assert (await outsider.get(way_out)).is_success, "looking changes nothing"
        assert await stack.database.pool.fetchval("select count(*) from suppression") == 0
        for _ in range(2):
            assert (await outsider.post(way_out, data={"List-Unsubscribe": "One-Click"})).is_success
    assert await stack.ended(lead) == "opted_out"
    await (await stack.journey(lead)).result()
    again = await stack.api.post("/v1/leads", json={"email": ADA})
    assert not again.json()["enrolled"], again.text
    await stack.api.post("/v1/page", json={"anonymousId": "visitor-1", "properties": {"path": "/pricing"}})
    none_left = "select count(*) = 0 from pending_wake"
    await stack.until(none_left, otherwise="the wake of someone who opted out stays")
    assert await stack.touches(lead) == {"first": "sent"}
    assert len(await stack.mails(ADA)) == 1


def _is_a_mail_to_be_proud_of(mail: dict[str, Any], stack: Stack) -> None:
    headers = {name.lower(): value for name, value in mail["headers"]}
    sender = parseaddr(headers["from"])[1]
    assert headers["message-id"].endswith(f"@{sender.rpartition('@')[2]}>")
    assert headers["list-unsubscribe"].startswith(f"<{stack.settings.public_url}/u/")
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert headers["content-type"].startswith("multipart/alternative")
    assert parseaddr(headers["to"])[1] == ADA
    assert mail["subject"]
    assert "Sample Street" in mail["text"], "the postal address"
    assert urlsplit(stack.settings.public_url).netloc in mail["text"], "a way out in the text, too"
    assert "<html" in mail["html"].lower()


async def _joins(stack: Stack, audience: str) -> None:
    query = "select bool_or(held) from network_member where audience = $1"
    await stack.until(query, audience, otherwise=f"nobody ever joined {audience}")


async def _seller_accepts(stack: Stack, lead: str) -> None:
    """Finds the task in the CRM, as it was put there, and accepts."""
    query = "select vendor_id from touch where lead_id = $1 and channel = 'sdr_task' and status = 'sent'"
    task = await stack.until(query, lead, otherwise="sales never got a task")
    seen = await _crm(stack, "tasks", task, "hs_task_body", "hs_timestamp")
    assert "booked a meeting" in seen["hs_task_body"]
    assert seen["hs_timestamp"] == await stack.database.pool.fetchval(
        "select to_char(sla_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from handoff"
    )
    answer = await stack.sandbox.post(f"/sellers/tasks/{task}", data={"outcome": "accepted"})
    assert answer.status_code == 204


async def _contact_shows(stack: Stack, **wanted: str) -> None:
    contact = await stack.until("select nullif(crm_id, '') from lead", otherwise="the CRM never heard of the lead")

    async def shows() -> dict[str, Any] | None:
        seen = await _crm(stack, "contacts", contact, "tendril_why_in_nurture", *wanted)
        return seen if wanted.items() <= seen.items() else None

    seen = await eventually(shows, f"the contact never showed {wanted}")
    assert seen["tendril_why_in_nurture"]


async def _audiences_are_empty(stack: Stack) -> None:
    """For the vendor as well, not only in our books."""
    query = "select bool_and(not held and pushed_version = version) from network_member"
    await stack.until(query, otherwise="an audience was never left")


async def _crm(stack: Stack, kind: str, record: str, *properties: str) -> dict[str, Any]:
    answer = await stack.sandbox.post(
        f"/hubspot/crm/v3/objects/{kind}/batch/read",
        json={"inputs": [{"id": record}], "properties": list(properties), "propertiesWithHistory": []},
        headers={"authorization": "Bearer sandbox"},
    )
    found: dict[str, Any] = answer.json()["results"][0]["properties"]
    return found
