"""The pages people look at."""

import asyncio
import smtplib
from email.message import EmailMessage

from domain.words import Channel
from sandbox.mail import MailStore
from tests.adapters.crm_contract import change
from tests.adapters.test_hubspot import BRIEF, crm, tasks
from tests.adapters.touches import touch


def mail(subject, *, to="ada@example.com", identity="<one@example.com>"):
    message = EmailMessage()
    message["Subject"], message["To"], message["From"], message["Message-ID"] = subject, to, "us@example.com", identity
    message.set_content("In plain words")
    message.add_alternative("<b>In bold</b><script>alert(1)</script>", subtype="html")
    return message.as_bytes()


async def test_the_inbox_shows_what_arrived_newest_first(sandbox, http):
    for number in range(3):
        sandbox.mail.add("us@example.com", ["ada@example.com"], mail(f"Subject {number}", identity=f"<{number}@x>"))
    page = (await http.get("/")).text
    assert page.index("Subject 2") < page.index("Subject 1") < page.index("Subject 0")
    assert "no message arrived twice" in page


async def test_a_message_that_arrived_twice_stands_out(sandbox, http):
    for _ in range(2):
        sandbox.mail.add("us@example.com", ["ada@example.com"], mail("Twice"))
    assert "arrived 2 times" in (await http.get("/")).text
    found = (await http.get("/api/messages", params={"message_id": "<one@example.com>"})).json()
    assert (found["total"], found["repeated"], found["items"][0]["copies"]) == (2, 1, 2)


async def test_nothing_from_outside_becomes_part_of_the_page(sandbox, http):
    sandbox.mail.add("us@example.com", ["ada@example.com"], mail("<script>alert(2)</script>"))
    listing, message = (await http.get("/")).text, (await http.get("/messages/1")).text
    assert "<script>" not in listing + message
    assert 'sandbox="allow-popups' in message
    assert "allow-scripts" not in message


async def test_every_part_of_a_message_can_be_read(sandbox, http):
    sandbox.mail.add("us@example.com", ["ada@example.com"], mail("Grüße"))
    assert "In plain words" in (await http.get("/messages/1?part=text")).text
    assert "Message-ID" in (await http.get("/messages/1?part=headers")).text
    assert "multipart/alternative" in (await http.get("/messages/1/raw")).text
    whole = (await http.get("/api/messages/1")).json()
    assert (whole["subject"], whole["text"].strip()) == ("Grüße", "In plain words")
    assert (await http.get("/messages/2")).status_code == 404


async def test_messages_can_be_found_counted_and_thrown_away(sandbox, http):
    for to in ("ada@example.com", "bo@example.com"):
        sandbox.mail.add("us@example.com", [to], mail(f"For {to}", identity=f"<{to}>"))
    assert (await http.get("/api/messages", params={"to": "BO@", "limit": 0})).json()["total"] == 1
    page = (await http.get("/", params={"text": "for ada"})).text
    assert "ada@example.com" in page
    assert "bo@example.com" not in page
    await http.delete("/api/messages")
    assert (await http.get("/api/messages")).json()["total"] == 0


async def test_a_real_mail_program_can_deliver(sandbox, http):
    def deliver():
        with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as client:
            client.sendmail("us@example.com", ["ada@example.com", "bo@example.com"], mail("From another program"))

    await asyncio.to_thread(deliver)
    [arrival] = sandbox.mail.list()
    assert arrival.to == ("ada@example.com", "bo@example.com")


async def test_a_late_answer_is_only_late(sandbox, http):
    for step in ("rcpt", "data"):
        await http.post("/_faults", json={"vendor": "smtp", "kind": "latency", "path": step, "seconds": 0.05})

    def deliver():
        with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as client:
            client.sendmail("us@example.com", ["ada@example.com"], mail("Late"))

    await asyncio.to_thread(deliver)
    assert [arrival.subject for arrival in sandbox.mail.list()] == ["Late"]


async def test_the_vendors_page_tells_where_a_lead_is_and_why(sandbox, http):
    fields = {
        "buyer_stage": "comparison",
        "segment": "mid_market",
        "why_in_nurture": "Not ready for sales.",
        "what_moves_it_forward": "a visit to pricing; a reply",
    }
    await crm(sandbox).upsert([change(1, fields=fields)])
    page = (await http.get("/vendors")).text
    for words in (
        "lead1@example.com",
        "comparison",
        "mid market",
        "Not ready for sales.",
        "a visit to pricing; a reply",
    ):
        assert words in page


async def test_a_seller_answers_with_a_button(sandbox, http):
    receipt = await tasks(sandbox).send(touch(Channel.SDR_TASK, brief=BRIEF))
    page = (await http.get("/vendors")).text
    assert f'action="/sellers/tasks/{receipt.vendor_id}"' in page
    form = {"outcome": "rejected", "reason": "timing"}
    pressed = await http.post(f"/sellers/tasks/{receipt.vendor_id}", data=form, headers={"accept": "text/html"})
    assert (pressed.status_code, pressed.headers["location"]) == (303, "/vendors#tasks")
    assert "rejected" in (await http.get("/vendors")).text


async def test_a_seller_must_give_an_answer_that_exists(sandbox, http):
    receipt = await tasks(sandbox).send(touch(Channel.SDR_TASK))
    for form in ({"outcome": "maybe"}, {"outcome": "rejected", "reason": "mood"}):
        assert (await http.post(f"/sellers/tasks/{receipt.vendor_id}", data=form)).status_code == 400
    assert (await http.post("/sellers/tasks/1", data={"outcome": "accepted"})).status_code == 404


def test_the_inbox_survives_a_restart_and_a_line_cut_short(tmp_path):
    store = MailStore(tmp_path)
    first = mail("First")
    store.add("us@example.com", ["ada@example.com"], first)
    with (tmp_path / "inbox.jsonl").open("a") as file:
        file.write('{"number": 2, "received_at": "20')
    again = MailStore(tmp_path)
    again.add("us@example.com", ["ada@example.com"], mail("Second"))
    assert [arrival.subject for arrival in MailStore(tmp_path).list()] == ["Second", "First"]
    assert MailStore(tmp_path).copies("<one@example.com>") == 2
    kept = MailStore(tmp_path).get(1)
    assert kept is not None
    assert kept[1] == first
