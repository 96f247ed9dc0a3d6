"""What a seller reads of a handoff: what the decision wrote, and the words of whoever commanded it.

A decision names the command that it obeyed and nothing that somebody typed, for it stands in Temporal's history too. So
the words are joined here, from the operators' log, whenever a brief is read; and they are gone from it once they are
gone from there (erasure).
"""

from typing import Final

#: The part of the brief that holds them; no rule of the playbook or of the core writes it.
SAID: Final = "operator_said"
#: Of the handoff ``h``. An operation's log line is about the operation, or about its only lead; its command is named
#: after it (``domain.operating.command_of``).
_SAID = f"""coalesce((
        select jsonb_build_object('{SAID}', a.detail ->> 'reason')
        from decision d cross join lateral jsonb_array_elements(d.reasons) as because
        cross join lateral (select because -> 'evidence' ->> 'command' as command) as obeyed
        join operator_action a on a.subject in (h.lead_id, substr(obeyed.command, 11)) and a.action = 'hand_off'
            and obeyed.command in (a.detail ->> 'command', 'operation-' || a.operation_id)
        where d.lead_id = h.lead_id and d.cycle = h.cycle and d.number = h.decision_number
            and because ->> 'rule' = 'operator_hand_off' and a.detail ->> 'reason' <> ''
        order by d.superseded, d.revision desc, a.id limit 1
    ), '{{}}')"""  # noqa: S608 - a constant of ours
#: The brief of the handoff ``h``: a column.
BRIEF: Final = f"h.brief || {_SAID}"
