"""``tendril events``: one behaviour sent as a website would send it; the rest is in modules of its own."""

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from uuid import uuid4

import httpx
from typer import BadParameter, Option, Typer, echo

from cli import dead_letters, retract
from cli.backfill import command as backfill
from cli.output import Json, print_json
from cli.session import run, session
from domain.errors import NotFound, Refused
from storage import inbox, leads
from storage.inbox import Accepted, NewBehaviour
from storage.tables import Lead

app = Typer(no_args_is_help=True, help="Behaviour: what leads and visitors do.")
app.add_typer(dead_letters.app, name="dead-letters")
app.command(help=retract.HELP)(retract.retract)
app.command(help=retract.RESTORE)(retract.restore)
app.command("import", help=backfill.HELP)(backfill.import_)


class EventType(StrEnum):
    TRACK = "track"
    PAGE = "page"


@dataclass(frozen=True)
class Sender:
    """Who did it: exactly one of these is given."""

    lead: str | None
    email: str | None
    external_id: str | None
    anonymous_id: str | None


@dataclass(frozen=True)
class Event:
    """What was done."""

    type: EventType
    name: str
    properties: dict[str, Any]
    message_id: str


_SEND = """Send one behaviour. It is stored at once and wakes the lead's journey.

Goes to the database, or with `--api` (or TENDRIL_API_URL) through the HTTP API, with the key of TENDRIL_API_KEY.

Examples: `tendril events send --email robin@orchard.example --type page --name /pricing`,
`tendril events send --external-id crm-1017 --type track --name "Webinar Attended" --property minutes=40`
"""


@app.command(help=_SEND)
def send(  # noqa: PLR0917 - every option of the command, each given by name
    kind: Annotated[EventType, Option("--type", help="What happened: something done, or a page looked at.")],
    name: Annotated[str, Option(help="Name of the event; for a page its path.")],
    lead: Annotated[str | None, Option(help="The lead's id in Tendril.")] = None,
    email: Annotated[str | None, Option(help="The lead's address.")] = None,
    external_id: Annotated[str | None, Option(help="The lead's id in your system.")] = None,
    anonymous_id: Annotated[str | None, Option(help="A visitor's id; kept until somebody knows whose it is.")] = None,
    property_: Annotated[
        list[str] | None, Option("--property", metavar="KEY=VALUE", help="A property; once for each. Numbers are read.")
    ] = None,
    message_id: Annotated[str | None, Option(help="Id of this event: sent twice, it counts once.")] = None,
    api: Annotated[str | None, Option(help="Address of the API.", envvar="TENDRIL_API_URL")] = None,
    as_json: Json = False,
) -> None:
    sender = Sender(lead, email, external_id, anonymous_id)
    if sum(value is not None for value in vars(sender).values()) != 1:
        raise BadParameter("say whose behaviour it is: one of --lead, --email, --external-id and --anonymous-id")
    event = Event(kind, name, _properties(property_ or []), message_id or f"cli-{uuid4().hex}")
    accepted = _through_api(api, sender, event) if api else run(_into_database(sender, event))
    if as_json:
        print_json({"message_id": event.message_id, **accepted.model_dump()})
    else:
        echo(f"{'Accepted' if accepted.accepted else 'Known already'}: {kind.value} {name} ({event.message_id}).")


async def _into_database(sender: Sender, event: Event) -> Accepted:
    async with session() as here:
        who: dict[str, Any] = {"anonymous_id": sender.anonymous_id}
        if sender.anonymous_id is None:
            who = {"lead_id": (await _find(here.database, sender)).id}
        behaviour = NewBehaviour(
            message_id=event.message_id,
            kind=event.type.value,
            name=event.name,
            properties=event.properties,
            occurred_at=here.now,
            **who,
        )
        return await inbox.accept(here.database, [behaviour], here.now)


async def _find(database: Any, sender: Sender) -> Lead:
    if sender.lead:
        return await leads.get(database, sender.lead)
    found = await leads.find(database, external_id=sender.external_id, email=sender.email)
    if found is None:
        named = f"external id {sender.external_id!r}" if sender.external_id else f"address {sender.email!r}"
        raise NotFound(f"There is no lead with {named}.", "`tendril leads list --search TEXT` finds leads.")
    return found


# --- through the API ---------------------------------------------------------------------------------------------


def _through_api(base: str, sender: Sender, event: Event) -> Accepted:
    key = os.environ.get("TENDRIL_API_KEY", "")
    if not key:
        raise Refused("The API wants a key.", "Set TENDRIL_API_KEY to one made by `tendril keys create`.")
    headers = {"Authorization": f"Bearer {key}"}
    try:
        with httpx.Client(base_url=base.rstrip("/"), headers=headers, timeout=10) as client:
            answer = _checked(client.post(f"/v1/{event.type.value}", json=_body(client, sender, event)))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Refused(
            f"The API at {base} can't be reached: {error}.", "See that it runs and that the address is right."
        ) from error
    return Accepted(accepted=answer["accepted"], duplicates=answer["duplicates"])


def _body(client: httpx.Client, sender: Sender, event: Event) -> dict[str, Any]:
    body: dict[str, Any] = {"messageId": event.message_id, "properties": event.properties}
    if event.type is EventType.PAGE:
        body["properties"] = {"path": event.name} | event.properties
    else:
        body["event"] = event.name
    if sender.anonymous_id:
        return body | {"anonymousId": sender.anonymous_id}
    return body | {"userId": sender.external_id or sender.lead or _id_of(client, sender.email or "")}


def _id_of(client: httpx.Client, email: str) -> str:
    items = _checked(client.get("/v1/leads", params={"email": email}))["items"]
    if not items:
        raise NotFound(f"There is no lead with address {email!r}.", "`tendril leads list --search TEXT` finds leads.")
    return str(items[0]["id"])


def _checked(response: httpx.Response) -> dict[str, Any]:
    """The answer. Raises ``Refused`` with the API's own words and remedy."""
    try:
        content = response.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(f"{response.url} answered {response.status_code} and no JSON.", "Is it Tendril's API?")
    if response.is_error:
        raise Refused(
            f"The API refused ({response.status_code}): {content.get('detail', content)}",
            str(content.get("remedy", "")),
        )
    return content


def _properties(given: list[str]) -> dict[str, Any]:
    properties = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--property")
        properties[name.strip()] = _value(value)
    return properties


def _value(text: str) -> Any:
    """Numbers, true, false and null as such; everything else as text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(found, str) else found
