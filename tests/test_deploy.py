"""What is shipped for operators fits the program: names of settings, commands, metrics, versions; and is kept safe."""

import json
import re
import shlex
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import app.main  # noqa: F401 — registers the metrics
from app.cli import COMMANDS
from app.core.settings import PREFIX, Settings
from tools.sbom import FILE, packages

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = [ROOT / "compose.yaml", DEPLOY / "compose.yaml", DEPLOY / "patroni" / "compose.yaml"]
MANIFESTS = DEPLOY / "kubernetes" / "aftersales.yaml"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
OURS = re.compile(r"aftersales(-\w+)?:(.*)")
ALERTS, BOARD = DEPLOY / "prometheus" / "alerts.yaml", DEPLOY / "grafana" / "dashboard.json"


def services() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in COMPOSE:
        for name, service in yaml.safe_load(file.read_text("utf-8"))["services"].items():
            yield f"{file.relative_to(ROOT)}: {name}", service


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(MANIFESTS.read_text("utf-8")))


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for document in documents():
        if "template" in document.get("spec", {}):
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]


def is_ours(service: dict[str, Any]) -> bool:
    return bool(service["image"] == f"aftersales:{VERSION}")


def commands() -> Iterator[tuple[str, list[str]]]:
    for name, service in services():
        if is_ours(service) and "command" in service:
            yield name, service["command"]
    for name, pod in pods():
        yield name, pod["containers"][0]["args"]
    for unit in UNITS:
        [started] = re.findall(r"app\.cli ([^>'\n]*)", unit.read_text("utf-8"))
        yield unit.name, shlex.split(started)
    [given] = re.findall(r"^CMD (.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    yield "Dockerfile", json.loads(given)


@pytest.mark.parametrize(("where", "command"), list(commands()))
def test_commands_are_those_of_the_program(where: str, command: list[str]) -> None:
    assert command[0] in COMMANDS
    parser = ArgumentParser()
    import_module(f"app.commands.{command[0]}").configure(parser)
    parser.parse_args(command[1:])  # exits if it does not know one


@pytest.mark.parametrize("file", [*COMPOSE, MANIFESTS, *UNITS, ROOT / "Dockerfile"], ids=lambda file: str(file.name))
def test_settings_are_known(file: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", file.read_text("utf-8")))
    assert named <= known


def test_images_are_of_this_version() -> None:
    images = [service["image"] for _, service in services()] + [pod["containers"][0]["image"] for _, pod in pods()]
    ours = [match[2] for image in images if (match := OURS.fullmatch(image))]
    assert len(ours) > 8
    assert set(ours) == {VERSION}
    assert all(re.search(r":\d+\.\d+", image) for image in images)


@pytest.mark.parametrize(("where", "service"), [found for found in services() if is_ours(found[1])])
def test_R46_containers_may_do_nothing_they_need_not(where: str, service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    secret = [value for name, value in service["environment"].items() if re.search("KEY|TOKEN|PASSWORD", name)]
    assert all(value.startswith("/run/secrets/") for value in secret)
    assert re.fullmatch(r"postgresql://\w+:\$\{\w+\}@[\w:,]+/aftersales", service["environment"]["DATABASE_URL"])


@pytest.mark.parametrize(("where", "pod"), list(pods()))
def test_R46_pods_may_do_nothing_they_need_not(where: str, pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] >= 10_000
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert "memory" in container["resources"]["limits"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_R46_the_image_runs_as_nobody_in_particular_and_holds_the_service_alone() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["65532:65532"]
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    assert "HEALTHCHECK" in text
    assert "--require-hashes -r /requirements-runtime.lock" in text
    assert not re.search(r"^ADD\b|^ARG\b|https?://(?!127\.0\.0\.1)", text, re.MULTILINE)
    assert not re.search(r"(?i)(password|secret|token)\w*=", text)
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*"
    assert set(ignored[1:]) == {"!app", "!migrations", "!requirements-runtime.lock", "**/__pycache__"}


def test_kubernetes_asks_what_the_service_answers() -> None:
    by_kind = {document["kind"]: document for document in documents()}
    assert {"PodDisruptionBudget", "HorizontalPodAutoscaler", "Service", "Job", "NetworkPolicy"} <= set(by_kind)
    [container] = dict(pods())["aftersales"]["containers"]
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    for document in documents():
        labels = document["spec"].get("selector", {}).get("matchLabels") if "spec" in document else None
        if labels and document["kind"] != "Deployment":
            assert labels["part"] in {"api", "worker"}


def named_metrics(text: str) -> set[str]:
    return set(re.findall(r"\baftersales_[a-z_]+", text))


def test_alerts_and_dashboard_ask_for_metrics_there_are_and_leave_none_out() -> None:
    known = set(REGISTRY._names_to_collectors)
    alerts, board = ALERTS.read_text("utf-8"), BOARD.read_text("utf-8")
    assert named_metrics(alerts) <= known
    assert named_metrics(board) <= known
    families = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("aftersales_")}
    shown = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in named_metrics(board)}
    assert shown >= families


def test_the_dashboard_is_whole() -> None:
    board = json.loads(BOARD.read_text("utf-8"))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["targets"] and " · " in panel["title"] for panel in board["panels"])


def test_R45_the_bill_of_materials_names_what_the_lock_does() -> None:
    told = json.loads(FILE.read_text("utf-8"))
    assert told["metadata"]["component"]["version"] == VERSION
    components = {
        each["name"]: (each["version"], [digest["content"] for digest in each["hashes"]]) for each in told["components"]
    }
    assert components == packages()
    assert all(digests for _, digests in components.values())
