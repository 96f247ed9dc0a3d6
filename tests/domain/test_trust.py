"""Which clicks and opens are a person's: each rule, and what it must not catch."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.trust import HIDDEN, Doubt, Followed, Scanners, Visit, doubt_click, doubt_open

SENT = datetime(2026, 11, 2, 9, tzinfo=UTC)
NOBODY = Scanners()
READ = SENT + timedelta(hours=1)
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
)


def visit(at: datetime = READ, **given: str) -> Visit:
    return Visit(at, **({"agent": BROWSER, "address": "203.0.113.7"} | given))


def after(seconds: float) -> datetime:
    return READ + timedelta(seconds=seconds)


def clicked(link: int = 1, *, links: int = 3, seen: tuple[Followed, ...] = (), sent_at=SENT, known=NOBODY, **given):
    return doubt_click(visit(**given), link, links, sent_at, seen, known)


def rule(doubt: Doubt | None) -> str:
    return doubt.rule if doubt else ""


@pytest.mark.parametrize("agent", [BROWSER, PHONE, "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"])
def test_a_person_is_not_doubted(agent: str):
    assert clicked(agent=agent) is None
    assert doubt_open(visit(agent=agent), SENT) is None


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "  ",
        "curl/8.5.0",
        "python-requests/2.32",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; bingbot/2.0)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
        f"{BROWSER} Gmail-content-sampling",
        "Mozilla/5.0 HeadlessChrome/120.0",
    ],
)
def test_who_says_that_it_is_a_machine_is_believed(agent: str):
    assert rule(clicked(agent=agent)) == rule(doubt_open(visit(agent=agent), SENT)) == "scanner_agent"


@pytest.mark.parametrize(("address", "found"), [("209.222.80.1", "scanner_network"), ("::1", ""), ("", ""), ("x", "")])
def test_known_networks_of_gateways_are_doubted(address: str, found: str):
    assert rule(clicked(address=address)) == found


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender", "Preview"])
def test_what_a_browser_fetches_ahead_is_not_a_click(purpose: str):
    assert rule(clicked(purpose=purpose)) == "prefetch"


def test_only_machines_follow_the_hidden_link_and_it_tells_of_the_minutes_before():
    doubt = clicked(HIDDEN)

    assert rule(doubt) == "hidden_link"
    assert doubt.back == timedelta(minutes=5)


@pytest.mark.parametrize(("seconds", "found"), [(299, "scanner_here"), (301, "")])
def test_what_follows_the_hidden_link_within_minutes_is_the_machines(seconds: int, found: str):
    assert rule(clicked(seen=(Followed(HIDDEN, READ),), at=after(seconds))) == found


@pytest.mark.parametrize(("seconds", "found"), [(0, "at_once"), (2, "at_once"), (3, "")])
def test_nobody_follows_two_links_at_once(seconds: int, found: str):
    assert rule(clicked(2, seen=(Followed(1, READ),), at=after(seconds))) == found


def test_the_same_link_twice_is_a_double_click():
    assert clicked(1, seen=(Followed(1, READ),), at=after(0)) is None


@pytest.mark.parametrize(
    ("links", "second", "third", "found"), [(3, 10, 20, "every_link"), (3, 10, 45, ""), (4, 10, 20, "")]
)
def test_nobody_follows_every_link_within_seconds(links: int, second: int, third: int, found: str):
    seen = Followed(1, READ), Followed(2, after(second))

    assert rule(clicked(3, links=links, seen=seen, at=after(third))) == found


def test_two_links_of_two_may_both_be_of_interest():
    assert clicked(2, links=2, seen=(Followed(1, READ),), at=after(10)) is None


@pytest.mark.parametrize(("seconds", "found"), [(9, "too_soon"), (10, "")])
def test_nobody_reads_before_the_mail_has_arrived(seconds: int, found: str):
    at = SENT + timedelta(seconds=seconds)

    assert rule(clicked(at=at)) == rule(doubt_open(visit(at), SENT)) == found


def test_a_mail_of_which_nobody_knows_when_it_left_is_not_too_soon():
    assert clicked(sent_at=None) is None


def test_apples_proxy_says_nothing_of_a_person():
    assert "Apple" in doubt_open(visit(agent="Mozilla/5.0"), SENT).why
    assert rule(clicked(agent="Mozilla/5.0")) == "bare_agent"


def test_an_operator_may_know_machines_that_we_do_not():
    known = Scanners.read("AcmeScan/, LinkChecker", "192.0.2.0/24, 2001:db8::/32")
    assert rule(clicked(agent=f"{BROWSER} acmescan/3", known=known)) == "scanner_agent"
    assert rule(clicked(address="192.0.2.77", known=known)) == "scanner_network"
    assert rule(doubt_open(visit(address="2001:db8::1"), SENT, known)) == "scanner_network"
    assert clicked(address="198.51.100.7", known=known) is None


@pytest.mark.parametrize(
    ("agents", "networks", "says"),
    [
        ("", "192.0.2.1/24", "“192.0.2.1/24” is no network"),
        ("", "everyone", "“everyone” is no network"),
        ("", "0.0.0.0/0", "is everybody"),
        ("Moz", "", "part of too many user agents"),
    ],
)
def test_what_would_catch_anybody_or_nobody_is_refused(agents: str, networks: str, says: str):
    with pytest.raises(ValueError, match=says):
        Scanners.read(agents, networks)
