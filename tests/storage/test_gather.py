"""What a decision may consider is gathered whole."""

from datetime import timedelta

from domain.state import JourneyState
from domain.words import Channel
from storage.database import Database
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.leads import ConsentInput, LeadInput, upsert
from tests.storage.recorded import record, send
from tests.storage.samples import NOW, enrolled, event


async def test_facts_are_what_is_known(database: Database, begun: JourneyState):
    await upsert(
        database,
        LeadInput(
            email="ann@acme.example",
            consent=(
                ConsentInput(channel=Channel.EMAIL, granted=False),
                ConsentInput(channel=Channel.DIRECT_MAIL, granted=True, basis="consent"),
            ),
        ),
        NOW,
    )
    colleague = await enrolled(database, "bob@acme.example")
    await accept(
        database,
        [
            event("old", lead_id=begun.lead, days=-200),
            event("new", lead_id=begun.lead, days=-1, properties={"n": 1}),
            event("scan", lead_id=begun.lead, trusted=False),
            event("colleague", lead_id=colleague, days=-3),
        ],
        NOW,
    )
    other = JourneyState.begin(colleague, 1, begun.playbook, NOW)
    await record(database, other, send=(send(other),))
    await database.pool.execute("update touch set status = 'sent', sent_at = $1", NOW - timedelta(days=2))
    await record(database, begun, send=(send(begun),))

    facts = await PgJourneys(database).gather(begun.model_copy(update={"cursor": 1}), NOW)

    assert (facts.lead.fields, facts.lead.email_domain, facts.lead.country) == ({"role": "cto"}, "acme.example", "DE")
    assert [(b.position, b.trusted) for b in facts.behaviours] == [(2, True), (3, False)]
    assert facts.behaviours[0].properties == {"n": 1}
    assert [(touch.step, touch.status, touch.number) for touch in facts.touches] == [("hello", "planned", 1)]
    assert (facts.account.domain, facts.account.leads, facts.account.active_leads_30d) == ("acme.example", 2, 1)
    assert facts.account.recent_touches == ((Channel.EMAIL, NOW - timedelta(days=2)),)
    assert facts.permission.declined == {Channel.EMAIL}
    assert (facts.permission.basis, facts.permission.suppressed) == ("consent", "")
    assert facts.active_playbook == begun.playbook


async def test_behaviour_not_considered_yet_is_gathered_however_old(database: Database, begun: JourneyState):
    await accept(database, [event("old", lead_id=begun.lead, days=-400)], NOW)
    assert len((await PgJourneys(database).gather(begun, NOW)).behaviours) == 1


async def test_of_what_was_read_before_the_newest_five_hundred_are_gathered(database: Database, begun: JourneyState):
    await accept(database, [event(str(number), lead_id=begun.lead) for number in range(520)], NOW)
    facts = await PgJourneys(database).gather(begun.model_copy(update={"cursor": 515}), NOW)
    assert [b.position for b in facts.behaviours] == list(range(16, 521))
    assert not facts.more_unread


async def test_a_flood_is_read_in_several_decisions_without_passing_over_anything(
    database: Database, begun: JourneyState
):
    await accept(database, [event(str(number), lead_id=begun.lead) for number in range(5000)], NOW)
    read: list[int] = []
    state, more = begun, True
    while more:
        facts = await PgJourneys(database).gather(state, NOW)
        unread = [b.position for b in facts.behaviours if b.position > state.cursor]
        assert [b.position for b in facts.behaviours if b.position <= state.cursor] == read[-500:]
        read += unread
        state, more = state.model_copy(update={"cursor": unread[-1]}), facts.more_unread
    assert read == list(range(1, 5001))


async def test_exactly_as_much_as_one_decision_reads_leaves_nothing_more(database: Database, begun: JourneyState):
    await accept(database, [event(str(number), lead_id=begun.lead) for number in range(2000)], NOW)
    facts = await PgJourneys(database).gather(begun, NOW)
    assert (len(facts.behaviours), facts.more_unread) == (2000, False)


async def test_a_lead_on_its_own_has_facts_too(database: Database, begun: JourneyState):
    lead = (await upsert(database, LeadInput(external_id="x"), NOW)).lead_id
    facts = await PgJourneys(database).gather(JourneyState.begin(lead, 1, begun.playbook, NOW), NOW)
    assert (facts.lead.has_email, facts.account.id, facts.behaviours, facts.touches) == (False, "", (), ())


async def test_what_the_lead_asked_for_in_the_preference_centre_is_known(database: Database, begun: JourneyState):
    until = NOW + timedelta(days=90)
    await database.pool.execute(
        "insert into preference (lead_id, paused_until, least_days, at) values ($1, $2, 14, $3)", begun.lead, until, NOW
    )
    permission = (await PgJourneys(database).gather(begun, NOW)).permission
    assert (permission.paused_until, permission.least_days) == (until, 14)
