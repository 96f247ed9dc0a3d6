"""Two leads that are one person, from the command line."""

from storage import leads
from storage.database import Database
from storage.leads import LeadInput
from tests.cli.terminal import Terminal
from tests.storage.samples import NOW, applied, enrolled


async def test_two_leads_are_shown_merged_and_made_two_again(tendril: Terminal, database: Database):
    await applied(database)
    ann = await enrolled(database)
    other = (await leads.upsert(database, LeadInput(external_id="u-2", country="DE"), NOW, enrol=False)).lead_id

    shown = await tendril("leads", "merge", "u-2", "ann@acme.example", "--preview")
    merged = await tendril("leads", "merge", "u-2", "ann@acme.example", "--why", "she says so")
    records = await tendril("leads", "merges", "--json")
    undone = await tendril("leads", "unmerge", other)

    assert f"{other} would become part of {ann}, who survives: its journey runs." in shown.out
    assert "Nothing was changed." in shown.out
    assert f"{other} is now part of {ann}" in merged.out
    assert "It takes what it lacks: external_id, country." in merged.out
    assert [(record["merged"], record["why"]) for record in records.json["items"]] == [(other, "she says so")]
    assert f"{other} is a lead of its own again, and no part of {ann}. It has 0 events." in undone.out
    assert "part of no other lead" in (await tendril("leads", "unmerge", other, code=1)).err


async def test_leads_that_may_be_one_are_listed_until_somebody_says_that_they_are_two(
    tendril: Terminal, database: Database
):
    for address in ("ann@gmail.com", "ann+work@gmail.com"):
        await leads.upsert(database, LeadInput(email=address), NOW, enrol=False)

    listed = await tendril("leads", "duplicates")
    said = await tendril("leads", "distinct", "ann@gmail.com", "ann+work@gmail.com")
    after = await tendril("leads", "duplicates")

    assert "their addresses reach one mailbox" in listed.out
    assert "are two people, and stay two" in said.out
    assert "No two leads seem to be one." in after.out
    same = await tendril("leads", "merge", "ann@gmail.com", "ann@gmail.com", code=1)
    assert "is one lead already" in same.err
