"""The server inside another application: documents opened in the same process, everything below a prefix."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pycrdt import Doc, Map, Text

import collab
from collab.client import Session, Status, connect
from collab.config import ConfigError, Settings
from collab.doors.inprocess import SEND_BUFFER
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.protocol.codec import read_state_vector
from tests.support.api import Api, where
from tests.support.wild_updates import WildUpdates
from tests.wire.conftest import Serve

SOON = 20.0


def body(session: Session) -> Text:
    text: Text = session.doc.get("body", type=Text)
    return text


def clocks(session: Session) -> dict[int, int]:
    return read_state_vector(session.doc.get_state())


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def hub(api: Api) -> Hub:
    """The hub of a server in memory."""
    hub: Hub = api.server.hub
    return hub


# -- the handle ---------------------------------------------------------------------------------------------


async def test_a_program_and_a_client_edit_one_document(api: Api, hub: Hub) -> None:
    async with hub.open("notes") as here, connect(api.server.url, "notes") as there:
        assert (here.status, here.transport, here.role) == (Status.LIVE, "process", "admin")
        changes = here.changes()
        body(here).insert(0, "hello ")
        assert here.unsaved == 1
        await here.saved(SOON)
        assert here.unsaved == 0
        assert await api.read("notes") == "hello "
        await there.until(lambda: str(body(there)) == "hello ", SOON)
        body(there).insert(6, "world")
        change = await asyncio.wait_for(anext(changes), SOON)
        assert change.remote and str(body(here)) == "hello world"
    assert here.status is Status.CLOSED


async def test_saved_means_logged(serve: Serve, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/collab.db"
    first = await serve({"store": store})
    async with first.server.hub.open("notes", user={"id": "bot-7", "name": "Night Owl"}) as session:
        body(session).insert(0, "kept")
        await session.saved(SOON)
        history = await first("GET", f"{where('notes')}/history")
        assert [entry["participant"] for entry in history.json["history"]] == ["bot-7"]
    await first.server.stop()
    second = await serve({"store": store})
    async with second.server.hub.open("notes") as session:
        assert str(body(session)) == "kept"


async def test_presence_both_ways_until_one_leaves(api: Api, hub: Hub) -> None:
    async with connect(api.server.url, "notes", user={"name": "Ann"}) as there:
        async with hub.open("notes", user={"name": "Owl", "color": "#112233"}) as here:
            here.presence.set({"cursor": 3})
            there.presence.set({"cursor": 9})
            await there.until(lambda: [each["state"] for each in there.presence.others] == [{"cursor": 3}], SOON)
            await here.until(lambda: [each["state"] for each in here.presence.others] == [{"cursor": 9}], SOON)
            assert there.presence.others[0]["user"] == {"name": "Owl", "color": "#112233"}
            assert here.presence.others[0]["user"]["name"] == "Ann"
            # What the program does to its copy is its own business.
            here.presence.others[0]["state"]["cursor"] = "spoilt"
            async with hub.open("notes") as another:
                assert [each["state"] for each in another.presence.others if each["user"]["name"] == "Ann"] == [
                    {"cursor": 9}
                ]
        await there.until(lambda: not there.presence.others, SOON)
    await eventually(lambda: not hub.documents["notes"].sessions)


async def test_who_acts_for_a_viewer_cannot_write(api: Api, hub: Hub) -> None:
    await api.write("notes", "theirs")
    async with hub.open("notes", role="viewer", close_timeout=0.1) as session:
        assert str(body(session)) == "theirs"
        body(session).insert(0, "mine ")
        with pytest.raises(CollabError, match="read_only"):
            await session.saved(SOON)
    assert await api.read("notes") == "theirs"
    with pytest.raises(ValueError, match="viewer, commenter, editor, admin"):
        hub.open("notes", role="owner")
    with pytest.raises(CollabError, match="invalid_document"):
        hub.open("a//b")


async def test_a_document_that_is_deleted_ends_the_session(api: Api, hub: Hub) -> None:
    async with hub.open("notes") as session:
        changes = session.changes()
        await hub.delete("notes")
        with pytest.raises(CollabError, match="document_deleted"):
            await anext(changes)
        assert session.status is Status.CLOSED


async def test_what_cannot_be_saved_now_is_saved_later(api: Api, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    append = hub.store.append

    def failing(*_arguments: Any) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.set_exception(CollabError("storage_unavailable"))
        return future

    async with hub.open("notes") as session:
        notices = session.notices()
        monkeypatch.setattr(hub.store, "append", failing)
        body(session).insert(0, "later")
        with pytest.raises(TimeoutError):
            await session.saved(0.2)
        assert (await asyncio.wait_for(anext(notices), SOON))["code"] == "storage_unavailable"
        monkeypatch.setattr(hub.store, "append", append)
        await session.saved(SOON)
    stored = await hub.store.load("notes")
    assert stored is not None and len(stored.tail) == 1


async def test_ten_thousand_edits_in_one_turn_of_the_loop(api: Api, hub: Hub) -> None:
    async with hub.open("notes") as session:
        text = body(session)
        for number in range(10_000):
            text.insert(0, str(number % 10))
        big = "x" * (12 * 2**20)
        session.doc.get("large", type=Map)["text"] = big
        await session.saved(SOON)
    content = await api("GET", f"{where('notes')}/content?format=text&path=/large/text")
    assert len(content.body) == len(big)
    assert len(await api.read("notes")) == 10_000


async def test_a_document_that_the_program_brings_along(api: Api, hub: Hub) -> None:
    doc: Doc[Any] = Doc()
    doc.get("body", type=Text).insert(0, "brought")
    async with hub.open("notes", doc=doc) as session:
        await session.saved(SOON)
    assert await api.read("notes") == "brought"


async def test_an_observer_that_fails_hurts_nobody(api: Api, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    async with hub.open("notes") as session, hub.open("notes") as other:

        def fail(_event: Any) -> None:
            raise RuntimeError("of the program")

        body(session).observe(fail)
        for word in ("one ", "two "):
            body(other).insert(0, word)
            await other.saved(SOON)
        await session.until(lambda: str(body(session)) == "two one ", SOON)
        assert session.status is Status.LIVE
    assert await api.read("notes") == "two one "
    assert [record.name for record in caplog.records if record.name == "asyncio"] == []


async def test_what_hostile_people_write_reaches_the_program_as_it_reaches_everybody(api: Api, hub: Hub) -> None:
    async with hub.open("notes") as session, connect(api.server.url, "notes") as far:
        live = hub.documents["notes"]
        wild, taken = WildUpdates(random.Random(6)), 0
        for _ in range(400):
            answer = await api("POST", f"{where('notes')}/update", data=wild.update(live.document.clocks))
            assert answer.status < 500
            taken += answer.status == 200
        assert taken > 50
        # Merged on their way, some of these leave a reader with pieces that fit nowhere: it asks again.
        await session.until(lambda: clocks(session) == live.document.clocks, SOON)
        await far.until(lambda: clocks(far) == live.document.clocks, SOON)
        # In a root of its own: beside what they wrecked, words may lean on what makes map entries of them, and are refused.
        session.doc.get("after", type=Text).insert(0, "still here")
        await session.saved(SOON)


async def test_who_does_not_let_the_loop_run_is_cut_and_comes_back(api: Api, hub: Hub) -> None:
    async with hub.open("notes") as session:
        link: Any = session._link
        while not link.write(link._session.encoder.update(b"\0\0" + b"x" * 2**20)):
            assert link.waiting_bytes <= SEND_BUFFER
        link.cut()
        assert link.waiting_bytes == 0
        await session.reached(Status.OFFLINE, timeout=SOON)
        body(session).insert(0, "offline ")
        await session.reached(Status.LIVE, timeout=SOON)
        await session.saved(SOON)
    assert await api.read("notes") == "offline "


# -- inside another application -------------------------------------------------------------------------------


@asynccontextmanager
async def running(app: web.Application, prefix: str = "") -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{prefix}"
    finally:
        await runner.cleanup()


async def test_below_a_prefix_of_another_application(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/collab.db"
    inner = collab.create_app(store=store)
    heard: list[str] = []

    async def scribe(_app: web.Application) -> AsyncIterator[None]:
        # aiohttp runs a parent's contexts before its child starts.
        async with inner["hub"].open("notes", user={"name": "Scribe"}) as session:
            body(session).insert(0, "opened by the parent")
            yield
            heard.append(str(body(session)))

    outer = web.Application()
    outer.cleanup_ctx.append(scribe)
    outer.add_subapp("/collab/", inner)
    async with running(outer, "/collab") as url:
        for transport in ("websocket", "polling"):
            async with connect(url, "notes", transports=(transport,)) as session:  # type: ignore[arg-type]
                assert session.transport == transport
                await session.until(lambda: str(body(session)).endswith("opened by the parent"), SOON)
                body(session).insert(0, f"{transport} ")
                await session.saved(SOON)
        api = Api(type("Mounted", (), {"url": url}), http)
        assert await api.read("notes") == "polling websocket opened by the parent"
        async with api.events("notes") as events:
            assert await events.until("update")
        for page, words in (("/", "<title>"), ("/d/a/b", "<title>"), ("/api", "collab"), ("/openapi.json", "openapi")):
            async with http.get(url + page) as answer:
                assert answer.status == 200 and words in await answer.text(), page
        async with http.get(url + "/openapi.json") as answer:
            assert (await answer.json())["servers"] == [{"url": "/collab/api/v1"}]
        async with http.get(url + "/healthz") as answer:
            assert (await answer.json())["status"] == "ok"
        loop = asyncio.get_running_loop()
        lasting = connect(url, "notes", transports=("websocket",))
        await lasting.__aenter__()
        began = loop.time()
    assert loop.time() - began < 10, "open connections do not hold up the parent's end"
    await lasting.close()
    assert heard == ["polling websocket opened by the parent"]


async def test_what_a_program_wrote_last_is_saved_when_the_application_ends(serve: Serve, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/collab.db"
    app = collab.create_app(store=store)
    async with running(app):
        session = app["hub"].open("notes")
        await session.__aenter__()
        body(session).insert(0, "in the last moment")
    assert session.status is Status.CLOSED and session.unsaved == 0
    with pytest.raises(ConnectionError):
        await app["hub"].open("notes", open_timeout=0.2).__aenter__()
    again = await serve({"store": store})
    assert await again.read("notes") == "in the last moment"


async def test_settings_as_keywords() -> None:
    app = collab.create_app(store="memory://", auth="jwt", jwt_secret="a secret that is long enough for this")
    assert app["hub"].store.adapter == "memory"
    with pytest.raises(TypeError, match="unexpected keyword argument 'stoer'"):
        collab.create_app(stoer="memory://")
    with pytest.raises(ConfigError, match="max-participants"):
        collab.create_app(store="memory://", max_participants=0)
    with pytest.raises(TypeError, match="not both"):
        collab.create_app(Settings(), store="memory://")


def test_the_package_alone_brings_no_server() -> None:
    program = (
        "import sys, collab\n"
        "print(collab.__version__, *(name for name in sys.modules if name.startswith(('collab.', 'aiohttp')) and name != 'collab._version'))\n"
        "assert callable(collab.create_app)\n"
        "try: collab.nothing\nexcept AttributeError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split("\n")[:2] == [collab.__version__, "module 'collab' has no attribute 'nothing'"]
