"""Mail for one lead from one asset: the port ``Renderer``.

Templates are compiled once for each asset of each playbook version and kept (the least recently used go first). What
is personal is only ever in the result: faults name the asset and the kind of error, never a value.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import Template, TemplateError
from markupsafe import Markup

from authoring.compile import CompiledAsset, ContentFault, compile_asset
from authoring.layout import html_layout, layout_values, text_layout
from authoring.questions import NoQuestion, QuestionUrl, question_values
from authoring.templates import lead_values, sender_values
from domain.errors import NotFound, OurFault
from domain.playbook.models import Asset, Playbook
from domain.ports import OutboundTouch, Playbooks, RenderedEmail

_KEPT = 512
_GAPS = re.compile(r"\n{3,}")


class PlaybookRenderer:
    """Renders assets of stored playbooks. One per process; safe to share between tasks of one event loop.

    ``question_url`` makes the address of the page that a step's question is answered on.
    """

    def __init__(self, playbooks: Playbooks, question_url: QuestionUrl) -> None:
        self._playbooks = playbooks
        self._question_url = question_url
        self._compiled: OrderedDict[tuple[str, str, str], CompiledAsset] = OrderedDict()

    async def email(self, touch: OutboundTouch, unsubscribe_url: str) -> RenderedEmail:
        """The touch's asset for its lead. Raises ``OurFault`` when it can't be rendered."""
        try:
            playbook = (await self._playbooks.compiled(touch.playbook)).document.sent_by(touch.sender)
        except NotFound:
            raise _fault(touch.asset, f"playbook {touch.playbook} is not stored") from None
        asset = playbook.assets.get(touch.asset)
        if asset is None:
            raise _fault(touch.asset, f"playbook {touch.playbook} has no such asset")
        try:
            question = question_values(playbook, touch, self._question_url)
        except NoQuestion as missing:
            raise _fault(touch.asset, f"the step “{touch.step}” {missing}") from None
        compiled = self._take(touch.playbook, playbook, asset, another_subject(playbook, touch.variant))
        return fill(playbook, asset.id, compiled, touch.fields, unsubscribe_url, question)

    def _take(self, content_hash: str, playbook: Playbook, asset: Asset, subject: str) -> CompiledAsset:
        key = (content_hash, asset.id, subject)
        found = self._compiled.get(key)
        if found is None:
            changed = asset.model_copy(update={"subject": subject}) if subject else asset
            found = self._compiled[key] = prepare(playbook, changed)
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return found


def another_subject(playbook: Playbook, variant: str) -> str:
    """The subject that a variant (``experiment:variant``) puts in the place of the asset's own; "" when none.

    A variant that the playbook does not have changes nothing: better the asset's own words than no mail.
    """
    experiment, _, name = variant.partition(":")
    variants = (one for of in playbook.experiments if of.id == experiment for one in of.variants if one.id == name)
    return next((one.subject for one in variants), "")


def prepare(playbook: Playbook, asset: Asset) -> CompiledAsset:
    """Compile an asset. Raises ``OurFault``."""
    try:
        return compile_asset(playbook, asset)
    except ContentFault as fault:
        raise _fault(asset.id, str(fault)) from None
    except (TemplateError, RecursionError) as error:
        raise _fault(asset.id, f"is not a template ({type(error).__name__})") from None


def fill(
    playbook: Playbook,
    asset: str,
    compiled: CompiledAsset,
    fields: Mapping[str, Any],
    unsubscribe_url: str,
    question: Mapping[str, str] = MappingProxyType({}),
) -> RenderedEmail:
    """Personalise a compiled asset. Raises ``OurFault`` without any of the lead's values in it.

    ``question`` is what ``question_values`` gives; empty for a step that asks nothing.
    """
    values: dict[str, Any] = dict(playbook.variables) | {
        "lead": lead_values(fields, playbook.lead_fields),
        "sender": sender_values(playbook.sender),
        "question": question,
        "unsubscribe_url": unsubscribe_url,
    }
    try:
        values["cta_url"] = compiled.cta_url.render(values)
        return _frame(playbook, compiled, values)
    except Exception as error:  # noqa: BLE001 — filters raise anything; the message could hold a value, so only its kind is kept
        raise _fault(asset, f"could not be filled in ({type(error).__name__})") from None


def _frame(playbook: Playbook, compiled: CompiledAsset, values: dict[str, Any]) -> RenderedEmail:
    subject, preheader = _line(compiled.subject, values), _line(compiled.preheader, values)
    frame = values | layout_values(playbook)
    frame |= {"subject": subject, "preheader": preheader, "cta_label": _line(compiled.cta_label, values)}
    html = html_layout().render(frame | {"body": Markup(compiled.html.render(values))})  # noqa: S704 — escaped by its own template
    words = _GAPS.sub("\n\n", compiled.text.render(values)).strip()
    return RenderedEmail(
        subject=subject, preheader=preheader, html=html, text=text_layout().render(frame | {"body": words})
    )


def _line(template: Template, values: Mapping[str, Any]) -> str:
    return " ".join(template.render(values).split())


def _fault(asset: str, message: str) -> OurFault:
    return OurFault(f"asset “{asset}”: {message}", vendor="tendril")
