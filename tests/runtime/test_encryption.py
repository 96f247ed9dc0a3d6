"""What Temporal stores is read with this deployment's keys only; keys change, and what was plain stays readable."""

import base64
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from domain.errors import Refused
from runtime import encryption
from runtime.encryption import CannotDecrypt, data_converter, payload_keys
from runtime.settings import Settings

OLD, NEW = (f"{name}:{base64.b64encode(name.encode() * 8).decode()}" for name in ("2025", "2026"))
SAID = {"segment": "smb", "number": 3}


def converter(*keys: str) -> DataConverter:
    return data_converter(Settings(payload_keys=",".join(keys)))


async def test_a_payload_is_read_with_its_key_alone():
    (payload,) = await converter(NEW).encode([SAID])

    assert b"segment" not in payload.SerializeToString()
    assert payload.metadata["encryption-key-id"] == b"2026"
    assert await converter(NEW).decode([payload]) == [SAID]
    with pytest.raises(CannotDecrypt, match=r"'2026' is not among"):
        await converter(OLD).decode([payload])
    with pytest.raises(CannotDecrypt, match=r"'2026' is not among"):
        await converter().decode([payload])


async def test_the_first_key_encrypts_and_all_of_them_decrypt():
    (before,) = await converter(OLD).encode([SAID])
    (after,) = await converter(NEW, OLD).encode([SAID])

    assert after.metadata["encryption-key-id"] == b"2026"
    assert await converter(NEW, OLD).decode([before, after]) == [SAID, SAID]


async def test_what_was_plain_before_there_were_keys_stays_readable():
    plain = await converter().encode([SAID])

    assert b"segment" in plain[0].data
    assert await converter(NEW).decode(plain) == [SAID]


async def test_plain_in_the_place_of_the_first_key_writes_plain_and_reads_both():
    leaving = converter("plain", NEW)
    (before,), (after,) = await converter(NEW).encode([SAID]), await leaving.encode([SAID])

    assert b"segment" in after.data
    assert await leaving.decode([before, after]) == [SAID, SAID]
    with pytest.raises(Refused, match="has no id"):
        converter(NEW, "plain")
    with pytest.raises(Refused, match="has no id"):
        converter("plain:" + NEW.partition(":")[2])


async def test_the_same_value_never_looks_the_same_and_is_bound_to_its_key():
    (one,), (two,) = [await converter(NEW).encode([SAID]) for _ in range(2)]
    assert one.data != two.data

    one.metadata["encryption-key-id"] = b"2025"
    same_key_under_another_name = "2025:" + NEW.partition(":")[2]
    with pytest.raises(CannotDecrypt, match="does not open"):
        await converter(same_key_under_another_name).decode([one])


async def test_a_missing_key_is_told_once_however_many_tasks_wait_for_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encryption, "_log", structlog.get_logger())  # one that no other test has configured
    (payload,) = await converter(NEW).encode([SAID])
    lacking = converter(OLD)

    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(CannotDecrypt):
                await lacking.decode([payload])

    assert [(line["key_id"], line["log_level"]) for line in logs] == [("2026", "error")]


async def test_failures_say_nothing_in_plain():
    failure = Failure()
    await converter(NEW).encode_failure(ApplicationError("the canary sang", "and so on"), failure)

    assert b"canary" not in failure.SerializeToString()
    assert "canary" in str(await converter(NEW).decode_failure(failure))


def test_keys_come_from_a_file_as_well(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text(f"# made in January\n{OLD}\n")

    found = payload_keys(Settings(payload_keys=NEW, payload_keys_file=file))

    assert list(found) == ["2026", "2025"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("c2VjcmV0", "Entry 1 of the payload keys has no id"),
        (f"{OLD},2026:c2VjcmV0", "'2026' is not 32 bytes"),
        ("2026:secret!", "'2026' is not 32 bytes"),
        (f"{NEW},2026:{OLD.partition(':')[2]}", "name '2026' twice"),
    ],
    ids=["no id", "too short", "not base64", "one id, two keys"],
)
def test_keys_that_are_none_are_refused_by_their_id(given: str, said: str):
    with pytest.raises(Refused, match=said) as refused:
        payload_keys(Settings(payload_keys=given))

    assert "c2VjcmV0" not in str(refused.value) + refused.value.remedy


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(Refused, match="nowhere"):
        payload_keys(Settings(payload_keys_file=tmp_path / "nowhere"))
