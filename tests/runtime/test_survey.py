"""What one worker counts of the whole deployment, for gauges."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from domain.auditing import Finding
from domain.clock import ScaledClock
from domain.drift import Drift
from runtime.survey import Findings, Surveyor
from storage import inbox, survey
from storage.audit_results import Audited, keep
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


async def test_drift_is_what_audits_left_or_mended_in_vain_and_notices_are_apart(database: Database):
    began = datetime.now(UTC)
    left, mended = Finding(Drift.ORPHAN, "l1"), Finding(Drift.LOST, "l2")
    again, parked = Finding(Drift.OVERDUE, "l3"), Finding(Drift.TOUCH_PARKED, "l4")
    counts = {"leads": 4, "running": 4, "suspects": 0, "repaired": 2, "left": 1}
    for minute, found in enumerate(
        [[(again, "woken")], [(left, ""), (mended, "woken"), (again, "woken"), (parked, "")]]
    ):
        at = began + timedelta(minutes=minute)
        await keep(database, Audited("schedule", at, at, **counts), found)
    findings = Findings()
    surveyor = Surveyor(database.url, NoTemporal(), ScaledClock(), Path(), findings)  # type: ignore[arg-type]
    async with database.pool.acquire() as connection:
        await surveyor.look(connection)
    told = {line for line in exposed(findings) if line.startswith(("tendril_audit_drift", "tendril_audit_notices"))}
    assert told == {
        'tendril_audit_drift{kind="orphan"} 1.0',
        'tendril_audit_drift{kind="overdue"} 1.0',
        'tendril_audit_notices{kind="touch_parked"} 1.0',
    }


async def test_stuck_journeys_that_cannot_be_counted_are_told_once_and_show_no_number(database: Database):
    findings = Findings()
    surveyor = Surveyor(database.url, NoTemporal(), ScaledClock(), Path(), findings)  # type: ignore[arg-type]
    with capture_logs() as said:
        async with database.pool.acquire() as connection:
            for _ in range(8):
                await surveyor.look(connection)
    assert [one["why"] for one in said if "stuck" in one["event"]] == ["not there"]
    lines = exposed(findings)
    assert "tendril_wakes_overdue 0.0" in lines
    assert not any(line.startswith("tendril_journeys_stuck") for line in lines)


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
