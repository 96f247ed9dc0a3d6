"""The files that others build from: locks, the Makefile, the image and the compose file."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"://|--index-url|--extra-index-url|--find-links|\.(?:org|com|io)\b", text) == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_of_a_lock_has_a_hash(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9][a-z0-9._-]*(?:\[[^]]*\])?==.*$", text, re.MULTILINE)
    assert pins
    assert [pin for pin in pins if not pin.endswith("\\")] == []
    assert not re.search(r"^(?!#|\s)[^=]*(?:>=|~=|@)", text, re.MULTILINE)


def test_the_locks_agree_and_hold_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = {name: _pins(name) for name in LOCKS}
    assert pins["requirements.lock"].items() <= pins["requirements-dev.lock"].items()
    assert {_name(one) for one in project["project"]["dependencies"]} <= pins["requirements.lock"].keys()
    assert {_name(one) for one in project["dependency-groups"]["dev"]} <= pins["requirements-dev.lock"].keys()


def test_make_lists_every_target_that_people_use():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("install", "run", "test", "check", "bench", "lock"):
        assert f"make {target} " in listed


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = composed["services"]
    return found


def test_every_image_is_pinned_or_built_here(services: dict[str, dict[str, Any]]):
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert service.get("build") or re.search(r"\d+\.\d+", tag), name


def test_whoever_waits_for_health_waits_for_something_that_reports_it(services: dict[str, dict[str, Any]]):
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name} depends on {other}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for the health of {other}"


def test_worker_and_api_start_after_the_tables_are_there(services: dict[str, dict[str, Any]]):
    for name in ("worker", "api"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert services[name]["depends_on"]["temporal"]["condition"] == "service_healthy"
        assert services[name]["image"] == services["migrate"]["image"]


def test_ports_are_published_to_this_machine_only(services: dict[str, dict[str, Any]]):
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_setting_in_the_compose_file_exists(services: dict[str, dict[str, Any]]):
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    names = {name for service in services.values() for name in service.get("environment", {}) if name.startswith("TEN")}
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_image_runs_as_an_ordinary_user_on_pinned_dependencies():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root)", lines, re.MULTILINE)
    assert "--require-hashes -r requirements.lock" in lines
    assert [
        image for image in re.findall(r"^FROM (\S+)", lines, re.MULTILINE) if not re.search(r":\d+\.\d+\.\d+", image)
    ] == []


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", text, re.MULTILINE))


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return found[0].lower().replace("_", "-")
