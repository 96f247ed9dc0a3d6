"""Links in a mail are changed to say that they were followed, and nothing else is."""

import hashlib

import pytest
from itsdangerous import URLSafeSerializer

from adapters.email.channel import EmailChannel
from adapters.email.links import OpenLinks, QuestionLinks, TrackedLinks, UnsubscribeLinks
from adapters.email.smtp import SmtpCarrier, SmtpServer
from adapters.email.tracked import Tracking
from authoring.render import PlaybookRenderer
from domain.errors import Refused
from domain.playbook.models import Playbook
from domain.ports import RenderedEmail
from domain.words import Channel
from sandbox.mail import body, parse
from tests.adapters.touches import OnePlaybook, touch
from tests.fixtures.playbooks import minimal_playbook

BASE = "https://nurture.example"
LINKS = TrackedLinks(BASE, ["first-secret"])
KEY = "ld_aaaabbbbcccc/1/0/guide"


def playbook(words: str) -> Playbook:
    """The small playbook with these words in its guide, and no other links."""
    document = minimal_playbook()
    guide = document.assets["guide"].model_copy(update={"body": words, "cta_url": ""})
    return document.model_copy(update={"assets": {"guide": guide}, "variables": {"site": "https://www.acme.example"}})


def tracked(html: str, text: str = "", words: str | None = None) -> RenderedEmail:
    mail = RenderedEmail(subject="s", html=html, text=text)
    return Tracking(LINKS).tracked(touch(Channel.EMAIL), mail, playbook(html if words is None else words))


def links_of(html: str) -> list[str]:
    """The links that are seen."""
    return [part.partition('"')[0] for part in html.partition("<div aria-hidden")[0].split('href="')[1:]]


def test_a_link_leads_through_us_to_where_it_led():
    mail = tracked('<p><a class="x" href="https://docs.example/a?x=1&amp;y=2#z">Read</a></p>')

    (link,) = links_of(mail.html)
    assert link.startswith(f"{BASE}/c/")
    assert LINKS.verify(link.removeprefix(f"{BASE}/c/")) == (KEY, 1, 1, "https://docs.example/a?x=1&y=2#z")
    assert mail.html.partition("<div")[0].replace(link, "") == '<p><a class="x" href="">Read</a></p>'


def test_the_text_part_has_the_same_links():
    urls = "https://docs.example/a", "https://docs.example/a/b"
    html = "".join(f'<a href="{url}">x</a>' for url in urls)
    mail = tracked(html, f"First: {urls[0]}\nSecond: <{urls[1]}>.\nhttps://docs.example/abc")

    first, second = links_of(mail.html)
    assert mail.text == f"First: {first}\nSecond: <{second}>.\nhttps://docs.example/abc"


def test_links_to_one_address_are_one_link():
    mail = tracked(
        '<a href="https://a.example/">1</a><a href="https://b.example/">2</a><a href="https://a.example/">3</a>'
    )

    first, second, third = links_of(mail.html)
    assert first == third
    assert [LINKS.verify(link.rpartition("/")[2])[1:3] for link in (first, second)] == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    "address",
    [
        UnsubscribeLinks(BASE, ["s"]).url("ld_a", KEY),
        QuestionLinks(BASE, ["s"]).url("ld_a", KEY, "role"),
        f"{BASE}/p/preferences",
        "http://docs.example/",
        "mailto:ann@acme.example",
        "tel:+123",
        "#top",
        "https://ann@docs.example/",
        "https://docs.example\\@evil.example/",
        "https://[broken/",
        "https://dócs.example/",
    ],
)
def test_what_is_ours_or_not_https_stays_as_it_is(address: str):
    html = f'<a href="{address}">x</a>'

    assert tracked(html, words=f"{html} https://docs.example/ {BASE}/ https://dócs.example/").html == html


@pytest.mark.parametrize("words", ["", "https://{{ lead.company }}/", "https://docs.example{{ lead.company }}/"])
def test_a_host_that_only_the_leads_fields_name_is_never_led_to(words: str):
    html = '<a href="https://docs.example.evil.example/">x</a><a href="https://docs.exampl/">y</a>'

    assert tracked(html, words=words).html == html


def test_a_host_that_a_variable_names_is():
    assert f"{BASE}/c/" in tracked('<a href="https://www.acme.example/x">x</a>', words="[x]({{ site }}/x)").html


def test_a_link_that_no_one_sees_is_in_the_html_alone():
    mail = tracked('<body><a href="https://a.example/">1</a></body>', "1: https://a.example/")

    hidden = mail.html.partition("<div")[2]
    assert 'aria-hidden="true" style="display:none' in hidden
    assert 'tabindex="-1"' in hidden
    assert hidden.endswith("</a></div></body>")
    token = hidden.partition(f'href="{BASE}/c/')[2].partition('"')[0]
    assert LINKS.verify(token) == (KEY, 0, 1, "")
    assert token not in mail.text


def test_a_picture_tells_of_opened_mails():
    opens = OpenLinks(BASE, ["first-secret"])
    mail = RenderedEmail(subject="s", html="<body><p>x</p></body>", text="x")

    html = Tracking(None, opens).tracked(touch(Channel.EMAIL), mail, playbook("x")).html

    url = html.partition('<img src="')[2].partition('"')[0]
    assert html.endswith('width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0;"></body>')
    assert opens.verify(url.removeprefix(f"{BASE}/o/").removesuffix(".gif")) == KEY
    with pytest.raises(Refused):
        opens.verify(LINKS.url(KEY, 1, 1, "https://a.example/").rpartition("/")[2])


def test_nothing_is_changed_where_nothing_is_to_be_noted():
    mail = RenderedEmail(subject="s", html='<a href="https://a.example/">1</a>', text="https://a.example/")

    assert Tracking(None).tracked(touch(Channel.EMAIL), mail, playbook(mail.html)) == mail


def test_a_token_that_we_did_not_sign_or_that_leads_elsewhere_is_refused():
    token = LINKS.url(KEY, 1, 2, "https://docs.example/").rpartition("/")[2]
    others = [
        token[:-2] + "xx",
        "nonsense",
        TrackedLinks(BASE, ["another"]).url(KEY, 1, 2, "https://docs.example/").rpartition("/")[2],
        UnsubscribeLinks(BASE, ["first-secret"]).token("ld_a", KEY),
        LINKS.url(KEY, 1, 2, "javascript:alert(1)").rpartition("/")[2],
        LINKS.url(KEY, 1, 2, "//evil.example").rpartition("/")[2],
        URLSafeSerializer("first-secret").dumps(["1", KEY, "1", "2", "https://docs.example/"]),
    ]

    for other in others:
        with pytest.raises(Refused):
            LINKS.verify(other)


def test_links_signed_with_a_former_secret_still_work():
    token = LINKS.url(KEY, 1, 2, "https://docs.example/").rpartition("/")[2]

    assert TrackedLinks(BASE, ["first-secret", "second-secret"]).verify(token).url == "https://docs.example/"


def test_a_token_of_today_is_readable_for_as_long_as_mail_is_kept():
    """Made on 22 November 2026. If this fails, mail that was sent has links that no longer work."""
    token = (
        "WyIxIiwibGRfYWFhYWJiYmJjY2NjLzEvMC9ndWlkZSIsIjEiLCIyIiwiaHR0cHM6Ly9kb2NzLmV4YW1wbGUvIl0.BQ"
        "3cyart1Dc9kFz6LFE02ydDmD1dd09ecAAA6zKe-38"
    )

    assert TrackedLinks(BASE, ["a-secret"]).verify(token) == (KEY, 1, 2, "https://docs.example/")


def test_tokens_without_a_version_are_readable_for_ever():
    """As they were written in November 2026. If this fails, nobody can unsubscribe by a mail of then."""
    unsubscribe = (
        "WyJsZF9hYWFhYmJiYmNjY2MiLCJsZF9hYWFhYmJiYmNjY2MvMS8wL2d1aWRlIl0.fm6sPeFOBgoo0ZKv_DojNHILf5hzxhtbGs64hRbN0gA"
    )
    question = (
        "WyJsZF9hYWFhYmJiYmNjY2MiLCJsZF9hYWFhYmJiYmNjY2MvMS8wL2d1aWRlIiwicm9sZSJd.ItCXIEIK-htwAAqRl"
        "3u80fMajwssAXDio4RZA_f6pDM"
    )

    assert UnsubscribeLinks(BASE, ["a-secret"]).verify(unsubscribe) == ("ld_aaaabbbbcccc", KEY)
    assert QuestionLinks(BASE, ["a-secret"]).verify(question) == ("ld_aaaabbbbcccc", KEY, "role")


def test_a_token_may_say_its_version_and_one_of_another_is_refused():
    unsubscribe, question = UnsubscribeLinks(BASE, ["s"]), QuestionLinks(BASE, ["s"])
    given = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    for links, salt, parts in (
        (unsubscribe, "tendril.unsubscribe", ("ld_a", KEY)),
        (question, "tendril.question", ("ld_a", KEY, "role")),
    ):
        signer = URLSafeSerializer("s", salt=salt, signer_kwargs=given)
        assert tuple(links.verify(signer.dumps(["1", *parts]))) == parts
        for unknown in (["2", *parts], ["2", *parts[1:]], ["2"], []):
            with pytest.raises(Refused):
                links.verify(signer.dumps(unknown))


async def test_a_sent_mail_has_tracked_links_but_leads_straight_to_unsubscribing(sandbox):
    questions, unsubscribe = QuestionLinks(BASE, ["s"]), UnsubscribeLinks(BASE, ["s"])
    renderer = PlaybookRenderer(OnePlaybook(), questions.url)
    server = SmtpServer("127.0.0.1", sandbox.smtp_port)
    sent = touch(Channel.EMAIL, asset="trial-plan")

    await EmailChannel(SmtpCarrier(server), renderer, OnePlaybook(), unsubscribe, Tracking(LINKS)).send(sent)

    message = parse(sandbox.mail.get(sandbox.mail.list()[0].number)[1])
    for part in (body(message, "html"), body(message, "plain")):
        assert "https://www.example.com/trial-plan" not in part
        assert f"{BASE}/c/" in part
        assert f"{BASE}/u/" in part
