"""Troubles carried out on the scene, and counted."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import httpx

from tests.chaos.plan import Kind, Trouble, collide
from tests.chaos.scene import Scene

#: More requests than there will be: a storm lasts until it is over.
_STORM = 1_000_000
_LOOK = 0.1  # seconds between two looks whether the next may begin
_REFILL = 0.2  # seconds between two looks whether the full disk has room again


@dataclass
class Troubles:
    """``broken``: what is broken now. ``done``: how often each thing was. ``missed``: what can't be done here.

    The plan's times are kept as far as the machine can: what was killed counts as broken until it works again, never
    more than ``together`` things are broken at once, and what has not begun within ``patience`` seconds is left out.
    """

    scene: Scene
    tell: Callable[[str], None]
    together: int
    patience: float
    broken: list[Trouble] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    began: float = 0.0

    async def carry_out(self, plan: Sequence[Trouble]) -> None:
        """Each at its time, from now on, or as soon as it may."""
        self.began = monotonic()
        async with asyncio.TaskGroup() as group:
            for number, trouble in enumerate(plan):
                await asyncio.sleep(max(0.0, self.began + trouble.at - monotonic()))
                if not await self._may_begin(trouble):
                    self._miss(
                        f"{len(plan) - number} of {len(plan)} planned troubles: this machine was too slow for them"
                    )
                    return
                if trouble.kind is Kind.DISK and self.scene.disk.refusal:
                    self._miss(f"{trouble.kind}: {self.scene.disk.refusal}")
                else:
                    self.broken.append(trouble)
                    group.create_task(self._carry_out(trouble))

    async def _may_begin(self, trouble: Trouble) -> bool:
        while len(self.broken) >= self.together or any(collide(trouble, other) for other in self.broken):
            if monotonic() - self.began > self.patience:
                return False
            await asyncio.sleep(_LOOK)
        return True

    async def _carry_out(self, trouble: Trouble) -> None:
        self.done[f"{trouble.kind} {trouble.what}".strip()] += 1
        self.tell(f"{trouble} (planned for {trouble.at:.1f} s)")
        try:
            await _DO[trouble.kind](self.scene, trouble)
        finally:
            self.broken.remove(trouble)

    def _miss(self, why: str) -> None:
        if why not in self.missed:
            self.missed.append(why)
            self.tell(why)


async def _kill(scene: Scene, trouble: Trouble) -> None:
    one = scene.kept[trouble.what]
    one.kill()
    await asyncio.sleep(trouble.lasts)
    one.start()
    await scene.healthy(trouble.what)


async def _pause(scene: Scene, trouble: Trouble) -> None:
    one = scene.kept[trouble.what]
    one.pause()
    await asyncio.sleep(trouble.lasts)
    one.go_on()


async def _faults(scene: Scene, trouble: Trouble) -> None:
    kind, *after = str(trouble.detail).split(maxsplit=1)
    fault = {"vendor": trouble.what, "kind": kind, "after": bool(after), "count": _STORM, "seconds": 2.0}
    if trouble.what == "smtp":
        fault["path"] = "data" if after or kind == "latency" else "rcpt"
    until = monotonic() + trouble.lasts
    await _insist(scene, "POST", fault)
    await asyncio.sleep(max(0.0, until - monotonic()))
    await _insist(scene, "DELETE")


async def _insist(scene: Scene, method: str, body: dict[str, object] | None = None) -> None:
    """The sandbox may have just been killed."""
    while True:
        try:
            (await scene.sandbox.request(method, "/_faults", json=body)).raise_for_status()
        except httpx.HTTPError:
            await asyncio.sleep(0.2)
        else:
            return


async def _stall(scene: Scene, trouble: Trouble) -> None:
    scene.network[trouble.what].stall()
    await asyncio.sleep(trouble.lasts)
    scene.network[trouble.what].heal()


async def _cut(scene: Scene, trouble: Trouble) -> None:
    scene.network[trouble.what].cut()
    await asyncio.sleep(trouble.lasts)
    scene.network[trouble.what].heal()


async def _fill(scene: Scene, trouble: Trouble) -> None:
    """PostgreSQL may end itself (it must where it can't write its log), and is started again."""
    until = monotonic() + trouble.lasts
    scene.supervisor.excused.add(trouble.what)
    while monotonic() < until:
        scene.disk.fill()
        await asyncio.sleep(_REFILL)
    scene.disk.free()
    await scene.healthy(trouble.what)
    scene.supervisor.excused.discard(trouble.what)


async def _jump(scene: Scene, trouble: Trouble) -> None:
    await scene.healthy("postgres")
    await scene.jump(float(str(trouble.detail).split()[0]))


_DO = {
    Kind.KILL: _kill,
    Kind.PAUSE: _pause,
    Kind.FAULTS: _faults,
    Kind.STALL: _stall,
    Kind.CUT: _cut,
    Kind.DISK: _fill,
    Kind.CLOCK: _jump,
}
