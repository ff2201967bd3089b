"""The dashboard and the alerts in scripts/deploy name metrics that exist, and each alert says what to do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
import yaml

from collab.metrics import METRICS, PREFIX, Histogram
from tests.support.repository import ROOT

FOLDER = ROOT / "scripts" / "deploy" / "monitoring"
TESTS = ("rules.test.yml", "rules.daily.test.yml")
PROMTOOL = shutil.which("promtool")
NAME = re.compile(r"\b(?:collab|process|python_gc)_[a-z_]+\b")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())


def known() -> set[str]:
    names = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"}
    names |= {"python_gc_collections_total"}
    for metric in METRICS:
        name = PREFIX + metric.name
        names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if isinstance(metric, Histogram) else {name}
    return names


def test_the_dashboard_is_what_its_source_prints() -> None:
    printed = subprocess.run([sys.executable, FOLDER / "dashboard.py"], capture_output=True, text=True, check=True)
    assert printed.stdout == (FOLDER / "dashboard.json").read_text()


def test_every_metric_on_the_dashboard_exists_and_hardly_one_is_missing() -> None:
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    named = set(NAME.findall(" ".join(queries)))
    assert named <= known()
    shown = {name.removesuffix("_bucket") for name in named}
    assert {PREFIX + metric.name for metric in METRICS} - shown == set()


def test_the_rows_are_those_that_somebody_looks_for() -> None:
    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == [
        "Overview", "What people feel", "Sessions by door", "Edits and merging", "Store", "Cluster",
        "Slow and hostile", "API and workers", "Process",
    ]  # fmt: skip
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_asks_for_what_exists_and_has_a_page(rule: dict[str, Any]) -> None:
    assert set(NAME.findall(rule["expr"])) <= known()
    assert rule["labels"]["severity"] in ("page", "warning")
    assert rule["annotations"]["runbook_url"] == f"ALERTS.md#{rule['alert'].lower()}"
    _, _, rest = (FOLDER / "ALERTS.md").read_text().partition(f"### {rule['alert']}\n")
    section = rest.partition("\n#")[0]
    for part in ("**People feel**", "**Look at**", "**Do**"):
        assert part in section


def test_pages_and_warnings_stand_apart() -> None:
    page, _, warnings = (FOLDER / "ALERTS.md").read_text().partition("## Warnings")
    for rule in RULES:
        assert f"### {rule['alert']}\n" in (page if rule["labels"]["severity"] == "page" else warnings)


def test_every_alert_is_tried() -> None:
    tried = {
        each["alertname"]
        for file in TESTS
        for test in yaml.safe_load((FOLDER / file).read_text())["tests"]
        for each in test["alert_rule_test"]
        if each["exp_alerts"]
    }
    assert tried == {rule["alert"] for rule in RULES}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize("command", [["check", "rules", "rules.yml"], ["test", "rules", *TESTS]])
@pytest.mark.slow
def test_promtool_finds_no_fault(command: list[str]) -> None:
    assert PROMTOOL is not None
    ran = subprocess.run([PROMTOOL, *command], cwd=FOLDER, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
