"""Links to a calendar carry the touch, and a meeting booked by one is told to be the reader's whoever booked it."""

import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.email.calendars import marked
from adapters.email.carrier import reference
from adapters.email.channel import EmailChannel
from adapters.email.links import QuestionLinks, TrackedLinks, UnsubscribeLinks
from adapters.email.smtp import SmtpCarrier, SmtpServer
from adapters.email.tracked import Tracking
from adapters.inbound import Happened, InboundRequest
from adapters.people.calendly import CalendlyInbound, CalendlySettings, calendar_links
from authoring.render import PlaybookRenderer
from domain.ports import RenderedEmail
from domain.words import Channel
from sandbox import calendly
from sandbox.mail import body, parse
from tests.adapters.mails import KEY
from tests.adapters.running import Sandbox
from tests.adapters.touches import OnePlaybook, touch

WORD = reference(KEY)
_ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#?\\"), max_size=12)
_QUERIES = st.lists(st.tuples(_ASCII, _ASCII), max_size=4).map(lambda pairs: "&".join(f"{a}={b}" for a, b in pairs))


@given(path=_ASCII, query=_QUERIES, fragment=_ASCII)
def test_a_marked_address_is_the_same_but_for_the_mark_however_often(path: str, query: str, fragment: str):
    url = f"https://calendly.com/{path}" + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")
    before, after = urlsplit(url), urlsplit(marked(url, WORD))
    pairs = parse_qsl(before.query, keep_blank_values=True)
    assert after._replace(query="") == before._replace(query="")
    own = "utm_content" in dict(pairs)
    assert parse_qsl(after.query, keep_blank_values=True) == pairs + ([] if own else [("utm_content", WORD)])
    assert marked(marked(url, WORD), WORD) == marked(url, WORD)


@pytest.mark.parametrize(
    ("hosts", "url", "is_marked"),
    [
        ("calendly.com", "https://calendly.com/ann/30min", True),
        ("calendly.com", "https://CALENDLY.com:443/ann?month=2026-11&a1=x%26y#top", True),
        ("calendly.com", "https://www.calendly.com/ann", True),
        ("calendly.com", "https://calendly.com/ann?utm_content=footer", False),
        ("calendly.com", "http://calendly.com/ann", False),
        ("calendly.com", "https://calendly.com.evil.example/ann", False),
        ("calendly.com", "https://notcalendly.com/ann", False),
        ("calendly.com", "https://www.acme.example/meet", False),
        ("calendly.com, acme.example", "https://www.acme.example/meet", True),
    ],
)
def test_links_to_calendars_are_marked_in_both_parts_and_others_are_not(hosts: str, url: str, is_marked: bool):
    html = f'<a href="{url.replace("&", "&amp;")}">Meet</a>'
    links = calendar_links(CalendlySettings(hosts=hosts))
    assert links is not None
    mail = links.marked(touch(Channel.EMAIL), RenderedEmail(subject="s", html=html, text=f"Meet: {url}\n"))
    wanted = marked(url, WORD) if is_marked else url
    assert mail.text == f"Meet: {wanted}\n"
    assert mail.html == f'<a href="{wanted.replace("&", "&amp;")}">Meet</a>'
    assert (WORD in wanted) == is_marked


async def test_a_meeting_booked_from_a_mail_is_its_readers_with_any_address(sandbox: Sandbox):
    """Through the tracked link, by an address that nobody knows."""
    base, server = "https://nurture.example", SmtpServer("127.0.0.1", sandbox.smtp_port)
    links, renderer = TrackedLinks(base, ["s"]), PlaybookRenderer(OnePlaybook(), QuestionLinks(base, ["s"]).url)
    calendars = calendar_links(CalendlySettings(hosts="www.example.com"))
    ways_out = UnsubscribeLinks(base, ["s"])
    channel = EmailChannel(SmtpCarrier(server), renderer, OnePlaybook(), ways_out, Tracking(links), calendars=calendars)
    await channel.send(touch(Channel.EMAIL, key=KEY, asset="trial-plan"))

    arrived = sandbox.mail.get(sandbox.mail.list()[0].number)
    assert arrived is not None
    text = body(parse(arrived[1]), "plain")
    [token] = set(re.findall(rf"{base}/c/(\S+)", text))
    led_to = urlsplit(links.verify(token).url)
    [content] = parse_qs(led_to.query)["utm_content"]
    booking = calendly.Booking(email="private@example.net", touch=content)
    told_us = json.dumps(calendly.event(booking, datetime(2026, 11, 22, tzinfo=UTC))).encode()
    [told] = CalendlyInbound("k").read(InboundRequest(told_us, {}, datetime.now(UTC)))
    assert isinstance(told, Happened)
    assert told.about.touch == KEY


def test_nothing_is_marked_where_that_is_not_wanted():
    assert calendar_links(CalendlySettings(mark_links=False)) is None
