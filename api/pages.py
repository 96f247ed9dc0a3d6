"""Server-rendered pages: plain HTML, no scripts, nothing from elsewhere."""

from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.texts import Texts
from domain.clock import pace
from runtime.sparklines import sparkline

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
#: ``sales_review`` as people read it.
_templates.filters["words"] = lambda value: str(value).replace("_", " ")
_templates.filters["moment"] = lambda value: value.strftime("%d %b %Y %H:%M")
_templates.filters["pace"] = pace
_templates.filters["bars"] = sparkline


def spoken(template: str, say: Texts, status: int = 200, **values: Any) -> HTMLResponse:
    """As ``page``, in the words of one language: ``say`` in the template, and ``lang`` its code."""
    return page(template, status, say=say, lang=say.language, **values)


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The template, filled in. Values are escaped."""
    return HTMLResponse(_templates.get_template(template).render(values), status, _HEADERS)
