"""The alerts that need more of a cause than a signal: a disk that fills, harm, memory, webhooks, keys, rights, old habits.

As in :mod:`tests.fault.test_alerts`: real servers, a real Prometheus, our rules with their times cut.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from collab.stores.redis_scripts import BELL_BYTES
from tests.fault.test_alerts import QUIET, Prometheus, ended
from tests.support.documents import typed
from tests.support.editor import Editor
from tests.support.ports import free_port
from tests.support.receiver import SECRET, Receiver
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.repository import ROOT
from tests.support.server import CollabServer
from tests.support.tokens import RSA, claims
from tests.support.wire import Client, PollingWire, WebSocketWire

MIB = 2**20
#: seconds between two things that go wrong
PAUSE = 0.3
#: of the disk that fills
DISK = 256 * MIB
#: native code that ends the process
_HARMFUL = """
from collab.documents.document import Document
apply = Document.apply

def harmful(self, update, *args, **keywords):
    if b"do harm" in update:
        import faulthandler; faulthandler._sigsegv()
    return apply(self, update, *args, **keywords)

Document.apply = harmful
"""
_MISSING = [name for name in ("prometheus", "unshare") if shutil.which(name) is None]

pytestmark = [
    pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}"), needs_redis, pytest.mark.slow,
]  # fmt: skip
__all__ = ["ended"]

Go = Callable[[], Awaitable[None]]


def disk_of_its_own(folder: Path) -> list[str]:
    """A command to run a server under, which mounts a small disk there for it; none where this system forbids it."""
    for who in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        mount = ["sh", "-c", f'mount -t tmpfs -o size={DISK} tmpfs "{folder}" && "$@"; exit $?', "sh"]
        if subprocess.run([*who, *mount, "true"], capture_output=True, check=False).returncode == 0:
            return [*who, *mount]
    return []


async def entered(server: CollabServer, http: aiohttp.ClientSession, name: str, **options: Any) -> Editor:
    wire = PollingWire if options.pop("polling", False) else WebSocketWire
    client = Client(wire(server.url, http), f"/doc/{name}")
    answer = await client.connect(**options)
    assert answer.type == 0, answer
    editor = Editor(client)
    await editor.sync()
    return editor


@asynccontextmanager
async def again_and_again(work: Go) -> AsyncIterator[None]:
    """Do it meanwhile, whatever comes of it."""

    async def repeat() -> None:
        while True:
            with suppress(OSError, aiohttp.ClientError, TimeoutError, AssertionError, RuntimeError, KeyError):
                await work()
            await asyncio.sleep(PAUSE)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class World:
    """The servers, and for each what happens to it."""

    def __init__(self, start: Callable[..., CollabServer], http: aiohttp.ClientSession, folder: Path) -> None:
        self._start = start
        self._http = http
        self._folder = folder
        self.at: dict[str, CollabServer] = {}
        #: done once at the beginning; once when things go wrong; and again and again from then on
        self.before: list[Go] = []
        self.once: list[Go] = []
        self.often: list[Go] = []
        self.wanted: set[tuple[str, str]] = set()

    async def start(self, name: str, alert: str, store: str = "", **options: Any) -> CollabServer:
        store = store or f"sqlite:///{self._folder}/{name}.db"
        self.wanted.add((alert, name))
        server = await asyncio.to_thread(self._start, store, **options)
        self.at[name] = server
        return server

    async def editor(self, name: str, document: str = "notes", **options: Any) -> Editor:
        return await entered(self.at[name], self._http, document, **options)

    # -- what happens ---------------------------------------------------------------------------

    async def a_server_dies(self) -> None:
        server = await self.start("dead", "CollabDown", "memory://")

        async def die() -> None:
            server.kill()

        self.once.append(die)

    async def a_disk_fills(self) -> None:
        disk = self._folder / "disk"
        disk.mkdir()
        wrapper = disk_of_its_own(disk)
        if not wrapper:
            print("left out: this system mounts nothing for us")
            return
        store = f"sqlite:///{disk}/store.db"
        await self.start("disk fills", "CollabDiskFullSoon", store, wrapper=wrapper, args=["--rate-bytes", "1GiB"])

        async def paste() -> None:
            editor = await self.editor("disk fills")
            await editor.type("x" * (MIB // 2))
            await editor.client.close()

        self.often.append(paste)

    async def a_promise_is_broken(self, redis: RedisServer) -> None:
        await self.start("promise", "CollabPromiseBroken", redis.url)

        async def forget() -> None:
            with redis.client() as client:
                client.config_set("appendonly", "no")

        self.once.append(forget)

    async def a_node_may_not_read_the_log(self, redis: RedisServer) -> None:
        def may(*rules: str) -> None:
            with redis.client() as client:
                client.execute_command("ACL", "SETUSER", "behind", *rules)

        may("on", ">secret", "~*", "&*", "+@all")
        await self.start("behind", "CollabClusterLag", redis.url.replace("redis://", "redis://behind:secret@"))
        people: list[Editor] = []

        async def come() -> None:
            writes = await self.editor("promise", "shared")
            await writes.type("what whoever comes reads")
            people.extend([await self.editor("behind", "shared"), writes])

        async def forbid() -> None:
            may("-xrange")

        async def write() -> None:
            await people[-1].type("x" * (BELL_BYTES + 1))

        self.before.append(come)
        self.once.append(forbid)
        self.often.append(write)

    async def a_document_does_harm(self) -> None:
        (self._folder / "sitecustomize.py").write_text(_HARMFUL)
        environ = {"PYTHONPATH": f"{self._folder}:{ROOT}"}
        await self.start("harm", "CollabQuarantine", args=["--supervise"], env=environ)

        async def harm() -> None:
            editor = await self.editor("harm", "bad")
            async with asyncio.timeout(5):
                await editor.type("do harm")

        self.often.append(harm)

    async def memory_is_short(self) -> None:
        probe = await asyncio.to_thread(self._start, f"sqlite:///{self._folder}/probe.db")
        bound = int(probe.memory() * 1.1) + 30 * MIB
        await asyncio.to_thread(probe.stop)
        options = ["--max-memory", str(bound), "--rate-bytes", "1GiB", "--idle-timeout", "1h"]
        await self.start("memory", "CollabMemoryShort", args=options)
        people: list[Editor] = []

        async def write() -> None:
            try:
                people.append(await self.editor("memory", f"large-{len(people)}"))
            finally:  # who is in a document goes on where newcomers are refused
                await people[-1].type("x" * MIB)

        self.often.append(write)

    async def webhooks_do_not_arrive(self, receiver: Receiver) -> None:
        for name, port, alert in (
            ("webhooks away", free_port(), "CollabWebhooksWait"),
            ("webhooks gone", receiver.port, "CollabWebhooksLost"),
        ):
            hooks = [{"url": f"http://127.0.0.1:{port}/", "secret": SECRET}]
            await self.start(name, alert, args=["--webhooks", json.dumps(hooks)])

            async def tell(name: str = name) -> None:
                where = f"{self.at[name].url}/api/v1/documents/notes"
                async with self._http.put(where) as answer:
                    assert answer.status in (200, 201)

            self.once.append(tell)

    async def a_file_is_locked(self) -> None:
        await self.start("locked", "CollabCompactionFails")
        holder = sqlite3.connect(self._folder / "locked.db", isolation_level=None)

        async def write() -> None:
            editor = await self.editor("locked")
            await editor.type("x")

        async def lock() -> None:
            holder.execute("BEGIN IMMEDIATE")

        async def compact() -> None:
            do = {"action": "compact", "document": "notes"}
            async with self._http.post(f"{self.at['locked'].url}/admin/do", json=do) as answer:
                await answer.read()

        self.before.append(write)
        self.once.append(lock)
        self.often.append(compact)

    async def keys_are_away(self) -> None:
        args = ["--auth", "jwt", "--jwt-jwks-url", f"http://127.0.0.1:{free_port()}/keys"]
        await self.start("keys", "CollabSignInFails", args=args)
        token = jwt.encode(claims(), RSA, algorithm="RS256", headers={"kid": "one"})

        async def sign_in() -> None:
            await self.editor("keys", auth={"token": token})

        self.often.append(sign_in)

    async def clients_leave_out(self) -> None:
        await self.start("left out", "CollabMissingDependencies")
        _, second = typed("a", "b")

        async def leave_out() -> None:
            editor = await self.editor("left out")
            with suppress(AssertionError):
                await editor.client.call("sync-update", second)
            await editor.client.close()

        self.often.append(leave_out)

    async def there_is_no_time(self) -> None:
        server = await self.start("no time", "CollabLoopLag", "memory://")

        async def stop() -> None:
            os.kill(server.pid, signal.SIGSTOP)
            await asyncio.sleep(PAUSE)
            os.kill(server.pid, signal.SIGCONT)
            await asyncio.sleep(0.01)

        self.often += [stop]

    async def people_poll(self) -> None:
        await self.start("polling", "CollabPollingDoubled")
        self.wanted.remove(("CollabPollingDoubled", "polling"))
        self.wanted.add(("CollabPollingDoubled", ""))
        people: list[Editor] = []

        async def come() -> None:
            for _ in range(30):
                people.append(await self.editor("polling"))
            people.append(await self.editor("polling", polling=True))

        async def poll() -> None:
            for _ in range(30):
                people.append(await self.editor("polling", polling=True))

        self.before.append(come)
        self.once.append(poll)


@pytest.mark.timeout(600)
async def test_each_of_the_others_has_a_cause_that_fires_it_too(
    start_server: Callable[..., CollabServer], tmp_path: Path, ended: list[Any]
) -> None:
    redis = RedisServer(tmp_path).start()
    ended.append(redis)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        receiver = await stack.enter_async_context(Receiver())
        receiver.trouble = 410
        world = World(start_server, http, tmp_path)
        await world.a_server_dies()
        await world.a_disk_fills()
        await world.a_promise_is_broken(redis)
        await world.a_node_may_not_read_the_log(redis)
        await world.a_document_does_harm()
        await world.memory_is_short()
        await world.webhooks_do_not_arrive(receiver)
        await world.a_file_is_locked()
        await world.keys_are_away()
        await world.clients_leave_out()
        await world.there_is_no_time()
        await world.people_poll()
        for go in world.before:
            await go()
        prometheus = Prometheus(tmp_path, world.at)
        ended.append(prometheus.process)
        await asyncio.sleep(QUIET)
        early = await prometheus.until(http, lambda firing: not world.wanted & firing)
        assert not early & world.wanted
        for go in world.often:
            await stack.enter_async_context(again_and_again(go))
        for go in world.once:
            await go()
        seen: set[tuple[str, str]] = set()

        def all_of_them(firing: set[tuple[str, str]]) -> bool:
            seen.update(firing)
            return world.wanted <= seen

        try:
            await prometheus.until(http, all_of_them, within=300.0)
        except AssertionError:
            raise AssertionError(f"these never fired: {world.wanted - seen}; {sorted(seen)}") from None
        print(f"fired: {sorted(seen)}", file=sys.stderr)
