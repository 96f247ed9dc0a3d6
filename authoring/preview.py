"""Mail as an invented lead would get it, and as somebody would of whom nothing is known."""

from collections.abc import Mapping
from typing import Any

from authoring.questions import question_values
from authoring.render import fill, prepare
from domain.playbook.models import LeadField, Playbook
from domain.playbook.places import touches
from domain.ports import OutboundTouch, RenderedEmail
from domain.words import Channel

#: Invented values for the fields that most playbooks declare.
_INVENTED = {
    "first_name": "Robin",
    "last_name": "Sample",
    "name": "Robin Sample",
    "company": "Sample Works",
    "role": "Head of Operations",
    "job_title": "Head of Operations",
    "seniority": "director",
    "department": "operations",
    "city": "Sampletown",
    "industry": "manufacturing",
}
_BY_TYPE: Mapping[str, object] = {"string": "sample", "int": 120, "float": 12.5, "bool": True, "list": ["sample"]}
UNSUBSCRIBE = "https://www.example.com/unsubscribe/preview"
QUESTION = "https://www.example.com/q/preview"


def invented_lead(playbook: Playbook) -> dict[str, object]:
    """A value for each declared field: the first answer where the playbook has a question for it. Nobody's."""
    questions = playbook.profile.questions if playbook.profile else ()
    answers = {one.field: one.options[0].value for one in questions if one.options}
    return {name: answers.get(name, _value(name, field)) for name, field in playbook.lead_fields.items()}


def _value(name: str, field: LeadField) -> object:
    return _INVENTED.get(name, _BY_TYPE["string"]) if field.type == "string" else _BY_TYPE[field.type]


def preview_email(playbook: Playbook, asset: str, fields: Mapping[str, Any] | None = None) -> RenderedEmail:
    """One mail for an invented lead, or for the given fields. Raises ``KeyError`` when there is no such asset."""
    compiled = prepare(playbook, playbook.assets[asset])
    known = invented_lead(playbook) if fields is None else dict(fields)
    return fill(playbook, asset, compiled, known, UNSUBSCRIBE, _question(playbook, asset, known))


def _question(playbook: Playbook, asset: str, fields: dict[str, Any]) -> dict[str, str]:
    """What the first step asks that sends the asset and asks something."""
    asking = next((step.id for _, step in touches(playbook) if step.asset == asset and step.ask), "")
    touch = OutboundTouch(
        key="preview", lead="preview", channel=Channel.EMAIL, step=asking, asset=asset, playbook="", fields=fields
    )
    return question_values(playbook, touch, lambda *_: QUESTION)
