"""The invented visitors and sellers of ``tendril up``: ``python -m runtime.embedded.demo``, a child of the stack.

They use what anyone would: the HTTP API with a key, and the sandbox CRM. Where they are in the script is kept in the
data directory after each act, and every act may be done twice without harm, so a kill loses and doubles nothing.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import structlog

from domain.clock import ScaledClock
from runtime.embedded.datadir import DataDirectory, read_json, write_json
from runtime.embedded.script import Act, acts, first_day
from runtime.embedded.sellers import Sellers
from runtime.logs import configure_logging
from runtime.settings import Settings
from storage import deployment, keys
from storage.database import Database

_log = structlog.get_logger("tendril.visitors")
_KEY_LASTS = timedelta(days=30)
_AGAIN_AFTER = 0.5
_AT_ONCE = 8
_PATIENCE = 15.0


@dataclass
class Progress:
    """Day 0 of the script in deployment time, and the numbers of the acts that are done."""

    directory: DataDirectory
    began: datetime
    done: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, directory: DataDirectory, now: datetime) -> "Progress":
        kept = read_json(directory.demo)
        began, done = kept.get("began"), kept.get("done")
        if isinstance(began, str) and isinstance(done, list):
            return cls(directory, datetime.fromisoformat(began), set(done))
        return cls(directory, first_day(now))

    def add(self, number: int) -> None:
        self.done.add(number)
        write_json(self.directory.demo, {"began": self.began.isoformat(), "done": sorted(self.done)})


class Visitors:
    """Plays the acts that are not yet done, each when its time has come on the deployment's clock."""

    def __init__(self, client: httpx.AsyncClient, clock: ScaledClock, progress: Progress) -> None:
        self._client, self._clock, self._progress = client, clock, progress
        self._ids: dict[str, str] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def play(self) -> None:
        """One visitor whose request hangs keeps nobody else waiting."""
        async with asyncio.TaskGroup() as visits:
            for number, act in enumerate(acts()):
                if number not in self._progress.done:
                    due = self._clock.to_real(self._progress.began + timedelta(days=act.day))
                    await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
                    visits.create_task(self._visit(number, act))
        _log.info("the script has been played to its end")

    async def _visit(self, number: int, act: Act) -> None:
        async with self._at_once:
            path = act.path.format(lead=await self._id(act.lead)) if act.lead else act.path
            answer = await self._until_answered("POST", path, json=act.body)
        if answer.is_error:
            _log.warning(
                "an act was refused and left out", path=path, status=answer.status_code, answer=answer.text[:500]
            )
        self._progress.add(number)

    async def _id(self, external_id: str) -> str:
        if external_id not in self._ids:
            answer = await self._until_answered("GET", "/v1/leads", params={"external_id": external_id})
            items = answer.json().get("items") or [{"id": "unknown"}]
            self._ids[external_id] = items[0]["id"]
        return self._ids[external_id]

    async def _until_answered(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Visitors come back: ask until the API answers, whatever is being restarted meanwhile."""
        while True:
            try:
                answer = await self._client.request(method, path, **request)
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return answer
                _log.warning("the API can't answer now", path=path, status=answer.status_code)
            except httpx.TransportError as error:
                _log.warning("the API can't be reached", path=path, error=type(error).__name__)
            await asyncio.sleep(_AGAIN_AFTER)


async def main(settings: Settings) -> None:
    """Play until stopped."""
    database = await Database.connect(settings.database_url, max_size=2)
    clock = await deployment.clock(database)
    now = datetime.now(UTC)
    key = await keys.create(database, "visitors of the demo", ["read", "write", "operate"], expires=now + _KEY_LASTS)
    headers = {"Authorization": f"Bearer {key}"}
    progress = Progress.read(DataDirectory(settings.data_dir), clock.from_real(now))
    async with (
        httpx.AsyncClient(base_url=settings.public_url, headers=headers, timeout=_PATIENCE) as client,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.inbox_port}") as sandbox,
        asyncio.TaskGroup() as together,
    ):
        together.create_task(Visitors(client, clock, progress).play())
        together.create_task(Sellers(database, sandbox, clock).work())


if __name__ == "__main__":
    _settings = Settings()
    configure_logging(_settings)
    asyncio.run(main(_settings))
