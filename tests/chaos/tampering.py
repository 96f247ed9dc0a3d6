"""Whether the verdict can fail: after a run each promise is broken on purpose, and its check must see it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos import alive, considered, receivers
from tests.chaos.scene import WORKERS, Scene
from tests.chaos.settling import outstanding
from tests.chaos.told import Ordered, Told
from tests.chaos.verdict import Check
from tests.whole.processes import kill

_LATEST = "(select max(number) from decision where not superseded and lead_id = d.lead_id and cycle = d.cycle)"
_LOSE = "delete from behaviour where id = (select max(id) from behaviour where message_id like 'visitor-%')"
_TEAR = f"""
update decision d set superseded = true where (lead_id, cycle, number) in (
    select lead_id, cycle, number from decision d where not superseded and number between 2 and {_LATEST} - 1 limit 1)
"""  # noqa: S608
_FORGET_THE_LAST = """
update journey set decision_number = decision_number - 1
where (lead_id, cycle) in (select lead_id, cycle from journey where ended_at is null and decision_number > 1 limit 1)
"""
_PUT_TO_SLEEP = """
update journey set next_wake_at = null where (lead_id, cycle) in (
    select lead_id, cycle from journey where ended_at is null and paused_since is null limit 1)
"""
_UNSEND = """
update touch set status = 'failed' where key = (
    select key from touch where status = 'sent' and channel = 'email' order by key limit 1)
"""
_LEAVE_OPEN = "update touch set status = 'claimed' where key = (select max(key) from touch where status = 'sent')"
_SOMEBODY_MAILED = "select t.lead_id from chaos_claim c join touch t using (key) where t.channel = 'email' limit 1"


async def unnoticed(on: Scene, told: Told) -> list[str]:
    """What was broken and no check saw."""
    return [promise for promise, breaks in _BREAKS.items() if (await breaks(on, told)).kept]


def _by_sql(statement: str, look: Callable[[Scene, Told], Awaitable[Check]]) -> Callable[..., Awaitable[Check]]:
    async def breaks(on: Scene, told: Told) -> Check:
        done = await on.database.pool.execute(statement)
        assert not done.endswith(" 0"), f"nothing to break: {statement}"
        return await look(on, told)

    return breaks


async def _double_a_mail(on: Scene, _: Told) -> Check:
    inbox = on.home / "sandbox" / "inbox.jsonl"
    _append(inbox, inbox.read_text(encoding="utf-8").splitlines()[0])
    return await receivers.duplicates(on)


async def _send_after_an_opt_out(on: Scene, told: Told) -> Check:
    lead = await on.database.pool.fetchval(_SOMEBODY_MAILED)
    told.opted_out[lead] = datetime.now(UTC) - timedelta(hours=1)
    return await receivers.opt_outs(on, told)


async def _acknowledge_in_vain(on: Scene, told: Told) -> Check:
    told.commands.append(Ordered("command-of-nobody", told.enrolled()[0].lead, "pause", decision=1))
    return await considered.commands(on, told)


async def _apply_twice(on: Scene, told: Told) -> Check:
    """A later decision says that it considered the same command."""
    again = Ordered("command-twice", told.enrolled()[0].lead, "pause")
    told.commands.append(again)
    statement = """update decision set reasons = reasons || '[{"evidence": {"command": "command-twice"}}]'::jsonb
        where lead_id = $1 and number in (1, 2)"""
    await on.database.pool.execute(statement, again.lead)
    return await considered.commands(on, told)


async def _forget_an_operation(on: Scene, told: Told) -> Check:
    told.operations.append("op_nobodys")
    return await considered.operations(on, told)


async def _fail_to_replay(on: Scene, _: Told) -> Check:
    _append(on.processes.log(WORKERS[0]), "[TMPRL1100] Nondeterminism error: made up")
    return await alive.logs(on)


async def _give_up(on: Scene, _: Told) -> Check:
    """Somebody else ends a worker: nobody told it to."""
    process = on.kept[WORKERS[0]].process
    kill(process)
    on.supervisor.look()
    return await alive.processes(on)


async def _leave_open(on: Scene, _: Told) -> Check:
    await on.database.pool.execute(_LEAVE_OPEN)
    left = await outstanding(on, planned=True)
    return Check("all comes to rest", "", [f"{number} {what}" for what, number in left.items()])


def _append(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as out:
        out.write(line + "\n")


#: In this order: what is broken first must not hide what comes later.
_BREAKS: dict[str, Callable[[Scene, Told], Awaitable[Check]]] = {
    "a behaviour is lost": _by_sql(_LOSE, considered.behaviours),
    "a decision is missing from the chain": _by_sql(_TEAR, lambda on, _: considered.decisions(on)),
    "the record is behind the workflow": _by_sql(_FORGET_THE_LAST, lambda on, _: considered.workflows(on, 1)),
    "a command was acknowledged and not applied": _acknowledge_in_vain,
    "a command was applied twice": _apply_twice,
    "an operation was acknowledged and forgotten": _forget_an_operation,
    "a mail arrived twice": _double_a_mail,
    "a mail arrived that was not sent": _by_sql(_UNSEND, lambda on, _: receivers.ledger(on)),
    "a mail was claimed after an opt-out": _send_after_an_opt_out,
    "a journey has no next wake": _by_sql(_PUT_TO_SLEEP, alive.wakes),
    "the audit sees that, too": _by_sql(_PUT_TO_SLEEP, lambda on, _: alive.audit(on)),
    "a workflow task failed to replay": _fail_to_replay,
    "a process ended by itself": _give_up,
    "a claim is left open": _leave_open,
}
