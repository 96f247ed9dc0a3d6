"""Whatever a command changes is in the operators' log with who did it; a command that is not must say here why."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.reference import commands
from domain.operating import OperationKind, OperationRequest
from domain.words import BuyerStage
from storage import dead_letters, keys, operations
from storage.database import Database
from storage.inbox import NewBehaviour, accept
from storage.leads import LeadInput, upsert
from tests.cli.life import live
from tests.cli.terminal import Terminal
from tests.fixtures.playbooks import minimal_playbook_dir

_LOOKS = "it changes nothing"
_RUNS = "it is a process of the deployment, and changes nothing by itself"
#: Command → why it leaves no line in the log.
UNLOGGED = {
    **dict.fromkeys(("up", "api", "worker"), _RUNS),
    "migrate": "it is of the deployment; a playbook that it puts in force is in the log, as tendril's",
    **dict.fromkeys(("connect", "replay", "ui"), _LOOKS),
    **dict.fromkeys(
        ("leads export", "leads duplicates", "leads merges", "leads list", "leads show", "journeys list"), _LOOKS
    ),
    **dict.fromkeys(("journeys explain", "journeys why-not", "journeys timeline", "journeys tree"), _LOOKS),
    **dict.fromkeys(("journeys stuck", "journeys download", "operations list", "operations show"), _LOOKS),
    **dict.fromkeys(("operations log", "hold list", "touches unknown", "crm drift", "mail list"), _LOOKS),
    **dict.fromkeys(("events dead-letters list", "events dead-letters show", "audiences list"), _LOOKS),
    **dict.fromkeys(("playbook check", "playbook trace", "playbook test", "playbook show"), _LOOKS),
    **dict.fromkeys(("playbook preview", "playbook schema", "playbook diff", "playbook plan"), _LOOKS),
    **dict.fromkeys(("playbook versions", "playbook list", "suppressions list", "suppressions export"), _LOOKS),
    **dict.fromkeys(("retention show", "keys list"), _LOOKS),
    "crm owners": "it only keeps how the CRM names its sellers",
    "events send": "it is a website's event: behaviour, kept as such with its sender",
    "mail take": "it is a mail server's pipe: what came is behaviour, kept as such",
}
#: Command → the test of its line: it needs a server of its own.
ELSEWHERE = {
    "audit": "tests/whole/test_restores.py",
    "crm sync": "tests/cli/test_crm.py",
    "suppressions pull": "tests/cli/test_suppressions.py",
    "operations undo": "tests/api/test_operations.py",  # on the command line it is watched until a worker is done
    "journeys reset": "tests/workflows/test_resetting.py",
}


@dataclass(frozen=True)
class Known:
    """What there is to do something to."""

    leads: list[str]
    touch: str
    letters: list[int]
    operation: str
    key: str


async def test_every_command_that_changes_something_is_in_the_operators_log(
    tendril: Terminal, database: Database, playbook: str
):
    known = await _known(tendril, database)
    tendril.directory.joinpath("people.csv").write_text("email\neve@eve.example\n")
    tendril.directory.joinpath("events.ndjson").write_text(
        '{"type": "track", "event": "Came", "messageId": "m-9", "userId": "u-9", "timestamp": "2026-01-01T00:00:00Z"}\n'
    )
    acts = _acts(known)

    everything = {path.removeprefix("tendril "): command for path, command in commands()}
    assert set(everything) == {*UNLOGGED, *ELSEWHERE, *acts}, "a new command is in the log, or says here why not"
    anonymous = [name for name in (*ELSEWHERE, *acts) if "--by" not in _options(everything[name])]
    assert not anonymous, "who did it can't be said"
    for name, (words, action) in acts.items():
        before = await database.pool.fetchval("select coalesce(max(id), 0) from operator_action")
        await tendril(*name.split(), *words, "--by", "ann")
        query = "select action, by, subject, detail::text as detail from operator_action where id > $1 order by id"
        lines = await database.pool.fetch(query, before)
        assert [(line["action"], line["by"]) for line in lines] == [(action, "ann")], name
        assert not any("@" in line["subject"] + line["detail"] for line in lines), "there is an address in the log"


def _acts(known: Known) -> dict[str, tuple[tuple[str, ...], str]]:
    """Command → what follows it, and the word for it in the log; in the order in which they can be done."""
    ann, other, gone, paused, ended = known.leads
    at_once = ("--reason", "a test", "--yes", "--no-watch")
    return {
        "leads import": (("people.csv", "--yes"), "leads_imported"),
        "leads merge": ((ann, other), "leads_merged"),
        "leads unmerge": ((other,), "leads_unmerged"),
        "leads distinct": ((ann, other), "leads_distinct"),
        "leads erase": ((gone, "--yes"), "lead_erased"),
        "leads readmit": (("lead2@company2.example",), "person_readmitted"),
        "playbook apply": (("changed", "--policy", "pin"), "playbook_applied"),
        "journeys pause": ((ann, *at_once), "pause"),
        "journeys resume": ((paused, *at_once), "resume"),
        "journeys skip": ((ann, *at_once), "skip_wait"),
        "journeys force-stage": ((ann, "--stage", BuyerStage.EVALUATION, *at_once), "force_stage"),
        "journeys hand-off": ((ann, *at_once), "hand_off"),
        "journeys disqualify": ((ann, *at_once), "disqualify"),
        "journeys re-enrol": ((ended, "--anyway", *at_once), "re_enrol"),
        "journeys resend": ((ann, "--touch", known.touch, *at_once), "resend"),
        "journeys rewind": ((ann, "--to", "1", *at_once), "rewind"),
        "journeys migrate": ((ann, "--playbook", "minimal", *at_once), "migrate"),
        "journeys end": ((ann, *at_once), "end"),
        "playbook rollback": (("minimal",), "playbook_rolled_back"),
        "operations pause": ((known.operation,), "operation_paused"),
        "operations resume": ((known.operation,), "operation_resumed"),
        "operations cancel": ((known.operation,), "operation_cancelled"),
        "operations retry": ((known.operation,), "operation_retried"),
        "hold place": (("everything", "--reason", "a test"), "hold_placed"),
        "hold lift": (("everything", "--yes", "--no-watch"), "hold_lifted"),
        "events retract": (("m-1",), "events_retracted"),
        "events restore": (("m-1",), "events_restored"),
        "events import": (("events.ndjson",), "events_imported"),
        "events dead-letters replay": ((str(known.letters[0]),), "dead_letter_replayed"),
        "events dead-letters drop": ((str(known.letters[1]),), "dead_letters_dropped"),
        "touches resolve": ((f"{paused}/1/0/lost", "--not-sent"), "touch_resolved"),
        "mail pause": (("mail.example.com", "--reason", "a test"), "mail_paused"),
        "mail resume": (("mail.example.com",), "mail_resumed"),
        "suppressions import": (("people.csv",), "suppressions_imported"),
        "suppressions add": (("eve@rival.example",), "suppressions_added"),
        "suppressions remove": (("eve@rival.example",), "suppression_removed"),
        "retention set": (("pages", "30d"), "retention_set"),
        "retention run": ((), "retention_run"),
        "keys create": (("another", "--scope", "read"), "key_made"),
        "keys rotate": (("site",), "key_rotated"),
        "keys revoke": ((known.key,), "key_revoked"),
    }


async def _known(tendril: Terminal, database: Database) -> Known:
    now = datetime.now(UTC)
    leads = []
    for number in range(5):
        profile = LeadInput(email=f"lead{number}@company{number}.example")
        leads.append((await upsert(database, profile, now, enrol=number != 1)).lead_id)
        if number != 1:
            await live(database, leads[-1], days=3)
    ann, _, _, paused, ended = leads
    await database.pool.execute("update journey set paused_since = $2 where lead_id = $1", paused, now)
    await database.pool.execute("update journey set ended_at = $2, ending = 'sunset' where lead_id = $1", ended, now)
    await database.pool.execute(
        "insert into touch (key, lead_id, cycle, decision_number, step, channel, playbook_hash, status, planned_at)"
        " select $1, lead_id, 1, 1, 'lost', 'email', playbook_hash, 'unknown', $2 from touch limit 1",
        f"{paused}/1/0/lost",
        now,
    )
    visit = NewBehaviour(message_id="m-1", kind="page", name="/pricing", occurred_at=now, lead_id=ann)
    await accept(database, [visit], now)
    bodies = [{"type": "track", "event": "Came", "userId": "u-9", "messageId": f"m-{number}"} for number in (2, 3)]
    letters = [await dead_letters.add(database, "batch", "a test", body, now) for body in bodies]
    changed = tendril.directory / "changed"
    shutil.copytree(minimal_playbook_dir(), changed)
    file = changed / "playbook.yaml"
    file.write_text(file.read_text().replace("sales_ready: 70", "sales_ready: 65"))
    await keys.create(database, "site", ["write"])
    touch = await database.pool.fetchval("select key from touch where lead_id = $1 and status = 'sent' limit 1", ann)
    info = (await keys.list_keys(database))[0]
    return Known(leads, touch, letters, await _forced(database, ann, now), info.id)


async def _forced(database: Database, lead: str, now: datetime) -> str:
    """An operation that is still to be carried out."""
    request, kind = OperationRequest(stage=BuyerStage.RESEARCH), OperationKind.FORCE_STAGE
    async with database.pool.acquire() as connection, connection.transaction():
        return await operations.create(connection, kind=kind, by="test", now=now, request=request, leads=[lead])


def _options(command: Any) -> set[str]:
    return {option for one in command.params for option in one.opts}
