"""What one worker counts of the whole deployment, for gauges."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from prometheus_client import CollectorRegistry, generate_latest

from domain.clock import ScaledClock
from runtime.survey import Findings, Surveyor
from storage import inbox, survey
from storage.database import Database
from tests.storage.samples import applied, enrolled, event


class NoTemporal:
    async def count_workflows(self, *_query: str, **_options: object) -> None:
        raise RuntimeError("not there")


def exposed(findings: Findings) -> list[str]:
    registry = CollectorRegistry()
    registry.register(findings)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


async def test_gauges_say_what_waits_and_for_how_long(database: Database):
    now = datetime.now(UTC)
    await applied(database)
    lead, held = await enrolled(database), await enrolled(database, "bob@acme.example")
    await inbox.accept(database, [event("a", lead_id=lead), event("b", lead_id=lead)], now)
    await database.pool.execute(
        "update journey set status = 'nurture', stage = 'research', next_wake_at = $1", now - timedelta(hours=1)
    )
    await database.pool.execute("update journey set paused_since = $2 where lead_id = $1", held, now)
    await database.pool.execute(
        "insert into touch (key, lead_id, cycle, decision_number, step, channel, asset, note, variant, playbook_hash,"
        " status, reason, planned_at, claim_id, attempts, vendor, vendor_id, mail_name, sender, sending_domain, fate,"
        " claimed_at) select $1 || '/1/0/hello', $1, 1, 1, 'hello', 'email', '', '', '', '', 'unknown', '', $2, '', 1,"
        " '', '', '', '', 'sender.example', 'bounced', $2",
        lead,
        now - timedelta(minutes=10),
    )
    await database.pool.execute(
        "insert into handoff (id, lead_id, cycle, decision_number, status, reason, opened_at, sla_at, outcome_reason,"
        " touch_key) values ('h', $1, 1, 1, 'open', '', $2, $2, '', '')",
        lead,
        now - timedelta(days=1),
    )
    findings = Findings()
    surveyor = Surveyor(database.url, NoTemporal(), ScaledClock(), Path(), findings)  # type: ignore[arg-type]
    async with database.pool.acquire() as connection:
        await surveyor.look(connection)
    lines = exposed(findings)
    for line in (
        "tendril_wakes_overdue 1.0",
        'tendril_touches_open{channel="email",status="unknown"} 1.0',
        'tendril_handoffs_open{sla="breached"} 1.0',
        "tendril_dead_letters 0.0",
        'tendril_journeys{stage="research",status="nurture"} 2.0',
        "tendril_behaviours_unread 2.0",
        "tendril_journeys_behind 1.0",
        'tendril_mail_day{domain="sender.example",fate="bounced"} 1.0',
    ):
        assert line in lines
    oldest = next(line for line in lines if line.startswith("tendril_touches_open_oldest_seconds"))
    assert 600 <= float(oldest.split()[-1]) < 660
    assert not any(lead in line for line in lines)


async def test_one_worker_surveys_and_another_takes_over_when_it_is_gone(database: Database):
    first, second = [await asyncpg.connect(database.url) for _ in range(2)]
    assert await survey.mine(first)
    assert not await survey.mine(second)
    await first.close()
    for _ in range(100):
        if await survey.mine(second):
            break
    else:
        raise AssertionError("nobody took over")
    await second.close()
