"""docker-compose.yml, as Docker reads it: every mounted file exists, and the network cannot reach a service."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from signalscope import binaries
from signalscope.demo.faults import DEPENDENCIES
from signalscope.demo.stack.dependencies import parse_ports
from signalscope.mixin.servers import JOBS

pytestmark = pytest.mark.needs("docker-compose")

ROOT = binaries.ROOT


def _config() -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [binaries.find("docker-compose"), "config", "--format", "json"]
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("GRAFANA", "SIGNALSCOPE"))
    }
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The effective configuration."""
    done = _config()
    assert done.returncode == 0, done.stderr
    config: dict[str, Any] = json.loads(done.stdout)
    return config


def test_there_is_no_default_password(config: dict[str, Any]) -> None:
    """No variable must be set, no password is written down, and Grafana has no default administrator."""
    grafana = config["services"]["grafana"]["environment"]
    assert grafana["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert grafana["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    settings = [
        f"{key}={value}"
        for s in config["services"].values()
        for key, value in s.get("environment", {}).items()
    ]
    assert [setting for setting in settings if "PASSWORD" in setting] == []
    assert [
        setting
        for setting in settings
        if setting.startswith("SIGNALSCOPE_MONITORING_TOKEN=") and setting[-1] != "="
    ] == []


def test_images_are_pinned_and_parts_are_there(config: dict[str, Any]) -> None:
    """Each of the ten services has a memory limit and an image from .env."""
    services = config["services"]
    containers = (
        "service gateway load dependencies otel-collector prometheus alertmanager grafana jaeger redis"
    )
    assert set(services) == set(containers.split())
    pinned = set(binaries.versions().values())
    for name, service in services.items():
        assert int(service["mem_limit"]) > 0, name
        assert "build" in service or service["image"] in pinned, name


def test_ports_are_bound_to_loopback(config: dict[str, Any]) -> None:
    """Another machine can reach no service of the stack."""
    for name, service in config["services"].items():
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name


def test_every_container_is_limited(config: dict[str, Any]) -> None:
    """Logs, processes and rights of each container have limits, and each has time to send its last data."""
    for name, service in config["services"].items():
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["pids_limit"] > 0, name
        assert service["stop_grace_period"], name
    writable = {name for name, service in config["services"].items() if not service.get("read_only")}
    assert writable == {"grafana", "jaeger"}
    assert any("retention.size" in argument for argument in config["services"]["prometheus"]["command"])


def test_the_service_can_have_replicas(config: dict[str, Any]) -> None:
    """Only the balancer has the port of the host, which a second replica of the service could not have."""
    services = config["services"]
    assert "ports" not in services["service"]
    assert [port["published"] for port in services["gateway"]["ports"]] == ["8000"]
    assert services["gateway"]["command"][-2:] == ["--to", "service:8000"]
    assert "http://gateway:8000" in services["load"]["command"]


def test_own_images_are_not_asked_for_in_a_registry(config: dict[str, Any]) -> None:
    """A plain `docker compose up` builds the images of this project."""
    for name, service in config["services"].items():
        assert ("build" in service) == (service.get("pull_policy") == "build"), name


def test_a_container_is_unhealthy_only_if_its_own_process_is(config: dict[str, Any]) -> None:
    """The probe of the service is liveness: an external service that is down must not keep others from starting."""
    assert "/health/live" in config["services"]["service"]["healthcheck"]["test"][-1]


def test_mounted_files_exist_and_are_the_local_stack_s(config: dict[str, Any]) -> None:
    """The configuration files are those of the local stack, mounted read-only."""
    mounted = {}
    for name, service in config["services"].items():
        for volume in service.get("volumes", ()):
            if volume["type"] == "bind":
                source = Path(volume["source"])
                assert source.exists(), source
                assert volume.get("read_only"), name
                mounted[str(source.relative_to(ROOT))] = name
    local = {
        "collector/config.yaml", "deploy/demo/deploy/collector/limits.yaml", "deploy/demo/rules",
        "deploy/demo/deploy/prometheus/prometheus.yml", "deploy/demo/deploy/prometheus/alertmanager.yml",
        "deploy/demo/dashboards",
    }  # fmt: skip
    assert local <= set(mounted)


def test_every_job_has_its_targets(config: dict[str, Any]) -> None:
    """Targets have the names of the services and ports that these listen on."""
    for job in JOBS:
        (group,) = json.loads(
            (ROOT / "deploy" / "compose" / "targets" / f"{job}.json").read_text(encoding="utf-8")
        )
        for target in group["targets"]:
            host, _, port = target.partition(":")
            assert host in config["services"] or host == "127.0.0.1"
            assert port.isdigit()


def test_the_external_services_are_where_the_service_looks(config: dict[str, Any]) -> None:
    """The ports of one command and the URLs of the other agree."""
    command = config["services"]["dependencies"]["command"]
    ports = parse_ports(command[command.index("--ports") + 1])
    urls = json.loads(config["services"]["service"]["environment"]["SIGNALSCOPE_DEMO_DEPENDENCIES"])
    assert urls == {name: f"http://dependencies:{ports[name]}" for name in DEPENDENCIES}
