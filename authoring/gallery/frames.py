"""One mail as it would be seen: a document for a frame, in one colour scheme, with or without its images.

A frame follows the reader's own colour scheme; a gallery must show both. So the mail's condition on the scheme is
decided here, which also works in browsers that do not hand a scheme on to frames.
"""

import re
from dataclasses import dataclass
from typing import Literal

from domain.ports import RenderedEmail

Scheme = Literal["light", "dark"]
#: Gmail shows no more than this of a mail.
CLIPPED_AT = 102 * 1024
_DARK = re.compile(r"\(\s*prefers-color-scheme:\s*dark\s*\)")
_BOTH = re.compile(r"(color-scheme(?:\"\s+content=\"|:\s*))light dark")
_HEAD = re.compile(r"<head[^>]*>")


@dataclass(frozen=True, slots=True)
class Seen:
    """One mail for one reader. ``who``: class of the elements that show it; ``images``: whether it has any."""

    who: str
    name: str
    mail: RenderedEmail

    @property
    def images(self) -> bool:
        return "<img" in self.mail.html

    @property
    def kilobytes(self) -> float:
        return round(self._bytes / 1024, 1)

    @property
    def clipped(self) -> bool:
        return self._bytes > CLIPPED_AT

    @property
    def _bytes(self) -> int:
        return len(self.mail.html.encode())

    def document(self, scheme: Scheme, *, images: bool) -> str:
        """The mail's HTML for a frame. Without ``images`` nothing is fetched; scripts never run.

        The policy does that, and not the frame's ``sandbox``: browsers give each sandbox a process, and a playbook has
        hundreds of frames.
        """
        html = _DARK.sub("all" if scheme == "dark" else "not all", self.mail.html)
        html = _BOTH.sub(rf"\g<1>{scheme}", html)
        sources = "https: data:" if images else "'none'"
        policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src {sources}"
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        return _HEAD.sub(lambda found: found[0] + meta, html, count=1)
