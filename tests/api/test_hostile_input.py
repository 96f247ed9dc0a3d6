"""What can't be understood is refused or set aside, whole: never a 5xx, and never half of it stored."""

import base64
import gzip
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.email.links import OpenLinks, QuestionLinks, TrackedLinks, UnsubscribeLinks
from runtime.settings import Settings
from storage.database import Database
from tests.api.generated import PATIENCE, Do, examined, profile
from tests.api.hostile import as_json, events, likely, odd_text, values

pytestmark = pytest.mark.timeout(PATIENCE)
JSON = {"Content-Type": "application/json"}
GOOD = {"type": "track", "userId": "ann", "event": "Demo Seen"}
_HELD = """
select (select count(*) from behaviour) as behaviour, (select count(*) from dead_letter) as dead_letter,
    (select count(*) from lead) as lead, (select count(*) from identity) as identity,
    (select count(*) from alias) as alias, (select count(*) from account) as account,
    (select count(*) from consent) as consent, (select count(*) from suppression) as suppression
"""
Counts = dict[str, int]
bodies = st.one_of(
    st.builds(lambda batch: as_json({"batch": batch}), st.lists(events | likely | values, max_size=4)),
    st.builds(as_json, values),
    st.binary(max_size=40),
)
encodings = st.sampled_from([None, "gzip", "x-gzip", "GZIP ", "br", "gzip, gzip", "identity", ""])
media = st.sampled_from(
    ["application/json", "text/plain", "", "application/json; charset=utf-16", "a/b", "multipart/form-data"]
)
tails = st.sampled_from(["", ".gif", "/preferences"])


@pytest.fixture
async def held(database: Database, playbook: str):
    """How many rows there are of everything that a request could write."""

    async def counted() -> Counts:
        return dict(await database.pool.fetchrow(_HELD))

    return counted


def packed(body: bytes, how: str) -> bytes:
    whole = gzip.compress(body)
    return {
        "plain": body,
        "gzip": whole,
        "cut": whole[:-4],
        "twice": whole + whole,
        "trailed": whole + b"\x00",
        "bomb": gzip.compress(b"[" * 3_000_000),
    }[how]


def is_calm(answer: httpx.Response) -> bool:
    """Taken, or refused as it should be; returns whether it was taken."""
    assert answer.status_code < 500, answer.text
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.json()["remedy"]
    return answer.is_success


async def test_a_batch_is_taken_whole_with_its_bad_events_set_aside_or_not_at_all(api: httpx.AsyncClient, held: Any):
    def batches(do: Do[Any]) -> None:
        @profile(60)
        @given(
            body=bodies,
            how=st.sampled_from(["plain", "plain", "gzip", "cut", "twice", "trailed", "bomb"]),
            encoding=encodings,
            kind=media,
        )
        def is_all_or_nothing(body: bytes, how: str, encoding: str | None, kind: str) -> None:
            headers = {"Content-Type": kind} | ({} if encoding is None else {"Content-Encoding": encoding})
            before: Counts = do(held())
            answer: httpx.Response = do(api.post("/v1/batch", content=packed(body, how), headers=headers))
            after: Counts = do(held())
            if not is_calm(answer):
                assert after == before
                return
            taken = answer.json()
            assert after["behaviour"] - before["behaviour"] == taken["accepted"]
            assert after["dead_letter"] - before["dead_letter"] == taken["rejected"]

        is_all_or_nothing()

    await examined(batches)


@pytest.mark.parametrize("path", ["track", "page", "identify", "group", "alias", "cloudevents", "leads"])
async def test_one_event_is_taken_or_leaves_nothing_behind(api: httpx.AsyncClient, held: Any, path: str):
    def singles(do: Do[Any]) -> None:
        @profile(25)
        @given(event=events | likely)
        def is_all_or_nothing(event: Mapping[str, Any]) -> None:
            before: Counts = do(held())
            answer: httpx.Response = do(api.post(f"/v1/{path}", content=as_json(event), headers=JSON))
            if not is_calm(answer):
                assert do(held()) == before

        is_all_or_nothing()

    await examined(singles)


async def test_a_cloud_event_in_headers_is_taken_or_leaves_nothing_behind(api: httpx.AsyncClient, held: Any):
    names = st.sampled_from([b"ce-id", b"ce-source", b"ce-type", b"ce-subject", b"ce-time", b"ce-data"])
    odd = st.sampled_from([b"%", b"%ff%fe", b"%00", b"%ed%a0%80", b"2026-03-02T10:00:00Z", b"a", b"x" * 300])

    def binary(do: Do[Any]) -> None:
        @profile(40)
        @given(
            headers=st.lists(st.tuples(names, odd | st.binary(max_size=20)), max_size=6),
            body=bodies,
            kind=media | st.sampled_from(["application/cloudevents+json", "application/cloudevents-batch+json"]),
        )
        def is_all_or_nothing(headers: list[tuple[bytes, bytes]], body: bytes, kind: str) -> None:
            before: Counts = do(held())
            whole = [(b"ce-specversion", b"1.0"), (b"content-type", kind.encode()), *headers]
            answer: httpx.Response = do(api.post("/v1/cloudevents", content=body, headers=whole))
            after: Counts = do(held())
            if is_calm(answer):
                assert after["behaviour"] - before["behaviour"] == answer.json()["accepted"]
            else:
                assert after == before

        is_all_or_nothing()

    await examined(binary)


async def test_a_form_is_taken_or_leaves_nothing_behind(http: httpx.AsyncClient, key: str, held: Any):
    fields = st.sampled_from(
        ["email", "anonymousId", "consent", "consent_text", "redirect", "_gotcha", "role", "a\x00"]
    )
    filled = st.lists(st.tuples(fields | odd_text, odd_text | st.just("ann@acme.example")), max_size=6)
    marks = st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"])
    parts = st.lists(
        st.sampled_from(
            [b"--b\r\n", b"--b--", b'Content-Disposition: form-data; name="email"', b"\r\n\r\n", b"a@b.example"]
        )
    )

    def forms(do: Do[Any]) -> None:
        @profile(50)
        @given(name=st.just("contact") | odd_text, filled=filled, kind=marks, loose=parts, good=st.booleans())
        def is_all_or_nothing(
            name: str, filled: list[tuple[str, str]], kind: str, loose: list[bytes], good: bool
        ) -> None:
            pairs = [
                (member.encode(errors="surrogatepass"), text.encode(errors="surrogatepass")) for member, text in filled
            ]
            body = urlencode([(b"writeKey", key.encode()), *pairs]).encode() if good else b"".join(loose)
            before: Counts = do(held())
            path = f"/f/{quote(name, safe='', errors='surrogatepass')}"
            answer: httpx.Response = do(http.post(path, content=body, headers={"Content-Type": kind}))
            assert answer.status_code < 500, answer.text
            if answer.is_client_error:
                assert do(held()) == before

        is_all_or_nothing()

    await examined(forms)


async def test_a_link_that_was_tampered_with_does_nothing(
    http: httpx.AsyncClient, api: httpx.AsyncClient, settings: Settings, held: Any
):
    lead = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    touch, ours = f"{lead}/1/0/first", (settings.public_url, settings.link_secrets)
    links = [
        UnsubscribeLinks(*ours).url(lead, touch),
        QuestionLinks(*ours).url(lead, touch, "role"),
        TrackedLinks(*ours).url(touch, 1, 2, "https://acme.example/guide"),
        OpenLinks(*ours).url(touch),
    ]
    paths = [link.removeprefix(settings.public_url) for link in links]
    form = {"List-Unsubscribe": "One-Click", "stop": "everything", "often": "30", "answer": "COO"}

    def tampered(do: Do[Any]) -> None:
        @profile(60)
        @given(
            path=st.sampled_from(paths),
            cut=st.integers(3, 200),
            put=odd_text,
            other=st.sampled_from("ucoq"),
            tail=tails,
        )
        def changes_nothing(path: str, cut: int, put: str, other: str, tail: str) -> None:
            token = path[3:]
            token = token[:cut] + put + token[cut:] if put else token[:cut]
            same = path[1] == other and token == path[3:]
            target = f"/{other}/{quote(token, safe='', errors='surrogatepass')}{tail}"
            before: Counts = do(held())
            for answer in (do(http.get(target)), do(http.post(target, data=form))):
                assert answer.status_code < 500, answer.text
                assert same or not answer.has_redirect_location
            assert same or do(held()) == before

        changes_nothing()

    await examined(tampered)


@pytest.mark.parametrize("path", ["/v1/track", "/v1/leads", "/v1/cloudevents"])
async def test_no_odd_key_is_let_in_or_upsets_anything(http: httpx.AsyncClient, held: Any, path: str):
    words = st.sampled_from([b"Basic ", b"Bearer ", b"basic", b"Digest ", b"", b"Basic  "])
    plain = st.binary(max_size=12) | st.sampled_from([b":", b"\xff:", b"a" * 5000, b"\x00:\x00"])
    rest = plain | plain.map(base64.b64encode)

    def keys(do: Do[Any]) -> None:
        @profile(40)
        @given(word=words, rest=rest, key=values)
        def is_refused(word: bytes, rest: bytes, key: Any) -> None:
            before: Counts = do(held())
            headers = [(b"authorization", word + rest), (b"content-type", b"application/json")]
            answer: httpx.Response = do(http.post(path, content=as_json(GOOD | {"writeKey": key}), headers=headers))
            assert not is_calm(answer)
            assert answer.status_code in {400, 401, 422}
            assert do(held()) == before

        is_refused()

    await examined(keys)


@pytest.mark.parametrize("levels", [51, 201, 256, 700, 900])
async def test_what_is_nested_too_deeply_to_be_read_again_is_not_stored(api: httpx.AsyncClient, held: Any, levels: int):
    """Such an event would stop every later decision about its lead; and a batch with one must not come for ever."""
    body = as_json(GOOD | {"properties": {"a": 0}}).replace(b"0", b"[" * levels + b"]" * levels)

    alone = await api.post("/v1/track", content=body, headers=JSON)
    among = await api.post("/v1/batch", content=b'{"batch": [%s, %s]}' % (as_json(GOOD), body), headers=JSON)
    letters = await api.get("/v1/dead-letters")

    assert alone.status_code == 422
    assert "nested more than 50 levels" in alone.json()["errors"][0]["message"]
    assert (among.json()["accepted"], among.json()["rejected"]) == (1, 1)
    assert "nested more than 50 levels" in letters.json()["items"][0]["reason"]
