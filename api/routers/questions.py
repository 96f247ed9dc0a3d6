"""The page a question in a mail leads to (C8). Looking changes nothing, and shows no one what was answered before:
mail is forwarded, and scanners look at every link.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse

from adapters.email.links import QuestionLinks, QuestionToken
from api.context import ApiContext, Context
from api.pages import page
from api.problems import DATABASE_AWAY
from api.services.answers import LONGEST, MOST_LINES, NotAnAnswer, choices, control, read
from api.specification import pages
from domain.errors import Refused
from domain.playbook.models import Question
from storage import answers
from storage.answers import Answer, Asked

router = APIRouter(prefix="/q", tags=["questions"], responses=pages(404, 410, 422, 503))
#: What is done at the page of a question.
_Act = Callable[[ApiContext, QuestionToken, Asked, Question], Awaitable[HTMLResponse]]
_MODES = {"int": "numeric", "float": "decimal"}


@router.get("/{token}", response_class=HTMLResponse, summary="Ask a lead one question")
async def ask(token: str, context: Context) -> HTMLResponse:
    """A page with the question and one button. Changes nothing."""
    return await _page(context, token, _look)


@router.post("/{token}", response_class=HTMLResponse, summary="Answer the question")
async def answer(
    token: str,
    context: Context,
    given: Annotated[
        list[str], Form(alias="answer", default_factory=list, description="The answer; several for a list.")
    ],
    take_back: Annotated[str, Form(description="Not empty: delete the answer instead.")] = "",
) -> HTMLResponse:
    """Stores the answer and the consent it was given under, or deletes both, and wakes the journey. A later answer
    replaces the one before.
    """
    return await _page(context, token, _take_back if take_back else partial(_take, given=given))


async def _page(context: ApiContext, token: str, act: _Act) -> HTMLResponse:
    """The page of a question, after what was done there. Plain words where nothing is asked (any more)."""
    whose = _owner(context, token)
    if whose is None:
        return _plain("damaged", 404)
    try:
        asked = await answers.asked(context.database, whose.lead, whose.field)
        question = _question(asked, whose.field)
        if asked is None or question is None:
            return _plain("closed", 410)
        return await act(context, whose, asked, question)
    except DATABASE_AWAY:
        return _plain("later", 503)


async def _look(_context: ApiContext, _whose: QuestionToken, asked: Asked, question: Question) -> HTMLResponse:
    return _form(asked, question)


async def _take_back(context: ApiContext, whose: QuestionToken, asked: Asked, _question: Question) -> HTMLResponse:
    await answers.take_back(context.database, whose.lead, whose.field, context.now())
    return page("question.html", state="taken_back", asked=asked)


async def _take(
    context: ApiContext, whose: QuestionToken, asked: Asked, question: Question, given: list[str]
) -> HTMLResponse:
    try:
        value = read(question, asked.field.type, given)
    except NotAnAnswer as wrong:
        return _form(asked, question, 422, given=given, error=str(wrong))
    told = Answer(*whose, value=value, playbook=asked.playbook, consent=asked.profile.consent)
    if not await answers.store(context.database, told, context.now()):
        return _plain("closed", 410)
    return page("question.html", state="done", asked=asked)


def _owner(context: ApiContext, token: str) -> QuestionToken | None:
    try:
        return QuestionLinks(context.settings.public_url, context.settings.link_secrets).verify(token)
    except Refused:
        return None


def _question(asked: Asked | None, field: str) -> Question | None:
    return next((one for one in asked.profile.questions if one.field == field), None) if asked else None


def _form(asked: Asked, question: Question, status: int = 200, **more: Any) -> HTMLResponse:
    kind = asked.field.type
    values: dict[str, Any] = {"given": [], "error": ""} | more
    return page(
        "question.html",
        status,
        state="ask",
        asked=asked,
        question=question,
        control=control(question, kind),
        choices=choices(question, kind),
        inputmode=_MODES.get(kind, "text"),
        longest=LONGEST,
        most_lines=MOST_LINES,
        **values,
    )


def _plain(state: str, status: int) -> HTMLResponse:
    return page("question.html", status, state=state, asked=None)
