"""Mail as it leaves: personal where it should be, safe whatever a lead's fields hold, with all the law wants."""

import re
from html import unescape

import pytest

from authoring.layout import html_layout
from authoring.render import PlaybookRenderer, fill, prepare
from domain.errors import NotFound, OurFault
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Experiment, Option, Profile, Question, Touch, Variant
from domain.ports import OutboundTouch
from domain.words import Channel
from tests.fixtures.playbooks import minimal_compiled, minimal_playbook

UNSUBSCRIBE = "https://t.example.com/u/abc?x=1&y=2"


class Shelf:
    """Playbooks held in memory."""

    def __init__(self, *playbooks):
        self._by_hash = {playbook.hash: playbook for playbook in playbooks}

    async def compiled(self, content_hash):
        if content_hash not in self._by_hash:
            raise NotFound("no such playbook")
        return self._by_hash[content_hash]


def question_url(lead, key, field):
    return f"https://t.example.com/q/{lead}.{key}.{field}"


def touch(asset="guide", playbook=None, step="guide", variant="", **fields):
    return OutboundTouch(
        key=f"ld_x/1/0/{step}",
        lead="ld_x",
        channel=Channel.EMAIL,
        step=step,
        asset=asset,
        variant=variant,
        playbook=playbook or minimal_compiled().hash,
        fields=fields,
    )


def with_body(body, **changes):
    document = minimal_playbook()
    asset = document.assets["guide"].model_copy(update={"body": body, **changes})
    return document.model_copy(update={"assets": {**document.assets, "guide": asset}})


def rendered(body, fields=None, **changes):
    document = with_body(body, **changes)
    asset = document.assets["guide"]
    return fill(document, "guide", prepare(document, asset), fields or {}, UNSUBSCRIBE)


@pytest.fixture
def renderer():
    return PlaybookRenderer(Shelf(minimal_compiled()), question_url)


async def test_a_lead_is_greeted_by_name(renderer):
    mail = await renderer.email(touch(first_name="Robin"), UNSUBSCRIBE)
    assert "Hello Robin," in mail.text
    assert "Hello Robin," in mail.html


async def test_an_unknown_name_takes_the_default(renderer):
    for fields in ({}, {"first_name": ""}, {"first_name": None}):
        mail = await renderer.email(touch(**fields), UNSUBSCRIBE)
        assert "Hello there," in mail.text


async def test_both_parts_carry_address_reason_and_unsubscribe_link(renderer):
    mail = await renderer.email(touch(), UNSUBSCRIBE)
    for part in (mail.text, unescape(mail.html)):
        assert "Example Metrics, 1 Sample Street, 10115 Sampletown" in part
        assert "You get this mail because you asked Example Metrics" in part
        assert UNSUBSCRIBE in part
        assert "https://www.example.com/guide" in part
    assert "Read the guide: https://www.example.com/guide\n" in mail.text


async def test_a_lead_cannot_put_html_or_templates_into_a_mail(renderer):
    mail = await renderer.email(touch(first_name="<script>alert(1)</script>{{ sender.email }}"), UNSUBSCRIBE)
    assert "<script" not in mail.html
    assert "{{ sender.email }}" in mail.text
    assert "hello@mail.example.com" not in mail.text


def test_a_lead_cannot_break_the_subject_or_fill_the_mail():
    mail = rendered(
        "{{ lead.first_name }}",
        {"first_name": "a\r\nBcc: x@example.com " + "z" * 5000},
        subject="{{ lead.first_name }}",
    )
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    assert len(mail.subject) <= 200
    assert len(mail.text) < 1000


def test_html_in_content_is_shown_and_not_passed_on():
    mail = rendered("Look: <img src=x onerror=alert(1)>")
    assert "<img" not in mail.html


def test_jinja_survives_quotes_links_and_tables():
    mail = rendered("[see]({{ site }}/a?b=1&c=2)\n\n| a |\n|---|\n| {{ lead.company | default(\"x & 'y'\") }} |\n")
    assert 'href="https://www.example.com/a?b=1&amp;c=2"' in mail.html
    assert "x &amp; &#39;y&#39;" in mail.html
    assert "see: https://www.example.com/a?b=1&c=2" in mail.text
    assert "x & 'y'" in mail.text


def test_a_condition_leaves_no_gap_when_it_does_not_hold():
    body = "one\n\n{% if lead.employees > 100 %}\n\nlarge\n\n{% endif %}\n\ntwo"
    without = rendered(body)
    assert "one\n\ntwo" in without.text
    assert '<p style="margin:0 0 18px;"></p>' not in without.html
    assert "one\n\nlarge\n\ntwo" in rendered(body, {"employees": 200}).text


def test_the_text_part_reads_well():
    body = "# Title\n\nSee [this](https://x.example.com). Or [that](https://y.example.com)\nand\nthis.\n"
    body += "\n- one\n- two\n  1. deep\n"
    body += "\n\n> said\n\n---\n\n`code`"
    text = rendered(body).text
    assert "See this: <https://x.example.com>. Or that: https://y.example.com and this." in text
    assert "- one\n- two\n  1. deep" in text
    assert "> said" in text
    assert text.startswith("Title\n\nSee")


def test_nothing_is_fetched_from_elsewhere():
    html = rendered("words").html
    assert re.findall(r"""(?:src|url)\s*[=(]\s*["']?(?:https?:)?//""", html) == []
    assert "<link" not in html
    assert "@import" not in html
    assert "{%" not in html


def test_the_mail_adapts_to_dark_and_small_screens():
    html = rendered("words").html
    assert "prefers-color-scheme: dark" in html
    assert "max-width: 480px" in html
    assert 'name="color-scheme"' in html


def test_the_layout_takes_the_playbooks_own_colour_language_and_words():
    document = with_body("words")
    variables = {
        "brand_color": "#123456",
        "language": "de",
        "footer_reason": "{sender} schreibt.",
        "footer_unsubscribe": "Abmelden",
    }
    document = document.model_copy(update={"variables": {**document.variables, **variables}})
    mail = fill(document, "guide", prepare(document, document.assets["guide"]), {}, UNSUBSCRIBE)
    assert "#123456" in mail.html
    assert 'lang="de"' in mail.html
    assert "Example Metrics schreibt." in mail.text
    assert f"Abmelden: {UNSUBSCRIBE}" in mail.text


@pytest.mark.parametrize(
    "body", ["{{ lead.__class__ }}", "{{ nobody }}", "{% for x in 'abc' %}{% endfor %}", "{{ 'x' * 99999999 }}", "{{ "]
)
async def test_a_stored_playbook_with_bad_content_is_our_fault(body):
    compiled = CompiledPlaybook(with_body(body))
    with pytest.raises(OurFault, match="guide") as caught:
        await PlaybookRenderer(Shelf(compiled), question_url).email(touch(playbook=compiled.hash), UNSUBSCRIBE)
    assert caught.value.vendor == "tendril"
    assert caught.value.certainly_not_sent


async def test_a_fault_never_tells_a_leads_value():
    compiled = CompiledPlaybook(with_body("{{ lead.company | round }}"))
    with pytest.raises(OurFault) as caught:
        await PlaybookRenderer(Shelf(compiled), question_url).email(
            touch(playbook=compiled.hash, company="Secret Works"), UNSUBSCRIBE
        )
    assert "Secret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_missing_asset_or_playbook_is_our_fault(renderer):
    with pytest.raises(OurFault, match="no such asset"):
        await renderer.email(touch(asset="nothing"), UNSUBSCRIBE)
    with pytest.raises(OurFault, match="is not stored"):
        await renderer.email(touch(playbook="0000"), UNSUBSCRIBE)


async def test_each_version_of_a_playbook_keeps_its_own_words():
    versions = [CompiledPlaybook(with_body(f"words {n}")) for n in range(3)]
    renderer = PlaybookRenderer(Shelf(*versions), question_url)
    for _ in range(2):
        for number, version in enumerate(versions):
            assert f"words {number}\n" in (await renderer.email(touch(playbook=version.hash), UNSUBSCRIBE)).text


ASKS = "{{ question.ask }}|{{ question.help }}|"
QUESTIONS = (
    Question(field="role", ask="What is your <role>?", help="A few words."),
    Question(field="employees", ask="How many are you?", options=(Option(label="Few", value=5),)),
)


def asking(field):
    """A playbook whose profiling has one step, which asks for the field."""
    step = Touch(id="ask-first", asset="guide", ask=field, gap="0d")
    profile = Profile(questions=QUESTIONS, consent="We use it to choose what we send.", touches=(step,))
    document = with_body(ASKS, cta_url="{{ question.url }}")
    return CompiledPlaybook(document.model_copy(update={"profile": profile}))


async def asked(compiled, **fields):
    renderer = PlaybookRenderer(Shelf(compiled), question_url)
    return await renderer.email(touch(playbook=compiled.hash, step="ask-first", **fields), UNSUBSCRIBE)


async def test_a_step_that_asks_says_the_question_and_leads_to_its_page():
    mail = await asked(asking("role"))
    assert mail.text.startswith("What is your <role>?|A few words.|")
    assert "What is your &lt;role&gt;?" in mail.html
    assert 'href="https://t.example.com/q/ld_x.ld_x/1/0/ask-first.role"' in mail.html


@pytest.mark.parametrize(
    ("known", "field"),
    [
        ({}, "role"),
        ({"role": ""}, "role"),
        ({"role": "cfo"}, "employees"),
        ({"role": "cfo", "employees": "many"}, "employees"),
        ({"role": "cfo", "employees": 5}, "role"),
    ],
)
async def test_next_asks_the_first_that_is_not_known(known, field):
    mail = await asked(asking("next"), **known)
    assert f"/q/ld_x.ld_x/1/0/ask-first.{field}" in mail.text


async def test_a_step_that_asks_nothing_has_no_question():
    compiled = asking("next")
    renderer = PlaybookRenderer(Shelf(compiled), question_url)
    mail = await renderer.email(touch(playbook=compiled.hash), UNSUBSCRIBE)
    assert mail.text.startswith("||\n")
    assert "/q/" not in mail.html


async def test_asking_for_what_the_playbook_has_no_question_for_is_our_fault():
    with pytest.raises(OurFault, match="step “ask-first” asks for “company”"):
        await asked(asking("company"))


async def test_a_variant_has_a_subject_of_its_own():
    experiment = Experiment(
        id="cost-subject",
        steps=("guide",),
        variants=(Variant(id="control"), Variant(id="asks", subject="{{ lead.first_name }}, what does it cost?")),
    )
    document = with_body("words", subject="The asset's own")
    compiled = CompiledPlaybook(document.model_copy(update={"experiments": (experiment,)}))
    renderer = PlaybookRenderer(Shelf(compiled), question_url)

    async def subject(variant):
        sent = touch(playbook=compiled.hash, variant=variant, first_name="Robin")
        return (await renderer.email(sent, UNSUBSCRIBE)).subject

    for _ in range(2):
        assert await subject("cost-subject:asks") == "Robin, what does it cost?"
        for other in ("", "cost-subject:control", "cost-subject:gone", "gone:asks"):
            assert await subject(other) == "The asset's own"


def test_the_layout_is_compiled_once():
    assert html_layout() is html_layout()
