"""The files in scripts/deploy fit each other, and the server that they start."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from collab.config import Settings, load_settings
from tests.support.nginx import deployment

DEPLOY = Path(__file__).parents[2] / "scripts" / "deploy"
SECRET = "a secret of more than thirty-two bytes"
VARIABLE = re.compile(r"\$\{(\w+)(?::\?[^}]*)?\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, with the variable that it asks for."""
    text = (DEPLOY / "compose" / "compose.yaml").read_text()
    asked = {match[1] for match in VARIABLE.finditer(text)}
    assert asked == {"COLLAB_JWT_SECRET"}
    parsed: dict[str, Any] = yaml.safe_load(VARIABLE.sub(f'"{SECRET}"', text))
    return parsed


@pytest.fixture(scope="module")
def nodes(compose: dict[str, Any]) -> dict[str, Any]:
    """The services that are nodes of collab."""
    return {name: service for name, service in compose["services"].items() if service["image"] == "collab"}


def image_environment() -> dict[str, str]:
    """What the Dockerfile sets."""
    words = re.findall(r"(?m)^ENV (.+)$", (DEPLOY / "Dockerfile").read_text())
    return dict(pair.split("=", 1) for line in words for pair in shlex.split(line))


def address(service: dict[str, Any]) -> str:
    """Where a service is in the network inside."""
    found: str = service["networks"]["inside"]["ipv4_address"]
    return found


def seconds(text: str) -> float:
    """``30s`` -> 30.0."""
    assert text.endswith("s")
    return float(text[:-1])


def settings_of(node: dict[str, Any]) -> Settings:
    """What the server makes of a node's environment; it refuses what it does not know."""
    return load_settings({}, {**image_environment(), **node["environment"]})


def test_the_server_takes_the_settings_of_every_node(compose: dict[str, Any], nodes: dict[str, Any]) -> None:
    assert len(nodes) == 3
    proxy, redis = address(compose["services"]["nginx"]), address(compose["services"]["redis"])
    for node in nodes.values():
        settings = settings_of(node)
        assert (settings.host, settings.port, settings.auth) == ("0.0.0.0", 8080, "jwt")
        assert settings.store == settings.redis == f"redis://{redis}:6379/0"
        assert [str(network) for network in settings.trusted_proxies] == [f"{proxy}/32"], "nginx, and nobody else"
    assert len({settings_of(node).node_name for node in nodes.values()}) == len(nodes)
    assert len({address(service) for service in compose["services"].values()}) == len(compose["services"])


def test_nodes_have_the_time_to_drain(nodes: dict[str, Any]) -> None:
    for node in nodes.values():
        assert seconds(node["stop_grace_period"]) > settings_of(node).drain_timeout + 5
    unit = unit_of("collab@.service")
    assert float(unit["Service"]["TimeoutStopSec"]) > Settings().drain_timeout + 5


def test_redis_keeps_what_is_acknowledged(compose: dict[str, Any]) -> None:
    redis = compose["services"]["redis"]
    assert "--appendonly yes --appendfsync always" in redis["command"]
    assert "--maxmemory-policy noeviction" in redis["command"]
    (volume,) = redis["volumes"]
    assert volume.split(":")[0] in compose["volumes"] and volume.endswith(":/data")


def test_nginx_conf_is_what_the_command_prints_for_these_nodes(nodes: dict[str, Any]) -> None:
    listed = [(settings_of(node).node_name, f"{address(node)}:{settings_of(node).port}") for node in nodes.values()]
    assert (DEPLOY / "compose" / "nginx.conf").read_text() == deployment().render(listed)
    readme = (DEPLOY / "README.md").read_text()
    assert " ".join(f"{name}={where}" for name, where in listed) in readme


def test_files_that_are_mounted_or_built_from_are_there(compose: dict[str, Any], nodes: dict[str, Any]) -> None:
    folder = DEPLOY / "compose"
    for node in nodes.values():
        context = folder / node["build"]["context"]
        assert (context / node["build"]["dockerfile"]).is_file()
    for volume in compose["services"]["nginx"]["volumes"]:
        assert (folder / volume.split(":")[0]).is_file()
    copied = (DEPLOY / "Dockerfile.dockerignore").read_text()
    root = DEPLOY.parents[1]
    for kept in re.findall(r"(?m)^!(.+)$", copied):
        assert (root / kept).exists()


def unit_of(name: str) -> configparser.ConfigParser:
    """A unit file of systemd."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((DEPLOY / name).read_text())
    return parser


def environment_of(name: str) -> dict[str, str]:
    """A file of variables, as systemd reads it."""
    lines = (DEPLOY / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_server_takes_the_command_of_the_unit() -> None:
    program, serve, *flags = shlex.split(unit_of("collab@.service")["Service"]["ExecStart"].replace("%i", "8081"))
    assert (Path(program).name, serve) == ("collab", "serve")
    given = {
        flag.removeprefix("--").replace("-", "_"): value for flag, value in zip(flags[::2], flags[1::2], strict=True)
    }
    environment = environment_of("collab.env.example")
    assert environment["COLLAB_JWT_SECRET"] == "", "nobody's secret is the one of the example"
    settings = load_settings(given, {**environment, "COLLAB_JWT_SECRET": SECRET})
    assert (settings.host, settings.port, settings.node_name) == ("127.0.0.1", 8081, "8081")
    assert settings.redis == settings.store


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    shown = (DEPLOY / "collab@.service").read_text().replace("/opt/collab/.venv/bin/collab", "/bin/true")
    file = tmp_path / "collab@.service"
    file.write_text(re.sub(r"(?m)^Documentation=.*\n", "", shown))
    ran = subprocess.run(
        ["systemd-analyze", "verify", str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    about_us = [line for line in ran.stderr.splitlines() if "collab" in line]  # other units have faults of their own
    assert about_us == []


def test_a_container_is_not_replaced_because_its_store_is_away() -> None:
    """An outage of Redis would end every node, and what each still holds in memory."""
    asked = re.findall(r"http://127\.0\.0\.1:8080(/\w+)", (DEPLOY / "Dockerfile").read_text())
    assert asked == ["/healthz"]
