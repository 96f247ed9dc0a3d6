"""What makes a rendered mail say that it was opened and its links followed.

Done where a mail is built for a touch, not in templates: a preview has no touch, and must not count. Only links are
changed that lead by https to a host the playbook itself names: where the host comes from the lead's own fields, a
stranger who fills in a form could make our address lead anywhere.
"""

import re
from collections.abc import Iterator
from html import escape
from urllib.parse import urlsplit

from adapters.email.addresses import addresses, replaced
from adapters.email.links import OpenLinks, TrackedLinks, is_https
from domain.playbook.models import Playbook
from domain.ports import OutboundTouch, RenderedEmail
from domain.trust import HIDDEN

#: A host written out, whole: nothing of it left to a variable.
_HOST = re.compile(r"""https://([^\s/?#<>(){}"'`\\]++)(?!{)""", re.IGNORECASE)
#: Nobody sees it, no screen reader tells it, no tab key reaches it: only who reads the source follows it.
_TRAP = (
    '<div aria-hidden="true" style="display:none;max-height:0;overflow:hidden;mso-hide:all;">'
    '<a href="{url}" tabindex="-1" rel="nofollow" style="display:none;">&nbsp;</a></div>'
)
_PIXEL = '<img src="{url}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0;">'


class Tracking:
    """Puts ``links`` in the place of a mail's own, and the picture of ``opens`` at its end; None leaves that out."""

    def __init__(self, links: TrackedLinks | None, opens: OpenLinks | None = None) -> None:
        self._links = links
        self._opens = opens

    def tracked(self, touch: OutboundTouch, mail: RenderedEmail, playbook: Playbook) -> RenderedEmail:
        """The mail with its links changed, in both parts, and what nobody sees at the end of the HTML."""
        if self._links is not None:
            mail = _with_links(self._links, touch, mail, set(named_hosts(playbook, touch.asset)))
        if self._opens is not None:
            mail = _at_the_end(mail, _PIXEL.format(url=escape(self._opens.url(touch.key))))
        return mail


def named_hosts(playbook: Playbook, asset: str) -> Iterator[str]:
    """Hosts (with their port, if any) that the asset or the playbook's variables write out, in lower case."""
    content = playbook.assets[asset]
    for text in (content.body, content.cta_url, *map(str, playbook.variables.values())):
        yield from (host.rstrip(".,;:!").lower() for host in _HOST.findall(text))


def _with_links(links: TrackedLinks, touch: OutboundTouch, mail: RenderedEmail, hosts: set[str]) -> RenderedEmail:
    """Links to one address are one link. A mail without any needs no trap either: there is nothing to doubt."""
    urls = [url for url in addresses(mail) if _counts(url, links.base, hosts)]
    if not urls:
        return mail
    tracked = {url: links.url(touch.key, number, len(urls), url) for number, url in enumerate(urls, start=1)}
    trap = links.url(touch.key, HIDDEN, len(urls), "")
    return _at_the_end(replaced(mail, tracked), _TRAP.format(url=escape(trap)))


def _counts(url: str, base: str, hosts: set[str]) -> bool:
    # Unsubscribing, answering and the like (``/u/…``, ``/q/…``) must work even where nobody may be counted.
    ours = re.match(rf"{re.escape(base)}/[a-z]/", url)
    return is_https(url) and not ours and urlsplit(url).netloc.lower() in hosts


def _at_the_end(mail: RenderedEmail, html: str) -> RenderedEmail:
    before, end, after = mail.html.rpartition("</body>")
    return mail.model_copy(update={"html": f"{before}{html}{end}{after}" if end else mail.html + html})
