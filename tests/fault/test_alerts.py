"""Alerts fire by a real cause: a full disk, a slow disk, a Redis that is gone, a storm of connections, a stall.

Real servers, scraped by a real Prometheus with our rules, whose times are cut to a thirtieth so that nobody waits for
hours. Before the cause all is silent; and nobody's trouble fires for somebody else.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.support.editor import Editor
from tests.support.full_disk import fill, make_room
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.repository import ROOT
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

RULES = ROOT / "scripts" / "deploy" / "monitoring" / "rules.yml"
#: by how much the times of the rules are cut, and the least that is left of one; seconds
CUT, LEAST = 30, 6.0
#: seconds that are left of a day
A_DAY = 20.0
#: seconds of a quiet life before the first cause: a storm is one beside what was usual before
QUIET = 15.0
#: alerts that wake somebody, which nobody else may set off
PAGES = ("CollabRedisGone", "CollabStoreFails", "CollabUnsaved")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MISSING = [name for name in ("prometheus", "strace") if shutil.which(name) is None]

pytestmark = [
    pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}"), needs_redis, pytest.mark.slow,
]  # fmt: skip


def shorter(match: re.Match[str]) -> str:
    seconds = int(match[2]) * _UNITS[match[3]] / CUT
    return f"{match[1]}{max(LEAST, A_DAY if match[3] == 'd' else seconds):.0f}s"


def short_rules() -> dict[str, Any]:
    """The rules, with their times cut; of bounds those that are minutes."""
    rules: dict[str, Any] = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            shorter_times = re.sub(r"(\[|offset )(\d+)([smhd])", shorter, rule["expr"])
            rule["expr"] = re.sub(r"(_seconds > )(\d{3,})", lambda m: f"{m[1]}{int(m[2]) / CUT:.0f}", shorter_times)
            rule["for"] = "1s"
    return rules


class Prometheus:
    """A real one, that looks at servers; named by what happens to them."""

    def __init__(self, folder: Path, targets: dict[str, CollabServer]) -> None:
        self.port = free_port()
        scrape = {
            "job_name": "collab",
            "static_configs": [
                {"targets": [f"127.0.0.1:{server.port}"], "labels": {"instance": name}}
                for name, server in targets.items()
            ],
        }
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        (folder / "rules.yml").write_text(yaml.safe_dump(short_rules()))
        (folder / "prometheus.yml").write_text(
            yaml.safe_dump({"global": every, "rule_files": ["rules.yml"], "scrape_configs": [scrape]})
        )
        self.process = subprocess.Popen(
            [
                "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    async def firing(self, http: aiohttp.ClientSession) -> set[tuple[str, str]]:
        """Which alerts fire, for whom."""
        async with http.get(f"http://127.0.0.1:{self.port}/api/v1/alerts") as response:
            alerts = (await response.json())["data"]["alerts"]
        return {
            (each["labels"]["alertname"], each["labels"].get("instance", ""))
            for each in alerts
            if each["state"] == "firing"
        }

    async def until(
        self, http: aiohttp.ClientSession, condition: Callable[[set[tuple[str, str]]], bool], within: float = 60.0
    ) -> set[tuple[str, str]]:
        """Wait for it; what fires then."""
        found: set[tuple[str, str]] | None = None
        try:
            async with asyncio.timeout(within):
                while found is None or not condition(found):
                    await asyncio.sleep(0.2)
                    with suppress(aiohttp.ClientError):  # it is starting
                        found = await self.firing(http)
        except TimeoutError:
            raise AssertionError(f"these fire: {found}") from None
        return found


@pytest.fixture
def ended() -> Iterator[list[Any]]:
    """What is put in here is killed at the end."""
    processes: list[Any] = []
    yield processes
    for process in processes:
        process.kill()
        if isinstance(process, subprocess.Popen):
            process.wait()


def slow_disk(server: CollabServer) -> subprocess.Popen[bytes]:
    """From now on each flush to the disk of a server takes 0.8 s longer."""
    flags = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=800000"]
    command = ["strace", "-f", "-qq", "-o", os.devnull, *flags, "-p", str(server.pid)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


@asynccontextmanager
async def typing(server: CollabServer, http: aiohttp.ClientSession) -> AsyncIterator[None]:
    """Somebody types there, whatever comes of it."""
    client = Client(WebSocketWire(server.url, http), "/doc/notes")
    await client.connect()
    editor = Editor(client)
    await editor.sync()

    async def type_on() -> None:
        while True:
            await editor.client.call("sync-update", editor.typed("x"), timeout=60)
            await asyncio.sleep(0.2)

    task = asyncio.create_task(type_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


async def storm(server: CollabServer, http: aiohttp.ClientSession) -> None:
    """Everybody comes back, again and again."""
    for _ in range(25):
        for _ in range(10):
            client = Client(WebSocketWire(server.url, http), "/doc/notes")
            with suppress(OSError, aiohttp.ClientError, TimeoutError, AssertionError):
                await client.connect()
                await client.close()
        await asyncio.sleep(0.2)


@pytest.mark.timeout(400)
async def test_each_alert_has_a_cause_that_fires_it(
    start_server: Callable[..., CollabServer], tmp_path: Path, ended: list[Any]
) -> None:
    redis = RedisServer(tmp_path).start()
    ended.append(redis)
    stores = {name: f"sqlite:///{tmp_path}/{name}.db" for name in ("full disk", "slow disk", "storm", "stall")}
    names = {**stores, "Redis gone": redis.url}
    servers = await asyncio.gather(*(asyncio.to_thread(start_server, store) for store in names.values()))
    at = dict(zip(names, servers, strict=True))
    prometheus = Prometheus(tmp_path, at)
    ended.append(prometheus.process)
    async with aiohttp.ClientSession() as http, typing(at["full disk"], http), typing(at["slow disk"], http):
        await asyncio.sleep(QUIET)
        silent = await prometheus.until(http, lambda firing: not firing)
        assert silent == set()

        fill(at["full disk"], tmp_path / "full disk.db")
        ended.append(slow_disk(at["slow disk"]))
        redis.kill()
        os.kill(at["stall"].pid, signal.SIGSTOP)
        await asyncio.sleep(0.9)
        os.kill(at["stall"].pid, signal.SIGCONT)
        wanted = {
            ("CollabStoreFails", "full disk"), ("CollabUnsaved", "full disk"), ("CollabAcksSlow", "slow disk"),
            ("CollabRedisGone", "Redis gone"), ("CollabReconnectStorm", "storm"), ("CollabLoopStalled", "stall"),
        }  # fmt: skip
        seen: set[tuple[str, str]] = set()

        def all_of_them(firing: set[tuple[str, str]]) -> bool:
            seen.update(firing)  # a stall is over before a disk has been full for long
            return wanted <= seen

        storming = asyncio.create_task(storm(at["storm"], http))
        try:
            await prometheus.until(http, all_of_them, within=150.0)
        except AssertionError:
            raise AssertionError(f"these never fired: {wanted - seen}") from None
        await storming
        make_room(at["full disk"])
    others = {(alert, name) for alert, name in seen - wanted if alert in PAGES and name != "Redis gone"}
    assert others == set(), "nobody is woken for somebody else's trouble"
    print(f"fired: {sorted(seen)}")
