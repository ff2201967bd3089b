"""Every kind of client on one document: each edits, and each sees everybody's edits and presence, whatever happens in between.

What happens follows from a seed; what the network makes of it does not. ``COLLAB_TEST_SEEDS=20`` for more of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Text

from collab.client import Session, connect
from collab.documents.document import Document
from tests.support.api import Api, EventStream, where
from tests.support.server import CollabServer
from tests.wire.node.driver import NodeClient, NodeClients, NodeUnavailable, install_clients, run_script

pytestmark = pytest.mark.asyncio

SEEDS = range(1, 1 + int(os.environ.get("COLLAB_TEST_SEEDS", "2")))
STEPS = 150
#: kind -> options of its constructor
NODE_CLIENTS: dict[str, dict[str, Any]] = {
    "y-socket.io": {},
    "socket.io": {},
    "y-websocket-2": {},
    "y-websocket-3": {},
    "hocuspocus-2": {},
    "hocuspocus-3": {},
    "hocuspocus-4": {},
}
#: those that people use with Yjs 14
WITH_YJS_14 = ("y-socket.io", "socket.io", "y-websocket-3", "hocuspocus-4")
WORDS = ("a", "e", " ", "\n", "the ", "word ", "ß", "漢字", "😀", "x" * 30)
#: seconds until all have to agree; seldom is a tenth of it needed
PATIENCE = 40.0


class Person(ABC):
    """Somebody on the document, by whatever wire."""

    name: str

    @abstractmethod
    async def edit(self, rng: random.Random) -> None:
        """Change something somewhere."""

    async def go(self, rng: random.Random) -> None:  # noqa: B027 - not everybody has a connection to lose
        """Be away, politely or not."""

    async def come(self) -> None:  # noqa: B027
        """Be back."""

    @abstractmethod
    async def encoded(self) -> bytes:
        """All that they have."""

    def seen(self) -> set[str] | None:
        """The names of everybody that they see, themselves aside where they are not told of themselves."""
        return None

    def __repr__(self) -> str:
        return self.name

    @property
    def settled(self) -> bool:
        """Whether nothing of theirs waits to be saved, as far as they know."""
        return True


class Npm(Person):
    """A client of npm."""

    def __init__(self, client: NodeClient) -> None:
        self.client, self.name = client, client.name
        self._cut = False

    async def edit(self, rng: random.Random) -> None:
        await self._do("type", seed=rng.randrange(2**31))

    async def go(self, rng: random.Random) -> None:
        self._cut = rng.random() < 0.6
        await self._do("cut" if self._cut else "disconnect")

    async def come(self) -> None:
        await self._do("mend" if self._cut else "connect")

    def __repr__(self) -> str:
        told = (
            "connected",
            "synced",
            "connects",
            "unacknowledged",
            "closes",
            "denied",
            "errors",
            "notices",
            "stateless",
        )
        return f"{self.name} { ({key: self.client.state[key] for key in told if key in self.client.state}) }"

    async def _do(self, command: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(self.client.do, command, **arguments)

    async def encoded(self) -> bytes:
        return bytes(await self._do("encoded"))

    def seen(self) -> set[str]:
        shown = self.client.state["awareness"].values()
        return {state["user"]["name"] for state in shown if "user" in state}

    @property
    def settled(self) -> bool:
        state = self.client.state
        # Version 2 of Hocuspocus' provider sends twice what was typed while it was away, and counts it once.
        return bool(state["synced"] and state.get("unacknowledged", 0) <= 0)


class Python(Person):
    """The Python client."""

    name = "python"

    def __init__(self, session: Session) -> None:
        self.session = session
        self.body: Text = session.doc.get("body", type=Text)

    async def edit(self, rng: random.Random) -> None:
        self.body.insert(0, rng.choice(WORDS))

    async def encoded(self) -> bytes:
        return self.session.doc.get_update()

    def seen(self) -> set[str]:
        return {str(one["user"]["name"]) for one in self.session.presence.everybody}

    @property
    def settled(self) -> bool:
        return not self.session.unsaved


class Events(Person):
    """Somebody with neither WebSocket nor long-polling: reads events, and posts what they write until it is taken."""

    name = "events"

    def __init__(self, api: Api, document: str) -> None:
        self.api, self.document = api, document
        self.doc: Doc[Any] = Doc()
        self.body: Text = self.doc.get("body", type=Text)
        self.people: dict[str, str] = {}
        self._unsent: list[bytes] = []
        self._news = asyncio.Event()
        self._answer = ""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._post())]

    def __repr__(self) -> str:
        return f"{self.name} ({len(self._unsent)} unsent, last answer {self._answer}, {self._tasks})"

    async def edit(self, rng: random.Random) -> None:
        before = self.doc.get_state()
        self.body.insert(0, rng.choice(WORDS))
        self._unsent.append(self.doc.get_update(before))
        self._news.set()

    async def _read(self) -> None:
        last: str | None = None
        while True:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                async with EventStream(self.api, self.document, last=last, doc=self.doc) as stream:
                    self.people.clear()
                    while stream.response.status == 200 and (event := await stream.next(60)) is not None:
                        last = stream.last
                        if event.name == "presence":
                            self._see(event.json)
            await asyncio.sleep(0.1)

    def _see(self, change: dict[str, Any]) -> None:
        for entry in (*change["joined"], *change["updated"]):
            self.people[entry["session"]] = entry["user"]["name"]
        for entry in change["left"]:
            self.people.pop(entry["session"], None)

    async def _post(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._unsent:
                with contextlib.suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                    answer = await self.api("POST", f"{where(self.document)}/update", data=self._unsent[0])
                    self._answer = f"{answer.status} {answer.body[:200]!r}"
                    if answer.status == 200:
                        del self._unsent[0]
                        continue
                    if answer.status == 409:  # the server lost what it had not acknowledged
                        self._unsent = [self.doc.get_update()]
                await asyncio.sleep(0.1)

    async def encoded(self) -> bytes:
        return self.doc.get_update()

    def seen(self) -> set[str]:
        return set(self.people.values())

    @property
    def settled(self) -> bool:
        return not self._unsent

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Operations(Person):
    """A service that edits by requests, and does not mind if the server is away."""

    name = "operations"

    def __init__(self, api: Api, document: str) -> None:
        self.api, self.document = api, document

    async def edit(self, rng: random.Random) -> None:
        operation = {"op": "text.insert", "path": "/body", "index": 0, "text": rng.choice(WORDS)}
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            await self.api.edit(self.document, operation)

    async def encoded(self) -> bytes:
        answer = await self.api("GET", f"{where(self.document)}/content?format=update")
        assert answer.status == 200
        return answer.body


@pytest.fixture(scope="module", autouse=True)
def npm_packages() -> None:
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CollabServer]:
    args = ["--ping-interval", "2s", "--ping-timeout", "3s", "--drain-timeout", "3s"]
    server = CollabServer(f"sqlite:///{tmp_path}/collab.db", args=args).start()
    yield server
    shown = server.stderr()
    server.kill()
    assert "Traceback" not in shown, shown[shown.index("Traceback") :][:3000]


Gather = Callable[[str], Awaitable[list[Person]]]


@pytest.fixture
async def gather(server: CollabServer, http: aiohttp.ClientSession) -> AsyncIterator[Gather]:
    """``await gather(document)``: one of each kind, synced, some of them with Yjs 14."""
    async with contextlib.AsyncExitStack() as stack:
        node = stack.enter_context(NodeClients(server.url))
        node_14 = stack.enter_context(NodeClients(server.url, yjs=14))
        api = Api(server, http)

        async def gather(document: str) -> list[Person]:
            clients = [
                process.open(name, kind, document, link=True, awareness={"user": {"name": name}}, **NODE_CLIENTS[kind])
                for process, kinds, name_of in ((node, NODE_CLIENTS, "{}"), (node_14, WITH_YJS_14, "{}, Yjs 14"))
                for kind in kinds
                for name in [name_of.format(kind)]
            ]
            for client in clients:
                await asyncio.to_thread(client.until_synced)
            session = connect(server.url, document, user={"name": "python"}, open_timeout=60)
            await stack.enter_async_context(session)
            session.presence.set({})
            events = Events(api, document)
            stack.push_async_callback(events.close)
            return [*map(Npm, clients), Python(session), events, Operations(api, document)]

        yield gather


async def until(condition: Callable[[], Any], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what()
        await asyncio.sleep(0.05)


def everybody_is_seen(people: list[Person]) -> dict[str, set[str]]:
    """Who does not see whom; empty where all see all."""
    names = {person.name for person in people if person.seen() is not None} - {"events"}  # which has no name to show
    return {
        person.name: missing for person in people if (seen := person.seen()) is not None and (missing := names - seen)
    }


async def hashes(people: list[Person]) -> dict[str, list[str]]:
    """Content hash -> who has it."""
    found: dict[str, list[str]] = {}
    for person in people:
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            content = Document.load(None, [await person.encoded()]).content_hash()
            found.setdefault(content, []).append(person.name)
    return found


async def agree(people: list[Person], seed: int) -> None:
    """Wait until nothing is unsaved and all have the same."""
    await until(
        lambda: all(person.settled for person in people),
        lambda: f"seed {seed}: not settled: {[person for person in people if not person.settled]}",
    )
    deadline = time.monotonic() + PATIENCE
    while len(found := await hashes(people)) > 1 or sum(map(len, found.values())) < len(people):
        assert time.monotonic() < deadline, f"seed {seed}: {found}"
        await asyncio.sleep(0.2)


async def test_all_see_each_other(gather: Gather) -> None:
    people = await gather("notes/all")
    await until(lambda: not everybody_is_seen(people), lambda: str(everybody_is_seen(people)))
    rng = random.Random(1)
    for person in people:
        await person.edit(rng)
    await agree(people, 1)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("seed", SEEDS)
async def test_many_of_each_who_lose_their_connections_agree(server: CollabServer, seed: int) -> None:
    settings = {"url": server.url, "document": "crowd", "seed": seed, "clients": 14, "edits": 20, "cast": "all"}
    result = await asyncio.to_thread(run_script, "convergence.mjs", settings, timeout=170)
    assert result["cuts"] > 0
    assert result["length"] > 0


@pytest.mark.timeout(200)
@pytest.mark.parametrize("seed", SEEDS)
async def test_all_have_the_same_in_the_end(server: CollabServer, gather: Gather, seed: int) -> None:
    rng = random.Random(seed)
    people = await gather(f"notes/{seed}")
    away: dict[str, Person] = {}
    kill_at, restart_at = sorted(rng.sample(range(20, STEPS - 10), 2))
    for step in range(STEPS):
        if step == kill_at:
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        elif step == restart_at:
            await asyncio.to_thread(server.restart)
        person = rng.choice(people)
        dice = rng.random()
        if person.name in away and dice < 0.4:
            await away.pop(person.name).come()
        elif person.name not in away and dice < 0.1:
            away[person.name] = person
            await person.go(rng)
        else:
            await person.edit(rng)
    for person in away.values():
        await person.come()
    await agree(people, seed)
    await until(lambda: not everybody_is_seen(people), lambda: f"seed {seed}: {everybody_is_seen(people)}")
    # What they agree on is what a newcomer gets after another restart.
    ((content, _),) = (await hashes(people)).items()
    await asyncio.to_thread(server.restart)
    (service,) = [person for person in people if isinstance(person, Operations)]
    found: dict[str, list[str]] = {}
    async with asyncio.timeout(PATIENCE):
        while not (found := await hashes([service])):  # a request on a connection to the server before is lost
            await asyncio.sleep(0.2)
    assert list(found) == [content]


async def test_tabs_of_one_browser_talk_to_each_other_and_to_the_server(server: CollabServer) -> None:
    """y-websocket's providers with one address share a BroadcastChannel, and repeat there what they hear."""
    with NodeClients(server.url) as node:
        clients = [
            await asyncio.to_thread(
                node.open, name, "y-websocket-3", "tabs", tabs=tabs, awareness={"user": {"name": name}}
            )
            for name, tabs in (("one", True), ("two", True), ("elsewhere", False))
        ]
        people: list[Person] = [Npm(client) for client in clients]
        for client in clients:
            await asyncio.to_thread(client.until_synced)
        rng = random.Random(1)
        for _ in range(5):
            for person in people:
                await person.edit(rng)
        await agree(people, 1)
        await until(lambda: not everybody_is_seen(people), lambda: str(everybody_is_seen(people)))
        await asyncio.to_thread(clients[0].leave)
        for person in people[1:]:
            await until(lambda person=person: "one" not in (person.seen() or ()), lambda: "still seen")  # type: ignore[misc]
            assert person.seen() == {"two", "elsewhere"}
