"""Mail that comes back: a person's words count, a machine's never do, and whoever is away is believed."""

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.email.absent import back_on
from adapters.email.received import AUTO_REPLIED, AWAY, Came, told
from domain.mail import name_of
from domain.told import Delivery, Happened
from domain.words import DeliveryKind

KEY = "ld_aaaabbbbcccc/1/0/guide"
NAME = name_of(KEY)
#: A Monday.
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def message(text: str = "Thanks, call me tomorrow.", **headers: str) -> EmailMessage:
    made = EmailMessage()
    given_ = {"From": "ada@example.com", "To": f"replies+{NAME}@in.example.com", "Subject": "Re: A guide"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    for name, value in given_.items():
        made[name] = value
    made["Message-ID"] = "<1@example.com>"
    made.set_content(text)
    return made


def read(made: EmailMessage | bytes, to: str = "") -> list[Any]:
    return told(Came(made if isinstance(made, bytes) else made.as_bytes(), AT, to))


def test_a_persons_answer_is_a_reply_to_its_mail():
    (one,) = read(message())
    assert isinstance(one, Delivery)
    assert (one.kind, one.about.mail, one.at) == (DeliveryKind.REPLIED, NAME, AT)
    assert "call me" not in repr(one)


@pytest.mark.parametrize(
    ("headers", "to"),
    [
        ({"To": "sales@example.com", "In_Reply_To": f"<{NAME}@mail.example.com>"}, ""),
        ({"To": "sales@example.com", "References": f"<other@x.example> <{NAME}@mail.example.com>"}, ""),
        ({"To": "undisclosed", "Delivered_To": f"replies+{NAME.upper()}@in.example.com"}, ""),
        ({"To": "sales@example.com"}, f"replies+{NAME}@in.example.com"),
    ],
    ids=["In-Reply-To", "References", "Delivered-To", "the envelope"],
)
def test_whose_it_is_is_told_by_address_or_by_what_it_answers(headers: dict[str, str], to: str):
    assert [one.about.mail for one in read(message(**headers), to)] == [NAME]


def test_mail_about_none_of_ours_tells_nothing():
    assert read(message(To="sales@example.com")) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (vacation)"},
        {"X_Auto_Response_Suppress": "All"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"Precedence": "bulk"},
        {"Return_Path": "<>"},
        {"Subject": "Automatic reply: A guide"},
        {"Subject": "Automatische Antwort: A guide"},
        {"Subject": "Réponse automatique : A guide"},
        {"Subject": "Respuesta automática: A guide"},
        {"Subject": "Out of Office: A guide"},
    ],
    ids=str,
)
def test_a_machines_answer_is_never_interest(headers: dict[str, str]):
    (one,) = read(message("I have received your mail.", **headers))
    assert isinstance(one, Happened)
    assert (one.kind, one.name, dict(one.properties)) == ("delivery", AUTO_REPLIED, {})


def test_a_person_who_says_that_it_is_no_machine_is_one():
    assert [one.kind for one in read(message(Auto_Submitted="no"))] == [DeliveryKind.REPLIED]


def test_who_is_away_until_a_day_is_told_with_it():
    (one,) = read(message("I am out of the office until 4 December.", Auto_Submitted="auto-replied"))
    assert isinstance(one, Happened)
    assert (one.name, one.properties["until"]) == (AWAY, "2026-12-05T00:00:00+00:00")


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Unsubscribe", "Re: A guide"),
        ("  stop.\n\nOn Monday you wrote:\n> A guide", "Re: A guide"),
        ("Abmelden!", "AW: A guide"),
        ("Désabonnez-moi", "Re: A guide"),
        ("Please.", "unsubscribe"),
    ],
)
def test_who_wants_no_more_is_heard(text: str, subject: str):
    assert [one.kind for one in read(message(text, Subject=subject))] == [DeliveryKind.UNSUBSCRIBED]


def test_a_question_about_unsubscribing_is_a_reply():
    assert [one.kind for one in read(message("How do your customers unsubscribe?"))] == [DeliveryKind.REPLIED]


def _report(kind: str, part: bytes) -> bytes:
    return (
        b"From: mailer-daemon@example.com\r\nTo: bounces@in.example.com\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; report-type=" + kind.encode() + b'; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n" + part + b"\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <" + NAME.encode() + b"@mail.example.com>\r\n"
        b"To: ada@example.com\r\n\r\n--b--\r\n"
    )


def _status(action: str, status: str) -> bytes:
    return (
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        b"Final-Recipient: rfc822; ada@example.com\r\nAction: " + action.encode() + b"\r\nStatus: " + status.encode()
    ) + b"\r\n"


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", DeliveryKind.BOUNCED_HARD),
        ("failed", "5.2.2", DeliveryKind.BOUNCED_SOFT),
        ("failed", "4.4.7", DeliveryKind.BOUNCED_SOFT),
        ("failed", "5.7.1", DeliveryKind.BOUNCED_SOFT),
        ("failed", "5.1.8", DeliveryKind.BOUNCED_SOFT),
        ("delayed", "4.4.1", DeliveryKind.DEFERRED),
        ("delivered", "2.0.0", DeliveryKind.DELIVERED),
    ],
)
def test_a_report_of_delivery_says_what_became_of_the_mail(action: str, status: str, kind: DeliveryKind):
    (one,) = read(_report("delivery-status", _status(action, status)))
    assert isinstance(one, Delivery)
    assert (one.kind, one.detail, one.about.mail) == (kind, status, NAME)


def test_a_report_of_a_complaint_is_one():
    part = b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n"
    assert [one.kind for one in read(_report("feedback-report", part))] == [DeliveryKind.COMPLAINED]


def test_the_same_mail_read_twice_has_the_same_id():
    assert read(message())[0].id == read(message())[0].id
    assert read(message())[0].id != read(_other())[0].id


def _other() -> EmailMessage:
    made = message()
    made.replace_header("Message-ID", "<2@example.com>")
    return made


@given(st.binary(max_size=2000))
def test_whatever_comes_it_is_read_without_an_error(raw: bytes):
    assert isinstance(read(raw), list)


@given(st.text(max_size=300), st.text(max_size=50))
def test_whatever_a_person_writes_it_is_read_without_an_error(text: str, subject: str):
    head = f"To: replies+{NAME}@in.example.com\r\nSubject: {subject}\r\n\r\n{text}"
    assert isinstance(read(head.encode(errors="replace")), list)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I am out of the office until December 5th and will reply then.", (12, 6)),
        ("I will be back on Monday, 7 December 2026.", (12, 7)),
        ("Ich bin bis zum 04.12.2026 nicht im Büro.", (12, 5)),
        ("Ich bin ab dem 07.12. wieder erreichbar.", (12, 7)),
        ("Wieder am Montag, den 7. Dezember.", (12, 7)),
        ("Je suis absent jusqu'au 5 décembre.", (12, 6)),
        ("De retour le lundi 7 décembre.", (12, 7)),
        ("Estoy fuera hasta el 5 de diciembre de 2026.", (12, 6)),
        ("I am away from 24 November until 30 November.", (12, 1)),
        ("Away until 2026-12-01", (12, 2)),
    ],
)
def test_the_day_of_return_is_read(text: str, day: tuple[int, int]):
    assert back_on(text, AT) == datetime(2026, *day, tzinfo=UTC)


def test_a_day_that_can_be_read_in_two_ways_is_the_later_one():
    assert back_on("Away until 03/12/2026", AT) == datetime(2026, 12, 4, tzinfo=UTC)
    assert back_on("Away until 11/12/2026", datetime(2026, 10, 1, tzinfo=UTC)) == datetime(2026, 12, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["Thanks, call me.", "until Friday", "Closed until 2031-01-01", "Back on 1 March 2020", "until 99/99/2026", ""],
)
def test_what_says_no_day_that_can_be_believed_is_no_answer(text: str):
    assert back_on(text, AT) is None


def test_of_a_mail_full_of_dates_only_the_first_are_read():
    assert back_on("until 1 December. " * 20 + "until 24 December. " * 100_000, AT) == datetime(2026, 12, 2, tzinfo=UTC)
