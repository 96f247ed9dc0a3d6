"""The contract of ``CrmConnection``: what every CRM must do. One subclass a vendor.

A subclass says how to connect to a running sandbox, what a seller does there, and what the vendor then holds; all
fields are by our names. That its tasks arrive once is ``TouchChannelContract``'s.
"""

import asyncio
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.reading import Reading
from activities.reconciling import Reconciling
from domain.clock import ScaledClock
from domain.crm import CORRECTIONS, FIELDS
from domain.crm_ports import CrmChange, CrmConnection, CrmContact, OpportunityWanted
from domain.errors import OurFault, RecordsRefused, TransientFault, VendorFault
from domain.ports import SalesFeedback
from domain.words import Channel, RejectReason
from storage.crm import PgCrmNews
from storage.database import Database
from storage.inbox import PgInbox
from storage.leads import LeadInput, upsert
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from tests.adapters.running import Sandbox
from tests.adapters.touches import PERSONAL, touch
from tests.storage.samples import NOW

#: A value for every field that sales sees.
C20 = {name: f"{label} of theirs" for name, label in FIELDS.items()} | {"lead_status": "nurture"}
WANTED = OpportunityWanted(title="Handed over by nurturing")


def change(number: int, **given: Any) -> CrmChange:
    values: dict[str, Any] = {
        "lead": f"ld_{number:012d}",
        "email": f"lead{number}@example.com",
        "fields": C20,
        "version": 1,
    }
    return CrmChange(**(values | given))


def erased(given: CrmChange, crm_id: str) -> CrmChange:
    """What is left of the lead once its person was erased."""
    blank = dict.fromkeys(given.fields, "")
    return given.model_copy(update={"email": "", "crm_id": crm_id, "fields": blank, "version": 2, "erased": True})


async def want(database: Database, lead: str, fields: dict[str, str]) -> None:
    """Desired state of a lead in the CRM, as a decision writes it."""
    await database.pool.execute(
        "insert into crm_record (lead_id, desired, changed_at) values ($1, $2, $3)"
        " on conflict (lead_id) do update set desired = $2, version = crm_record.version + 1",
        lead,
        fields,
        NOW,
    )


class CrmContract(ABC):
    #: The sandbox's name of the vendor, and the part of its paths by which contacts are written.
    vendor: str
    writing: str
    #: Whether a second record with the same address is impossible there; else we look before we write.
    unique_addresses = True

    # --- what a subclass says --------------------------------------------------------------------------------------

    @abstractmethod
    def connect(self, sandbox: Sandbox, **options: Any) -> CrmConnection:
        """``options`` are the HTTP client's, such as ``timeout``."""

    @abstractmethod
    def unreachable(self) -> CrmConnection: ...

    @abstractmethod
    async def contacts(self, sandbox: Sandbox) -> dict[str, dict[str, Any]]:
        """What the vendor holds: contact id → values by our names, ``email`` and ``owner`` (its id) among them."""

    @abstractmethod
    async def seller(self, sandbox: Sandbox, email: str, name: str) -> str:
        """A seller joins; the vendor's id of the owner."""

    @abstractmethod
    async def edits(self, sandbox: Sandbox, contact: str, **values: str) -> None:
        """A seller changes a contact: values by our names, and ``owner``."""

    @abstractmethod
    async def deletes(self, sandbox: Sandbox, contact: str) -> None: ...

    @abstractmethod
    async def answers(self, sandbox: Sandbox, task: str, outcome: str, reason: str = "") -> None:
        """A seller answers a handoff by its task."""

    @abstractmethod
    async def opens(self, sandbox: Sandbox, contact: str) -> str:
        """A seller opens an opportunity on a contact; its id."""

    @abstractmethod
    async def moves(self, sandbox: Sandbox, opportunity: str, to: str) -> None:
        """A seller moves an opportunity: ``on`` (to the next stage), ``won`` or ``lost``."""

    @abstractmethod
    async def opportunities(self, sandbox: Sandbox) -> dict[str, tuple[str, ...]]:
        """What the vendor holds: opportunity id → its contacts."""

    def fail(self, sandbox: Sandbox, kind: str, **options: Any) -> None:
        """The next request that writes contacts meets this fault."""
        sandbox.fail(self.vendor, kind, path=self.writing, **options)

    # --- writing ---------------------------------------------------------------------------------------------------

    async def test_every_field_that_sales_sees_arrives(self, sandbox):
        taken = await self.connect(sandbox).crm.upsert([change(1)])
        held = (await self.contacts(sandbox))[taken[change(1).lead]]
        assert {name: held[name] for name in C20} == C20
        assert held["email"] == change(1).email

    async def test_a_second_push_changes_the_same_contact(self, sandbox):
        crm = self.connect(sandbox).crm
        first = await crm.upsert([change(1)])
        known = change(1, crm_id=first[change(1).lead], fields={"lead_status": "sales_accepted"}, version=2)
        assert await crm.upsert([known]) == first
        held = await self.contacts(sandbox)
        assert [contact["lead_status"] for contact in held.values()] == ["sales_accepted"]

    async def test_a_push_whose_answer_was_lost_makes_no_second_contact(self, sandbox):
        connection = self.connect(sandbox)
        await connection.crm.upsert([change(9)])
        self.fail(sandbox, "reset", after=True)
        with pytest.raises(TransientFault):
            await connection.crm.upsert([change(1)])
        assert set(await connection.crm.upsert([change(1)])) == {change(1).lead}
        assert len(await self.contacts(sandbox)) == 2

    async def test_a_lost_answer_and_a_new_address_make_no_second_contact(self, sandbox):
        """The vendor took the lead, we never heard its id, and meanwhile the lead has another address."""
        await self.connect(sandbox).crm.upsert([change(1)])
        taken = await self.connect(sandbox).crm.upsert([change(1, email="new@example.com")])
        assert {key: value["email"] for key, value in (await self.contacts(sandbox)).items()} == {
            taken[change(1).lead]: "new@example.com"
        }

    async def test_many_at_once_make_one_contact_each(self, sandbox):
        changes = [change(number) for number in range(5)]
        pushes = await asyncio.gather(
            *(self.connect(sandbox).crm.upsert(changes) for _ in range(3)), return_exceptions=True
        )
        assert all(isinstance(push, dict | VendorFault) for push in pushes)
        assert len(await self.contacts(sandbox)) == len(changes)

    async def test_a_changed_address_stays_the_same_contact(self, sandbox):
        crm = self.connect(sandbox).crm
        taken = await crm.upsert([change(1)])
        [contact] = taken.values()
        assert await crm.upsert([change(1, email="new@example.com", crm_id=contact)]) == taken
        assert (await self.contacts(sandbox))[contact]["email"] == "new@example.com"

    async def test_a_contact_that_sales_deleted_is_made_again(self, sandbox):
        crm = self.connect(sandbox).crm
        first = await crm.upsert([change(1), change(2)])
        await self.deletes(sandbox, first[change(1).lead])
        again = await crm.upsert([change(n, crm_id=first[change(n).lead], version=2) for n in (1, 2)])
        assert set(again) == set(first)
        assert again[change(2).lead] == first[change(2).lead]

    async def test_a_contact_that_sales_made_is_found_by_its_address(self, sandbox):
        crm = self.connect(sandbox).crm
        [there] = (await crm.upsert([change(1)])).values()
        assert await crm.upsert([change(1, email=change(1).email.upper())]) == {change(1).lead: there}

    async def test_a_full_batch_is_taken(self, sandbox):
        crm = self.connect(sandbox).crm
        assert len(await crm.upsert([change(number) for number in range(crm.batch_size)])) == crm.batch_size

    async def test_a_field_goes_where_the_playbook_says(self, sandbox):
        """By a name of the vendor's own that every account has: that of the phone number."""
        crm, phone = self.connect(sandbox).crm, await self.own_name(sandbox, "phone")
        taken = await crm.upsert([change(1, fields={"segment": "mid_market"}, names={"segment": phone})])
        held = (await self.contacts(sandbox))[taken[change(1).lead]]
        assert held["phone"] == "mid_market"
        assert not held.get("segment")

    @abstractmethod
    async def own_name(self, sandbox: Sandbox, field: str) -> str:
        """The vendor's name of one of ``CORRECTIONS``."""

    # --- what goes wrong -------------------------------------------------------------------------------------------

    async def fault(self, connection: CrmConnection) -> VendorFault:
        """The fault that a push meets; it tells nobody's name."""
        with pytest.raises(VendorFault) as caught:
            await connection.crm.upsert([change(1, email="ada.sample@example.com")])
        told = f"{caught.value} {caught.value!r} {caught.value.code} {caught.value.__cause__}"
        assert not [word for word in PERSONAL if word in told]
        assert caught.value.vendor == self.vendor
        return caught.value

    async def test_one_bad_contact_does_not_hold_up_the_others(self, sandbox):
        changes = [change(number) for number in range(12)]
        changes[7] = change(7, email="not-an-address")
        taken = await self.connect(sandbox).crm.upsert(changes)
        assert set(taken) == {c.lead for c in changes} - {changes[7].lead}

    async def test_when_none_is_taken_that_is_a_refusal_without_names(self, sandbox):
        with pytest.raises(RecordsRefused) as caught:
            await self.connect(sandbox).crm.upsert([change(1, email="ada.sample")])
        assert not [word for word in PERSONAL if word in str(caught.value)]

    async def test_a_refused_login_is_our_fault(self, sandbox):
        self.fail(sandbox, "401")
        fault = await self.fault(self.connect(sandbox))
        assert isinstance(fault, OurFault)
        assert fault.status == 401

    async def test_a_busy_vendor_says_when_to_come_again(self, sandbox):
        self.fail(sandbox, "429", seconds=7)
        fault = await self.fault(self.connect(sandbox))
        assert isinstance(fault, TransientFault)
        assert fault.retry_after == 7

    @pytest.mark.parametrize("kind", ["500", "timeout", "reset"])
    async def test_a_broken_vendor_is_nobodys_fault(self, sandbox, kind):
        self.fail(sandbox, kind)
        assert isinstance(await self.fault(self.connect(sandbox, timeout=0.3)), TransientFault)

    async def test_a_vendor_that_is_not_there_is_nobodys_fault(self):
        assert isinstance(await self.fault(self.unreachable()), TransientFault)

    # --- erasing ---------------------------------------------------------------------------------------------------

    async def test_of_somebody_erased_nothing_is_left(self, sandbox):
        crm = self.connect(sandbox).crm
        taken = await crm.upsert([change(1), change(2)])
        gone = erased(change(1), taken[change(1).lead])
        assert await crm.erase([gone]) == {gone.lead}
        assert await crm.erase([gone]) == {gone.lead}  # again is harmless
        told = str(await self.contacts(sandbox))
        assert change(1).email not in told
        assert change(2).email in told

    # --- reading ---------------------------------------------------------------------------------------------------

    async def everything(self, connection: CrmConnection, cursor: str = "") -> tuple[list[CrmContact], str]:
        """All that has changed since a cursor, page by page, and the cursor after it."""
        found: list[CrmContact] = []
        for _ in range(50):
            page = await connection.reading.changed(cursor, ("lead_status", *CORRECTIONS), {}, 10)
            found, cursor = found + page.contacts, page.cursor
            if not page.more:
                return found, cursor
        raise AssertionError("the pages never end")

    async def test_sellers_are_known_with_their_addresses(self, sandbox):
        owner = await self.seller(sandbox, "sam@example.com", "Sam Seller")
        found = {one.id: one for one in await self.connect(sandbox).reading.owners()}
        assert (found[owner].email, found[owner].name) == ("sam@example.com", "Sam Seller")

    async def test_what_a_seller_changes_is_read_back(self, sandbox):
        connection = self.connect(sandbox)
        taken = await connection.crm.upsert([change(1), change(2)])
        _, cursor = await self.everything(connection)
        owner = await self.seller(sandbox, "sam@example.com", "Sam Seller")
        await self.edits(sandbox, taken[change(1).lead], phone="+49 30 1", owner=owner, lead_status="disqualified")
        found, _ = await self.everything(connection, cursor)
        [news] = [contact for contact in found if contact.fields.get("phone")]
        assert (news.crm_id, news.email, news.owner) == (taken[change(1).lead], change(1).email, owner)
        assert (news.fields["phone"], news.fields["lead_status"]) == ("+49 30 1", "disqualified")
        assert news.lead in ("", change(1).lead)
        assert news.changed_at is not None

    async def test_pages_pass_nobody_over(self, sandbox):
        connection = self.connect(sandbox)
        taken = await connection.crm.upsert([change(number) for number in range(35)])
        found, _ = await self.everything(connection)
        assert {contact.crm_id for contact in found} >= set(taken.values())

    async def test_single_contacts_are_read_and_those_that_are_gone_are_said_to_be(self, sandbox):
        connection = self.connect(sandbox)
        taken = await connection.crm.upsert([change(1), change(2)])
        kept, gone = taken[change(1).lead], taken[change(2).lead]
        await self.deletes(sandbox, gone)
        found = {c.crm_id: c for c in await connection.reading.read([kept, gone], ("lead_status", "segment"), {})}
        assert found[gone].deleted
        assert found[kept].fields == {"lead_status": C20["lead_status"], "segment": C20["segment"]}

    async def test_no_contacts_ask_nothing(self):
        connection = self.unreachable()
        assert await connection.reading.read([], ("segment",), {}) == []
        assert await connection.reading.read_opportunities([]) == []
        assert await connection.crm.feedback({}) == []

    # --- sales -----------------------------------------------------------------------------------------------------

    async def test_a_status_that_a_seller_sets_between_readings_survives_a_push_and_is_heard(self, sandbox, database):
        """Also where ours has changed meanwhile: of what only sales can know, theirs holds."""
        connection, inbox, playbooks = self.connect(sandbox), PgInbox(database), PgPlaybooks(database)
        news = PgCrmNews(database, self.vendor, timedelta(0))
        reads = Reading(news, connection, playbooks, inbox, ScaledClock()).read_crm
        pushes = Reconciling(PgLists(database), connection, playbooks, inbox, ScaledClock()).push_crm
        first = {"lead_status": "nurture", "last_action": "a visit"}
        later = {
            "ann": {"last_action": "a page"},
            "bob": {"lead_status": "sales_review"},
            "cem": {"lead_status": "new"},
        }
        for name in later:
            given = LeadInput(external_id=name, email=f"{name}@example.com")
            await want(database, (await upsert(database, given, NOW, enrol=False)).lead_id, first)
        await ActivityEnvironment().run(pushes)
        await ActivityEnvironment().run(reads)
        leads = {row["external_id"]: row for row in await database.pool.fetch("select * from lead")}
        for name in ("ann", "bob"):
            await self.edits(sandbox, leads[name]["crm_id"], lead_status="disqualified")
        for name, changed in later.items():
            await want(database, leads[name]["id"], first | changed)
        await ActivityEnvironment().run(pushes)
        there = await self.contacts(sandbox)
        shown = {name: there[leads[name]["crm_id"]] for name in later}
        assert {name: one["lead_status"] for name, one in shown.items()} == {
            "ann": "disqualified",
            "bob": "disqualified",
            "cem": "new",
        }
        assert shown["ann"]["last_action"] == "a page"
        await ActivityEnvironment().run(reads)
        heard = await database.pool.fetch("select lead_id, name, properties from behaviour")
        assert {(row["lead_id"], row["name"], row["properties"]["status"]) for row in heard} == {
            (leads[name]["id"], "sales_set_status", "disqualified") for name in ("ann", "bob")
        }

    async def task(self, connection: CrmConnection, **given: Any) -> str:
        return (await connection.tasks.send(touch(Channel.SDR_TASK, **given))).vendor_id

    @pytest.mark.parametrize(("outcome", "reason"), [("accepted", ""), ("rejected", RejectReason.NO_BUDGET.value)])
    async def test_a_sellers_answer_is_read_back(self, sandbox, outcome, reason):
        connection = self.connect(sandbox)
        task = await self.task(connection)
        assert await connection.crm.feedback({"ld_a-1-1": task}) == []
        await self.answers(sandbox, task, outcome, reason)
        told = SalesFeedback(handoff="ld_a-1-1", outcome=outcome, reason=reason)
        assert await connection.crm.feedback({"ld_a-1-1": task}) == [told]

    async def test_tasks_that_are_gone_are_no_answer(self, sandbox):
        assert await self.connect(sandbox).crm.feedback({"ld_a-1-1": "999999"}) == []

    async def test_an_opportunity_that_a_seller_opens_is_read_with_its_contact(self, sandbox):
        connection = self.connect(sandbox)
        [contact] = (await connection.crm.upsert([change(1)])).values()
        opened = await self.opens(sandbox, contact)
        [found] = await connection.reading.read_opportunities([opened])
        assert (found.id, found.contacts, found.outcome) == (opened, (contact,), "opportunity_opened")
        page = await connection.reading.opportunities("", 10)
        assert [(one.id, one.contacts) for one in page.opportunities] == [(opened, (contact,))]

    @pytest.mark.parametrize("outcome", ["won", "lost"])
    async def test_how_an_opportunity_ended_is_read_back(self, sandbox, outcome):
        connection = self.connect(sandbox)
        [contact] = (await connection.crm.upsert([change(1)])).values()
        opened = await self.opens(sandbox, contact)
        await self.moves(sandbox, opened, outcome)
        assert [one.outcome for one in await connection.reading.read_opportunities([opened])] == [outcome]

    async def test_an_opportunity_of_ours_is_made_once_and_counts_when_sales_moves_it(self, sandbox):
        connection = self.connect(sandbox)
        [contact] = (await connection.crm.upsert([change(1)])).values()
        handed = touch(Channel.SDR_TASK, lead=change(1).lead, email=change(1).email, crm_id=contact)
        made = await connection.crm.open_opportunity(handed, WANTED)
        assert await connection.crm.open_opportunity(handed, WANTED) == made
        assert await self.opportunities(sandbox) == {made: (contact,)}
        assert [one.outcome for one in await connection.reading.read_opportunities([made])] == [""]
        await self.moves(sandbox, made, "on")
        assert [one.outcome for one in await connection.reading.read_opportunities([made])] == ["opportunity_opened"]

    async def test_opportunities_that_are_gone_are_left_out(self, sandbox):
        assert await self.connect(sandbox).reading.read_opportunities(["999999"]) == []
