"""The statements about wakes. ``storage.wakes`` and ``storage.attach`` say when each is used.

A wake has a ``source``: the name of the key that sent the behaviour, ``enrolled`` for enrolments, "" for what Tendril
itself or several have to say. Sources take turns, so that what one of them floods delays only itself. ``urgent`` wakes
interrupt whatever a journey waits for (a reply, an opt-out, a seller's answer) and go before all turns.
"""

from domain.words import DeliveryKind

#: What ``storage.enrolment.wake_running`` is told that goes before everything.
URGENT = frozenset({"opt_out", "commanded", "suppressed", "erased", "crm", "answer_taken_back", "preferences_changed"})
#: Delivery events that do.
_INTERRUPTING = ", ".join(
    f"'{kind}'"
    for kind in (
        DeliveryKind.REPLIED,
        DeliveryKind.UNSUBSCRIBED,
        DeliveryKind.COMPLAINED,
        DeliveryKind.BOUNCED_HARD,
    )
)
#: Of a row of behaviour (``kind``, ``name``).
IS_URGENT = f"(kind = 'crm' or kind = 'delivery' and name in ({_INTERRUPTING}))"
#: A lead whose wake waits already keeps its place; woken by two sources it is neither's.
AGAIN = """
on conflict (lead_id) do update set
    types = (array(select distinct unnest(w.types || excluded.types)))[:10],
    version = w.version + 1,
    leased_until = null,
    urgent = w.urgent or excluded.urgent,
    trace = coalesce(excluded.trace, w.trace),
    source = case w.source when excluded.source then w.source else '' end
"""

_DUE = "(leased_until is null or leased_until < now())"
#: ``$1`` wakes at most, and no more than ``$2`` that are not urgent. ``$4`` and ``$5`` are turns that sources come
#: next in, ``$6`` the turn of those not among them (``runtime.turns``); a source's wakes come one turn after the other,
#: those of "" four in a turn. ``$7`` is how many journeys one source may keep undecided, ``$8`` and ``$9`` how many it
#: does. The sources are found one by one along the index: each costs a look, however much of it waits.
LEASE = f"""
with recursive source as (
    (select source from pending_wake order by source limit 1)
    union all
    select (select w.source from pending_wake w where w.source > source.source order by w.source limit 1)
    from source where source.source is not null
),
turns as (
    select source, coalesce(turn, $6) as turn, case source when '' then 4 else 1 end as weight,
        least($2, greatest(0, $7 - coalesce(number, 0))) as most
    from source left join unnest($4::text[], $5::float8[]) as taken (source, turn) using (source)
    left join unnest($8::text[], $9::int[]) as undecided (source, number) using (source)
),
waiting as (
    select lead_id, created_real_at, -1::float8 as turn, null::float8 as next_turn from (
        select lead_id, created_real_at from pending_wake
        where urgent and {_DUE} order by created_real_at limit $1
    ) as first
    union all
    select lead_id, created_real_at,
        turn + (row_number() over (partition by source order by created_real_at) - 1)::float8 / weight as turn,
        turn + row_number() over (partition by source order by created_real_at)::float8 / weight as next_turn
    from turns cross join lateral (
        select lead_id, created_real_at from pending_wake w
        where w.source = turns.source and not urgent and {_DUE} order by created_real_at limit turns.most
    ) as others
),
next as (
    (select * from waiting where turn < 0)
    union all
    (select * from waiting where turn >= 0 order by turn, created_real_at limit $2)
    order by turn, created_real_at limit $1
),
due as (
    select w.lead_id, next.turn, next.next_turn from pending_wake w join next on next.lead_id = w.lead_id where {_DUE}
    for update of w skip locked
),
leased as (
    update pending_wake w set leased_until = now() + make_interval(secs => $3), attempts = w.attempts + 1
    from due where w.lead_id = due.lead_id returning w.*, due.turn, due.next_turn
)
select leased.lead_id as lead, leased.types, leased.version, leased.attempts, leased.source, leased.turn,
    leased.next_turn, leased.trace, extract(epoch from now() - leased.created_real_at)::float8 as waited,
    j.cycle, j.playbook_name, j.playbook_hash, j.started_at, j.cursor, j.ended_at, j.ending, j.decision_number, d.state
from leased
left join lateral (select * from journey where lead_id = leased.lead_id order by cycle desc limit 1) j on true
left join lateral (
    select state from decision where lead_id = j.lead_id and cycle = j.cycle and not superseded
    order by number desc, revision desc limit 1
) d on true
order by leased.turn, leased.created_real_at
"""  # noqa: S608 - statements of our own
#: More has happened meanwhile where the version rose: what is left to tell comes after what others wait for.
DONE = """
with told as (select * from unnest($1::text[], $2::int[]) as told (lead_id, version)),
settled as (
    delete from pending_wake w using told where w.lead_id = told.lead_id and w.version = told.version
),
anew as (
    update pending_wake w set created_real_at = now(), attempts = 0
    from told where w.lead_id = told.lead_id and w.version <> told.version returning 1
)
select count(*) from anew
"""
FAILED = """
update pending_wake set leased_until = now() + make_interval(secs => $3) where lead_id = $1 and version = $2
"""
#: Which of the journeys told have decided since, ended, or are followed by another cycle.
DECIDED = """
select told.lead_id from unnest($1::text[], $2::int[], $3::int[]) as told (lead_id, cycle, number)
where not exists (
    select from journey j where j.lead_id = told.lead_id and j.cycle = told.cycle
    and j.decision_number = told.number and j.ended_at is null
)
"""
LAGGING = """
insert into pending_wake (lead_id, types, source)
select j.lead_id, '{caught_up}', 'caught_up' from journey j join lead on lead.id = j.lead_id
left join behaviour b on b.lead_id = j.lead_id and b.position = j.cursor + 1
where j.ended_at is null and j.paused_since is null
    and (lead.inbox_position > j.cursor and b.received_at < $1 or j.decision_number = 0 and j.started_at < $1)
    and not exists (select from pending_wake w where w.lead_id = j.lead_id)
order by j.lead_id limit $2
on conflict do nothing returning lead_id
"""
#: Journeys whose time has passed: their timer was lost, or was set before the deployment's clock was made faster.
OVERDUE = """
insert into pending_wake (lead_id, types, source)
select lead_id, '{overdue}', 'overdue' from journey j
where ended_at is null and paused_since is null and next_wake_at < $1
    and not exists (select from pending_wake w where w.lead_id = j.lead_id)
order by next_wake_at limit $2
on conflict do nothing returning lead_id
"""
