"""The page a question in a mail leads to (C8). Looking changes nothing, and shows no one what was answered before:
mail is forwarded, and scanners look at every link.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse

from adapters.email.links import QuestionLinks, QuestionToken
from api.about import note_lead
from api.context import ApiContext, Context
from api.pages import spoken
from api.problems import DATABASE_AWAY
from api.services.answers import LONGEST, MOST_LINES, NotAnAnswer, choices, control, read
from api.specification import pages
from api.texts import Accepted, Texts, texts_for
from domain.errors import Refused
from domain.playbook.models import Question
from storage import answers
from storage.answers import Answer, Asked

router = APIRouter(prefix="/q", tags=["questions"], responses=pages(404, 410, 422, 503))
#: What is done at the page of a question.
_Act = Callable[[ApiContext, QuestionToken, Asked, Question, Texts], Awaitable[HTMLResponse]]
_MODES = {"int": "numeric", "float": "decimal"}


@router.get("/{token}", response_class=HTMLResponse, summary="Ask a lead one question")
async def ask(token: str, context: Context, accepted: Accepted) -> HTMLResponse:
    """A page with the question and one button. Changes nothing."""
    return await _page(context, token, accepted, _look)


@router.post("/{token}", response_class=HTMLResponse, summary="Answer the question")
async def answer(
    token: str,
    context: Context,
    accepted: Accepted,
    given: Annotated[
        list[str], Form(alias="answer", default_factory=list, description="The answer; several for a list.")
    ],
    take_back: Annotated[str, Form(description="Not empty: delete the answer instead.")] = "",
) -> HTMLResponse:
    """Stores the answer and the consent it was given under, or deletes both, and wakes the journey. A later answer
    replaces the one before.
    """
    return await _page(context, token, accepted, _take_back if take_back else partial(_take, given=given))


async def _page(context: ApiContext, token: str, accepted: str, act: _Act) -> HTMLResponse:
    """The page of a question, after what was done there. Plain words where nothing is asked (any more)."""
    whose, say = _owner(context, token), texts_for("", accepted)
    if whose is None:
        return _plain("damaged", 404, say)
    try:
        asked = await answers.asked(context.database, whose.lead, whose.field)
        question = _question(asked, whose.field)
        if asked is None or question is None:
            return _plain("closed", 410, say)
        return await act(context, whose, asked, question, texts_for(asked.language, accepted))
    except DATABASE_AWAY:
        return _plain("later", 503, say)


async def _look(
    _context: ApiContext, _whose: QuestionToken, asked: Asked, question: Question, say: Texts
) -> HTMLResponse:
    return _form(asked, question, say)


async def _take_back(
    context: ApiContext, whose: QuestionToken, asked: Asked, _question: Question, say: Texts
) -> HTMLResponse:
    await answers.take_back(context.database, whose.lead, whose.field, context.now())
    return spoken("question.html", say, state="taken_back", asked=asked)


async def _take(
    context: ApiContext, whose: QuestionToken, asked: Asked, question: Question, say: Texts, given: list[str]
) -> HTMLResponse:
    try:
        value = read(question, asked.field.type, given)
    except NotAnAnswer as wrong:
        return _form(asked, question, say, 422, given=given, error=say(wrong.key, **wrong.words))
    told = Answer(*whose, value=value, playbook=asked.playbook, consent=asked.profile.consent)
    if not await answers.store(context.database, told, context.now()):
        return _plain("closed", 410, say)
    return spoken("question.html", say, state="done", asked=asked)


def _owner(context: ApiContext, token: str) -> QuestionToken | None:
    try:
        owner = QuestionLinks(context.settings.public_url, context.settings.link_secrets).verify(token)
    except Refused:
        return None
    note_lead(owner.lead)
    return owner


def _question(asked: Asked | None, field: str) -> Question | None:
    return next((one for one in asked.profile.questions if one.field == field), None) if asked else None


def _form(asked: Asked, question: Question, say: Texts, status: int = 200, **more: Any) -> HTMLResponse:
    kind = asked.field.type
    values: dict[str, Any] = {"given": [], "error": ""} | more
    return spoken(
        "question.html",
        say,
        status,
        state="ask",
        asked=asked,
        question=question,
        control=control(question, kind),
        choices=choices(question, kind, say),
        inputmode=_MODES.get(kind, "text"),
        longest=LONGEST,
        most_lines=MOST_LINES,
        **values,
    )


def _plain(state: str, status: int, say: Texts) -> HTMLResponse:
    return spoken("question.html", say, status, state=state, asked=None)
