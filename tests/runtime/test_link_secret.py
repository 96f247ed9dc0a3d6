"""No process that signs links starts with a secret that others know; its message never says the secret."""

from collections.abc import Awaitable, Callable

import pytest

from cli.processes import _serve
from domain.errors import Refused
from runtime.link_secret import require_secret
from runtime.settings import Settings
from runtime.worker import run_worker

PUBLIC = "https://nurture.example.com"


@pytest.mark.parametrize(
    ("secret", "wrong"),
    [
        ("change-me", "is a placeholder"),
        ("CHANGEME-please-change-me", "is a placeholder"),
        ("${TENDRIL_SECRET_FROM_VAULT}", "is a placeholder"),
        ("replace-me-before-you-deploy", "is a placeholder"),
        ("hunter2hunter2", "has 14 characters, and needs 16 or more"),
        ("xxxxxxxxxxxxxxxxxxxxxxxx", "repeats a few characters"),
        ("only-for-trying-things-out", f"is that of docker-compose.yml, and links in mail lead to {PUBLIC}"),
        ("", f"is not set, and links in mail lead to {PUBLIC}"),
    ],
)
def test_a_secret_that_others_may_know_is_refused(secret: str, wrong: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENDRIL_SECRET", secret)
    with pytest.raises(Refused) as refused:
        require_secret(Settings(public_url=PUBLIC))
    assert str(refused.value) == f"TENDRIL_SECRET {wrong}."
    assert "openssl rand -base64 32" in refused.value.remedy


@pytest.mark.parametrize("secret", ["only-for-trying-things-out", ""], ids=["composed", "unset"])
def test_what_everybody_knows_is_enough_where_links_lead_to_this_machine(secret: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENDRIL_SECRET", secret)
    require_secret(Settings(public_url="http://127.0.0.1:8000"))


@pytest.mark.parametrize("start", [run_worker, _serve], ids=["worker", "api"])
async def test_neither_worker_nor_api_starts_with_it(start: Callable[[Settings], Awaitable[None]]):
    with pytest.raises(Refused, match="TENDRIL_SECRET is a placeholder"):
        await start(Settings(secret="change-me"))
