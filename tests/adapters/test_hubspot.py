"""HubSpot: contacts in batches, SDR tasks, sellers' answers."""

import asyncio

import httpx
import pytest

from adapters.crm.hubspot import HubSpotCrm, hubspot_client
from adapters.crm.hubspot_tasks import HubSpotTasks
from adapters.http import VendorClient
from domain.errors import OurFault, TransientFault
from domain.ports import CrmChange, SalesFeedback
from domain.words import Channel, RejectReason
from sandbox.limits import Rate
from tests.adapters import hubspot_spec
from tests.adapters.contract import TouchChannelContract
from tests.adapters.running import running_sandbox
from tests.adapters.touches import PERSONAL, touch

BRIEF = {
    "why_now": "Asked for a price <twice>",
    "did": [{"at": "2031-03-01", "what": "looked at pricing"}],
    "read": ["A guide", "A comparison"],
    "question": "What does it cost?",
    "colleagues_active": 0,
}
C20 = {
    "source": "webinar",
    "campaign": "spring",
    "landing_page": "/pricing",
    "offer": "trial",
    "lead_status": "nurture",
    "fit_level": "A",
    "intent_level": "medium",
    "buyer_stage": "comparison",
    "segment": "mid_market",
    "last_action": "looked at pricing (2031-03-01)",
    "owner": "Sales North",
    "nurture_path": "nurture",
    "disqualification_reason": "",
    "why_in_nurture": "Not ready for sales.",
    "what_moves_it_forward": "a visit to pricing; a reply",
}


def change(number, **given):
    values = {"lead": f"ld_{number:012d}", "email": f"lead{number}@example.com", "fields": C20, "version": 1}
    return CrmChange(**(values | given))


def crm(sandbox, **options):
    return HubSpotCrm(hubspot_client(f"{sandbox.url}/hubspot", "sandbox", **options))


def tasks(sandbox, **options):
    client = hubspot_client(f"{sandbox.url}/hubspot", "sandbox", **options)
    return HubSpotTasks(client, HubSpotCrm(client))


async def records(sandbox, kind, *ids, names=()):
    """What HubSpot's stand-in holds, read as anyone would."""
    client = hubspot_client(f"{sandbox.url}/hubspot", "sandbox")
    body = {"inputs": [{"id": identity} for identity in ids], "properties": list(names), "propertiesWithHistory": []}
    answer = await client.request("POST", f"/crm/v3/objects/{kind}/batch/read", json=body, harmless_to_repeat=True)
    return [record["properties"] for record in answer.json()["results"]]


class TestHubSpotTasks(TouchChannelContract):
    kind = Channel.SDR_TASK
    vendor, sending = "hubspot", "/objects/tasks"

    def channel(self, sandbox, **options):
        return tasks(sandbox, **options)

    def fail(self, sandbox, kind, **options):
        if kind == "401":
            sandbox.fail("hubspot", "401", **options)
        else:
            sandbox.fail("hubspot", kind, path="/objects/tasks", **options)

    async def held(self, sandbox):
        return len(_tasks_of(sandbox.app))

    def unreachable(self):
        client = hubspot_client("http://127.0.0.1:1", "sandbox")
        return HubSpotTasks(client, HubSpotCrm(client))

    async def test_the_same_key_twice_makes_one_task(self, sandbox):
        """HubSpot itself refuses a second task under a key, whatever we forget."""
        channel = self.channel(sandbox)
        first = await channel.send(touch(self.kind))
        assert await channel.send(touch(self.kind)) == first
        assert await self.held(sandbox) == 1


def _tasks_of(app):
    return app.state.store.state.records["tasks"]


async def test_a_task_carries_the_brief_and_hangs_on_the_leads_contact(sandbox):
    receipt = await tasks(sandbox).send(touch(Channel.SDR_TASK, brief=BRIEF, owner="42"))
    [task] = await records(
        sandbox,
        "tasks",
        receipt.vendor_id,
        names=["hs_task_subject", "hs_task_body", "hubspot_owner_id", "tendril_touch_key"],
    )
    assert task["hs_task_subject"] == "Asked for a price <twice>"
    assert task["hubspot_owner_id"] == "42"
    assert task["tendril_touch_key"] == "ld_aaaabbbbcccc/1/0/guide"
    assert "Asked for a price &lt;twice&gt;" in task["hs_task_body"]
    assert "<li>2031-03-01 · looked at pricing</li>" in task["hs_task_body"]
    kept = _tasks_of(sandbox.app)[receipt.vendor_id]
    contacts = sandbox.app.state.store.state.records["contacts"]
    assert [contacts[contact].properties["email"] for contact in kept.associations] == ["ada.sample@example.com"]


async def test_contacts_get_every_field_that_sales_reads(sandbox):
    taken = await crm(sandbox).upsert([change(1)])
    [contact] = await records(sandbox, "contacts", *taken.values(), names=[f"tendril_{name}" for name in C20])
    assert {name: contact[f"tendril_{name}"] for name in C20} == C20


@pytest.mark.parametrize(("value", "kept"), [(None, ""), (True, "true"), (["a", 2], "a; 2"), (3.5, "3.5")])
async def test_values_of_every_kind_arrive_as_text(sandbox, value, kept):
    taken = await crm(sandbox).upsert([change(1, fields={"anything": value})])
    [contact] = await records(sandbox, "contacts", *taken.values(), names=["tendril_anything"])
    assert contact["tendril_anything"] == kept


async def test_two_processes_that_make_the_same_properties_at_once_both_go_on(sandbox):
    taken = await asyncio.gather(*(crm(sandbox).upsert([change(number)]) for number in range(4)))
    assert len({contact for part in taken for contact in part.values()}) == 4


async def test_a_second_push_changes_the_same_contact(sandbox):
    hubspot = crm(sandbox)
    first = await hubspot.upsert([change(1)])
    second = await hubspot.upsert([change(1, fields={"lead_status": "sales_accepted"})])
    assert second == first
    [contact] = await records(sandbox, "contacts", *first.values(), names=["tendril_lead_status"])
    assert contact["tendril_lead_status"] == "sales_accepted"


async def test_a_changed_address_stays_the_same_contact(sandbox):
    hubspot = crm(sandbox)
    [contact] = (await hubspot.upsert([change(1)])).values()
    taken = await hubspot.upsert([change(1, email="new@example.com", crm_id=contact)])
    assert list(taken.values()) == [contact]
    [kept] = await records(sandbox, "contacts", contact, names=["email"])
    assert kept["email"] == "new@example.com"


async def test_a_contact_deleted_in_the_crm_is_made_again(sandbox):
    taken = await crm(sandbox).upsert([change(1, crm_id="999999"), change(2)])
    assert set(taken) == {change(1).lead, change(2).lead}


async def test_a_lead_without_an_address_is_known_by_its_id(sandbox):
    hubspot = crm(sandbox)
    first = await hubspot.upsert([change(1, email="")])
    assert await hubspot.upsert([change(1, email="")]) == first


async def test_a_hundred_contacts_are_one_request(sandbox):
    client = Counting(sandbox)
    hubspot = HubSpotCrm(client)
    taken = await hubspot.upsert([change(number) for number in range(hubspot.batch_size)])
    assert len(taken) == 100
    assert client.paths.count("/crm/v3/objects/contacts/batch/upsert") == 1


async def test_one_bad_contact_does_not_hold_up_the_others(sandbox):
    """HubSpot refuses a whole batch for one bad record."""
    changes = [change(number) for number in range(20)]
    changes[13] = change(13, email="not-an-address")
    taken = await crm(sandbox).upsert(changes)
    assert set(taken) == {c.lead for c in changes} - {changes[13].lead}


async def test_when_none_is_taken_that_is_a_fault_without_names(sandbox):
    with pytest.raises(OurFault) as caught:
        await crm(sandbox).upsert([change(1, email="ada.sample")])
    assert caught.value.status == 400
    assert not [word for word in PERSONAL if word in str(caught.value)]


async def test_a_rate_limit_says_how_long_to_wait():
    async with running_sandbox(rates={"hubspot": Rate(4, 60), "linkedin": Rate(1, 60)}) as sandbox:
        hubspot = crm(sandbox)
        await hubspot.upsert([change(1)])
        with pytest.raises(TransientFault) as caught:
            await hubspot.upsert([change(2)])
        assert 0 < (caught.value.retry_after or 0) <= 60


async def test_properties_are_made_once_and_by_whoever_is_first(sandbox):
    await crm(sandbox).upsert([change(1)])
    client = Counting(sandbox)
    hubspot = HubSpotCrm(client)
    for number in range(3):
        await hubspot.upsert([change(number)])
    assert [path for path in client.paths if "properties" in path] == ["/crm/v3/properties/contacts"]


@pytest.mark.parametrize("answer", [("accepted", ""), ("rejected", RejectReason.NO_BUDGET)])
async def test_a_sellers_answer_is_read_back(sandbox, answer):
    channel, (outcome, reason) = tasks(sandbox), answer
    receipt = await channel.send(touch(Channel.SDR_TASK, brief=BRIEF))
    handoffs = {"ld_a-1-1": receipt.vendor_id}
    hubspot = crm(sandbox)
    assert await hubspot.feedback(handoffs) == []
    await _answers(sandbox, receipt.vendor_id, outcome, reason)
    assert await hubspot.feedback(handoffs) == [SalesFeedback(handoff="ld_a-1-1", outcome=outcome, reason=reason)]


async def test_a_task_is_due_when_sales_must_have_answered(sandbox):
    due = "2031-03-02T10:00:00Z"
    receipt = await tasks(sandbox).send(touch(Channel.SDR_TASK, brief=BRIEF | {"sla_at": due}))
    task = sandbox.app.state.store.state.records["tasks"][receipt.vendor_id].properties
    assert task["hs_timestamp"] == due
    assert "Sla at" not in task["hs_task_body"]


async def test_tasks_that_are_gone_are_no_answer(sandbox):
    assert await crm(sandbox).feedback({f"ld_a-1-{number}": str(number) for number in range(250)}) == []


async def test_no_open_handoffs_ask_nothing(sandbox):
    client = Counting(sandbox)
    assert await HubSpotCrm(client).feedback({}) == []
    assert client.paths == []


async def test_requests_and_answers_are_as_hubspots_specification_has_them(sandbox):
    """Holds to the specification where it lies beside the checkout, and to our own reading of it elsewhere."""
    transport = hubspot_spec.Checked() if hubspot_spec.available() else None
    client = hubspot_client(f"{sandbox.url}/hubspot", "sandbox", transport=transport)
    hubspot = HubSpotCrm(client)
    taken = await hubspot.upsert([change(1), change(2)])
    await hubspot.upsert([change(1, crm_id=taken[change(1).lead]), change(3, crm_id="999999")])
    receipt = await HubSpotTasks(client, hubspot).send(touch(Channel.SDR_TASK, brief=BRIEF, owner="42"))
    await HubSpotTasks(client, hubspot).lookup(touch(Channel.SDR_TASK))
    assert await hubspot.feedback({"ld_a-1-1": receipt.vendor_id}) == []
    if transport is not None:
        assert transport.seen == {
            "/crm/v3/objects/contacts/batch/upsert",
            "/crm/v3/objects/contacts/batch/update",
            "/crm/v3/objects/tasks",
            "/crm/v3/objects/tasks/batch/read",
        }


async def _answers(sandbox, task, outcome, reason):
    """A seller answers, as the page's buttons do."""
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
        answer = await client.post(f"/sellers/tasks/{task}", data={"outcome": outcome, "reason": reason})
        assert answer.status_code == 204


class Counting(VendorClient):
    """A client that remembers the paths it asked."""

    def __init__(self, sandbox):
        super().__init__("hubspot", f"{sandbox.url}/hubspot", headers={"authorization": "Bearer sandbox"})
        self.paths: list[str] = []

    async def request(self, method, path, **options):
        self.paths.append(path)
        return await super().request(method, path, **options)
