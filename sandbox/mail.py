"""What the local inbox received: one append-only file, and an index of it in memory.

Each line of ``inbox.jsonl`` is one message, written before the sender hears "250 OK", so a message that was
acknowledged survives a killed process. A last line cut short by a crash was never acknowledged and is dropped.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it arrived. ``to`` are the envelope's recipients; ``size`` is bytes of the raw message."""

    number: int
    received_at: str
    sender: str
    to: tuple[str, ...]
    message_id: str
    subject: str
    size: int


class MailStore:
    """The inbox's contents. ``directory`` None keeps them in memory only."""

    def __init__(self, directory: Path | None = None) -> None:
        self._file = directory / "inbox.jsonl" if directory else None
        self._raw: dict[int, bytes] = {}  # without a file
        self._places: dict[int, int] = {}  # with one: where each message's line begins
        self._arrivals: list[Arrival] = []
        self._copies: Counter[str] = Counter()
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._load(self._file)

    def add(self, sender: str, to: list[str], raw: bytes) -> Arrival:
        """Keep a message. Raises ``OSError`` when it can't be written: then it must not be acknowledged."""
        parsed = BytesHeaderParser(policy=default).parsebytes(raw)  # the body waits until somebody reads it
        arrival = Arrival(
            number=self._arrivals[-1].number + 1 if self._arrivals else 1,
            received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            sender=sender,
            to=tuple(to),
            message_id=str(parsed.get("Message-ID", "")).strip(),
            subject=str(parsed.get("Subject", "")),
            size=len(raw),
        )
        if self._file is None:
            self._raw[arrival.number] = raw
        else:
            self._places[arrival.number] = self._append(self._file, arrival, raw)
        self._keep(arrival)
        return arrival

    def list(self, *, message_id: str = "", to: str = "", text: str = "") -> list[Arrival]:
        """Newest first. ``to`` and ``text`` (subject or address) match any part, without regard to case."""
        return [a for a in reversed(self._arrivals) if _fits(a, message_id, to.lower(), text.lower())]

    def get(self, number: int) -> tuple[Arrival, bytes] | None:
        arrival = next((a for a in self._arrivals if a.number == number), None)
        return (arrival, self._read(number)) if arrival else None

    def copies(self, message_id: str) -> int:
        """How often this Message-ID arrived. More than once would be Tendril's broken promise."""
        return self._copies[message_id] if message_id else 1

    @property
    def repeated(self) -> int:
        """Message-IDs that arrived more than once."""
        return sum(1 for number in self._copies.values() if number > 1)

    def clear(self) -> None:
        self._arrivals.clear()
        self._raw.clear()
        self._places.clear()
        self._copies.clear()
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _keep(self, arrival: Arrival) -> None:
        self._arrivals.append(arrival)
        if arrival.message_id:
            self._copies[arrival.message_id] += 1

    def _append(self, file: Path, arrival: Arrival, raw: bytes) -> int:
        line = json.dumps(asdict(arrival) | {"raw": raw.decode("latin-1")})
        with file.open("ab") as out:
            place = out.tell()
            out.write(line.encode() + b"\n")
        return place

    def _read(self, number: int) -> bytes:
        if self._file is None:
            return self._raw[number]
        with self._file.open("rb") as stream:
            stream.seek(self._places[number])
            return _raw(json.loads(stream.readline()))

    def _load(self, file: Path) -> None:
        whole = 0
        for line in _lines(file):
            try:
                fields = json.loads(line)
            except ValueError:
                break
            fields.pop("raw")
            arrival = Arrival(**(fields | {"to": tuple(fields["to"])}))
            self._places[arrival.number] = whole
            self._keep(arrival)
            whole += len(line)
        if file.exists() and file.stat().st_size > whole:
            with file.open("r+b") as damaged:
                damaged.truncate(whole)


def _raw(fields: dict[str, str]) -> bytes:
    return fields["raw"].encode("latin-1")


def parse(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def body(message: EmailMessage, kind: str) -> str:
    """The text of the ``plain`` or ``html`` part; "" when there is none."""
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def _lines(file: Path) -> Iterator[bytes]:
    if not file.exists():
        return
    with file.open("rb") as stream:
        yield from (line for line in stream if line.endswith(b"\n"))


def _fits(arrival: Arrival, message_id: str, to: str, text: str) -> bool:
    if message_id and arrival.message_id.strip("<>") != message_id.strip("<>"):
        return False
    addresses = " ".join(arrival.to).lower()
    return to in addresses and (text in addresses or text in arrival.subject.lower())
