"""Whole journeys through the core: each ending, each branch, as a reader of the playbook would expect them."""

from datetime import timedelta

import pytest

from domain.crm import FIELDS
from domain.facts import AccountFacts, Permission
from domain.playbook.compiled import CompiledPlaybook
from domain.words import CommandKind, Ending, LeadStatus, Phase
from tests.domain.core.life import DAY, HOUR, command, event, facts, lead, live, page, rules, sent
from tests.fixtures.playbooks import minimal_playbook

MEETING = event("track", "Meeting Booked", 3 * DAY)


def test_a_quiet_lead_is_asked_once_more_and_then_left_alone():
    decisions = live()
    assert [what for _, what in sent(decisions)] == ["hidden-cost", "checklist", "fresh-look", "one-question"]
    assert decisions[-1].state.ending is Ending.SUNSET
    assert decisions[-1].next_wake is None


def test_a_lead_that_comes_back_during_re_engagement_is_nurtured_again():
    decisions = live(page("/blog", 95 * DAY), days=100)
    assert decisions[-1].state.phase is Phase.NURTURE
    assert decisions[-1].state.status is LeadStatus.RE_ENGAGED
    assert "re_engaged" in rules(decisions)


def test_a_pricing_visit_replaces_the_next_generic_touch():
    decisions = live(page("/pricing/teams", 2 * DAY), days=3)
    last = decisions[-1]
    assert [touch.asset for touch in last.send] == ["pricing-answers"]
    assert "replaced_by_trigger" in {rejected.rule for rejected in last.rejected}
    assert last.audiences["high_intent"]


def test_a_booked_meeting_goes_to_sales_at_once_and_acceptance_ends_the_journey():
    accepted = event("crm", "sales_accepted", 4 * DAY, handoff="ld_test-1-1")
    decisions = live(MEETING, accepted)
    handed = next(decision for decision in decisions if decision.open_handoff)
    assert handed.at == decisions[0].at + 3 * DAY
    assert handed.open_handoff.brief["why_now"] == "Booked a meeting."
    assert {touch.step for touch in handed.send} >= {"handoff"}
    assert decisions[-1].state.ending is Ending.SALES_ACCEPTED
    assert decisions[-1].state.status is LeadStatus.SALES_ACCEPTED
    assert not any(decisions[-1].audiences.values())


def test_a_rejected_lead_cools_down_and_goes_on_past_what_it_has_seen():
    rejected = event("crm", "sales_rejected", 4 * DAY, handoff="ld_test-1-1", reason="timing")
    decisions = live(MEETING, rejected, days=90)
    assert "cool_down_over" in rules(decisions)
    assets = [what for _, what in sent(decisions)]
    assert len(assets) == len(set(assets))
    after = [at for at, what in sent(decisions) if what != "hidden-cost"]
    assert min(after) >= decisions[0].at + 34 * DAY
    assert len([decision for decision in decisions if decision.open_handoff]) == 1


def test_new_interest_after_a_rejection_hands_over_again():
    rejected = event("crm", "sales_rejected", 4 * DAY, handoff="ld_test-1-1", reason="no_budget")
    again = event("track", "Meeting Booked", 60 * DAY)
    handoffs = [d.open_handoff.id for d in live(MEETING, rejected, again, days=61) if d.open_handoff]
    assert handoffs == ["ld_test-1-1", "ld_test-1-2"]


def test_what_was_known_at_entry_counts_no_longer_once_sales_said_no():
    rejected = event("crm", "sales_rejected", 4 * DAY, handoff="ld_test-1-1", reason="timing")
    decisions = live(MEETING, rejected, entry=facts(lead(source="referral")), days=5)
    assert decisions[0].scores.intent == 20
    assert decisions[-1].scores.intent == 0


def test_an_expired_handoff_does_not_keep_a_journey_beyond_its_length_limit():
    weekly = [event("track", "Meeting Booked", week * 7 * DAY) for week in range(80)]
    last = live(*weekly, days=500)[-1]
    assert last.state.ending is Ending.LENGTH_LIMIT
    assert last.at <= last.state.started + timedelta(days=371)


def test_some_rejections_end_the_journey():
    rejected = event("crm", "sales_rejected", 4 * DAY, handoff="ld_test-1-1", reason="bad_data")
    last = live(MEETING, rejected)[-1]
    assert (last.state.ending, last.state.ending_reason) == (Ending.DISQUALIFIED, "invalid_contact")


def test_silence_of_sales_is_reminded_escalated_and_then_expires_into_nurture():
    decisions = live(MEETING, days=20)
    steps = [touch.step for decision in decisions for touch in decision.send]
    assert [step for step in steps if step.startswith("handoff")] == [
        "handoff",
        "handoff-remind",
        "handoff-escalate",
        "handoff-expired",
    ]
    expired = next(decision for decision in decisions if decision.resolve_handoff)
    assert expired.resolve_handoff.outcome == "expired"
    assert decisions[-1].state.phase is Phase.NURTURE


def test_a_job_seeker_never_enters_nurture():
    decisions = live(entry=facts(lead(role="job_seeker")))
    assert len(decisions) == 1
    assert (decisions[0].state.ending, decisions[0].state.ending_reason) == (Ending.DISQUALIFIED, "job_applicant")
    assert decisions[0].state.status is LeadStatus.DISQUALIFIED
    assert not decisions[0].send


def test_someone_at_an_account_with_an_opportunity_goes_straight_to_sales():
    entry = facts(lead()).model_copy(update={"account": AccountFacts(id="ac_1", open_opportunity=True)})
    first = live(entry=entry)[0]
    assert first.state.phase is Phase.HANDOFF
    assert first.open_handoff


def test_a_promising_but_incomplete_record_goes_to_sales_review():
    first = live(entry=facts(lead(role="cfo", source="referral")))[0]
    assert first.state.phase is Phase.SALES_REVIEW
    assert first.state.status is LeadStatus.SALES_REVIEW


@pytest.mark.parametrize(
    ("delivery", "ending"),
    [
        ("unsubscribed", Ending.OPTED_OUT),
        ("complained", Ending.COMPLAINED),
        ("bounced_hard", Ending.HARD_BOUNCED),
    ],
)
def test_a_final_delivery_event_ends_the_journey_and_forbids_contact(delivery, ending):
    decisions = live(event("delivery", delivery, 2 * DAY))
    assert decisions[-1].state.ending is ending
    assert decisions[-1].at == decisions[0].at + 2 * DAY
    assert decisions[-1].suppress.reason == ending.value


def test_a_suppressed_person_is_never_written_to():
    decisions = live(entry=facts(permission=Permission(suppressed="complained")))
    assert decisions[-1].state.ending is Ending.COMPLAINED
    assert sent(decisions) == []


def test_who_does_not_want_a_topic_is_sent_what_is_about_others():
    document = minimal_playbook()
    about = document.assets["hidden-cost"].model_copy(update={"topic": "costs"})
    changes = {"topics": {"costs": "Costs"}, "assets": {**document.assets, "hidden-cost": about}}
    entry = facts(permission=Permission(declined_topics=frozenset({"costs"})))
    decisions = live(entry=entry, playbook=CompiledPlaybook(document.model_copy(update=changes)))
    assert [what for _, what in sent(decisions)] == ["checklist", "fresh-look", "one-question"]


def test_who_declined_mail_gets_none():
    decisions = live(page("/pricing", DAY), entry=facts(permission=Permission(declined=frozenset({"email"}))))
    assert [what for _, what in sent(decisions)] == []
    assert ("hidden-cost", "the lead declined email") in {(r.what, r.why) for r in decisions[0].rejected}


def test_an_opened_opportunity_stops_nurture():
    last = live(event("crm", "opportunity_opened", 5 * DAY))[-1]
    assert last.state.ending is Ending.OPPORTUNITY_OPENED


@pytest.mark.parametrize(
    ("name", "properties", "reason"),
    [
        ("sales_opportunity_opened", {}, "sales opened an opportunity"),
        ("sales_opportunity_opened", {"colleague": True}, "sales opened an opportunity with a colleague"),
        ("sales_won", {}, "sales won the opportunity"),
    ],
)
def test_what_sales_does_with_an_opportunity_stops_nurture(name, properties, reason):
    last = live(event("crm", name, 5 * DAY, **properties))[-1]
    assert (last.state.ending, last.state.ending_reason) == (Ending.OPPORTUNITY_OPENED, reason)


def test_a_lost_opportunity_is_for_the_playbook_to_judge():
    assert live(event("crm", "sales_lost", 5 * DAY), days=10)[-1].state.ending is None


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ("disqualified", Ending.DISQUALIFIED),
        ("sales_accepted", Ending.SALES_ACCEPTED),
        ("nurture", None),
    ],
)
def test_a_status_that_sales_sets_holds_over_ours(status, ending):
    last = live(event("crm", "sales_set_status", 5 * DAY, status=status), days=10)[-1]
    assert last.state.ending is ending


def test_sales_that_takes_a_lead_in_the_crm_has_accepted_its_handoff():
    hand_off = {HOUR: [command(CommandKind.HAND_OFF, reason="asked by phone")]}
    taken = event("crm", "sales_set_status", DAY, status="sales_accepted")
    last = live(taken, commands=hand_off, days=3)[-1]
    assert last.resolve_handoff
    assert (last.resolve_handoff.outcome, last.state.ending) == ("accepted", Ending.SALES_ACCEPTED)


def test_every_decision_tells_sales_every_field():
    assert live(days=1)[0].crm.keys() == FIELDS.keys()


def test_nobody_is_nurtured_for_ever():
    visits = [page("/blog", number * 30 * DAY) for number in range(1, 20)]
    last = live(*visits, days=500)[-1]
    assert last.state.ending is Ending.LENGTH_LIMIT
    assert last.at <= last.state.started + timedelta(days=366)


def test_a_paused_journey_sends_nothing_and_goes_on_where_it_stopped():
    pause = {12 * HOUR: [command(CommandKind.PAUSE)], 20 * DAY: [command(CommandKind.RESUME)]}
    decisions = live(commands=pause, days=30)
    first_at = sent(decisions)[0][0] - decisions[0].at
    assert 20 * DAY <= first_at <= 21 * DAY + 12 * HOUR


def test_skip_wait_sends_the_next_touch_now():
    decisions = live(commands={HOUR: [command(CommandKind.SKIP_WAIT)]}, days=1)
    assert sent(decisions)[0][0] == decisions[0].at + HOUR


def test_an_operator_can_force_a_stage_hand_off_disqualify_and_end():
    forced = live(commands={HOUR: [command(CommandKind.FORCE_STAGE, stage="evaluation")]}, days=1)
    assert forced[-1].state.stage == "evaluation"
    handed = live(commands={HOUR: [command(CommandKind.HAND_OFF, reason="asked by phone")]}, days=1)
    assert handed[-1].state.phase is Phase.HANDOFF
    gone = live(commands={HOUR: [command(CommandKind.DISQUALIFY, reason="vendor")]})
    assert (gone[-1].state.ending, gone[-1].state.ending_reason) == (Ending.DISQUALIFIED, "vendor")
    ended = live(commands={HOUR: [command(CommandKind.END)]})
    assert ended[-1].state.ending is Ending.OPERATOR
    out = live(commands={HOUR: [command(CommandKind.OPT_OUT)]})
    assert out[-1].suppress.reason == "opted_out"


def test_opens_neither_move_a_stage_nor_count_as_interest():
    opens = [event("delivery", "opened", number * DAY) for number in range(1, 60)]
    decisions = live(*opens, days=100)
    assert decisions[-1].state.stage == "problem_awareness"
    assert "re_engagement" in rules(decisions)


def test_every_decision_says_why_and_what_comes_next():
    for decision in live(page("/pricing", 2 * DAY), MEETING, days=60):
        assert decision.reasons or decision.rejected
        assert decision.title
        assert decision.state.ended or (decision.next_wake and decision.forward)
