"""Assets have what their channel needs, and names that content uses do not clash."""

from collections.abc import Iterator

from domain.playbook.checks.finding import Finding
from domain.playbook.checks.references import emailed_assets
from domain.playbook.models import Playbook

#: Names that content has without the playbook declaring them: name → meaning.
CONTENT_VARIABLES = {
    "lead.…": "A declared lead field, such as `lead.first_name`; empty when unknown, so give a `default`.",
    "sender.name": "The sender's name.",
    "sender.email": "The sender's address.",
    "sender.postal_address": "The sender's postal address.",
    "cta_url": "Where the asset's call to action leads.",
    "unsubscribe_url": "The lead's own page to unsubscribe. Every mail's footer links it already.",
}
RESERVED = frozenset({"lead", "sender", "cta_url", "unsubscribe_url"})

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
                yield Finding(("assets", name), "asset", f"is sent as e-mail, so it needs {key}: {meaning}")
        if asset.cta_url and not _is_https(document, asset.cta_url):
            yield Finding(("assets", name, "cta_url"), "asset", "must begin with https://")
        if "\n" in asset.subject:
            yield Finding(("assets", name, "subject"), "asset", "a subject is one line")
    for name in RESERVED.intersection(document.variables):
        message = f"“{name}” is what content calls something else; use another name"
        yield Finding(("variables", name), "name", message)


def _is_https(document: Playbook, url: str) -> bool:
    """Whether it begins with https://, also where it begins with a variable of the playbook."""
    for name, value in document.variables.items():
        for form in (f"{{{{ {name} }}}}", f"{{{{{name}}}}}"):
            url = url.replace(form, value) if url.startswith(form) else url
    return url.startswith("https://")
