"""A vendor down for an hour: mail has nowhere to go while tasks for sales keep flowing to the CRM.

The mail server is down in the worst way: it takes connections and never answers.

A minute of the bench is an hour of the deployment: its clock runs sixty times as fast, so attempts come as often in
real time as they would, and what an hour holds for a journey passes in a minute. Enrolled before, while and after the
mail server is away are as many leads a second; each gets one mail. Others look at pricing at a steady rate: each visit
is a task at HubSpot's stand-in.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles
from time import perf_counter, time

from bench import leads
from bench.load import paced
from bench.report import Figure, Progress
from bench.stack import Stack, stack
from bench.standing import Standing, peak, standing
from domain.clock import ScaledClock
from storage import deployment, inbox
from storage.inbox import NewBehaviour

_HOUR = 60.0  # seconds of the bench
_SCALE = 60.0
_MAILS_A_SECOND, _VISITS_A_SECOND = 3.0, 5.0
_VISITORS = int(_HOUR * _VISITS_A_SECOND)  # of each hour
_CALM = 5.0  # seconds after the crowd of the beginning
_RECEIVER = "mailbox.example"  # everybody's mail is there
_THROTTLE = 600  # mails a minute to it
_TASKED = "select lead_id from touch where step = 'trigger-pricing' and status = 'sent' and lead_id = any($1::text[])"


@dataclass
class Scene:
    """A running system, and how many leads are enrolled in it."""

    on: Stack
    vendors: Standing
    clock: ScaledClock
    enrolled: int = 0

    @property
    def now(self) -> datetime:
        return self.clock.from_real(datetime.now(UTC))

    async def enrol(self, number: int) -> list[str]:
        first, self.enrolled = self.enrolled, self.enrolled + number
        return await leads.enrol(self.on, number, first, _RECEIVER, self.now)

    async def mailed(self) -> list[tuple[float, str]]:
        """Every mail, once everybody enrolled has one."""
        async with asyncio.timeout(600):
            while len(mails := await self.vendors.mails()) < self.enrolled:
                await asyncio.sleep(0.2)
        return mails


async def outage(progress: Progress) -> list[Figure]:
    async with stack() as on, standing(on, {}) as vendors:
        clock = await deployment.set_clock(on.database, _SCALE, datetime.now(UTC))
        sending = {"throttle": [{"domain": _RECEIVER, "most": _THROTTLE}]}
        await leads.apply(on, leads.playbook(channel="email", sending=sending))
        scene = Scene(on, vendors, clock)
        with on.worker("mailing", vendors.smtp_port, vendors.url):
            progress(f"{2 * _VISITORS} journeys begin")
            visitors = await scene.enrol(2 * _VISITORS)
            await scene.mailed()
            await asyncio.sleep(_CALM)
            progress("an hour as usual")
            calm = await _hour(scene, visitors[:_VISITORS])
            await scene.mailed()
            progress("an hour without a mail server")
            await vendors.fail("smtp", kind="timeout", path="rcpt", count=1_000_000)
            down = await _hour(scene, visitors[_VISITORS:])
            held = scene.enrolled - len(await vendors.mails())
            await vendors.mend()
            mended = time()
            progress(f"the mail server is back, {held} mails wait")
            await scene.mailed()
            await asyncio.sleep(5)  # whoever is written to twice is written to by now
            mails = await vendors.mails()
    late = [at for at, _ in mails if at >= mended]
    twice = sum(count - 1 for count in Counter(to for _, to in mails).values())
    ratio = _p99(down) / _p99(calm)
    return [
        Figure("mails held while the mail server was away for an hour", held, ""),
        Figure("of all mails: lost", scene.enrolled - len({to for _, to in mails}), "", target="== 0"),
        Figure("of all mails: sent twice", twice, "", target="== 0"),
        Figure("visit to task in the CRM in a usual hour, p99", _p99(calm) * 1000, "ms"),
        Figure("visit to task in the CRM while mail is away, p99", _p99(down) * 1000, "ms"),
        Figure("ratio of these p99", ratio, "×", target="<= 1.2"),
        Figure("the mail server is back: until everything has left", max(late) - mended, "s"),
        Figure("most mails in any second then", peak(late, 1.0), ""),
        Figure("most mails in any minute then, of what its throttle allows", peak(late, 60.0) / _THROTTLE, "", "<= 1"),
    ]


async def _hour(scene: Scene, visitors: list[str]) -> list[float]:
    """Leads enrol and visitors come, all through the hour; seconds from each visit to its task in the CRM."""
    began, visited, times = perf_counter(), dict[str, float](), list[float]()

    async def visit(number: int) -> None:
        lead, now = visitors[number], scene.now
        event = NewBehaviour(message_id=f"{lead}-v", kind="page", name="/pricing", occurred_at=now, lead_id=lead)
        visited[lead] = perf_counter()
        await inbox.accept(scene.on.database, [event], now)

    async def watch() -> None:
        while len(times) < len(visitors):
            await asyncio.sleep(0.01)
            tasked = await scene.on.database.pool.fetch(_TASKED, list(visited))
            now = perf_counter()
            times.extend(now - visited.pop(row["lead_id"]) for row in tasked)

    async with asyncio.timeout(5 * _HOUR):
        await asyncio.gather(
            paced(_MAILS_A_SECOND, _HOUR, lambda _: scene.enrol(1)),
            paced(_VISITS_A_SECOND, _HOUR, visit),
            watch(),
        )
    await asyncio.sleep(max(0.0, began + _HOUR - perf_counter()))
    return times


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]
