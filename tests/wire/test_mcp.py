"""``collab mcp`` with the official client, over stdio and in this process, against a real server, while people edit (G1 to G4)."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPDeprecationWarning
from pycrdt import Text

from collab.client import connect
from collab.commands.agent.mcp_server import DocumentServer
from collab.commands.agent.workspace import Workspace
from collab.commands.api_client import ApiClient
from tests.support.api import SECRET, mint
from tests.support.ports import free_port
from tests.support.server import CollabServer

SOON = 20.0
ROBOT = {"sub": "robot", "name": "Robot"}


@pytest.fixture(scope="module")
def server() -> Iterator[CollabServer]:
    server = CollabServer("memory://", args=["--auth", "jwt", "--jwt-secret", SECRET]).start()
    yield server
    server.kill()


def agent_token(role: str = "editor") -> str:
    grants = [{"documents": "*", "role": role, "agent": True}]
    return jwt.encode({**ROBOT, "exp": time.time() + 600, "grants": grants}, SECRET, algorithm="HS256")


@asynccontextmanager
async def agent(server: CollabServer, token: str | None = None, **options: Any) -> AsyncIterator[Client]:
    async with (
        Workspace(server.url, token or agent_token(), "Agent") as workspace,
        Client(DocumentServer(workspace).server, **options) as client,
    ):
        yield client


@asynccontextmanager
async def agent_on_stdio(server: CollabServer, token: str | None = None, **options: Any) -> AsyncIterator[Client]:
    environment = {**os.environ, "COLLAB_URL": server.url, "COLLAB_TOKEN": token or agent_token()}
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "collab", "mcp"], env=environment)
    async with Client(stdio_client(parameters), **options) as client:
        yield client


async def use(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    assert answer.content
    fields: dict[str, Any] = answer.structured_content
    return fields


async def refused(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer.structured_content
    fields: dict[str, Any] = answer.structured_content
    assert answer.content[0].text == f"{fields['code']}: {fields['message']}"
    return fields


@asynccontextmanager
async def ann(server: CollabServer, document: str) -> AsyncIterator[Any]:
    async with connect(server.url, document, token=mint("*=admin")) as session:
        person: Any = session
        person.body = session.doc.get("body", type=Text)
        yield person


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_edits_while_somebody_types(server: CollabServer, mode: Any) -> None:
    document = f"story/{mode}"
    async with ann(server, document) as person, agent_on_stdio(server, mode=mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {
            "list_documents", "read_document", "edit_document", "replace_text", "history", "compare", "restore_version",
        }  # fmt: skip
        person.body += "Teh cat sat on teh mat. 😀 The end."
        await person.saved(SOON)
        seen = await use(client, "read_document", document=document)
        assert seen["content"] == "Teh cat sat on teh mat. 😀 The end."
        await person.until(lambda: bool(person.presence.others), SOON)
        (robot,) = person.presence.others
        assert robot["user"] | {"color": ""} == {"id": "robot", "name": "Robot", "agent": True, "color": ""}
        assert (await refused(client, "replace_text", document=document, old="eh", new="he"))["matches"] == 2

        stop = asyncio.Event()

        async def typing() -> int:
            count = 0
            while not stop.is_set() or count < 5:
                person.body.insert(0, "x")  # in front of everything that the agent has read
                count += 1
                await asyncio.sleep(0.01)
            return count

        typist = asyncio.create_task(typing())
        first = await use(client, "replace_text", document=document, old="Teh cat", new="The cat")
        second = await use(client, "replace_text", document=document, old="on teh", new="on the")
        third = await use(client, "replace_text", document=document, old="😀 The end", new="😀 The very end")
        stop.set()
        typed = await typist
        assert seen["position"] < first["position"] < second["position"] < third["position"]
        assert first["path"] == "/body"
        wanted = "x" * typed + "The cat sat on the mat. 😀 The very end."
        await person.until(lambda: str(person.body) == wanted, SOON)
        await person.saved(SOON)
        # Where it wrote is where its cursor is.
        await person.until(lambda: "cursor" in (person.presence.others[0]["state"] or {}), SOON)
        cursor = person.presence.others[0]["state"]["cursor"]
        assert cursor["anchor"] == cursor["head"]
        assert cursor["head"]["assoc"] == -1
        history = await use(client, "history", document=document)
        assert {(entry["participant"], entry["agent"]) for entry in history["history"]} == {
            ("ann", False), ("robot", True),
        }  # fmt: skip
        assert history["position"] >= third["position"]
    async with ann(server, document) as person:
        await person.until(lambda: not person.presence.others, SOON)


async def test_operations_versions_and_comparing(server: CollabServer) -> None:
    async with agent(server) as client, ann(server, "plan") as person:
        written = await use(
            client, "edit_document", document="plan",
            operations=[{"op": "text.insert", "path": "/body", "index": 0, "text": "one\ntwo\n"}],
        )  # fmt: skip
        await person.until(lambda: str(person.body) == "one\ntwo\n", SOON)
        assert written["position"] > 0
        listed = await use(client, "list_documents", prefix="pl")
        assert [each["name"] for each in listed["documents"]] == ["plan"]
        async with ApiClient(server.url, mint("*=admin")) as api:
            version = (await api.call("POST", "/documents/plan/versions", json={"name": "first"})).json["id"]
        await use(client, "replace_text", document="plan", old="two", new="three")
        compared = await use(client, "compare", document="plan", **{"from": version})
        assert (compared["inserted"], compared["deleted"]) == (1, 1)
        assert "-two" in compared["diff"] and "+three" in compared["diff"]
        history = await use(client, "history", document="plan")
        assert [each["name"] for each in history["versions"]] == ["first"]
        restored = await use(client, "restore_version", document="plan", version=version)
        await person.until(lambda: str(person.body) == "one\ntwo\n", SOON)
        assert restored["position"] > compared["position"]
        # What cannot be done says why, and changes nothing.
        refusals: list[tuple[str, dict[str, Any], str]] = [
            ("edit_document", {"document": "plan", "operations": [{"op": "text.delete", "path": "/body", "index": 90, "length": 1}]}, "invalid_payload"),
            ("edit_document", {"document": "plan", "operations": "all"}, "invalid_payload"),
            ("replace_text", {"document": "plan", "old": "seven", "new": ""}, "invalid_payload"),
            ("replace_text", {"document": "plan"}, "invalid_payload"),
            ("read_document", {"document": "nobody made this"}, "not_found"),
            ("read_document", {"document": "a//b"}, "invalid_document"),
            ("read_document", {"document": "plan", "format": "pdf"}, "invalid_payload"),
            ("restore_version", {"document": "plan", "version": 999}, "not_found"),
            ("history", {"document": "plan", "limit": 0}, "invalid_payload"),
            ("read_document", {"document": "plan", "colour": "red"}, "invalid_payload"),
        ]  # fmt: skip
        for tool, arguments, code in refusals:
            assert (await refused(client, tool, **arguments))["code"] == code, (tool, arguments)
        assert str(person.body) == "one\ntwo\n"


async def test_an_agent_may_what_its_token_says(server: CollabServer) -> None:
    async with ann(server, "rules") as person:
        person.body += "do not touch"
        await person.saved(SOON)
        async with agent(server, agent_token("viewer")) as client:
            assert (await use(client, "read_document", document="rules"))["content"] == "do not touch"
            assert (await refused(client, "replace_text", document="rules", old="not ", new=""))["code"] == "read_only"
            assert (await use(client, "history", document="rules"))["position"] > 0
        async with agent(server, mint("elsewhere/*=editor")) as client:
            assert (await refused(client, "read_document", document="rules"))["code"] == "forbidden"
            edit = [{"op": "text.insert", "path": "/body", "index": 0, "text": "x"}]
            assert (await refused(client, "edit_document", document="rules", operations=edit))["code"] == "forbidden"
        assert str(person.body) == "do not touch"


async def test_documents_are_resources_that_tell_of_changes(server: CollabServer) -> None:
    async with ann(server, "team/notes") as person, agent(server) as client:
        person.body += "hello"
        await person.saved(SOON)
        found = {resource.name: resource.uri for resource in (await client.list_resources()).resources}
        uri = str(found["team/notes"])
        assert uri == "collab://documents/team%2Fnotes"
        (contents,) = (await client.read_resource(uri)).contents
        assert contents.text == "hello"
        assert contents.meta is not None and contents.meta["position"] > 0
        async with client.listen(resource_subscriptions=[uri]) as changes:
            person.body += " world"
            async with asyncio.timeout(SOON):
                event = await anext(aiter(changes))
            assert event.uri == uri
            (contents,) = (await client.read_resource(uri, cache_mode="bypass")).contents
            assert contents.text == "hello world"


async def test_subscriptions_in_the_way_of_before(server: CollabServer) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def heard(message: Any) -> None:
        notification = getattr(message, "root", message)
        if getattr(notification, "method", "") == "notifications/resources/updated":
            told.put_nowait(str(notification.params.uri))

    async with ann(server, "old") as person, agent(server, mode="legacy", message_handler=heard) as client:
        person.body += "hello"
        await person.saved(SOON)
        with pytest.warns(MCPDeprecationWarning):
            await client.subscribe_resource("collab://documents/old")
        person.body += " world"
        assert await asyncio.wait_for(told.get(), SOON) == "collab://documents/old"
        with pytest.warns(MCPDeprecationWarning):
            await client.unsubscribe_resource("collab://documents/old")


async def test_a_server_that_moves_is_found_again(start_server: Callable[..., CollabServer], tmp_path: Any) -> None:
    server = start_server(f"sqlite:///{tmp_path}/collab.db")
    async with agent(server, token="none") as client:
        insert = [{"op": "text.insert", "path": "/body", "index": 0, "text": "before "}]
        await use(client, "edit_document", document="notes", operations=insert)
        await asyncio.to_thread(server.restart)
        await use(client, "replace_text", document="notes", old="before", new="before and after")
        assert (await use(client, "read_document", document="notes"))["content"] == "before and after "


async def test_over_http_many_clients_are_one_agent(server: CollabServer) -> None:
    port = free_port()
    environment = {**os.environ, "COLLAB_URL": server.url, "COLLAB_TOKEN": agent_token()}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "collab", "mcp", "--http", f"127.0.0.1:{port}", env=environment
    )
    try:
        async with asyncio.timeout(SOON):
            while True:
                try:
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        async with ann(server, "http") as person:
            for number in range(2):
                async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                    edit = [{"op": "text.insert", "path": "/body", "index": 0, "text": f"{number}"}]
                    await use(client, "edit_document", document="http", operations=edit)
            await person.until(lambda: str(person.body) == "10", SOON)
            assert len(person.presence.others) == 1
    finally:
        program.terminate()
        await program.wait()
