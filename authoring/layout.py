"""The mail layout: MJML compiled once to an HTML template, and the same frame for the plain-text part."""

from functools import cache
from pathlib import Path

from jinja2 import Template
from markupsafe import Markup
from mjml import mjml2html

from authoring.colours import SHAPE, WHITE, readable, text_on
from authoring.templates import environment
from domain.playbook.checks.content import LAYOUT_VARIABLES
from domain.playbook.models import Playbook

#: What the words stand on in dark schemes; the layout has the same.
_DARK_CARD = "#1e2328"
#: Mail programs show the preheader and then whatever follows: spaces that take room and are not seen.
_PADDING = Markup("&#847;&zwnj;&nbsp;" * 100)  # noqa: S704 — nobody’s words are in it

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
    return environment(escape=True).from_string(mjml2html(source, fonts={}), globals={"padding": _PADDING})


@cache
def text_layout() -> Template:
    return environment(escape=False).from_string(_TEXT)


def layout_values(playbook: Playbook) -> dict[str, str]:
    """The layout's own settings: the playbook's variables of these names, else the defaults, and what follows."""
    values = {name: playbook.variables.get(name, default) for name, (default, _) in LAYOUT_VARIABLES.items()}
    reason = values["footer_reason"].replace("{sender}", playbook.sender.name)
    return values | {"footer_reason": reason} | _colours(values["brand_color"])


@cache
def _colours(brand: str) -> dict[str, str]:
    """Colours made of the brand's that can be read on the light and on the dark card."""
    button_dark = readable(brand, _DARK_CARD, SHAPE)
    return {
        "button_text": text_on(brand),
        "button_dark": button_dark,
        "button_dark_text": text_on(button_dark),
        "link_color": readable(brand, WHITE),
        "link_dark": readable(brand, _DARK_CARD, 7),
    }
