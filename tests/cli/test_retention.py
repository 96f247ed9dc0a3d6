"""Retention from the command line: shown, chosen, foreseen, carried out, and told in the lead's story."""

from datetime import UTC, datetime, timedelta

from storage import inbox
from storage.database import Database
from storage.inbox import NewBehaviour
from storage.leads import LeadInput, upsert
from tests.cli.life import live
from tests.cli.terminal import Terminal


async def test_every_rule_is_shown_with_its_reason(tendril: Terminal):
    shown = (await tendril("retention", "show", "--json")).json["items"]
    assert all(one["kept"] == one["default"] and one["why"] for one in shown)
    assert {"rule": "sales", "kept": "for ever"}.items() <= next(one for one in shown if one["rule"] == "sales").items()


async def test_a_time_is_chosen_and_given_back(tendril: Terminal):
    chosen = await tendril("retention", "set", "pages", "30d")
    assert chosen.out == "pages is kept for 30d.\n"
    assert "Decisions look back 180 days" in chosen.said
    assert (await tendril("retention", "set", "track:Webinar*", "forever")).out == "track:Webinar* is kept for ever.\n"
    assert (await tendril("retention", "set", "pages", "default")).out == "pages is kept for 400d.\n"
    assert "is no rule" in (await tendril("retention", "set", "cookies", "30d", code=2)).said
    assert "whole days" in (await tendril("retention", "set", "pages", "90m", code=2)).said


async def test_a_preview_purges_nothing_and_the_story_says_what_is_kept_no_longer(
    tendril: Terminal, database: Database, playbook: str
):
    now = datetime.now(UTC)
    lead = (await upsert(database, LeadInput(email="lead1@company1.example"), now, playbook)).lead_id
    visit = NewBehaviour(message_id="m-1", kind="page", name="/pricing", occurred_at=now, lead_id=lead)
    await inbox.accept(database, [visit], now)
    await live(database, lead, days=1)
    await database.pool.execute("update behaviour set received_at = $1", now - timedelta(days=401))

    assert (await tendril("retention", "run", "--preview")).out.endswith("1 would be purged.\n")
    assert (await tendril("retention", "run", "--json")).json["rules"]["pages"] == 1

    story = (await tendril("journeys", "explain", lead)).out
    assert "page (kept no longer)" in story
    assert "; that event is kept no longer)" in story
