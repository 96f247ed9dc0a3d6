"""Links to a calendar say which mail they are in, so that a meeting is its reader's whatever address they book with.

Calendly keeps the UTM parameters of the page that a meeting was booked on, and its webhooks tell them (``tracking``, in
"Webhook payload" of developer.calendly.com): ``utm_content`` holds the touch's reference, an opaque word. Those of an
author's own go before it, and so does every other part of the address.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from adapters.email.addresses import addresses, replaced
from adapters.email.carrier import reference
from adapters.email.links import is_https
from domain.ports import OutboundTouch, RenderedEmail

PARAMETER = "utm_content"


class CalendarLinks:
    """``hosts`` are those of calendars, their subdomains included, in lower case."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = tuple(hosts)

    def marked(self, touch: OutboundTouch, mail: RenderedEmail) -> RenderedEmail:
        """The mail with its links to calendars marked, in both parts."""
        ours = [url for url in addresses(mail) if self._leads_there(url)]
        return replaced(mail, {url: marked(url, reference(touch.key)) for url in ours})

    def _leads_there(self, url: str) -> bool:
        if not is_https(url):
            return False
        host = (urlsplit(url).hostname or "").rstrip(".")
        return any(host == one or host.endswith(f".{one}") for one in self._hosts)


def marked(url: str, word: str) -> str:
    """The address with ``utm_content=word`` behind its query, as it is where it has one. ``word`` needs no escaping."""
    parts = urlsplit(url)
    if any(name == PARAMETER for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        return url
    query = "&".join(filter(None, (parts.query.rstrip("&"), f"{PARAMETER}={word}")))
    return urlunsplit(parts._replace(query=query))
