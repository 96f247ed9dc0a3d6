"""What a mail says of the question its step asks: the ``question.*`` variables of content."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.playbook.fields import typed
from domain.playbook.models import Playbook, Question
from domain.playbook.places import touches
from domain.ports import OutboundTouch

NEXT = "next"
#: Makes the address of a page that asks: lead id, touch key, lead field → URL.
QuestionUrl = Callable[[str, str, str], str]


class NoQuestion(LookupError):
    """A step asks for a field that the playbook has no question for. The message says which."""


def question_values(playbook: Playbook, touch: OutboundTouch, url: QuestionUrl) -> dict[str, str]:
    """``ask``, ``help`` and ``url`` of what the touch's step asks; nothing when it asks nothing.

    Raises ``NoQuestion``.
    """
    field = next((step.ask for _, step in touches(playbook) if step.id == touch.step), None)
    if field is None:
        return {}
    question = _question(playbook, field, touch.fields)
    return {"ask": question.ask, "help": question.help, "url": url(touch.lead, touch.key, question.field)}


def _question(playbook: Playbook, field: str, known: Mapping[str, Any]) -> Question:
    """``next`` is the first that is not known. Were all answered since the mail was decided on, it asks the first: a
    page that says so is better than a mail with a hole in it.
    """
    questions = playbook.profile.questions if playbook.profile else ()
    wanted = [one for one in questions if field in (one.field, NEXT)]
    if not wanted:
        raise NoQuestion(f"asks for “{field}”, which profile.questions has no question for")
    kinds = {name: field.type for name, field in playbook.lead_fields.items()}
    unknown = (one for one in wanted if typed(known.get(one.field), kinds.get(one.field, "")) is None)
    return next(unknown, wanted[0])
