"""The gallery as a page. It needs no scripts, and fetches nothing but the images of the mails, when asked to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from authoring.gallery.frames import Seen
from authoring.preview import invented_lead, preview_email
from authoring.show.steps import Row, Steps
from authoring.show.words import titled
from domain.playbook.models import Asset, Playbook


@dataclass(frozen=True, slots=True)
class Picture:
    """One asset with everything that is shown of it. ``used``: each step that sends it, in words."""

    asset: Asset
    stage: str
    used: tuple[str, ...]
    subjects: tuple[tuple[str, str], ...]
    seen: tuple[Seen, ...]


def gallery(
    playbook: Playbook, assets: Sequence[str] = (), fields: Mapping[str, Any] | None = None, *, images: bool = False
) -> str:
    """A page of the named assets, or of all, for a lead with these fields (an invented one when None) and for one of
    whom nothing is known. ``images``: the mails' are fetched from where they are, with a switch to see the mails
    without; otherwise the page fetches nothing. Raises ``KeyError`` when there is no such asset.
    """
    known = invented_lead(playbook) if fields is None else dict(fields)
    rows = Steps(playbook).rows()
    pictures = [_picture(playbook, playbook.assets[name], known, rows) for name in assets or playbook.assets]
    return _template().render(
        playbook=playbook,
        pictures=pictures,
        known=_described(known),
        images=images and any(seen.images for picture in pictures for seen in picture.seen),
    )


@cache
def _template() -> Template:
    source = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.from_string(source)


def _picture(playbook: Playbook, asset: Asset, known: Mapping[str, Any], rows: Sequence[Row]) -> Picture:
    return Picture(
        asset=asset,
        stage=titled(asset.stage) if asset.stage else "",
        used=tuple(f"{row.segment}, {row.stage}: {row.step.id}, {row.when}" for row in _senders(asset, rows)),
        subjects=tuple(_other_subjects(playbook, asset, rows)),
        seen=_seen(playbook, asset, known),
    )


def _senders(asset: Asset, rows: Sequence[Row]) -> Iterator[Row]:
    return (row for row in rows if row.step.asset == asset.id)


def _seen(playbook: Playbook, asset: Asset, known: Mapping[str, Any]) -> tuple[Seen, ...]:
    """Twice, or once where it makes no difference who reads it."""
    mail, without = preview_email(playbook, asset.id, known), preview_email(playbook, asset.id, {})
    if mail == without:
        return (Seen("anyone", "Same for everyone", mail),)
    return Seen("known", "A lead we know", mail), Seen("unknown", "A lead of whom nothing is known", without)


def _other_subjects(playbook: Playbook, asset: Asset, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Subject lines that experiments try, each with its variant."""
    steps = {row.step.id for row in _senders(asset, rows)}
    for experiment in playbook.experiments:
        if steps.intersection(experiment.steps):
            yield from ((f"{experiment.id}, {one.id}", one.subject) for one in experiment.variants if one.subject)


def _described(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in fields.items() if value not in (None, "", []))
