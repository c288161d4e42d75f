"""docker-compose.kafka.yml: valid by the compose schema; its names agree with each other and Prometheus."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.kafka.yml"
ROLES = ("intake", "eligibility", "edge")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def against_schema(file: Path) -> subprocess.CompletedProcess[str]:
    """The schema comes inside the package: nothing is fetched."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_file_is_valid_by_the_compose_schema() -> None:
    checked = against_schema(COMPOSE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_schema_check_bites(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yml"
    broken.write_text(COMPOSE.read_text().replace("    healthcheck:", "    healthchek:"))
    assert against_schema(broken).returncode == 1


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_a_service_that_can_be_scaled(services: dict[str, Any], role: str) -> None:
    service = services[role]
    assert service["command"][:3] == ["worker", "--role", role]
    assert "container_name" not in service
    assert "ports" not in service


@pytest.mark.parametrize("role", ROLES)
def test_each_role_waits_for_its_topics_and_finds_its_servers(services: dict[str, Any], role: str) -> None:
    service = services[role]
    assert service["depends_on"]["topics"]["condition"] == "service_completed_successfully"
    assert service["environment"] == {
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
        "REDIS_URL": "redis://redis:6379/0",
        "ZHIDA_METRICS_PORT": "9464",
    }


def test_no_worker_is_left_without_a_role(services: dict[str, Any]) -> None:
    workers = {name for name, service in services.items() if "worker" in service.get("command", ())}
    assert workers == set(ROLES)


def test_every_dependency_is_a_service_and_healthy_ones_have_a_health_check(services: dict[str, Any]) -> None:
    for service in services.values():
        needed = service.get("depends_on", {})
        assert set(needed) <= set(services)
        for name in needed if isinstance(needed, dict) else ():
            if needed[name]["condition"] == "service_healthy":
                assert "healthcheck" in services[name]


def test_the_broker_is_the_version_that_the_tests_run(services: dict[str, Any]) -> None:
    from zhida.stack.kafka import VERSION

    assert services["kafka"]["image"] == f"apache/kafka:{VERSION}"


def test_prometheus_scrapes_every_role_at_the_port_it_is_given(services: dict[str, Any]) -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    scraped = {
        (job["job_name"], name, lookup["type"], str(lookup["port"]))
        for job in config["scrape_configs"]
        for lookup in job["dns_sd_configs"]
        for name in lookup["names"]
    }
    assert scraped == {(role, role, "A", services[role]["environment"]["ZHIDA_METRICS_PORT"]) for role in ROLES}
    assert "./deploy/prometheus:/etc/prometheus:ro" in services["prometheus"]["volumes"]


def test_the_image_is_built_from_the_lock_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert any("--require-hashes -r requirements.lock" in line for line in lines)
    assert "USER zhida" in lines
