"""Every mail of a playbook on one page: two widths, both colour schemes, plain text, for leads known and unknown."""

from authoring.gallery.page import gallery

__all__ = ["gallery"]
