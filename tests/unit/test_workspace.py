"""What an agent has open: a few documents, for as long as it works in them, and nothing that the server refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from collab.commands.agent import workspace as module
from collab.commands.agent.workspace import Workspace
from collab.errors import CollabError
from tests.support.api import Api, ApiServer

BODY = {"op": "text.insert", "path": "/body", "index": 0}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    server = await ApiServer({"max_document_bytes": "64KiB", "max_update_bytes": "32KiB"}).start()
    async with aiohttp.ClientSession() as http:
        yield Api(server, http)
    await server.stop()


@pytest.fixture
async def agent(api: Api) -> AsyncIterator[Workspace]:
    async with Workspace(api.server.url, None, "Robot") as workspace:
        yield workspace


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def people(api: Api, document: str) -> int:
    live = api.server.hub.documents.get(document)
    return 0 if live is None else len(live.sessions)


@pytest.mark.slow
async def test_it_is_one_participant_however_much_it_does(api: Api, agent: Workspace) -> None:
    plans = [[{**BODY, "text": f"{number}"}] for number in range(10)]
    await asyncio.gather(*(agent.edit("notes", lambda _state, plan=plan: plan) for plan in plans))  # type: ignore[misc]
    assert sorted(await api.read("notes")) == list("0123456789")
    assert people(api, "notes") == 1
    assert await agent.position("notes") == api.server.hub.documents["notes"].journal.position
    assert await agent.position("nobody made this") == 0


async def test_it_leaves_what_it_does_not_use(api: Api, agent: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OPEN", 2)
    end = await agent.watch("watched", lambda: None)
    for number in range(4):
        await agent.enter(f"doc {number}")
    await until(lambda: [people(api, f"doc {number}") for number in range(4)] == [0, 0, 0, 1])
    assert people(api, "watched") == 1
    end()
    await agent.enter("one more")
    await until(lambda: people(api, "watched") == 0)


async def test_idle_documents_are_left(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 0.1)
    async with Workspace(api.server.url, None, "Robot") as agent:
        await agent.enter("notes")
        await until(lambda: people(api, "notes") == 0)
        await agent.enter("notes")
    await until(lambda: people(api, "notes") == 0)


@pytest.mark.slow
async def test_what_the_server_refuses_is_not_kept(api: Api, agent: Workspace) -> None:
    await agent.edit("notes", lambda _state: [{**BODY, "text": "small"}])
    with pytest.raises(CollabError, match=r"document_too_large|update_too_large"):
        await agent.edit("notes", lambda _state: [{**BODY, "text": "x" * 100_000}])
    await agent.replace("notes", "small", "smaller")
    assert await api.read("notes") == "smaller"


@pytest.mark.slow
async def test_what_cannot_be_done_changes_nothing(api: Api, agent: Workspace) -> None:
    await agent.edit("notes", lambda _state: [{**BODY, "text": "hello"}])
    with pytest.raises(CollabError, match="invalid_payload"):
        await agent.edit("notes", lambda _state: [{**BODY, "text": "x"}, {**BODY, "index": 99, "text": "y"}])
    position = await agent.position("notes")
    assert (await agent.replace("notes", "hello", "hello"))[0] == position
    assert await api.read("notes") == "hello"


@pytest.mark.slow
async def test_who_watches_hears_of_changes_a_few_at_a_time(
    api: Api, agent: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET", 0.3)
    told: list[str] = []
    one = await agent.watch("notes", lambda: told.append("one"))
    other = await agent.watch("notes", lambda: told.append("other"))
    for number in range(20):
        await api.write("notes", f"text {number}")
    await until(lambda: {"one", "other"} <= set(told))
    assert told.count("one") < 10
    one()
    other()
    await until(lambda: agent._open["notes"].following is None)


async def test_nobody_is_told_of_what_may_not_be_read(api: Api, agent: Workspace) -> None:
    with pytest.raises(CollabError, match="invalid_document"):
        await agent.watch("a//b", lambda: None)
