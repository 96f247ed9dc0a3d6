"""Somebody of whom everything is held that can be: ``NEEDLE`` stands in all that is personal, and nowhere else."""

import json
from hashlib import sha256
from urllib.parse import urlencode

from domain.decision import Contribution, OpenHandoff, Reason, Rejected, Scores, SendTouch
from domain.operating import OperationKind
from domain.state import HandoffState, JourneyState
from domain.words import Channel
from storage import dead_letters, leads, operations
from storage.audiences import PgAudiences
from storage.database import Database
from storage.inbox import accept
from storage.leads import ConsentInput, LeadInput
from tests.storage.recorded import record
from tests.storage.samples import NOW, event

NEEDLE = "needle"
EMAIL = f"robin@{NEEDLE}-works.example"
#: Whom the same vendors tell of, too.
OTHER = "eve@other.example"
#: What an export must show: one word for each place that something is kept in.
PLACES = frozenset(
    """
    user-id visitor role source owner company group consent wording answer suppression path property title reason
    evidence rejected forward note brief handoff crm-field crm-id merge crm-seen deal operation
    attempted-to letter large-letter vendors-letter request form-request
    """.split()  # noqa: SIM905 - two dozen quoted words would read worse
)


def mark(place: str) -> str:
    return f"{NEEDLE}-{place}"


async def somebody(db: Database, playbook: str, email: str = EMAIL) -> str:
    """Enrolled in ``playbook``, one decision old, handed to sales, in an audience and in the CRM; the lead's id."""
    lead = await _known(db, email)
    await _did_something(db, lead)
    await _decided(db, lead, playbook)
    await _lists(db, lead)
    await _was_merged(db, lead)
    await operations.create(
        db.pool, kind=OperationKind.PAUSE, leads=[lead], by="test", reason=mark("operation"), now=NOW
    )
    return lead


async def _known(db: Database, email: str) -> str:
    profile = LeadInput(
        external_id=mark("user-id"),
        email=email,
        anonymous_ids=(mark("visitor"),),
        fields={"role": mark("role")},
        country="DE",
        timezone="Europe/Berlin",
        source=mark("source"),
        owner=mark("owner"),
        company=mark("company"),
        consent=(
            ConsentInput(
                channel=Channel.DIRECT_MAIL,
                granted=True,
                basis="consent",
                source=mark("consent"),
                wording=mark("wording"),
            ),
        ),
    )
    lead = (await leads.upsert(db, profile, NOW)).lead_id
    await db.pool.execute("update lead set crm_id = $2 where id = $1", lead, mark("crm-id"))
    group = "insert into account_identity select $2, account_id, $3 from lead where id = $1"
    await db.pool.execute(group, lead, mark("group"), NOW)
    await db.pool.execute("insert into alias values ($1, $2, $3)", mark("visitor"), "another", NOW)
    return lead


async def _did_something(db: Database, lead: str) -> None:
    visit = event(f"{mark('user-id')}/1", name=f"/{mark('path')}", properties={"text": mark("property")}, lead_id=lead)
    await accept(db, [visit, event("plain-message", lead_id=lead, user_id=mark("user-id"))], NOW)
    await _kept_raw(db)
    await db.pool.execute(
        "insert into answer (lead_id, field, touch_key, playbook_hash, basis, consent, at)"
        " values ($1, 'role', $1 || '/1/0/hello', 'hash', 'consent', $2, $3)",
        lead,
        mark("answer"),
        NOW,
    )
    await db.pool.execute("insert into preference (lead_id, least_days, at) values ($1, 30, $2)", lead, NOW)


async def _kept_raw(db: Database) -> None:
    """Events that could not be taken, and what vendors told of this person and of somebody else."""
    told = {"email": EMAIL.upper(), "text": mark("vendors-letter")}
    request = json.dumps([{"email": OTHER, "text": "hers"}, told])
    for source, body in (
        ("batch", {"userId": mark("user-id"), "traits": {"email": EMAIL, "text": mark("letter")}}),
        ("batch", {"text": json.dumps({"email": EMAIL, "text": mark("large-letter")})[:-2]}),
        ("webhook esp", {"vendor": "esp", "headers": {}, "request": request}),
    ):
        await dead_letters.add(db, source, "has no name", body, NOW)
    form = {"recipient": EMAIL, "text": mark("form-request")}
    for raw in (request.replace("vendors-letter", "request"), urlencode(form)):
        await db.pool.execute(
            "insert into webhook_request (vendor, digest, body, received_real_at) values ('esp', $1, $2, $3)",
            sha256(raw.encode()).digest(),
            raw.encode(),
            NOW,
        )


async def _decided(db: Database, lead: str, playbook: str) -> None:
    begun = JourneyState.begin(lead, 1, playbook, NOW)
    handoff = f"{lead}-1-1"
    await record(
        db,
        begun,
        changes={"handoff": HandoffState(id=handoff, opened=NOW, reason=mark("handoff"))},
        scores=Scores(fit=1, contributions=(Contribution(rule="role", points=1, text=mark("role")),)),
        reasons=(Reason(rule="role", text=mark("reason"), evidence={"value": mark("evidence")}),),
        rejected=(Rejected(what="hello", why=mark("rejected"), rule="gap"),),
        forward=(mark("forward"),),
        send=(
            SendTouch(key=f"{lead}/1/0/brief", channel=Channel.SDR_TASK, step="brief", note=mark("note")),
            SendTouch(key=f"{lead}/1/0/hello", channel=Channel.EMAIL, step="hello"),
        ),
        open_handoff=OpenHandoff(id=handoff, reason=mark("handoff"), sla_at=NOW, brief={"who": mark("brief")}),
        audiences={"retarget": True},
        crm={"segment": mark("crm-field")},
    )
    await db.pool.execute("update journey set title = $2 where lead_id = $1", lead, mark("title"))
    tried = "update touch set attempted_to = $2 where lead_id = $1 and channel = 'email'"
    await db.pool.execute(tried, lead, mark("attempted-to"))


async def _was_merged(db: Database, lead: str) -> None:
    """As if with somebody else, by mistake. That it is the lead itself keeps this person the only one."""
    await db.pool.execute(
        "insert into lead_merge (survivor, merged, by, why, rule, at, kept, undone_at)"
        " values ($1, $1, 'test', $2, 'it came first', $3, $4, $3)",
        lead,
        mark("merge"),
        NOW,
        {"moved": {"email": EMAIL}},
    )
    await db.pool.execute("insert into same_person (one, other, why, at) values ($1, $1, 'alias', $2)", lead, NOW)


async def _lists(db: Database, lead: str) -> None:
    """The vendors have taken what was wanted; the address is suppressed."""
    audiences = PgAudiences(db, ["linkedin"])
    await audiences.spread()
    joining = await audiences.page("linkedin", "retarget", 10, leaving=False)
    await audiences.joined(joining, ["a-hash"] * len(joining), "", NOW)
    seen = {"phone": mark("crm-seen")}
    await db.pool.execute("update crm_record set pushed_version = version, seen = $2 where lead_id = $1", lead, seen)
    await db.pool.execute("insert into crm_deal values ('crm', $2, $1, 'won', $3)", lead, mark("deal"), NOW)
    await db.pool.execute(
        "insert into suppression (email, reason, source, lead_id, at)"
        " select email, 'manual', $2, id, $3 from lead where id = $1",
        lead,
        mark("suppression"),
        NOW,
    )
