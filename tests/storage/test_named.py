"""Names are found in what is kept raw however they are written, and not in the middle of anything else."""

import json
from hashlib import sha256
from urllib.parse import quote, quote_plus

from storage import dead_letters
from storage.database import Database
from storage.named import LETTERS, REQUESTS, own, patterns
from tests.storage.samples import NOW

JURGEN = "j\u00fcrgen@m\u00fcnchen.example"
#: Every mark that a pattern, JSON or a form could read otherwise.
ODD = r"""a !"#$%&'()*+,-./:;<=>?[\]^_`{|}~ b"""
NAMES = ["ann@x.example", "j\u00fcrgen@xn--mnchen-3ya.example", "42", "acme-4711", ODD]
NAMED = [
    '{"email":"Ann@X.example"}',
    json.dumps({"message": json.dumps({"to": ["Ann <ann@x.example>"]})}),
    json.dumps({"text": "hello\nann@x.example, how are you"}),
    r'{"from":"Ann \u003cann@x.example\u003e"}',
    "event=opened&recipient=ann%40x.example",
    "to=mailto%3Aann@x.example.",
    json.dumps({"to": JURGEN}),
    json.dumps({"text": json.dumps({"to": JURGEN.upper()})}),
    json.dumps({"to": JURGEN}, ensure_ascii=False),
    f"to={quote(NAMES[1])}",
    '{"userId": "42"}',
    json.dumps({"text": '{"user_id":"42"}'}),
    '{"id":42,"name":"x"}',
    "event=opened&user=42",
    json.dumps({"text": json.dumps({"userId": ODD})}),
    f"user={quote_plus(ODD)}&x=1",
    "GET /people/ACME-4711/orders",
    "\ufffd ann@x.example",
]
NOT_NAMED = [
    "joann@x.example",
    '{"to": "mary.ann@x.example"}',
    "ann@x.example.org",
    "ann@x.example-shop.example",
    '{"attempt": 42, "at": "12:42:01", "agent": "Chrome/42.0", "id": 4242, "userId": "142"}',
    "user=421&to=42%40x.example",
    "acme-47110",
    "acme-4711@other.example",
]


async def test_names_are_found_in_every_spelling_and_nowhere_else(database: Database):
    for text in NAMED + NOT_NAMED:
        await dead_letters.add(database, "webhook esp", "is odd", {"request": text}, NOW)
        body = text.encode().replace("\ufffd".encode(), b"\xff")  # no UTF-8
        await database.pool.execute(
            "insert into webhook_request (vendor, digest, body, received_real_at) values ('esp', $1, $2, $3)",
            sha256(body).digest(),
            body,
            NOW,
        )

    named = patterns([*NAMES, *(f"visitor-{number}" for number in range(100))])

    letters = await database.pool.fetch(f"select body ->> 'request' as text {LETTERS} order by id", named)
    requests = await database.pool.fetch(f"select body {REQUESTS} order by id", named)
    assert [row["text"] for row in letters] == NAMED
    assert [row["body"].decode(errors="replace") for row in requests] == NAMED


def test_names_that_are_long_to_write_are_not_all_in_one_pattern():
    assert max(map(len, patterns(f"{number}{ODD * 4}" for number in range(40)))) < 25_000


def test_nobody_is_found_by_no_name():
    assert patterns(["", ""]) == []


async def test_of_a_list_within_a_text_only_what_names_the_person_is_theirs(database: Database):
    told = {"events": [{"email": "eve@x.example"}, {"email": "ANN@x.example", "tags": ["a", "b"]}], "vendor": "esp"}
    letter = {"headers": {}, "request": json.dumps(told)}
    assert await own(database.pool, letter, patterns(NAMES)) == {
        "headers": {},
        "request": told | {"events": told["events"][1:]},
    }


async def test_a_name_made_to_be_hard_to_look_for_is_looked_for_as_fast_as_any(database: Database):
    """With Python's ``re`` ten backslashes took more than 18 seconds, and the whole process stood still."""
    hostile = ["\\" * 30 + "x", '\\"' * 20 + "x"]
    told = [{"id": "\\" * 60}, {"id": '\\"' * 4000}, {"id": hostile[0]}]
    assert await own(database.pool, told, patterns(hostile)) == told[2:]


async def test_what_json_hardly_allows_is_still_given(database: Database):
    for deep in ("[" * 5000, "[" * 300 + "]" * 300):
        assert await own(database.pool, deep.encode(), patterns(NAMES)) == deep
    cut = rb'{"to": "ann@x.example", "subject": "half of \ud83d"}'
    assert await own(database.pool, cut, patterns(NAMES)) == {"to": "ann@x.example", "subject": "half of ?"}
