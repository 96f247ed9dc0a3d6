"""The statements that put behaviour into the inbox; ``storage.inbox`` says when each is used."""

from storage.attach import wake

#: ``known``: its sender has sent it, or it was imported as news, or as history (below zero, ``storage.history``). What
#: is imported has come from some sender; ids of our own (sender "") are known by events of our own alone.
#: What is meant for a merged lead reaches its survivor; identities are the survivor's already (``storage.merges``).
#: Lookups instead of joins: a plan made while a table was small must not read all of it when it has grown.
RESOLVE = """
select lead_id, lead_id is null and exists (
    select from alias where previous_id in (user_id, anonymous_id)
    union all select from alias a where a.user_id in (named.user_id, named.anonymous_id)
) as aliased, (
    select b.id from behaviour b where b.message_id = named.message_id and (
        b.sender = $5 or $5 = 'import' or $5 <> '' and (b.sender = 'import' or b.sender = '' and b.position < 0)
    ) limit 1
) is not null as known
from (
    select ord, message_id, user_id, anonymous_id, coalesce(
        (select coalesce(merged_into, id) from lead where id = e.lead_id),
        (select coalesce(merged_into, id) from lead where external_id = e.user_id),
        (select lead_id from identity where kind = 'user_id' and value = e.user_id),
        (select lead_id from identity where kind = 'anonymous_id' and value = e.anonymous_id)
    ) as lead_id
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality
        as e (message_id, lead_id, user_id, anonymous_id, ord)
    offset 0
) as named
order by ord
"""

#: Of events whose message ids are new and not twice among them. ``theirs`` are the leads and how many each gets;
#: ``nr`` says which of them an event is of, ``nth`` the how many-th of that lead's it is. ``for no key update`` reads
#: ``inbox_position`` anew where it had to wait for the row. Nothing is stored when one of the leads was merged
#: meanwhile. No joins here but by index: what is planned for any number of rows must be good for a thousand.
_PLACE_AND_WAKE = """
with locked as materialized (
    select lead.id, inbox_position, number, nr
    from unnest($12::text[], $13::int[]) with ordinality as theirs (lead_id, number, nr)
    join lead on lead.id = theirs.lead_id and lead.merged_into is null order by lead.id for no key update of lead
),
moved as (
    update lead set inbox_position = locked.inbox_position + number from locked where lead.id = locked.id
),
placed as materialized (
    select e.*, (select array_agg(inbox_position order by nr) from locked)[nr] + nth as position from unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[],
        $9::timestamptz[], $14::int[], $15::int[]/* traces */
    ) with ordinality as e
        (message_id, lead_id, user_id, anonymous_id, kind, name, properties, trusted, occurred_at, nr, nth/* trace */,
        ord)
    where (select count(*) from locked) = cardinality($12)
),
inserted as (
    insert into behaviour (
        message_id, sender, lead_id, position, user_id, anonymous_id, kind, name, properties, trusted, occurred_at,
        received_at
    )
    select
        message_id, $11, lead_id, position, user_id, anonymous_id, kind, name, properties::jsonb, trusted, occurred_at,
        $10
    from placed order by ord
    on conflict (message_id, sender) do nothing
    returning 1
),
/* wake */
select (select count(*) from inserted) as stored, (select count(*) from told)
"""
INSERT = _PLACE_AND_WAKE.replace("/* wake */", wake("$11"))
#: The same, with a trace for each event: while nobody traces, none of its cost is paid.
INSERT_TRACED = (
    _PLACE_AND_WAKE.replace("/* wake */", wake("$11", traced=True))
    .replace("/* traces */", ", $16::text[]")
    .replace("/* trace */", ", trace")
)
