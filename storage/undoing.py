"""What takes an operation back: which other one, for whom, and with what of each lead's own.

============================= =====================================================================================
done was                      undone by
============================= =====================================================================================
pause, resume                 the other of the two; what a pause held back goes on by the policy *shift*
force stage, skip, hand off   rewinding each journey to the decision before; an open handoff is withdrawn by that
migrate                       migrating each journey to the version that it had
disqualify, end               nothing: those journeys are over. They may be enrolled again
resend, rewind, re-enrol      nothing: what was sent is sent, and what was superseded stays so
============================= =====================================================================================

A version that is followed by another leads on to it, so a migration that came with putting its version in force is
taken back by the playbook's rollback, and by nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.errors import Refused
from domain.operating import OperationKind, OperationRequest, OperationStatus
from storage.database import Database
from storage.operations import OperationView

_DONE = """
select o.lead_id, o.number_before, j.decision_number > o.number_after as moved_on, was.playbook,
    coalesce(goes_on.followed_by, j.playbook_hash) as decides_with, before.followed_by, before.name
from operation_lead o left join journey j on j.lead_id = o.lead_id and j.cycle = o.cycle
left join lateral (
    select d.state ->> 'playbook' as playbook from decision d
    where d.lead_id = o.lead_id and d.cycle = o.cycle and d.number = o.number_before
    order by d.revision desc limit 1
) was on true
left join playbook_version before on before.hash = was.playbook
left join playbook_version goes_on on goes_on.hash = j.playbook_hash
where o.operation_id = $1 and o.status = 'done'
    and not exists (select from journey later where later.lead_id = o.lead_id and later.cycle > o.cycle)
order by o.place
"""
_UNDONE = "select id from operation where undoes = $1 and status <> 'cancelled' order by created_at desc limit 1"
_OPPOSITE = {OperationKind.PAUSE: OperationKind.RESUME, OperationKind.RESUME: OperationKind.PAUSE}
_REWOUND = frozenset({OperationKind.FORCE_STAGE, OperationKind.SKIP_WAIT, OperationKind.HAND_OFF})
_OVER = "Those journeys are over: what ended can't go on."
_FINAL: Mapping[OperationKind, tuple[str, str]] = {
    OperationKind.DISQUALIFY: (_OVER, "Begin new ones: tendril journeys re-enrol --of {id} --anyway"),
    OperationKind.END: (_OVER, "Begin new ones: tendril journeys re-enrol --of {id} --anyway"),
    OperationKind.RESEND: ("What was sent can't be called back.", "tendril operations cancel {id} spares those left."),
    OperationKind.REWIND: (
        "What a rewind superseded can't be put in force again.",
        "tendril journeys rewind goes back further, or to another place.",
    ),
    OperationKind.RE_ENROL: ("A journey that began can't be unmade.", "End them: tendril journeys end --of {id}"),
}


class Undo(NamedTuple):
    """The operation that takes another back. ``moved_on`` of its journeys have decided since: a rewind takes those
    decisions back, too.
    """

    kind: OperationKind
    request: OperationRequest
    leads: list[str]
    given: dict[str, dict[str, Any]]
    moved_on: int


async def why_not(db: Database, operation: OperationView) -> str:
    """Why it can't be undone, or need not be; "" where it can."""
    try:
        await undo_of(db, operation)
    except Refused as refused:
        return f"{refused} {refused.remedy}"
    return ""


async def undo_of(db: Database, operation: OperationView) -> Undo:
    """Raises ``Refused`` where it can't be undone, or has been, with why and what can be done instead.

    Leads who have begun a next journey since are left out: nothing of the one that was commanded is left to go on from.
    """
    if operation.status is OperationStatus.RUNNING:
        raise Refused(f"Operation {operation.id} is still running.", f"tendril operations cancel {operation.id} first.")
    if operation.kind in _FINAL:
        why, remedy = _FINAL[operation.kind]
        raise Refused(f"{operation.id} can't be undone. {why}", remedy.format(id=operation.id))
    if undone := await db.pool.fetchval(_UNDONE, operation.id):
        raise Refused(f"{operation.id} is undone by {undone}.", f"`tendril operations show {undone}` says how far.")
    rows = await db.pool.fetch(_DONE, operation.id)
    if not rows:
        raise Refused(f"{operation.id} changed no journey that is its lead's latest.", "There is nothing to undo.")
    leads = [row["lead_id"] for row in rows]
    moved_on = sum(bool(row["moved_on"]) for row in rows)
    if operation.kind in _OPPOSITE:
        return Undo(_OPPOSITE[operation.kind], OperationRequest(), leads, {}, moved_on)
    if operation.kind in _REWOUND:
        back = {row["lead_id"]: {"to": row["number_before"]} for row in rows}
        return Undo(OperationKind.REWIND, OperationRequest(to=f"before {operation.id}"), leads, back, moved_on)
    return _back_to_their_versions(operation, rows)


def _back_to_their_versions(operation: OperationView, rows: Sequence[Any]) -> Undo:
    """Those whom going back would move, and leave there."""
    away = [row for row in rows if row["playbook"] and row["decides_with"] != row["playbook"]]
    if not away:
        raise Refused(
            f"{operation.id} is taken back: its journeys decide with the version that they had.",
            "`tendril playbook versions NAME` says who put it in force again.",
        )
    able = [row for row in away if row["followed_by"] is None]
    if not able:
        raise Refused(
            f"{operation.id} can't be undone: the version before is followed by {away[0]['followed_by']}.",
            f"Put it in force again: tendril playbook rollback {away[0]['name']} --policy migrate",
        )
    versions = {row["lead_id"]: {"playbook": row["playbook"]} for row in able}
    moved_on = sum(bool(row["moved_on"]) for row in able)
    return Undo(OperationKind.MIGRATE, OperationRequest(playbook="as before"), list(versions), versions, moved_on)
