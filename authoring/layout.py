"""The mail layout: MJML compiled once to an HTML template, and the same frame for the plain-text part."""

from functools import cache
from pathlib import Path

from jinja2 import Template
from mjml import mjml2html

from authoring.templates import environment
from domain.playbook.checks.content import LAYOUT_VARIABLES
from domain.playbook.models import Playbook

_TEXT = """\
{{ body }}
{% if cta_label and cta_url %}
{{ cta_label }}: {{ cta_url }}
{% endif %}
-- 
{{ sender.name }}
{{ sender.postal_address }}

{{ footer_reason }}
{{ footer_unsubscribe }}: {{ unsubscribe_url }}
"""  # noqa: W291 — “-- ” with its space is how mail programs know where the footer begins


@cache
def html_layout() -> Template:
    """The layout as a template that escapes all it is given but the body, which is HTML already."""
    source = Path(__file__).with_name("layout.mjml").read_text(encoding="utf-8")
    return environment(escape=True).from_string(mjml2html(source, fonts={}))


@cache
def text_layout() -> Template:
    return environment(escape=False).from_string(_TEXT)


def layout_values(playbook: Playbook) -> dict[str, str]:
    """The layout's own settings: the playbook's variables of these names, else the defaults."""
    values = {name: playbook.variables.get(name, default) for name, (default, _) in LAYOUT_VARIABLES.items()}
    return values | {"footer_reason": values["footer_reason"].replace("{sender}", playbook.sender.name)}
