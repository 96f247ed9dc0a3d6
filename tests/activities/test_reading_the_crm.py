"""What sales does in the CRM is read back: told or looked for, once, and by the rule of whose word holds."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.reading import Reading
from domain.clock import ScaledClock
from domain.crm_ports import CrmContact, CrmOpportunity, CrmOwner, CrmPage
from domain.errors import OurFault, TransientFault
from domain.facts import OperatorCommand
from domain.ports import SalesFeedback
from domain.state import JourneyState
from domain.words import CommandKind, Ending
from storage import crm, leads
from storage.crm import PgCrmNews
from storage.inbox import PgInbox
from storage.playbooks import PgPlaybooks
from tests.activities.conftest import START, Bench
from tests.workflows.running import QuietCrm

SAM = CrmOwner(id="71", email="sam@example.com", name="Sam Seller")
REAL = datetime(2031, 1, 1, tzinfo=UTC)


def reading(bench: Bench, connection: QuietCrm, every: timedelta = timedelta(hours=1)) -> Reading:
    news = PgCrmNews(bench.database, connection.name, every)
    return Reading(news, connection, PgPlaybooks(bench.database), PgInbox(bench.database), ScaledClock())


async def read(bench: Bench, connection: QuietCrm, every: timedelta = timedelta(0)) -> int:
    """One run, looking at everything unless ``every`` says that it is not time yet."""
    found: int = await ActivityEnvironment().run(reading(bench, connection, every).read_crm)
    return found


async def known(bench: Bench, crm_id: str = "c-1", **fields: str) -> str:
    """A lead that the CRM has."""
    lead = (await bench.enrol()).lead
    await bench.database.pool.execute("update lead set crm_id = $2, fields = $3 where id = $1", lead, crm_id, fields)
    return lead


async def another(bench: Bench, first: JourneyState, email: str) -> JourneyState:
    """Somebody else, of the same playbook."""
    upserted = await leads.upsert(bench.database, leads.LeadInput(email=email), START)
    return JourneyState.begin(upserted.lead_id, 1, first.playbook, START)


async def lead_of(bench: Bench, lead: str) -> Any:
    return await bench.database.pool.fetchrow("select * from lead where id = $1", lead)


async def told(bench: Bench, record: str, crm_id: str, vendor: str = "quiet") -> None:
    async with bench.database.pool.acquire() as connection:
        await crm.changed(connection, vendor, record, crm_id, REAL)


async def events(bench: Bench, lead: str) -> list[tuple[str, dict[str, Any]]]:
    rows = await bench.database.pool.fetch(
        "select name, properties from behaviour where lead_id = $1 and kind = 'crm' order by position", lead
    )
    return [(row["name"], row["properties"]) for row in rows]


async def test_what_sales_corrects_and_who_owns_the_lead_is_taken(bench: Bench):
    lead = await known(bench, first_name="Adda", role="cto")
    found = CrmContact(crm_id="c-1", owner="71", fields={"first_name": "Ada", "phone": ""})
    assert await read(bench, QuietCrm(sellers=[SAM], contacts=[found])) == 1
    kept = await lead_of(bench, lead)
    assert (kept["fields"], kept["owner"]) == ({"first_name": "Ada", "role": "cto"}, "sam@example.com")
    assert await bench.database.pool.fetchval("select types from pending_wake where lead_id = $1", lead)


async def test_an_old_value_of_the_crms_does_not_undo_what_the_lead_says_later(bench: Bench):
    lead = await known(bench)
    contact = CrmContact(crm_id="c-1", fields={"first_name": "Ada"})
    await read(bench, QuietCrm(contacts=[contact]))
    await bench.database.pool.execute('update lead set fields = \'{"first_name": "Adelaide"}\'')
    moved_on = contact.model_copy(update={"owner": "71"})
    await read(bench, QuietCrm(sellers=[SAM], contacts=[contact, moved_on]))
    assert (await lead_of(bench, lead))["fields"] == {"first_name": "Adelaide"}
    await bench.database.pool.execute("update crm_cursor set cursor = ''")
    await read(bench, QuietCrm(contacts=[CrmContact(crm_id="c-1", fields={"first_name": "Ada B."})]))
    assert (await lead_of(bench, lead))["fields"] == {"first_name": "Ada B."}


async def test_a_contact_whose_id_was_never_heard_is_found_by_the_leads(bench: Bench):
    lead = await known(bench, crm_id="")
    await read(bench, QuietCrm(contacts=[CrmContact(crm_id="c-9", lead=lead)]))
    assert (await lead_of(bench, lead))["crm_id"] == "c-9"


async def test_a_contact_that_sales_deleted_is_forgotten(bench: Bench):
    lead = await known(bench)
    await told(bench, "contact", "c-1")
    await read(bench, QuietCrm(), every=timedelta(hours=1))
    assert (await lead_of(bench, lead))["crm_id"] == ""


@pytest.mark.parametrize(
    ("status", "ending"), [("disqualified", Ending.DISQUALIFIED), ("sales_accepted", Ending.SALES_ACCEPTED)]
)
async def test_a_status_that_sales_sets_ends_the_journey(bench: Bench, status: str, ending: Ending):
    state = await bench.enrol()
    first = await bench.decide(state, START)
    await bench.database.pool.execute("update lead set crm_id = 'c-1'")
    crm_has = QuietCrm(contacts=[CrmContact(crm_id="c-1", fields={"lead_status": status})])
    await read(bench, crm_has)
    await bench.database.pool.execute("update crm_cursor set cursor = ''")
    await read(bench, crm_has)  # the same again is no news
    assert await events(bench, state.lead) == [("sales_set_status", {"status": status})]
    assert (await bench.decide(first.state, START + timedelta(minutes=1))).state.ending is ending


async def test_a_status_of_ours_that_comes_back_is_no_news(bench: Bench):
    state = await bench.enrol()
    await bench.decide(state, START)
    await bench.database.pool.execute("update lead set crm_id = 'c-1'")
    await read(bench, QuietCrm(contacts=[CrmContact(crm_id="c-1", fields={"lead_status": "nurture"})]))
    assert await events(bench, state.lead) == []


async def test_an_opportunity_ends_the_journeys_of_the_lead_and_of_its_colleagues(bench: Bench):
    state = await bench.enrol()
    colleague = await another(bench, state, "bo@acme.example")
    stranger = await another(bench, state, "cy@other.example")
    first = {one.lead: await bench.decide(one, START) for one in (state, colleague, stranger)}
    await bench.database.pool.execute("update lead set crm_id = 'c-1' where id = $1", state.lead)
    opened = CrmOpportunity(id="d-1", contacts=("c-1", "c-unknown"), outcome="opportunity_opened", changed_at=START)
    assert await read(bench, QuietCrm(deals=[opened])) == 1
    assert (
        await bench.database.pool.fetchval("select count(*) from account where opportunity_opened_at is not null") == 1
    )
    later = {lead: await bench.decide(one.state, START + timedelta(minutes=1)) for lead, one in first.items()}
    assert [later[one.lead].state.ending for one in (state, colleague, stranger)] == [
        Ending.OPPORTUNITY_OPENED,
        Ending.OPPORTUNITY_OPENED,
        None,
    ]
    assert later[colleague.lead].state.ending_reason == "sales opened an opportunity with a colleague"


async def test_an_opportunity_of_a_merged_lead_is_its_survivors(bench: Bench):
    lead = await known(bench)
    survivor = (await leads.upsert(bench.database, leads.LeadInput(email="survivor@acme.example"), START)).lead_id
    await bench.database.pool.execute("update lead set merged_into = $2 where id = $1", lead, survivor)
    opened = CrmOpportunity(id="d-1", contacts=("c-1",), outcome="opportunity_opened", changed_at=START)
    await read(bench, QuietCrm(deals=[opened]))
    assert [name for name, _ in await events(bench, survivor)] == ["sales_opportunity_opened"]


async def test_a_lost_opportunity_is_recorded_and_the_account_is_open_no_more(bench: Bench):
    lead = await known(bench)
    opened = CrmOpportunity(id="d-1", contacts=("c-1",), outcome="opportunity_opened", changed_at=START)
    await read(bench, QuietCrm(deals=[opened]))
    lost = opened.model_copy(update={"outcome": "lost"})
    await told(bench, "deal", "d-1")
    assert await read(bench, QuietCrm(deals=[lost]), every=timedelta(hours=1)) == 1
    assert [name for name, _ in await events(bench, lead)] == ["sales_opportunity_opened", "sales_lost"]
    assert (
        await bench.database.pool.fetchval("select count(*) from account where opportunity_opened_at is not null") == 0
    )


async def test_an_opportunity_that_was_closed_before_the_lead_came_is_no_news(bench: Bench):
    lead = await known(bench)
    old = CrmOpportunity(id="d-1", contacts=("c-1",), outcome="won", changed_at=START - timedelta(days=400))
    await read(bench, QuietCrm(deals=[old]))
    assert await events(bench, lead) == []


async def test_a_task_that_was_told_of_is_asked_for_its_answer(bench: Bench):
    first = await bench.decide(await bench.enrol(), START)
    given = OperatorCommand(id="1", kind=CommandKind.HAND_OFF)
    handoff = (await bench.decide(first.state, START, commands=(given,))).state.handoff
    assert handoff is not None
    await bench.database.pool.execute("update touch set status = 'sent', vendor_id = 't-1' where channel = 'sdr_task'")
    await told(bench, "task", "t-1")
    await told(bench, "task", "t-of-somebody-else")
    answer = SalesFeedback(handoff=handoff.id, outcome="accepted")
    assert await read(bench, QuietCrm(answers=[answer]), every=timedelta(hours=1)) == 1
    assert await bench.database.pool.fetchval("select name from behaviour") == "sales_accepted"
    assert not await reading(bench, QuietCrm()).news.waiting("task", 10)


async def test_what_is_told_again_while_it_is_read_is_read_again(bench: Bench):
    await known(bench)
    await told(bench, "contact", "c-1")

    class Slow(QuietCrm):
        async def read(self, ids: Sequence[str], fields: Any, names: Any) -> list[CrmContact]:
            await told(bench, "contact", "c-1")
            return await super().read(ids, fields, names)

    await read(bench, Slow(), every=timedelta(hours=1))
    assert await reading(bench, Slow()).news.waiting("contact", 10) == {"c-1": 2}


async def test_reading_goes_on_where_it_was_interrupted(bench: Bench):
    await known(bench)
    asked: list[str] = []

    class Breaking(QuietCrm):
        async def changed(self, cursor: str, fields: Sequence[str], names: Mapping[str, str], limit: int) -> CrmPage:
            asked.append(cursor)
            if len(asked) == 2:
                raise TransientFault("down", vendor="quiet", status=503)
            return await super().changed(cursor, fields, names, limit)

    contacts = [CrmContact(crm_id=f"c-{number}") for number in range(450)]
    with pytest.raises(ApplicationError):
        await read(bench, Breaking(contacts=contacts))
    await read(bench, Breaking(contacts=contacts))
    assert asked == ["", "200", "200", "400"]


async def test_a_crm_that_is_down_is_looked_at_later(bench: Bench):
    class Down(QuietCrm):
        async def owners(self) -> list[CrmOwner]:
            raise TransientFault("down", vendor="quiet", status=503)

    with pytest.raises(ApplicationError) as later:
        await read(bench, Down())
    assert not later.value.non_retryable
    assert await reading(bench, Down()).news.due()


async def test_owners_that_may_not_be_read_are_known_by_their_ids(bench: Bench):
    class Closed(QuietCrm):
        async def owners(self) -> list[CrmOwner]:
            raise OurFault("no scope", vendor="quiet", status=403)

    lead = await known(bench)
    await read(bench, Closed(contacts=[CrmContact(crm_id="c-1", owner="71")]))
    assert (await lead_of(bench, lead))["owner"] == "71"


async def test_of_somebody_erased_nothing_is_read_back(bench: Bench):
    lead = await known(bench)
    await bench.database.pool.execute("insert into erasure (lead_id, by, at) values ($1, 'test', $2)", lead, START)
    deal = CrmOpportunity(id="d-1", contacts=("c-1",), outcome="won", changed_at=START)
    contact = CrmContact(crm_id="c-1", lead=lead, owner="71", fields={"phone": "1"})
    await read(bench, QuietCrm(contacts=[contact], deals=[deal]))
    assert (await lead_of(bench, lead))["owner"] == ""
    assert await bench.database.pool.fetchval("select count(*) from crm_deal") == 0
