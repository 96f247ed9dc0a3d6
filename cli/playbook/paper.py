"""Text beside labels, wrapped at the terminal's width: what test and trace are printed on."""

import sys

from rich.console import Console
from rich.text import Text

#: Width where there is no terminal.
_WIDE = 100
_LEAST = 30


class Paper:
    """Standard output. Colour only on a terminal that wants it."""

    def __init__(self) -> None:
        self.console = Console(file=sys.stdout, highlight=False, markup=False)
        if not self.console.is_terminal:
            self.console.width = _WIDE

    def line(self, text: Text | str = "", style: str = "") -> None:
        """A line that wraps between words."""
        self.console.print(Text(text, style=style) if isinstance(text, str) else text)

    def place(self, text: str, style: str = "") -> None:
        """A line that never wraps, so that editors find the place in it."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def part(self, text: str, style: str = "") -> None:
        """A part of a line."""
        self.console.print(Text(text, style=style), end="")

    def labelled(self, label: str, text: Text, *, width: int, style: str = "bold") -> None:
        """A label of a width, right-aligned, and a text that stays beside it when it wraps."""
        for number, line in enumerate(text.wrap(self.console, max(self.console.width - width, _LEAST))):
            line.rstrip()
            shown = f"{label if number == 0 else '':>{width - 2}}  "
            self.console.print(Text.assemble((shown, style), line))

    def rule(self, title: str) -> None:
        """A heading with a line to the right edge."""
        self.line()
        rest = max(self.console.width - len(title) - 1, 0)
        self.console.print(Text.assemble((title, "bold"), (f" {'─' * rest}", "dim")), soft_wrap=True)
