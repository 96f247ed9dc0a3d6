"""Was it a person who followed a link or opened a mail? Pure rules over one request and what went before it.

Mail passes machines on its way: gateways follow every link before anyone sees it, mail programs fetch pictures ahead.
What is probably theirs is kept and explained, and never counted. The rules ask, in this order, whether the visitor says
so itself (user agent, network, prefetch headers), whether it did what no person can (a link that nobody sees, several
links at once, every link within seconds), and whether it came before anyone could have read.

No rule is certain, and none sees a gateway that waits, follows one link, and calls itself a browser. Nothing of a
visit is kept but the verdict: no address, no user agent.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple, Self

#: The number of the link that no one sees: only machines follow it.
HIDDEN = 0
#: Two links of a mail followed so close together: nobody reads and clicks so fast.
AT_ONCE = timedelta(seconds=2)
#: Every link of a mail (of three or more) followed within so long.
EVERY_LINK = timedelta(seconds=30)
_MANY_LINKS = 3
#: Nobody has received, read and clicked so soon after the mail left, or arrived: it may have waited on its way.
TOO_SOON = timedelta(seconds=10)
#: What is followed so close to a visit to the hidden link is the same machine's.
SCAN = timedelta(minutes=5)

#: What machines call themselves: part of the user agent, in lower case → who it is. Looked up in November 2026.
#: Sources: the vendors' pages on their crawlers; phplist3 issue 415 (BingPreview follows links in Outlook.com's mail);
#: stackoverflow.com/questions/63184772 (Gmail's content sampling). A gateway's own name is no browser's.
AGENTS: Mapping[str, str] = {
    "bingpreview": "Microsoft's preview of links",
    "gmail-content-sampling": "Gmail's sampling of links",
    "barracuda": "a mail gateway (Barracuda)",
    "mimecast": "a mail gateway (Mimecast)",
    "proofpoint": "a mail gateway (Proofpoint)",
    "ironport": "a mail gateway (Cisco)",
    "facebookexternalhit": "a preview of links (Facebook)",
    "skypeuripreview": "a preview of links (Skype, Teams)",
    "whatsapp/": "a preview of links (WhatsApp)",
    "headlesschrome": "a browser without a person",
    "phantomjs": "a browser without a person",
    "curl/": "a program (curl)",
    "wget/": "a program (Wget)",
    "python-requests": "a program (Python)",
    "python-urllib": "a program (Python)",
    "python-httpx": "a program (Python)",
    "aiohttp/": "a program (Python)",
    "go-http-client": "a program (Go)",
    "apache-httpclient": "a program (Java)",
    "java/": "a program (Java)",
    "libwww-perl": "a program (Perl)",
    "node-fetch": "a program (Node.js)",
    "axios/": "a program (Node.js)",
}
#: “Googlebot/2.1”, “Slackbot-LinkExpanding 1.0”, “LinkedInBot/1.0”; not the phones named Cubot.
_ROBOT = re.compile(r"(?<!cu)bot\b|crawler|spider", re.IGNORECASE)
#: Networks that mail gateways check links from → who it is. Looked up in November 2026.
#: Source: campus.barracuda.com, “IP Analysis – Inbound”. Its page “Unwanted Link Clicks” says that not all come from
#: there any more: this list can only ever help.
NETWORKS = {ip_network("209.222.80.0/21"): "a mail gateway (Barracuda)"}
#: Headers by which browsers say that nobody has asked for the page yet: fetch.spec.whatwg.org (Sec-Purpose), and those
#: that Chrome, Safari and Firefox sent before it.
PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
#: All that Apple's proxies say of themselves (Mail Privacy Protection): they fetch pictures, whoever looks or does not.
#: Source: help.socketlabs.com, “Identifying Apple MPP Opens”.
_BARE = "Mozilla/5.0"
#: Of an operator's part of a user agent: anything shorter is in a browser's as well.
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, as it came in. ``at`` is on the wall clock; ``purpose`` is what the ``PURPOSES`` headers say."""

    at: datetime
    agent: str = ""
    address: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Scanners:
    """Machines that an operator knows beside ours: parts of user agents in lower case, and networks."""

    agents: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    @lru_cache(maxsize=8)
    def read(cls, agents: str, networks: str) -> Self:
        """From lists with commas between. Raises ``ValueError`` naming what is no network, or would catch anybody."""
        parts = tuple(part.strip().lower() for part in agents.split(",") if part.strip())
        if short := next((part for part in parts if len(part) < _SHORTEST), ""):
            raise ValueError(f"“{short}” is part of too many user agents: give at least {_SHORTEST} characters")
        return cls(parts, tuple(_read_network(part.strip()) for part in networks.split(",") if part.strip()))


class Followed(NamedTuple):
    """A link of the same mail and the last time it was followed, on the wall clock.

    Below zero are numbers of links of which only the address is known. What vendors tell comes in any order: what was
    followed shortly after the visit is as close to it as what was before.
    """

    link: int
    at: datetime


class Doubt(NamedTuple):
    """Why a visit is not counted. What was followed in the time ``back`` before it was the same machine's work."""

    rule: str
    why: str
    back: timedelta = timedelta()


def doubt_click(
    visit: Visit,
    link: int,
    links: int,
    arrived_at: datetime | None,
    others: Sequence[Followed],
    known: Scanners = Scanners(),
) -> Doubt | None:
    """Why this is no person's click; None when it counts.

    ``links`` is how many the mail has; ``others`` are those of them that were followed before. The mail arrived at
    ``arrived_at``, as far as it is known: it left then, at the least. ``known`` are machines that the operator knows
    beside ours.
    """
    if link == HIDDEN:
        return Doubt("hidden_link", "the hidden link of the mail was followed, which no person sees", SCAN)
    return (
        _says_so(visit, known)
        or _bare(visit, "the user agent is one that only machines have")
        or _scanned(visit, others)
        or _burst(visit, link, links, others)
        or _too_soon(visit, arrived_at)
    )


def doubt_open(visit: Visit, arrived_at: datetime | None, known: Scanners = Scanners()) -> Doubt | None:
    """Why this says nothing of a person; None when it does.

    Gmail's and Yahoo's proxies count: they fetch when somebody opens the mail.
    """
    return (
        _says_so(visit, known)
        or _bare(visit, "Apple's mail fetches pictures whether or not anyone looks (Mail Privacy Protection)")
        or _too_soon(visit, arrived_at)
    )


def _says_so(visit: Visit, known: Scanners) -> Doubt | None:
    if not visit.agent.strip():
        return Doubt("scanner_agent", "the visitor has no user agent: every browser has one")
    agent = visit.agent.lower()
    who = next((who for part, who in AGENTS.items() if part in agent), "a robot" if _ROBOT.search(agent) else "")
    if who:
        return Doubt("scanner_agent", f"the user agent is {who}")
    if any(part in agent for part in known.agents):
        return Doubt("scanner_agent", "the user agent is one that this deployment's operator knows for a machine's")
    if network := _network(visit.address, known):
        return Doubt("scanner_network", f"it came from the network of {network}")
    if _AHEAD.search(visit.purpose):
        return Doubt("prefetch", "a browser fetched it ahead, before anyone asked")
    return None


def _network(address: str, known: Scanners) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if any(found in network for network in known.networks):
        return "a machine that this deployment's operator knows"
    return next((who for network, who in NETWORKS.items() if found in network), "")


def _read_network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"“{text}” is no network: {error}; write 192.0.2.0/24 or 2001:db8::/32") from None
    if network.prefixlen == 0:
        raise ValueError(f"“{text}” is everybody")
    return network


def _bare(visit: Visit, why: str) -> Doubt | None:
    return Doubt("bare_agent", why) if visit.agent.strip() == _BARE else None


def _scanned(visit: Visit, others: Iterable[Followed]) -> Doubt | None:
    if any(other.link == HIDDEN and abs(visit.at - other.at) <= SCAN for other in others):
        return Doubt("scanner_here", "a machine followed the hidden link of the same mail minutes before")
    return None


def _burst(visit: Visit, link: int, links: int, others: Iterable[Followed]) -> Doubt | None:
    seen = [other for other in others if other.link not in {HIDDEN, link}]
    if any(abs(visit.at - other.at) <= AT_ONCE for other in seen):
        return Doubt("at_once", f"several links were followed within {AT_ONCE.seconds} seconds", AT_ONCE)
    soon = {other.link for other in seen if abs(visit.at - other.at) <= EVERY_LINK} | {link}
    if links >= _MANY_LINKS and len(soon) >= links:
        return Doubt(
            "every_link", f"every link of the mail was followed within {EVERY_LINK.seconds} seconds", EVERY_LINK
        )
    return None


def _too_soon(visit: Visit, arrived_at: datetime | None) -> Doubt | None:
    if arrived_at is not None and visit.at - arrived_at < TOO_SOON:
        return Doubt("too_soon", f"it came within {TOO_SOON.seconds} seconds of the mail's leaving or arriving")
    return None
