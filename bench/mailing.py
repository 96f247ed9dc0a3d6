"""Mail over SMTP: a worker beside a bare loop of aiosmtplib, to the same receiver, with messages of the same size.

Both at 1,000 mails a minute, which the worker must keep up, and both as fast as they can: what a mail costs beyond
its delivery is the journey, its decision, the ledger and the rendering.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter, time

import aiosmtplib

from adapters.email.carrier import Mail, MailCarrier, Sought
from adapters.email.channel import EmailChannel
from adapters.email.links import QuestionLinks, UnsubscribeLinks
from adapters.email.smtp import SmtpCarrier, SmtpServer
from authoring.render import PlaybookRenderer
from bench import leads
from bench.load import paced
from bench.report import Figure, Progress
from bench.stack import Stack, stack
from bench.standing import Standing, standing
from domain.ports import OutboundTouch
from domain.words import Channel
from runtime.settings import Settings
from storage.playbooks import PgPlaybooks

_MAILS = 1000
_A_MINUTE = _MAILS / 60
_CONNECTIONS = 8
_SENDER = "bench@mail.example"


@dataclass(frozen=True)
class Scene:
    on: Stack
    receiver: Standing


class Keeps:
    """A carrier that only keeps the last mail."""

    vendor = "nowhere"
    kept = b""

    async def carry(self, mail: Mail) -> str:
        self.kept = mail.message.as_bytes()
        return mail.message_id

    async def carried(self, sought: Sought) -> str | None:
        return sought.message_id

    async def close(self) -> None:
        pass


async def mailing(progress: Progress) -> list[Figure]:
    async with stack() as on, standing(on, {}) as receiver:
        scene = Scene(on, receiver)
        await leads.apply(on, leads.playbook(channel="email"))
        message = await _message(on)
        progress(f"{_MAILS:,} mails as fast as they go, by a bare loop and by the channel")
        bare = await _bare(receiver.smtp_port, message)
        channel = await _by_channel(scene)
        progress(f"{_MAILS:,} mails in a minute by a bare loop")
        bare_minute = await _bare_paced(receiver.smtp_port, message)
        with on.worker("mailing", receiver.smtp_port):
            progress(f"{_MAILS:,} mails in a minute by a worker")
            minute, delays = await _by_worker(scene, 0, _A_MINUTE)
            progress(f"{_MAILS:,} mails by a worker as fast as it can")
            fast, _ = await _by_worker(scene, _MAILS, 100_000)
    return [
        Figure("1,000 mails in a minute, a worker: whole", minute, "s"),
        Figure("1,000 mails in a minute: ratio to a bare aiosmtplib loop", minute / bare_minute, "×", target="<= 1.2"),
        Figure("enrolled to its mail received, at that rate, p50", median(delays) * 1000, "ms"),
        Figure("enrolled to its mail received, at that rate, p99", quantiles(delays, n=100)[98] * 1000, "ms"),
        Figure("mails at most, a worker with journey, decision and ledger", _MAILS / fast * 60, "/min"),
        Figure("mails at most, rendered and carried by the channel alone", _MAILS / channel * 60, "/min"),
        Figure("mails at most, a bare aiosmtplib loop", _MAILS / bare * 60, "/min"),
    ]


async def _message(on: Stack) -> bytes:
    """A mail as Tendril makes it."""
    carrier = Keeps()
    await _channel(on, carrier).send(await _touch(on, 0))
    return carrier.kept


def _channel(on: Stack, carrier: MailCarrier) -> EmailChannel:
    playbooks, settings = PgPlaybooks(on.database), Settings()
    questions = QuestionLinks(settings.public_url, settings.link_secrets)
    links = UnsubscribeLinks(settings.public_url, settings.link_secrets)
    return EmailChannel(carrier, PlaybookRenderer(playbooks, questions.url), playbooks, links)


async def _touch(on: Stack, number: int) -> OutboundTouch:
    version = await on.database.pool.fetchval("select hash from playbook_active")
    lead = f"ld_bench{number}"
    to = f"lead{number}@company{number}.example"
    key = f"{lead}/1/0/t0"
    return OutboundTouch(key=key, lead=lead, channel=Channel.EMAIL, step="t0", asset="a", playbook=version, email=to)


async def _by_channel(scene: Scene) -> float:
    channel = _channel(scene.on, SmtpCarrier(SmtpServer("127.0.0.1", scene.receiver.smtp_port)))
    first = await _touch(scene.on, 0)
    touches = [first.model_copy(update={"key": f"{first.key}/{number}"}) for number in range(2, _MAILS + 2)]
    began = perf_counter()
    await asyncio.gather(*map(channel.send, touches))
    seconds = perf_counter() - began
    await channel.close()
    return seconds


async def _bare(port: int, message: bytes) -> float:
    began = perf_counter()
    await _with_connections(port, lambda send: asyncio.gather(*(send(message) for _ in range(_MAILS))))
    return perf_counter() - began


async def _bare_paced(port: int, message: bytes) -> float:
    began = perf_counter()
    await _with_connections(port, lambda send: paced(_A_MINUTE, 60, lambda _: send(message)))
    return perf_counter() - began


async def _with_connections(
    port: int, work: Callable[[Callable[[bytes], Awaitable[object]]], Awaitable[object]]
) -> None:
    """Call ``work`` with a function that sends one message over one of some open connections."""
    free: asyncio.Queue[aiosmtplib.SMTP] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        connection = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await connection.connect()
        free.put_nowait(connection)

    async def send(message: bytes) -> None:
        connection = await free.get()
        await connection.sendmail(_SENDER, ["lead@company.example"], message)
        free.put_nowait(connection)

    await work(send)
    while not free.empty():
        await free.get_nowait().quit()


async def _by_worker(scene: Scene, first: int, rate: float) -> tuple[float, list[float]]:
    """Enrol that many leads at that rate. Seconds from the first to the last mail's arrival, and each one's own.

    Raises ``RuntimeError`` when any mail was lost or came twice.
    """
    before, enrolled = len(await scene.receiver.mails()), dict[str, float]()

    async def enrol(number: int) -> None:
        enrolled[leads.address(first + number)] = time()
        await leads.enrol(scene.on, 1, first=first + number)

    if rate > _MAILS:
        began = time()
        await leads.enrol(scene.on, _MAILS, first=first)
    else:
        began = time()
        await paced(rate, _MAILS / rate, enrol)
    came = await _arrived(scene, before)
    if len({to for _, to in came}) != _MAILS or len(came) != _MAILS:
        raise RuntimeError(f"{_MAILS} mails were to come, {len(came)} came to {len({to for _, to in came})} leads")
    return max(at for at, _ in came) - began, [at - enrolled[to] for at, to in came if to in enrolled]


async def _arrived(scene: Scene, before: int) -> list[tuple[float, str]]:
    async with asyncio.timeout(180):
        while len(came := (await scene.receiver.mails())[before:]) < _MAILS:
            await asyncio.sleep(0.2)
    return came
