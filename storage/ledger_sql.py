"""The ledger's longer statements."""

from storage import holds
from storage.briefs import BRIEF
from storage.permission import ASK, everyone, forbidden

#: The brief of the handoff whose task this touch is, with the time (ISO 8601) by which sales must have answered.
_BRIEF = """coalesce((
        select /* brief */ || jsonb_build_object(
            'sla_at', to_char(h.sla_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        )
        from handoff h where h.lead_id = t.lead_id and h.touch_key = t.key limit 1
    ), '{}') as brief""".replace("/* brief */", BRIEF)

#: Takes the row, the turn of everyone whose caps may count each other's touches (the account's, else the lead's), and
#: then the turns that keep people from forbidding contact, or from placing a hold, unseen. They must be taken before
#: the statement that counts and asks, which then sees what others committed; and after the row, which others hold who
#: wait for a lead.
LOCK = """
with mine as materialized (select * from touch where key = $1 for update)
select status, reason, channel, step, asset, playbook_hash, planned_at, sender, sending_domain,
    coalesce((select segment from journey j where j.lead_id = mine.lead_id and j.cycle = mine.cycle), '') as segment,
    (select timezone from lead where id = lead_id) as timezone,
    (select country from lead where id = lead_id) as country,
    greatest(extract(epoch from leased_until - clock_timestamp()), 0)::float8 as lease_left,
    pg_advisory_xact_lock(7346203, hashtext(coalesce(account_id, lead_id))),
    /* ask */
from mine
""".replace("/* ask */", f"{ASK},\n    {holds.ASK}")

_OUTBOUND = """
select t.*, l.email, l.fields, l.owner, l.crm_id,
    /* brief */
from touch t join lead l on l.id = t.lead_id
""".replace("/* brief */", _BRIEF)
OUTBOUND = f"{_OUTBOUND} where t.key = $1"

#: A journey under way tries a touch again every five minutes at the latest: claims older than ten have been given up.
#: One that it has called back, or that it left behind when it ended, nobody tries again.
OPEN_CLAIMS = f"""
{_OUTBOUND} join journey j on j.lead_id = t.lead_id and j.cycle = t.cycle
where t.status = 'claimed' and t.leased_until < now() - case
    when j.ended_at is null and t.reason = '' then interval '10 minutes' else interval '10 seconds' end
order by random() limit $1
"""
SETTLE = """
update touch set status = $3, reason = $4, vendor = $5, vendor_id = $6, attempted_to = '',
    leased_until = null, claim_id = case when $3 = 'withdrawn' then '' else claim_id end,
    sent_at = case when $3 = 'sent' then coalesce(claimed_at, $7) end
where key = $1 and claim_id = $2 and status = 'claimed' and leased_until < now()
returning lead_id
"""

HELD_BY = "select true from touch where key = $1 and claim_id = $2 and status = 'claimed' for update"
#: Gives a claim back: to be sent later, unless the journey called the touch back meanwhile (``storage.record_sql``).
RELEASE = """
update touch set status = case reason when '' then 'planned' else 'withdrawn' end, claim_id = '', claimed_at = null,
    attempted_to = '', leased_until = null
where key = $1 and status = 'claimed'
"""

#: Refuses, calls back, leaves planned what is held, or claims; the row is planned, or claimed and certainly not sent.
#: $5–$8 are the caps: per, channel, most, since; $9 and $10 the sender and its domain, $11 the mail's name, $12 the
#: topic. Parts are materialised, or PostgreSQL would plan the verdict once for each place that names it (60 ms of
#: planning).
CLAIM = (
    """
with this as materialized (
    select t.key, t.lead_id, t.account_id, t.channel, l.email, l.fields, l.owner, l.crm_id,
        t.channel in ('email', 'direct_mail') as direct, /* forbidden */ as forbidden,
        greatest(p.paused_until, l.away_until) as paused_until, coalesce(p.least_days, 0) as least_days,
        $12 = any(p.declined_topics) as unwanted_topic,
        /* person */ as person,
        case
            when l.merged_into is not null then 'the lead was merged'
            when t.status = 'claimed' and t.reason <> '' then t.reason
            when t.channel in ('email', 'direct_mail') and exists (
                select from journey j where j.lead_id = t.lead_id and j.cycle = t.cycle and j.ended_at is not null
            ) then 'the journey has ended'
            else ''
        end as called_back,
        (
            select h.scope from hold h where h.lifted_at is null and h.scope in (
                'everything', 'channel:' || t.channel, (
                    select 'playbook:' || j.playbook_name from journey j
                    where j.lead_id = t.lead_id and j.cycle = t.cycle
                )
            ) order by h.id limit 1
        ) as held_by
    from touch t join lead l on l.id = t.lead_id left join preference p on p.lead_id = l.id where t.key = $1
),
counted as materialized (
    select t.lead_id, t.channel, coalesce(t.sent_at, t.claimed_at) as at
    from this join touch t on t.lead_id = any(this.person) or t.account_id = this.account_id
    where this.direct and t.key <> this.key and t.channel in ('email', 'direct_mail')
        and t.status in ('sent', 'claimed', 'unknown')
),
cap as (
    select * from unnest($5::text[], $6::text[], $7::int[], $8::timestamptz[]) with ordinality
        as cap (per, channel, most, since, ord)
),
full_cap as materialized (
    select cap.* from cap, this where cap.most <= (
        select count(*) from counted c where c.at > cap.since and cap.channel in ('any', c.channel)
            and (cap.per = 'account' or c.lead_id = any(this.person))
    ) order by cap.ord limit 1
),
verdict as materialized (
    select this.*, case
        when called_back <> '' then called_back
        when held_by is not null then 'held with ' || held_by
        when not direct then ''
        when forbidden is not null then 'suppressed: ' || forbidden
        when channel = 'email' and this.email is null then 'no address is known'
        when exists (
            select from consent c where c.lead_id = this.lead_id and c.channel = this.channel and not c.granted
        ) then 'the lead declined ' || channel
        when paused_until > $3 then 'the lead wants nothing until '
            || to_char(paused_until at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
        when least_days > 0 and exists (
            select from counted c where c.lead_id = any(this.person) and c.at > $3 - make_interval(days => least_days)
        ) then 'the lead wants at most one touch in ' || least_days || ' days'
        when unwanted_topic then 'the lead does not want the topic ' || $12
        when cardinality(this.person) > 1 and exists (
            select from touch t join touch mine on mine.key = this.key
            where t.lead_id = any(this.person) and t.lead_id <> this.lead_id and t.asset = mine.asset and t.asset <> ''
                and t.status in ('sent', 'claimed', 'unknown')
        ) then 'the person was sent it before their leads were merged'
        else coalesce((
            select 'cap: at most ' || most || case channel when 'any' then ' touches' else ' by ' || channel end
                || ' per ' || per || ' since ' || to_char(since at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
            from full_cap
        ), '')
    end as verdict
    from this
)
update touch t set
    status = case when verdict.verdict = '' then 'claimed' when called_back <> '' then 'withdrawn'
        when held_by is not null then 'planned' else 'refused' end,
    reason = case when called_back = '' and held_by is not null then '' else verdict.verdict end,
    claim_id = case verdict.verdict when '' then $2 else '' end,
    claimed_at = case verdict.verdict when '' then $3::timestamptz end,
    leased_until = case verdict.verdict when '' then clock_timestamp() + make_interval(secs => $4) end,
    attempts = attempts + case verdict.verdict when '' then 1 else 0 end,
    sender = case verdict.verdict when '' then $9 else sender end,
    sending_domain = case when verdict.verdict = '' and t.channel = 'email' then $10 else sending_domain end,
    mail_name = case when verdict.verdict = '' and t.channel = 'email' then $11 else mail_name end,
    attempted_to = case when verdict.verdict = '' and t.channel = 'email' then verdict.email else '' end
from verdict where t.key = verdict.key
returning t.*, verdict.email, verdict.fields, verdict.owner, verdict.crm_id, verdict.verdict,
    /* brief */
""".replace("/* brief */", _BRIEF)
    .replace("/* forbidden */", forbidden("l"))
    .replace("/* person */", everyone("l"))
)
