"""One page that shows a playbook's mails as an invented lead would get them."""

from functools import cache

from jinja2 import Environment, Template

from authoring.render import fill, prepare
from domain.playbook.models import LeadField, Playbook
from domain.ports import RenderedEmail

#: Invented values for the fields that most playbooks declare.
_INVENTED = {
    "first_name": "Robin",
    "last_name": "Sample",
    "name": "Robin Sample",
    "company": "Sample Works",
    "role": "Head of Operations",
    "job_title": "Head of Operations",
    "city": "Sampletown",
    "industry": "manufacturing",
}
_BY_TYPE = {"string": "sample", "int": 120, "float": 12.5, "bool": True, "list": ["sample"]}
UNSUBSCRIBE = "https://www.example.com/unsubscribe/preview"


def invented_lead(playbook: Playbook) -> dict[str, object]:
    """A value for each declared field. Nobody's."""
    return {name: _value(name, field) for name, field in playbook.lead_fields.items()}


def _value(name: str, field: LeadField) -> object:
    return _INVENTED.get(name, _BY_TYPE["string"]) if field.type == "string" else _BY_TYPE[field.type]


def preview_email(playbook: Playbook, asset: str, fields: dict[str, object] | None = None) -> RenderedEmail:
    """One mail for an invented lead, or for the given fields. Raises ``KeyError`` when there is no such asset."""
    compiled = prepare(playbook, playbook.assets[asset])
    return fill(playbook, asset, compiled, invented_lead(playbook) if fields is None else fields, UNSUBSCRIBE)


def preview_page(playbook: Playbook, assets: list[str] | None = None) -> str:
    """A page of the named assets, or of all, each as HTML beside its plain text."""
    mails = [(playbook.assets[name], preview_email(playbook, name)) for name in assets or playbook.assets]
    return _page().render(playbook=playbook, mails=mails)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ playbook.title or playbook.name }}: mails</title>
<style>
body { margin: 0 auto; max-width: 1180px; padding: 24px; font: 16px/1.5 system-ui, sans-serif; color: #1f2933; }
nav a { margin-right: 12px; }
section { margin: 40px 0; border-top: 1px solid #cbd2d9; padding-top: 16px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; } dt { color: #52606d; } dd { margin: 0; }
.parts { display: flex; flex-wrap: wrap; gap: 20px; }
iframe { flex: 1 1 620px; height: 760px; border: 1px solid #cbd2d9; }
pre { flex: 1 1 320px; margin: 0; padding: 16px; background: #f3f4f6; white-space: pre-wrap; overflow-wrap: anywhere; }
</style></head><body>
<h1>{{ playbook.title or playbook.name }}</h1>
<p>Mails as an invented lead would get them.</p>
<nav>{% for asset, mail in mails %}<a href="#{{ asset.id }}">{{ asset.id }}</a>{% endfor %}</nav>
{% for asset, mail in mails %}<section id="{{ asset.id }}"><h2>{{ asset.id }}</h2>
<dl><dt>Subject</dt><dd>{{ mail.subject }}</dd><dt>Preheader</dt><dd>{{ mail.preheader }}</dd>
<dt>Question</dt><dd>{{ asset.question }}</dd><dt>Stage</dt><dd>{{ asset.stage or "" }}</dd></dl>
<div class="parts"><iframe title="{{ asset.id }}" sandbox srcdoc="{{ mail.html }}"></iframe>
<pre>{{ mail.text }}</pre></div>
</section>{% endfor %}
</body></html>
"""


@cache
def _page() -> Template:
    return Environment(autoescape=True).from_string(_PAGE)
