"""One run: the scene is set, traffic flows, things break as planned, all is mended, and the verdict is given."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from time import monotonic

from tests.chaos import alive, considered, receivers
from tests.chaos.plan import LONG, SHORT, Pace, Trouble, plan
from tests.chaos.scene import Scene, scene
from tests.chaos.settling import settle
from tests.chaos.story import playbook
from tests.chaos.tampering import unnoticed
from tests.chaos.told import Person, Told
from tests.chaos.traffic import Load, Traffic
from tests.chaos.troubles import Troubles
from tests.chaos.verdict import Check
from tests.chaos.view import View

#: Seconds until the stand-ins have written down what they hold.
_WRITTEN = 1.5


@dataclass(frozen=True)
class Size:
    """``seconds`` of trouble for so many ``journeys``; ``scale`` and ``gap`` make each of them act all the time.

    ``patience``: seconds after which troubles that could not begin in time are left out. ``settling``: seconds in which
    everything must have come to rest once all is mended.
    """

    seconds: float
    journeys: int
    scale: float
    gap: str
    pace: Pace
    load: Load
    patience: float
    settling: float


def long(minutes: float, journeys: int) -> Size:
    """Two hours a second, and a mail to everybody every four days: about eight a second for 500 journeys."""
    return Size(minutes * 60, journeys, 7200.0, "4d", LONG, Load(), minutes * 60, 300)


def short() -> Size:
    """For the tests: each kind of trouble at least once, however long that takes."""
    load = Load(6, 0.7, 2, 0.7, 6.0, 4.0, 0.7, 1.0, 0.8)
    return Size(30, 60, 7200.0, "1d", SHORT, load, 150, 60)


@dataclass(frozen=True)
class Outcome:
    """What there is to say at the end."""

    seed: int
    size: Size
    troubles: Troubles
    plan: Sequence[Trouble]
    told: Told
    checks: Sequence[Check]
    #: What was broken on purpose after the verdict and no check saw (``tampering``).
    unnoticed: Sequence[str] = ()

    @property
    def kept(self) -> bool:
        return all(check.kept for check in self.checks)


async def play(seed: int, size: Size, view: View, *, tamper: bool = False) -> Outcome:
    """The whole run; with ``tamper`` the checks themselves are checked at its end.

    Raises ``AssertionError`` when something that was mended never comes back.
    """
    planned = plan(seed, size.seconds, size.pace)
    told = Told([Person(number) for number in range(size.journeys)])
    view.say(f"seed {seed}: {len(planned)} troubles in {size.seconds:.0f} s")
    async with scene(playbook(size.gap), size.scale) as on:
        troubles = Troubles(on, view.say, size.pace.together, size.patience)
        traffic = Traffic(on, told, seed, size.load)
        view.say("everything runs; the first leads are enrolled")
        await traffic.begin()
        flowing = asyncio.create_task(traffic.run())
        showing = asyncio.create_task(view.follow(told, troubles, monotonic() + size.seconds))
        await _while_it_flows(flowing, troubles.carry_out(planned), size.seconds)
        view.say("everything is mended; what is left is caught up with")
        traffic.over.set()
        on.heal()
        await flowing
        left = await settle(on, size.settling)
        showing.cancel()
        view.say("the verdict")
        checks = [_at_rest(left, size.settling), *await _verdict(on, told)]
        missed = await unnoticed(on, told) if tamper else []
    return Outcome(seed, size, troubles, planned, told, checks, missed)


async def _while_it_flows(flowing: "asyncio.Task[None]", breaking: Coroutine[None, None, None], seconds: float) -> None:
    """For so long, whatever of the troubles is over sooner; a client that fails ends the run at once."""
    began = monotonic()
    troubles = asyncio.ensure_future(breaking)
    await asyncio.wait([flowing, troubles], return_when=asyncio.FIRST_COMPLETED)
    if flowing.done():
        troubles.cancel()
        await flowing
    await troubles
    await asyncio.wait([flowing], timeout=max(0.0, began + seconds - monotonic()))


def _at_rest(left: dict[str, int], within: float) -> Check:
    return Check(
        "all comes to rest once it is mended", f"within {within:.0f} s", [f"{n} {what}" for what, n in left.items()]
    )


async def _verdict(on: Scene, told: Told) -> list[Check]:
    await asyncio.sleep(_WRITTEN)
    return [
        await considered.behaviours(on, told),
        await considered.decisions(on),
        await considered.workflows(on),
        await considered.commands(on, told),
        await considered.operations(on, told),
        await receivers.duplicates(on),
        await receivers.ledger(on),
        await receivers.opt_outs(on, told),
        await alive.wakes(on, told),
        await alive.audit(on),
        await alive.processes(on),
        await alive.logs(on),
        await alive.answers(told),
    ]
