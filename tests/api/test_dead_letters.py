"""What could not be understood can be looked at over HTTP, page by page."""

import json

import httpx

from tests.api.conftest import assert_problem

EVENT = {"type": "track", "userId": "crm-1"}


async def test_they_are_listed_newest_first_with_what_is_wrong(api: httpx.AsyncClient):
    sent_at = "2026-03-04T09:00:00+00:00"
    await api.post("/v1/batch", json={"batch": [EVENT | {"n": 1}, {"type": "dance"}], "sentAt": sent_at})

    listed = (await api.get("/v1/dead-letters")).json()

    assert listed["total"] == 2
    assert listed["next_cursor"] is None
    assert "dance" in listed["items"][0]["reason"]
    assert listed["items"][1]["body"] == EVENT | {"n": 1, "sentAt": sent_at}


async def test_pages_follow_each_other(api: httpx.AsyncClient):
    await api.post("/v1/batch", json={"batch": [EVENT | {"n": n} for n in range(5)]})

    seen, cursor = [], None
    for _ in range(3):
        page = (await api.get("/v1/dead-letters", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["body"]["n"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert (seen, cursor) == ([4, 3, 2, 1, 0], None)


async def test_a_cursor_that_is_none_is_named(api: httpx.AsyncClient):
    assert_problem(await api.get("/v1/dead-letters", params={"cursor": "9" * 30}), 422, "invalid-request")


async def test_a_batch_that_is_sent_again_sets_aside_no_more(api: httpx.AsyncClient):
    """Its answer was lost, so the sender sends it again: the same but for ``sentAt``."""
    batch = [EVENT | {"messageId": "m-1"}, EVENT | {"timestamp": "2026-03-04T09:00:00Z"}, EVENT | {"messageId": "m-2"}]
    for second in range(3):
        await api.post("/v1/batch", json={"batch": batch, "sentAt": f"2026-03-04T09:00:0{second}Z"})

    assert (await api.get("/v1/dead-letters")).json()["total"] == 3


async def test_what_nothing_tells_apart_is_each_its_own(api: httpx.AsyncClient):
    await api.post("/v1/batch", json={"batch": [EVENT, EVENT]})

    assert (await api.get("/v1/dead-letters")).json()["total"] == 2


async def test_a_reason_never_costs_the_letter(api: httpx.AsyncClient):
    """It quotes what was sent: what no database stores, and what nobody would read to its end."""
    types = ["x\x00", "x\ud800", "x" * 200_000]
    good = EVENT | {"event": "Demo Seen"}
    body = json.dumps({"batch": [good, *({"type": each} for each in types)]})

    answer = await api.post("/v1/batch", content=body, headers={"Content-Type": "application/json"})
    letters = (await api.get("/v1/dead-letters")).json()["items"]

    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (200, 1, 3), answer.text
    assert all("does not match any of the expected tags" in item["reason"] for item in letters[1:])
    assert max(len(item["reason"]) for item in letters) <= 1000
