"""Every mail of a playbook on one page: widths, colour schemes, plain text and inbox line, for leads known and unknown."""

from authoring.gallery.page import gallery

__all__ = ["gallery"]
