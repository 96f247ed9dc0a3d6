"""Whom a request is about: every line that is logged while it is served has the lead's id as ``lead``.

A lead named in the path is known at once; whose link or handoff it is, when that has been looked up. What doesn't look
like an id is left out, and paths are logged as their routes: people write addresses where ids belong, and a link's path
acts for its lead.
"""

import re

from fastapi import Request
from structlog.contextvars import bind_contextvars, unbind_contextvars

_ID = re.compile(r"ld_[a-z0-9]{1,32}")


async def of_path(request: Request) -> None:
    """Dependency of every route. Not in a thread: what is bound there would be bound to nobody."""
    unbind_contextvars("lead")  # of the request before, where a connection's requests share a context
    note_lead(request.path_params.get("lead_id", ""))


def note_lead(lead: str) -> None:
    """From here on this request is about that lead."""
    if _ID.fullmatch(lead):
        bind_contextvars(lead=lead)


def note_touch(key: str) -> None:
    """From here on this request is about the lead of that touch."""
    note_lead(key.partition("/")[0])
