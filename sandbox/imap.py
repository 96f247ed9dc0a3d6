"""The local inbox over IMAP: as much of RFC 3501 as it takes to read it, and nothing that changes it.

Started with ``listen``; any user with the password ``sandbox`` is let in. A message's UID is its number in the inbox;
numbers begin anew when the inbox is emptied, which UIDVALIDITY tells.
"""

import asyncio
import re
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.mail import Arrival, MailStore

PASSWORD = "sandbox"  # noqa: S105 - the sandbox's public one
_LONGEST_LINE = 8192
_PART = re.compile(r"BODY(?:\.PEEK)?\[\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE)
_SINCE = re.compile(r"SINCE (\d{1,2}-\w{3}-\d{4})", re.IGNORECASE)
_UIDS = re.compile(r"\bUID (\d+):(\d+|\*)", re.IGNORECASE)


class Session:
    """One connection."""

    def __init__(
        self,
        store: MailStore,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        heard: list[str],
        starttls: ssl.SSLContext | None = None,
    ) -> None:
        self._store = store
        self._heard = heard
        self._reader = reader
        self._writer = writer
        self._inside = False
        self._starttls = starttls

    async def run(self) -> None:
        """Until the client leaves."""
        self._say("* OK Tendril inbox")
        while line := (await self._reader.readline()).decode(errors="replace").rstrip("\r\n"):
            self._heard.append(line)
            tag, _, rest = line.partition(" ")
            name, _, arguments = rest.partition(" ")
            self._answer(tag, name.upper(), arguments)
            await self._writer.drain()
            if name.upper() == "STARTTLS" and self._starttls:
                await self._writer.start_tls(self._starttls)
                self._starttls = None
            if name.upper() == "LOGOUT":
                return

    def _answer(self, tag: str, name: str, arguments: str) -> None:
        command: Any = getattr(self, f"_do_{name.lower()}", None)
        if command is None:
            self._say(f"{tag} BAD unknown command")
            return
        refusal = "log in first" if not self._inside and name not in _OPEN else command(arguments)
        self._say(f"{tag} NO {refusal}" if refusal else f"{tag} OK {name} completed")

    def _do_capability(self, _arguments: str) -> None:
        self._say("* CAPABILITY IMAP4rev1" + (" STARTTLS" if self._starttls else ""))

    def _do_starttls(self, _arguments: str) -> str | None:
        return None if self._starttls else "not here"

    def _do_noop(self, _arguments: str) -> None:
        return

    def _do_login(self, arguments: str) -> str | None:
        self._inside = arguments.rpartition(" ")[2].strip('"') == PASSWORD
        return None if self._inside else "[AUTHENTICATIONFAILED] wrong password"

    def _do_logout(self, _arguments: str) -> None:
        self._say("* BYE")

    def _do_examine(self, arguments: str) -> str | None:
        if arguments.strip('"').upper() != "INBOX":
            return "[NONEXISTENT] there is INBOX only"
        arrivals = self._arrivals()
        following = arrivals[-1].number + 1 if arrivals else 1
        for line in (
            f"{len(arrivals)} EXISTS",
            "0 RECENT",
            "FLAGS (\\Seen)",
            "OK [PERMANENTFLAGS ()] none",
            f"OK [UIDVALIDITY {validity(arrivals)}] numbers",
            f"OK [UIDNEXT {following}] next",
        ):
            self._say(f"* {line}")
        return None

    def _do_uid(self, arguments: str) -> str | None:
        what, _, rest = arguments.partition(" ")
        if what.upper() == "SEARCH":
            self._say(" ".join(["* SEARCH", *(str(one.number) for one in self._arrivals() if _fits(one, rest))]))
            return None
        if what.upper() == "FETCH":
            uid, _, wanted = rest.partition(" ")
            self._fetch(int(uid), wanted)
            return None
        return "what changes the inbox is not done here"

    def _fetch(self, uid: int, wanted: str) -> None:
        found, part = self._store.get(uid), _PART.search(wanted)
        if found is None or part is None:
            return
        start, size = int(part[1] or 0), int(part[2] or len(found[1]))
        raw = found[1][start : start + size]
        origin = f"<{start}>" if part[1] else ""
        self._writer.write(f"* {uid} FETCH (UID {uid} BODY[]{origin} {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")

    def _arrivals(self) -> list[Arrival]:
        return list(reversed(self._store.list()))

    def _say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())


_OPEN = frozenset({"CAPABILITY", "NOOP", "LOGIN", "LOGOUT", "STARTTLS"})


def validity(arrivals: list[Arrival]) -> int:
    """Another one once the inbox was emptied."""
    return int(datetime.fromisoformat(arrivals[0].received_at).timestamp()) if arrivals else 1


def _fits(arrival: Arrival, criteria: str) -> bool:
    if since := _SINCE.search(criteria):
        day = datetime.strptime(since[1], "%d-%b-%Y").replace(tzinfo=UTC)
        return datetime.fromisoformat(arrival.received_at) >= day - timedelta(days=1)
    uids = _UIDS.search(criteria)
    # "n:*" holds the last message always; that is the caller's business.
    return uids is None or int(uids[1]) <= arrival.number


async def listen(
    store: MailStore,
    host: str,
    port: int,
    heard: list[str] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
) -> asyncio.Server:
    """Serve the inbox until the server is closed; ``heard`` gets every line. Raises ``OSError``: the port is taken.

    ``tls`` secures connections from their beginning, ``starttls`` when the client asks for it.
    """
    lines = heard if heard is not None else []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await Session(store, reader, writer, lines, starttls).run()
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(served, host, port, limit=_LONGEST_LINE, ssl=tls)
