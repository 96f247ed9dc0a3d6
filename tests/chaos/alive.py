"""Every lead has a next wake, every process held out, and nothing in the logs says otherwise."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runtime import failing
from runtime.embedded.plan import ROOT, environment
from tests.chaos.scene import WORKERS, Scene
from tests.chaos.settling import LATE
from tests.chaos.told import Told
from tests.chaos.verdict import Check

_ASLEEP = """
select lead_id, decision_number, next_wake_at from journey
where ended_at is null and paused_since is null and (next_wake_at is null or next_wake_at < $1)
"""
_LEADS = "select count(*) from lead"
_NO_SPACE = "No space left on device"
_UNDETERMINED = ("nondetermin", "TMPRL1100")


async def audit(scene: Scene) -> Check:
    """``tendril audit``, as an operator runs it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "audit", "--json"),
        cwd=ROOT,
        env=environment(scene.settings) | {"PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    if process.returncode not in (0, 1):
        return Check("the audit finds no drift", "", [f"it failed: {error.decode()[-300:]}"])
    said: dict[str, Any] = json.loads(out)
    broken = [_words(one) for one in said["findings"] if not one["notice"]]
    noticed = sum(one["notice"] for one in said["findings"])
    return Check("the audit finds no drift", f"{said['leads']:,} journeys, {noticed} notices", broken)


async def wakes(scene: Scene, told: Told) -> Check:
    """By plain SQL: in flight and not paused means a next wake that has not long passed. And every lead is there."""
    late = scene.clock.from_real(datetime.now(UTC) - timedelta(seconds=LATE))
    rows = await scene.database.pool.fetch(_ASLEEP, late)
    broken = [f"{row['lead_id']} after decision {row['decision_number']}: {row['next_wake_at']}" for row in rows]
    leads, enrolled = await scene.database.pool.fetchval(_LEADS), len(told.enrolled())
    if leads != enrolled:
        broken.append(f"{enrolled} were acknowledged and {leads} are there")
    return Check("0 leads without a next wake", f"{leads:,} leads", broken)


async def processes(scene: Scene) -> Check:
    """None ended by itself, but PostgreSQL when its disk was full; and those that were asked to left in good order."""
    starts = sum(one.starts for one in scene.kept.values())
    full = sum(_NO_SPACE in line for line in _lines(scene.processes.log("postgres")))
    of = f"{starts} starts; PostgreSQL met its full disk {full} times"
    return Check("no process gave up", of, [*scene.supervisor.given_up, *scene.left_badly])


async def logs(scene: Scene) -> Check:
    """No non-determinism, and no workflow task that fails again and again."""
    broken = [
        f"{name}: {line[:200]}" for name in WORKERS for line in _lines(scene.processes.log(name)) if _undetermined(line)
    ]
    broken += [f"{one.lead}: {one.problem}" for one in await failing.of(scene.client, 1000)]
    return Check("no failing workflow task", f"{len(WORKERS)} logs, TemporalReportedProblems", broken)


async def answers(told: Told) -> Check:
    """Whatever is broken, the API says yes, no or later (503), and never that it has failed."""
    given = ", ".join(f"{number:,} × {status}" for status, number in sorted(told.answers.items()))
    return Check("no answer but yes, no and later", given, told.wrong)


def _words(one: dict[str, Any]) -> str:
    return f"{one['kind']} {one['subject']} {one['detail']}".strip()


def _undetermined(line: str) -> bool:
    return any(word.lower() in line.lower() for word in _UNDETERMINED)


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
