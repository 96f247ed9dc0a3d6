"""Dashboard, alerts and handbook say nothing that this build does not measure, and each alert has its page."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import api.metrics
import api.services.webhooks
import runtime.survey
from cli.reference import commands
from runtime.telemetry import REGISTRY

_ROOT = Path(__file__).parents[2]
_ALERTS = _ROOT / "ops" / "prometheus" / "alerts.yaml"
#: One for containers on a host, one for Kubernetes.
_SCRAPES = [_ALERTS.with_name("prometheus.yaml"), _ALERTS.with_name("kubernetes.yaml")]
_DASHBOARD = _ROOT / "ops" / "grafana" / "tendril.json"
_HANDBOOK = _ROOT / "docs" / "handbook"
#: Everything that counts is imported above, so that it has registered what it counts.
_COUNTING = (api.metrics, api.services.webhooks, runtime.survey)
#: Prometheus' own word of each job.
_PROMETHEUS = {"up"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(_ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(_DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def test_every_metric_of_dashboard_and_alerts_is_one_that_we_expose():
    named = {name for text in expressions() for name in re.findall(r"\b(?:tendril|process)_[a-z_]+\b", text)}
    exposed = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    exposed |= set(REGISTRY._names_to_collectors)
    assert len(named) > 30
    assert named <= exposed, named - exposed
    plain = {name for text in expressions() for name in re.findall(r"(?<![\w.])([a-z_]+)\{job", text)}
    assert plain <= _PROMETHEUS | exposed


@pytest.mark.parametrize("path", _SCRAPES, ids=lambda path: path.stem)
def test_alerts_and_dashboard_look_for_the_jobs_that_are_scraped(path: Path):
    written = "\n".join([*expressions(), _ALERTS.with_stem("alerts_test").read_text()])
    scraped = {one["job_name"] for one in yaml.safe_load(path.read_text())["scrape_configs"]}
    assert scraped == set(re.findall(r'job="([^"]+)"', written))
    for pattern in re.findall(r'job=~"([^"]+)"', written):
        assert all(re.fullmatch(pattern, job) for job in scraped), pattern


def test_what_is_scraped_is_where_the_processes_count():
    """Of the compose file by service and port, of Kubernetes by the pod's name and its port's."""
    composed = yaml.safe_load((_ROOT / "docker-compose.production.yml").read_text())["services"]
    asked = {
        one["job_name"]: one["dns_sd_configs"][0] for one in yaml.safe_load(_SCRAPES[0].read_text())["scrape_configs"]
    }
    worker, served = asked["tendril-worker"], asked["tendril-api"]
    assert (worker["names"], str(worker["port"])) == (
        ["worker"],
        composed["worker"]["environment"]["TENDRIL_METRICS_PORT"],
    )
    assert (served["names"], f":{served['port']}/" in str(composed["api"]["healthcheck"])) == (["api"], True)
    found = {
        one["job_name"]: one["relabel_configs"][0]["regex"]
        for one in yaml.safe_load(_SCRAPES[1].read_text())["scrape_configs"]
    }
    for name in ("api", "worker"):
        manifest = yaml.safe_load_all((_ROOT / "deploy" / "kubernetes" / "base" / f"{name}.yaml").read_text())
        (pod,) = [one["spec"]["template"] for one in manifest if one["kind"] == "Deployment"]
        (port,) = pod["spec"]["containers"][0]["ports"]
        assert found[f"tendril-{name}"] == f"{pod['metadata']['labels']['app.kubernetes.io/name']};{port['name']}"


def test_every_alert_has_a_page_and_every_page_an_alert():
    pages = {path.relative_to(_ROOT).as_posix(): path for path in _HANDBOOK.glob("*.md") if path.name != "README.md"}
    assert {rule["annotations"]["runbook_url"] for rule in rules()} == set(pages)
    first = (_HANDBOOK / "README.md").read_text()
    for rule in rules():
        page = pages[rule["annotations"]["runbook_url"]]
        text = page.read_text()
        assert text.startswith(f"# {rule['alert']}\n")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Meaning", "Look here", "Do this"]
        assert f"[{rule['alert']}]({page.name})" in first


def test_every_command_of_the_handbook_is_one_of_ours():
    known = {path for path, _ in commands()}
    for page in _HANDBOOK.glob("*.md"):
        for block in re.findall(r"```sh\n(.+?)```", page.read_text(), re.DOTALL):
            for line in block.strip().splitlines():
                assert any(f"{line} ".startswith(f"{path} ") for path in known), f"{page.name}: {line}"


def test_the_dashboard_is_one_that_grafana_can_read():
    """As far as can be told without Grafana: unique panels that do not overlap, each with a source and a query."""
    every = json.loads(_DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    for panel in panels():
        assert panel["targets"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def without(known: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name != key}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not here (Debian: apt install prometheus)")
def test_prometheus_takes_the_rules_and_they_fire_when_they_should(tmp_path: Path):
    queries = [target["expr"].replace("$__rate_interval", "5m") for panel in panels() for target in panel["targets"]]
    recorded = [{"record": f"panel_{number}", "expr": query} for number, query in enumerate(queries)]
    board = tmp_path / "board.yaml"
    board.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": recorded}]}))
    relabelled = tmp_path / "kubernetes.yaml"  # without the discovery that Debian builds its promtool without
    found = yaml.safe_load(_SCRAPES[1].read_text())["scrape_configs"]
    relabelled.write_text(yaml.safe_dump({"scrape_configs": [without(one, "kubernetes_sd_configs") for one in found]}))
    for asked in (
        ["check", "rules", str(_ALERTS), str(board)],
        ["check", "config", str(_SCRAPES[0])],
        ["check", "config", str(relabelled)],
        ["test", "rules", str(_ALERTS.with_stem("alerts_test"))],
    ):
        done = subprocess.run(["promtool", *asked], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
