"""A playbook shown to people: as diagrams, as a page, as text, and as data."""

from authoring.show.mermaid import as_markdown
from authoring.show.page import as_html
from authoring.show.text import as_data, as_text

__all__ = ["as_data", "as_html", "as_markdown", "as_text"]
