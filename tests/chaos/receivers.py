"""What arrived at the receivers: nothing twice, nothing that the ledger does not know, nothing after an opt-out."""

from collections import Counter
from datetime import datetime
from typing import Any

from sandbox.mail import Arrival, MailStore
from sandbox.state import State
from tests.chaos.scene import Scene
from tests.chaos.told import Told
from tests.chaos.verdict import Check

_LEDGER = "select key, lead_id, channel, status, mail_name from touch"
_AFTER = """
select c.key, c.at from chaos_claim c join touch t on t.key = c.key
where t.lead_id = $1 and t.channel in ('email', 'direct_mail') and c.at > $2
"""


async def duplicates(scene: Scene) -> Check:
    """Mails by Message-ID, tasks and webhooks by the touch's key. A webhook under its id again is the same one."""
    mails, state = _mails(scene), _vendors(scene)
    sent = Counter(f"mail {one.message_id}" for one in mails)
    sent += Counter(f"task {key}" for key in _task_keys(state))
    sent += Counter(f"webhook {one.payload['data']['touch']}" for one in state.deliveries.values())
    broken = [f"{what} arrived {number} times" for what, number in sent.items() if number > 1]
    return Check("0 duplicate messages at the receiver", f"{sum(sent.values()):,} messages", broken)


async def ledger(scene: Scene) -> Check:
    """What is sent by the ledger arrived, and what arrived is sent by the ledger, or parked as unknown."""
    names = {one.message_id.strip("<>").partition("@")[0] for one in _mails(scene)}
    rows = [row for row in await scene.database.pool.fetch(_LEDGER) if row["channel"] == "email"]
    known = {row["mail_name"] for row in rows if row["mail_name"]}
    broken = [f"{row['key']} is sent and never arrived" for row in rows if _is_missing(row, names)]
    broken += [
        f"{row['key']} arrived and is {row['status']}"
        for row in rows
        if row["mail_name"] in names and row["status"] not in {"sent", "unknown"}
    ]
    broken += [f"a mail arrived that nobody sent: {name}" for name in names - known]
    parked = sum(row["status"] == "unknown" for row in rows)
    return Check("ledger and inbox agree", f"{len(names):,} mails, {parked} parked as unknown", broken)


async def opt_outs(scene: Scene, told: Told) -> Check:
    """No claim began after an opt-out was acknowledged. A mail claimed before may still have been on its way."""
    broken = []
    for lead, at in told.opted_out.items():
        rows = await scene.database.pool.fetch(_AFTER, lead, at)
        broken += [f"{row['key']} was claimed {row['at'] - at} after the opt-out" for row in rows]
    late = _late(_mails(scene), told)
    return Check("0 sends after an opt-out", f"{len(told.opted_out)} opt-outs, {late} mails on their way then", broken)


def _late(mails: list[Arrival], told: Told) -> int:
    addresses = {person.address: told.opted_out.get(person.lead) for person in told.people}
    moments = [(addresses.get(one.to[0]), datetime.fromisoformat(one.received_at)) for one in mails]
    return sum(at is not None and received > at for at, received in moments)


def _is_missing(row: Any, names: set[str]) -> bool:
    return row["status"] == "sent" and row["mail_name"] not in names


def _mails(scene: Scene) -> list[Arrival]:
    return MailStore(scene.home / "sandbox").list()


def _vendors(scene: Scene) -> State:
    return State.model_validate_json((scene.home / "sandbox" / "vendors.json").read_text(encoding="utf-8"))


def _task_keys(state: State) -> list[str]:
    found = (task.properties.get("tendril_touch_key", "") for task in state.records["tasks"].values())
    return [key for key in found if key]
