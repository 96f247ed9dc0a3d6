"""What containers and clusters are told: the production compose file, the Kubernetes manifests, the backup.

No container engine is needed: manifests are checked against Kubernetes' own schemas, and a backup is made and restored.
"""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import kubernetes_validate
import pytest
import yaml

from runtime.settings import Settings
from storage import leads, playbooks
from storage.database import Database
from tests.fixtures.postgres import Server
from tests.workflows.long_track import long_track

START = datetime(2030, 1, 1, 9, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "kubernetes" / "base"
BACKLOG = ROOT / "deploy" / "kubernetes" / "backlog"
MANIFESTS = sorted(path for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")
OURS = ("migrate", "worker", "api")


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


def everything() -> list[dict[str, Any]]:
    return [one for path in MANIFESTS for one in documents(path)]


def known(name: str) -> bool:
    return f"`{name}`" in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def settings_in(path: Path) -> list[str]:
    return re.findall(r"^(TENDRIL_\w+)=", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.production.yml").read_text(encoding="utf-8"))
    return composed


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_can_write_nowhere_and_has_no_rights(production: dict[str, Any], name: str):
    service = production["services"][name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["environment"]["TENDRIL_SECRETS_DIR"] == "/run/secrets"


def test_secrets_are_files_and_each_is_a_setting(production: dict[str, Any]):
    assert [name for name in production["secrets"] if not known(name.upper())] == []
    written = yaml.safe_dump(production["services"])
    assert not re.search(r"TENDRIL_\w*(PASSWORD|TOKEN|SECRET|KEYS)\b", written)


def test_only_the_proxy_is_reached_from_outside(production: dict[str, Any]):
    open_to_all = {
        name
        for name, service in production["services"].items()
        if any(not port.startswith("127.0.0.1:") for port in service.get("ports", []))
    }
    assert open_to_all == {"proxy"}


def test_several_of_each_take_over_from_each_other(production: dict[str, Any]):
    for name in ("worker", "api"):
        rollout = production["services"][name]["deploy"]
        assert rollout["replicas"] > 1
        assert rollout["update_config"]["order"] == "start-first"


def test_who_is_called_healthy_says_so_itself(production: dict[str, Any]):
    for name in ("worker", "api"):
        assert "/readyz" in " ".join(production["services"][name]["healthcheck"]["test"])


def test_a_worker_is_given_more_time_to_stop_than_it_needs(production: dict[str, Any]):
    needed = Settings.model_fields["worker_drain"].default + 3
    assert int(production["services"]["worker"]["stop_grace_period"].rstrip("s")) > needed
    (worker,) = [one for one in everything() if one["kind"] == "Deployment" and one["metadata"]["name"] == "worker"]
    assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > needed


@pytest.mark.parametrize(
    "path", [ROOT / "deploy" / "production.env.example", BASE / "settings.env"], ids=lambda p: p.name
)
def test_every_setting_that_is_given_exists(path: Path):
    names = [name for name in settings_in(path) if name not in {"TENDRIL_VERSION", "TENDRIL_HOST"}]
    assert names
    assert [name for name in names if not known(name)] == []


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_kubernetes_knows_every_field(path: Path):
    for document in documents(path):
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_every_manifest_is_part_of_the_whole():
    whole = documents(BASE / "kustomization.yaml")[0]
    assert sorted(whole["resources"]) == [path.name for path in MANIFESTS]
    for name in documents(BACKLOG / "kustomization.yaml")[0]["resources"]:
        assert (BACKLOG / name).exists(), name


def test_every_pod_is_probed_guarded_and_unprivileged():
    budgets = {one["metadata"]["name"] for one in everything() if one["kind"] == "PodDisruptionBudget"}
    for deployment_ in (one for one in everything() if one["kind"] == "Deployment"):
        pod = deployment_["spec"]["template"]["spec"]
        assert deployment_["metadata"]["name"] in budgets
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        for container in (*pod["initContainers"], *pod["containers"]):
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        (container,) = pod["containers"]
        asked = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
        assert asked == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}


def least(kind: str, name: str, everything: list[dict[str, Any]]) -> list[int]:
    """How few pods autoscaling may leave of a deployment, as each document of this kind has it."""
    field = {"Deployment": "replicas", "HorizontalPodAutoscaler": "minReplicas", "ScaledObject": "minReplicaCount"}[
        kind
    ]
    named = (one for one in everything if one["kind"] == kind)
    return [one["spec"][field] for one in named if one["spec"].get("scaleTargetRef", one["metadata"])["name"] == name]


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_node_can_always_be_emptied_and_somebody_stays(name: str):
    whole = [*everything(), *documents(BACKLOG / "scaled-object.yaml")]
    (budget,) = [one for one in whole if one["kind"] == "PodDisruptionBudget" and one["metadata"]["name"] == name]
    fewest = min(
        number
        for kind in ("Deployment", "HorizontalPodAutoscaler", "ScaledObject")
        for number in least(kind, name, whole)
    )
    may_go = budget["spec"].get("maxUnavailable", fewest - budget["spec"].get("minAvailable", fewest))
    assert 1 <= may_go < fewest


def test_workers_follow_the_backlog_of_the_queue_they_work_on():
    (scaled,) = documents(BACKLOG / "scaled-object.yaml")
    told = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
    assert {one["queueTypes"] for one in told} == {"workflow", "activity"}
    assert {one["taskQueue"] for one in told} == {Settings.model_fields["task_queue"].default}


def test_the_temporal_that_is_pinned_is_the_one_that_pages_and_alerts_speak_of(production: dict[str, Any]):
    """Server and tools of one version, from 1.30 on (TemporalReportedProblems), and the UI of docs/temporal-ui.md."""
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    shown = re.search(
        r"UI (\d+\.\d+) \(server (\d+\.\d+)\)", (ROOT / "docs" / "temporal-ui.md").read_text(encoding="utf-8")
    )
    assert shown
    for services in (production["services"], composed["services"]):
        pins = dict(one["image"].split(":") for one in services.values() if one["image"].startswith("temporalio/"))
        assert pins["temporalio/server"] == pins["temporalio/admin-tools"]
        assert tuple(map(int, pins["temporalio/server"].split("."))) >= (1, 30)
        assert pins["temporalio/server"].startswith(f"{shown[2]}.")
        assert pins["temporalio/ui"].startswith(f"{shown[1]}.")
        # without this file the server does not start
        told = services["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"]
        assert f"./deploy/temporal-dynamic.yaml:{told}:ro" in services["temporal"]["volumes"]


def test_the_backup_is_written_where_its_user_may_write(production: dict[str, Any]):
    """The official image's own directory for user 999: `install --directory --owner postgres …` in its Dockerfiles of
    14 to 18. An empty named volume takes owner and mode from where it is mounted.
    """
    backup = production["services"]["backup"]
    script = (ROOT / "deploy" / "backup.sh").read_text(encoding="utf-8")
    written = re.search(r"BACKUP_DIRECTORY:-(.+?)\}", script)
    assert written
    assert (written[1], backup["user"]) == ("/var/lib/postgresql", "999:999")
    assert f"backups:{written[1]}" in backup["volumes"]


async def test_what_was_acknowledged_is_in_the_backup_and_comes_back(
    database: Database, postgres: Server, empty_database_url: str, tmp_path: Path
):
    await playbooks.store(database, long_track(1), START, default=True)
    given = [leads.LeadInput(external_id=f"l{number}", email=f"l{number}@acme.example") for number in range(20)]
    await leads.upsert_many(database, given, START)
    dump = backed_up(database.url, tmp_path, postgres.programs)
    carried_out([postgres.programs / "pg_restore", "--no-owner", "-d", empty_database_url, dump])
    restored = await asyncpg.connect(empty_database_url)
    for query in ("select * from journey order by lead_id", "select lead_id, types from pending_wake order by lead_id"):
        kept = await database.pool.fetch(query)
        assert len(kept) == len(given)
        assert await restored.fetch(query) == kept
    await restored.close()


@pytest.mark.parametrize(("code", "kept"), [(1, ["old"]), (0, ["new"])], ids=["fails", "works"])
def test_a_night_that_failed_publishes_nothing_and_keeps_the_older_dumps(tmp_path: Path, code: int, kept: list[str]):
    programs = {
        "pg_dump": f'for word; do case "$word" in --file=*) echo half > "${{word#--file=}}"; esac; done; exit {code}',
        "sleep": f"mkdir {tmp_path}/slept",  # the second night never comes
    }
    for name, does in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    old = dumps / "tendril-old.dump"
    old.touch()
    os.utime(old, (0, 0))
    (tmp_path / "url").write_text("postgresql://tendril@127.0.0.1/tendril")
    environment = {"BACKUP_SECRET": str(tmp_path / "url"), "BACKUP_DIRECTORY": str(dumps)}
    environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"

    script = str(ROOT / "deploy" / "backup.sh")
    done = subprocess.run(["bash", script], env=os.environ | environment, capture_output=True, text=True, check=False)

    assert ["old" if path == old else "new" for path in dumps.iterdir()] == kept
    assert ("wrote tendril-" in done.stdout) is (code == 0)
    assert ("backup: failed" in done.stderr) is (code != 0)


def backed_up(url: str, directory: Path, programs: Path) -> Path:
    """The dump that the backup container's script writes."""
    (directory / "url").write_text(url)
    environment = {"BACKUP_SECRET": str(directory / "url"), "BACKUP_DIRECTORY": str(directory)}
    said = carried_out(
        ["bash", ROOT / "deploy" / "backup.sh", "once"], PATH=f"{programs}:{os.environ['PATH']}", **environment
    )
    (dump,) = directory.glob("tendril-*.dump")
    assert f"wrote {dump.name}" in said
    return dump


def carried_out(command: list[str | Path], **environment: str) -> str:
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
