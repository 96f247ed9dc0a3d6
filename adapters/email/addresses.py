"""Addresses that a rendered mail leads to, in its HTML and its text, and others in their places."""

import re
from collections.abc import Mapping
from html import escape, unescape

from domain.ports import RenderedEmail

_HREF = re.compile(r"""(<a\b[^<>]*?\bhref=")([^"]*)""", re.IGNORECASE)


def addresses(mail: RenderedEmail) -> list[str]:
    """Where the links of its HTML lead, each once, in their order."""
    return list(dict.fromkeys(unescape(href) for _, href in _HREF.findall(mail.html)))


def replaced(mail: RenderedEmail, others: Mapping[str, str]) -> RenderedEmail:
    """The mail with these addresses for its own, in both parts; what is no whole address of a link stays."""
    if not others:
        return mail
    return mail.model_copy(update={"html": _in_html(mail.html, others), "text": _in_text(mail.text, others)})


def _in_html(html: str, others: Mapping[str, str]) -> str:
    def swap(found: re.Match[str]) -> str:
        url = unescape(found[2])
        return found[1] + escape(others[url]) if url in others else found[0]

    return _HREF.sub(swap, html)


def _in_text(text: str, others: Mapping[str, str]) -> str:
    longest_first = sorted(others, key=len, reverse=True)
    whole = re.compile(rf"({'|'.join(map(re.escape, longest_first))})(?=[\s>]|$)")
    return whole.sub(lambda found: others[found[1]], text)
