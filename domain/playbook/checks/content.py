"""Assets have what their channel needs, and names that content uses do not clash."""

import re
from collections.abc import Iterator

from domain.playbook.checks.finding import Finding
from domain.playbook.checks.references import emailed_assets, missing
from domain.playbook.models import Playbook

#: Names that content has without the playbook declaring them: name → meaning.
CONTENT_VARIABLES = {
    "lead.…": "A declared lead field, such as `lead.first_name`; empty when unknown, so give a `default`.",
    "sender.name": "The sender's name.",
    "sender.email": "The sender's address.",
    "sender.postal_address": "The sender's postal address.",
    "cta_url": "Where the asset's call to action leads.",
    "unsubscribe_url": "The lead's own page to unsubscribe. Every mail's footer links it already.",
    "question.ask": "In a step with `ask`: the question, as the page asks it. Empty elsewhere.",
    "question.help": "The line below the question.",
    "question.url": "The lead's own page with the question; usually the `cta_url`.",
}
RESERVED = frozenset({"lead", "sender", "cta_url", "unsubscribe_url", "question"})

#: Variables that the mail layout uses when a playbook declares them: name → (default, meaning).
LAYOUT_VARIABLES = {
    "language": ("en", "Language of the mails, as a code such as `en` or `pt-BR`."),
    "brand_color": ("#0b6e4f", "Colour of button, links and the line above the text, as `#rrggbb`."),
    "footer_reason": (
        "You get this mail because you asked {sender} for information or visited its pages.",
        "Why the reader gets this mail; `{sender}` is the sender's name.",
    ),
    "footer_unsubscribe": ("Unsubscribe", "Text of the footer's link."),
}
_BEGINS_WITH = re.compile(r"\{\{-?\s*([a-z_][a-z0-9_.]*)")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:-[a-zA-Z0-9]{2,8})*")

_MAIL_NEEDS = {
    "subject": "a subject line",
    "question": "the buyer question it answers",
    "cta_label": "the text of its call to action",
    "cta_url": "where its call to action leads",
}


def check_content(document: Playbook) -> Iterator[Finding]:
    emailed = emailed_assets(document)
    for name, asset in document.assets.items():
        for key, meaning in _MAIL_NEEDS.items():
            if name in emailed and not getattr(asset, key):
                yield Finding(("assets", name), "incomplete-mail", f"is sent as e-mail, so it needs {key}: {meaning}")
        if asset.cta_url and not _is_https(document, asset.cta_url):
            message = "the address of the button must begin with https://, or with a variable that does"
            yield Finding(("assets", name, "cta_url"), "https", message)
        if asset.topic and asset.topic not in document.topics:
            yield missing(("assets", name, "topic"), "topic in topics", asset.topic, document.topics)
        if "\n" in asset.subject:
            yield Finding(("assets", name, "subject"), "subject", "a subject is one line")
    for name in RESERVED.intersection(document.variables):
        message = f"“{name}” is what content calls something else; use another name"
        yield Finding(("variables", name), "name", message)
    for name, form in (("brand_color", _COLOUR), ("language", _LANGUAGE)):
        value = document.variables.get(name)
        if value is not None and not form.fullmatch(value):
            message = f"“{value}” can't be used by the layout: {LAYOUT_VARIABLES[name][1]}"
            yield Finding(("variables", name), "layout", message)


def _is_https(document: Playbook, url: str) -> bool:
    """Whether it begins with https://, itself or by the playbook's variable it begins with.

    A variable that does not exist is reported where templates are checked.
    """
    begins = _BEGINS_WITH.match(url)
    if begins is None:
        return url.startswith("https://")
    return document.variables.get(begins[1], "https://").startswith("https://") and not begins[1].startswith("lead.")
