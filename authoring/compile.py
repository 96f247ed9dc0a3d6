"""One asset of one playbook made ready: its Markdown becomes Jinja templates once, leads fill them many times.

Jinja in content would not survive Markdown (quotes are escaped, addresses percent-encoded), so each piece is taken out
under a plain name before and put back after.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count

from jinja2 import Template
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from authoring.layout import layout_values
from authoring.plain import plain_text
from authoring.templates import PIECE, Known, environment, faults
from domain.playbook.models import Asset, Playbook

_STYLES = {
    "paragraph_open": "margin:0 0 18px;",
    "heading_open": "margin:26px 0 10px;line-height:1.3;font-weight:700;",
    "bullet_list_open": "margin:0 0 18px;padding-left:24px;",
    "ordered_list_open": "margin:0 0 18px;padding-left:24px;",
    "list_item_open": "margin:0 0 6px;",
    "blockquote_open": "margin:0 0 18px;padding:2px 0 2px 16px;border-left:3px solid #cbd2d9;color:#52606d;",
    "table_open": "margin:0 0 18px;border-collapse:collapse;width:100%;font-size:15px;line-height:1.45;",
    "th_open": "padding:8px 10px 8px 0;border-bottom:2px solid #cbd2d9;text-align:left;vertical-align:bottom;",
    "td_open": "padding:8px 10px 8px 0;border-bottom:1px solid #e4e7eb;vertical-align:top;",
    "code_inline": "padding:1px 5px;border-radius:4px;background-color:#f3f4f6;font-size:14px;",
    "fence": "padding:12px;border-radius:6px;background-color:#f3f4f6;font-size:14px;white-space:pre-wrap;",
    "hr": "margin:24px 0;border:0;border-top:1px solid #e4e7eb;",
}
_HEADINGS = {"h1": "font-size:24px;", "h2": "font-size:20px;", "h3": "font-size:17px;"}


class ContentFault(Exception):
    """Content that the checks refuse. The message says what, and holds nothing personal."""


@dataclass(frozen=True, slots=True)
class CompiledAsset:
    """Templates of one asset. ``html`` escapes what it is given; the others give text."""

    subject: Template
    preheader: Template
    cta_label: Template
    cta_url: Template
    html: Template
    text: Template


def compile_asset(playbook: Playbook, asset: Asset) -> CompiledAsset:
    """Raises ``ContentFault`` when the content uses what it may not."""
    _guard(playbook, asset)
    pieces = Pieces(asset.body)
    tokens = markdown().parse(pieces.take_out(asset.body))
    words = plain_text(SyntaxTreeNode(tokens))
    body = _html(tokens, layout_values(playbook)["link_color"])
    text, html = environment(escape=False), environment(escape=True)
    return CompiledAsset(
        subject=text.from_string(asset.subject),
        preheader=text.from_string(asset.preheader),
        cta_label=text.from_string(asset.cta_label),
        cta_url=text.from_string(asset.cta_url),
        html=html.from_string(pieces.put_back(body)),
        text=text.from_string(pieces.put_back(words)),
    )


def _guard(playbook: Playbook, asset: Asset) -> None:
    known = Known(frozenset(playbook.variables), frozenset(playbook.lead_fields))
    for text in (asset.subject, asset.preheader, asset.cta_label, asset.cta_url, asset.body):
        for fault in faults(text, known):
            raise ContentFault(f"line {fault.line}: {fault.message}")


@cache
def markdown() -> MarkdownIt:
    """CommonMark with tables; HTML in content is shown as text, never passed on."""
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _html(tokens: list[Token], accent: str) -> str:
    for token in _all(tokens):
        style = _STYLES.get(token.type, "")
        if token.type == "heading_open":
            style = _HEADINGS.get(token.tag, "") + style
        elif token.type == "link_open":
            style = f"color:{accent};text-decoration:underline;"
        if style:
            token.attrSet("style", style)
    return str(markdown().renderer.render(tokens, markdown().options, {}))


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


class Pieces:
    """Takes Jinja out of a text under names that Markdown, HTML and addresses leave alone, and puts it back."""

    def __init__(self, text: str) -> None:
        name = next(name for number in count() if (name := f"tendrilpiece{number}x") not in text)
        self._name = name
        self._pieces: list[str] = []
        self._named = re.compile(rf"{name}(\d+)z")
        # A condition alone in a paragraph must not leave an empty paragraph behind.
        self._alone = re.compile(rf"<p[^>]*>({name}\d+z)</p>")

    def take_out(self, text: str) -> str:
        return PIECE.sub(self._keep, text)

    def put_back(self, text: str) -> str:
        return self._named.sub(lambda found: self._pieces[int(found[1])], self._alone.sub(self._bare, text))

    def _keep(self, found: re.Match[str]) -> str:
        self._pieces.append(found[0])
        return f"{self._name}{len(self._pieces) - 1}z"

    def _bare(self, found: re.Match[str]) -> str:
        named = self._named.fullmatch(found[1])
        condition = named is not None and not self._pieces[int(named[1])].startswith("{{")
        return found[1] if condition else found[0]
