"""``tendril connect`` says what is set up, what lacks, and what to do."""

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import model_validator
from pydantic_settings import SettingsConfigDict
from typer.testing import CliRunner

from adapters import vendors
from adapters.vendor import AnyVendor, Finding, OnlyHeard, Vendor, VendorSettings
from cli.main import app, main
from domain.errors import OurFault
from tests.adapters.running import running_sandbox


class Settings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_EXAMPLE_")
    key: str


async def _check(_adapter: OnlyHeard) -> list[Finding]:
    return [
        Finding("the key is known", well=True),
        Finding("it may not write", well=False, remedy="Give it the scope."),
    ]


async def _refused(_adapter: OnlyHeard) -> list[Finding]:
    raise OurFault("example answered 401 to /me: check the token and its scopes", vendor="example", status=401)


@pytest.fixture(autouse=True)
def _vendor(monkeypatch: pytest.MonkeyPatch):
    known = _of(_check)
    monkeypatch.setattr("cli.connect.ALL", vendors.ALL | {"example": known})
    monkeypatch.setattr("cli.connect._KINDS", {"people": (known,)})


def _of(check) -> AnyVendor:
    return Vendor("example", "Example", Settings, lambda _: OnlyHeard(), check, carries=("Nothing, this is a test.",))


def connect(*words: str):
    return CliRunner().invoke(app("connect"), ["connect", *words])


def test_it_lists_what_there_is_and_what_lacks():
    _, listed = json.loads(connect("--json").stdout)["items"]
    assert (listed["vendor"], listed["set_up"]) == ("example", False)
    assert "TENDRIL_EXAMPLE_KEY" in listed["lacks"]


def test_a_vendor_that_is_not_set_up_says_which_variable_lacks(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["connect", "example"])
    said = capsys.readouterr().err
    assert "TENDRIL_EXAMPLE_KEY: field required" in said
    assert "docs/settings.md" in said


def test_what_was_found_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENDRIL_EXAMPLE_KEY", "k")
    told = connect("example")
    assert told.exit_code == 1
    assert "✓ the key is known" in told.stdout
    assert "✗ it may not write\n    Give it the scope." in told.stdout
    assert "→ Nothing, this is a test." in told.stdout
    assert json.loads(connect("example", "--json").stdout)["well"] is False


def test_what_a_vendor_answers_is_a_finding_and_never_a_stack_trace(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENDRIL_EXAMPLE_KEY", "k")
    monkeypatch.setattr("cli.connect.ALL", {"example": _of(_refused)})
    told = connect("example")
    assert told.exit_code == 1
    assert "✗ example answered 401 to /me" in told.stdout


def test_an_unknown_vendor_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["connect", "nobody"])
    assert "Known are:" in capsys.readouterr().err


def test_what_is_wrong_with_several_settings_together_is_said_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    class Both(Settings):
        other: str = ""

        @model_validator(mode="after")
        def _one_of(self) -> "Both":
            raise ValueError("Give the key or the other, and not both.")

    monkeypatch.setenv("TENDRIL_EXAMPLE_KEY", "k-secret")
    made: AnyVendor = Vendor("example", "Example", Both, lambda _: OnlyHeard(), _check)
    monkeypatch.setattr("cli.connect.ALL", {"example": made})
    with pytest.raises(SystemExit):
        main(["connect", "example"])
    said = capsys.readouterr().err
    assert "Give the key or the other, and not both." in said
    assert "k-secret" not in said


async def test_an_smtp_server_is_reached_and_what_it_lacks_is_said(monkeypatch: pytest.MonkeyPatch):
    async with running_sandbox() as sandbox:
        monkeypatch.setenv("TENDRIL_SMTP_PORT", str(sandbox.smtp_port))
        reached = await asyncio.to_thread(connect, "smtp")
        monkeypatch.setenv("TENDRIL_SMTP_SECURITY", "starttls")
        refused = await asyncio.to_thread(connect, "smtp")
    assert (reached.exit_code, refused.exit_code) == (0, 1)
    assert f"127.0.0.1:{sandbox.smtp_port} was reached, without encryption, without a login" in reached.stdout
    assert "✗ the SMTP server offers no STARTTLS" in refused.stdout


async def test_the_stand_ins_of_a_stack_that_runs_here_are_found_on_its_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cli.connect.ALL", vendors.ALL)
    (tmp_path / ".tendril").mkdir()
    async with running_sandbox() as sandbox:
        running = {
            "database_url": "postgresql://127.0.0.1:9/tendril",
            "temporal_address": "127.0.0.1:1",
            "api": "http://127.0.0.1:2",
            "inbox": sandbox.url,
            "smtp_port": str(sandbox.smtp_port),
        }
        (tmp_path / ".tendril" / "run.json").write_text(json.dumps(running))
        mail, crm = [await asyncio.to_thread(connect, vendor) for vendor in ("smtp", "hubspot")]
    assert (mail.exit_code, crm.exit_code) == (0, 0)
    assert f"127.0.0.1:{sandbox.smtp_port} was reached" in mail.stdout
