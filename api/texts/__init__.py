"""What public pages say, in every language there is: a file each, beside this one (``en.yaml`` says what keys mean).

Adding a language is adding its file: a test holds it to the keys of ``en.yaml``.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from fastapi import Depends, Request
from markupsafe import Markup, escape

_HERE = Path(__file__).parent
#: What is said to whom nothing else is known of.
DEFAULT = "en"
#: Parts of an Accept-Language header that are read; browsers send a handful.
_MOST = 20
_QUALITY = re.compile(r"\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*")


class Texts:
    """The texts of one language; called with a key, and the words that are filled in."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self.texts = texts

    def __call__(self, key: str, **words: Any) -> str:
        return self.texts[key].format(**words)

    def marked(self, key: str, **words: Markup) -> Markup:
        """As HTML, with markup filled in."""
        return Markup(escape(self.texts[key])).format(**words)  # noqa: S704 - escaped right here

    def day(self, at: datetime) -> str:
        """“3 February 2027”, as people write it in this language."""
        return self("day", day=at.day, month=self.texts["months"].split()[at.month - 1], year=at.year)


@cache
def languages() -> dict[str, Texts]:
    """Every language by its code (``de``)."""
    found = sorted(_HERE.glob("*.yaml"))
    return {file.stem: Texts(file.stem, yaml.safe_load(file.read_text(encoding="utf-8"))) for file in found}


def texts_for(known: str, accepted: str) -> Texts:
    """The texts for somebody who was written to in the language ``known`` ("" when that can't be told), and whose
    browser sent ``accepted`` as Accept-Language.
    """
    for tag in (known, *_in_order(accepted)):
        if found := languages().get(tag.partition("-")[0].strip().lower()):
            return found
    return languages()[DEFAULT]


def _in_order(accepted: str) -> list[str]:
    """Language tags, the most wanted first (RFC 9110, 12.5.4)."""
    wanted = []
    for part in accepted.split(",", _MOST)[:_MOST]:
        tag, _, parameter = part.partition(";")
        quality = _QUALITY.fullmatch(parameter)
        wanted.append((float(quality[1]) if quality else 1.0, tag))
    return [tag for quality, tag in sorted(wanted, key=lambda one: -one[0]) if quality > 0]


def _accepted(request: Request) -> str:
    return request.headers.get("accept-language", "")


#: What the browser of whoever asks says it prefers.
Accepted = Annotated[str, Depends(_accepted)]
