"""Documents over the wire: sync, acks, echo, presence, broadcast (rules C4, D, P)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pycrdt import Awareness, Doc

from collab.protocol.awareness import AwarenessEntry, decode_awareness, encode_awareness
from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.wire.conftest import Connect

pytestmark = pytest.mark.asyncio
both = pytest.mark.parametrize("polling", [False, True], ids=["websocket", "polling"])


def awareness(client: int, clock: int, state: str | None) -> bytes:
    return encode_awareness([AwarenessEntry(client, clock, state)])


@both
async def test_the_first_words_of_the_server(connect: Connect, polling: bool) -> None:
    client = await connect("/doc/first", {"user": {"name": "Ada", "color": "#f00"}}, polling=polling)
    await client.event("sync-step-1")
    kinds = [packet.data[0] if packet.type != 0 else "CONNECT" for packet in client.received]
    assert kinds == ["CONNECT", "session", "sync-step-1"]
    session = await client.event("session")
    assert set(session) == {"document", "session", "client_id", "role", "user", "limits", "expires_at", "server"}
    assert (session["document"], session["role"], session["expires_at"]) == ("first", "admin", None)
    assert session["user"] == {"name": "Ada", "color": "#f00"}
    assert isinstance(session["client_id"], int)
    assert session["limits"]["max_update_bytes"] == 4 * 2**20


async def test_y_socket_io_hears_no_session_event(connect: Connect) -> None:
    client = await connect("/yjs|quiet")
    await client.call("sync-step-1", b"\0")
    await client.event("sync-step-1")
    kinds = [packet.data[0] for packet in client.received if packet.type == 5 or packet.type == 2]
    assert kinds == ["sync-step-1"]
    acked = next(i for i, packet in enumerate(client.received) if packet.type == 6)
    asked = next(i for i, packet in enumerate(client.received) if packet.type == 5)
    assert acked < asked, "its step 1 is answered before the server's own"


@both
async def test_edits_arrive_and_are_acknowledged(connect: Connect, polling: bool) -> None:
    namespace = f"/doc/edits-{polling}"
    one, two = [Editor(await connect(namespace, polling=polling)) for _ in range(2)]
    await one.sync()
    await two.sync()
    first = await one.type("hello")
    assert first == {"ok": True, "durable": True, "position": first["position"]}
    second = await one.type(" world")
    assert second["position"] > first["position"]
    await two.wait_for("hello world")
    third = Editor(await connect(namespace.replace("/doc/", "/yjs|")))
    await third.sync()
    assert str(third.text) == "hello world"


async def test_an_update_does_not_return_to_its_sender(connect: Connect) -> None:
    one, two = [Editor(await connect("/doc/echo")) for _ in range(2)]
    for letter in "abc":
        await one.type(letter)
    await two.wait_for("abc")
    await one.client.call("presence", {})
    assert one.client.events("sync-update") == []


async def test_both_doors_open_the_same_document(connect: Connect) -> None:
    one = Editor(await connect("/doc/doors"))
    two = Editor(await connect("/yjs|doors"))
    await two.sync()
    await one.type("x")
    await two.wait_for("x")
    await two.client.emit("sync-update", two.typed("y"))
    await one.wait_for("xy")


async def test_a_client_gives_what_the_server_lacks(connect: Connect) -> None:
    client = await connect("/doc/offline-edits")
    offline = Editor(client)
    offline.typed("written offline")
    other = Editor(await connect("/doc/offline-edits"))
    await other.sync()
    await offline.client.call("sync-step-1", offline.doc.get_state())
    await offline.client.ack_binary(0, offline.doc.get_update())
    await other.wait_for("written offline")


async def test_an_update_sent_twice_is_acknowledged_twice_and_shown_once(connect: Connect) -> None:
    """D2."""
    one, two = [Editor(await connect("/doc/twice")) for _ in range(2)]
    update = one.typed("x")
    first = await one.client.call("sync-update", update)
    await two.wait_for("x")
    again = await one.client.call("sync-update", update)
    assert again["ok"] is True
    assert again["durable"] is True
    assert again["position"] >= first["position"]
    await one.type("y")
    await two.wait_for("xy")
    assert len(two.client.events("sync-update")) == 2


async def test_missing_dependencies_lead_to_a_resync(connect: Connect) -> None:
    client = await connect("/doc/gap")
    editor = Editor(client)
    await client.event("sync-step-1")
    editor.typed("a")
    lost = editor.typed("b")
    answer = await client.call("sync-update", lost)
    assert answer["error"]["code"] == "missing_dependencies"
    assert answer["error"]["retryable"] is True
    await client.wait(lambda p: p.type == 5 and p.data[0] == "sync-step-1" and p.id is not None and p.id > 0)
    other = Editor(await connect("/doc/gap"))
    await other.sync()
    await other.wait_for("ab")


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff" * 50, b"\x01\x01\x05\x00", b"\x00\x00\x00"])
async def test_damaged_updates_have_a_code_and_change_nothing(connect: Connect, payload: bytes) -> None:
    one, two = [Editor(await connect("/doc/damaged")) for _ in range(2)]
    answer = await one.client.call("sync-update", payload)
    assert answer["error"]["code"] == "invalid_update"
    await two.sync()
    assert two.doc.get_update() == b"\0\0"


async def test_an_update_that_is_too_large_is_refused(start_server, connect: Connect) -> None:
    server = start_server(args=["--max-update-bytes", "2KiB", "--max-document-bytes", "3KiB"])
    editor = Editor(await connect("/doc/large", server=server))
    assert (await editor.type("-"))["ok"]  # the first might bring a whole document along (D12)
    answer = await editor.client.call("sync-update", editor.typed("x" * 3000))
    assert (answer["error"]["code"], answer["error"]["limit"]) == ("update_too_large", 2048)
    other = Editor(await connect("/doc/large", server=server))
    for _ in range(2):
        assert (await other.type("y" * 1400))["ok"]
    full = await other.type("z" * 1400)
    assert (full["error"]["code"], full["error"]["limit"]) == ("document_too_large", 3072)


async def test_events_are_handled_in_the_order_in_which_they_were_sent(connect: Connect) -> None:
    """D8: also behind one that takes a worker process its time."""
    editor = Editor(await connect("/doc/order"))
    await editor.sync()
    words = {"op": "text.insert", "path": "/body", "index": 0}
    asked = [
        editor.client.call("operations", {"operations": [words | {"text": "a" * 50_000}]}),
        editor.client.call("sync-update", editor.typed("b")),
        editor.client.call("content", {"path": "/body", "format": "text"}),
        editor.client.call("operations", {"operations": [words | {"text": "c"}]}),
        editor.client.call("content", {"path": "/body", "format": "text"}),
    ]
    first, second, before, third, after = await asyncio.gather(*asked)
    assert first["position"] < second["position"] < third["position"]
    assert sorted(before["content"]) == ["a"] * 50_000 + ["b"]
    assert after["content"][0] == "c" and len(after["content"]) == 50_002


async def test_the_gap_of_a_refused_edit_is_closed_by_deleting_what_it_inserted(start_server, connect: Connect) -> None:
    """D11: what was typed behind an edit that is refused for good is not lost with it."""
    server = start_server(args=["--max-update-bytes", "2KiB"])
    one, two = [Editor(await connect("/doc/refused", server=server)) for _ in range(2)]
    await two.sync()
    assert (await one.type("a"))["ok"]
    known = one.doc.get_state()
    assert (await one.type("x" * 3000))["error"]["code"] == "update_too_large"
    assert (await one.type("b"))["error"]["code"] == "missing_dependencies"
    del one.text[1:3001]
    assert (await one.client.call("sync-update", one.doc.get_update(known)))["ok"]
    await two.wait_for("ab")


async def test_a_document_takes_so_many_people(start_server, connect: Connect) -> None:
    server = start_server(args=["--max-participants", "2"])
    for _ in range(2):
        await connect("/doc/full", server=server)
    third = await connect("/doc/full", server=server)
    error = third.received[0].data["data"]
    assert (error["code"], error["retryable"], error["limit"]) == ("document_full", True, 2)
    assert error["retry_after"] > 0


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("sync-update", {"a": 1}), ("sync-update", "text"), ("sync-step-1", 5), ("sync-step-1", b"\xff"),
        ("sync-step-1", b"\x80\x80\x80\x80\x02"), ("awareness-update", "x"), ("awareness-update", b"\x05"),
        ("presence", [1]), ("presence", "x"), ("presence", {"x": "y" * 20_000}), ("broadcast", {"data": 1}),
        ("broadcast", {"event": "x", "extra": 1}), ("broadcast", {"event": ""}), ("authenticate", {}),
        ("authenticate", {"token": 1}), ("presence", b"x"),
    ],
)  # fmt: skip
async def test_faulty_payloads_have_a_code(connect: Connect, event: str, payload: object) -> None:
    client = await connect("/doc/faulty")
    answer = await client.call(event, payload)
    assert answer["ok"] is False
    assert answer["error"]["code"] == "invalid_payload"
    assert "Traceback" not in answer["error"]["message"]


async def test_deeply_nested_presence_is_refused(connect: Connect) -> None:
    client = await connect("/doc/deep")
    value: object = 1
    for _ in range(60):
        value = [value]
    assert (await client.call("presence", {"x": value}))["error"]["code"] == "invalid_payload"


# -- scripted edits -----------------------------------------------------------------------------


async def test_operations_edit_and_content_reads(connect: Connect) -> None:
    script = await connect("/doc/scripted", {"presence": "json"})
    editor = Editor(await connect("/doc/scripted"))
    await editor.sync()
    batch = [
        {"op": "text.insert", "path": "/body", "index": 0, "text": "Hi \U0001f600"},
        {"op": "map.set", "path": "/meta/title", "value": {"a": [1, None]}},
    ]
    answer = await script.call("operations", {"operations": batch})
    assert answer == {"ok": True, "durable": True, "position": answer["position"]}
    await editor.wait_for("Hi \U0001f600")
    await script.event("sync-update")
    content = await script.call("content", {})
    assert content["content"] == {"body": "Hi \U0001f600", "meta": {"title": {"a": [1, None]}}}
    assert content["position"] >= answer["position"]
    assert (await script.call("content", {"path": "/body", "format": "text"}))["content"] == "Hi \U0001f600"
    assert (await script.call("content", {"path": "/nowhere/else"}))["error"]["code"] == "not_found"
    assert (await script.call("content", {"pth": "/body"}))["error"]["code"] == "invalid_payload"
    bad = [
        {"op": "text.insert", "path": "/body", "index": 0, "text": "x"},
        {"op": "text.delete", "path": "/body", "index": 900, "length": 1},
    ]
    refused = (await script.call("operations", {"operations": bad}))["error"]
    assert (refused["code"], refused["index"]) == ("invalid_payload", 1)
    assert (await script.call("content", {"path": "/body"}))["content"] == "Hi \U0001f600", "all or nothing"
    await script.call("operations", {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "1"}]})
    assert (await script.call("content", {"path": "/body"}))["content"].startswith("1"), "in order"


async def test_a_long_batch_is_one_edit(connect: Connect) -> None:
    script = await connect("/doc/long-batch")
    editor = Editor(await connect("/doc/long-batch"))
    await editor.sync()
    batch = [{"op": "map.set", "path": f"/rows/{number}", "value": number} for number in range(2000)]
    batch.append({"op": "text.insert", "path": "/body", "index": 0, "text": "done"})
    assert (await script.call("operations", {"operations": batch}))["ok"]
    await editor.wait_for("done")
    assert editor.updates == 1


# -- presence -----------------------------------------------------------------------------------


async def test_json_presence_from_join_to_leave(connect: Connect) -> None:
    """P3."""
    auth = {"presence": "json", "user": {"name": "Ada", "color": "#00f"}}
    ada = await connect("/doc/people", auth)
    bob = await connect("/doc/people", {"presence": "json", "user": {"name": "Bob"}})
    first = await bob.event("presence")
    assert {entry["user"]["name"] for entry in first["joined"]} == {"Ada", "Bob"}
    assert set(first["joined"][0]) == {"session", "client_id", "user", "state"}
    ada_session = (await ada.event("session"))["session"]
    joined = await ada.wait(
        lambda p: (
            p.type == 2
            and p.data[0] == "presence"
            and any(entry["user"]["name"] == "Bob" for entry in p.data[1]["joined"])
        )
    )
    assert joined.data[1]["left"] == []
    await ada.call("presence", {"typing": True})
    await ada.call("cursor", {"x": 1})
    updated = await bob.wait(
        lambda p: (
            p.type == 2
            and p.data[0] == "presence"
            and any(entry["state"] == {"typing": True, "cursor": {"x": 1}} for entry in p.data[1]["updated"])
        )
    )
    assert updated.data[1]["updated"][0]["session"] == ada_session
    await ada.close()
    left = await bob.wait(lambda p: p.type == 2 and p.data[0] == "presence" and p.data[1]["left"])
    assert [entry["session"] for entry in left.data[1]["left"]] == [ada_session]


async def test_json_presence_and_awareness_see_each_other(connect: Connect) -> None:
    """P4."""
    yjs = await connect("/doc/mixed")
    plain = await connect("/doc/mixed", {"presence": "json", "user": {"name": "Script"}})
    script = await plain.event("session")
    await plain.call("cursor", 7)
    seen = await yjs.wait(lambda p: p.type == 5 and p.data[0] == "awareness-update" and b'"cursor":7' in p.data[1])
    (entry,) = decode_awareness(seen.data[1])
    assert entry.client == script["client_id"]
    assert entry.state is not None
    assert '"name":"Script"' in entry.state
    await yjs.call("awareness-update", awareness(4242, 1, '{"user":{"name":"Ann"},"x":1}'))
    shown = await plain.wait(
        lambda p: (
            p.type == 2
            and p.data[0] == "presence"
            and any(entry["client_id"] == 4242 for entry in p.data[1]["joined"] + p.data[1]["updated"])
        )
    )
    entry = next(e for e in shown.data[1]["joined"] + shown.data[1]["updated"] if e["client_id"] == 4242)
    assert entry["state"] == {"user": {"name": "Ann"}, "x": 1}
    assert entry["user"]["name"] == "Ann"
    await plain.close()
    gone = await yjs.wait(
        lambda p: (
            p.type == 5
            and p.data[0] == "awareness-update"
            and any(e.client == script["client_id"] and e.state is None for e in decode_awareness(p.data[1]))
        )
    )
    assert gone


async def test_everybody_sees_what_somebody_is_shown_with(connect: Connect) -> None:
    """P9: on every door, in JSON and in awareness."""
    ada = {"name": "Ada", "color": "#f00", "avatar": "https://people.example/ada.png", "years": 36}
    yjs = await connect("/doc/avatars")
    plain = await connect("/doc/avatars", {"presence": "json", "user": ada})
    assert (await plain.event("session"))["user"] == ada
    seen = await yjs.wait(lambda p: p.type == 5 and p.data[0] == "awareness-update" and b'"avatar"' in p.data[1])
    (entry,) = decode_awareness(seen.data[1])
    assert json.loads(entry.state or "") == {"user": ada}
    grace = {"name": "Grace", "color": "#00f", "avatar": "https://people.example/grace.png"}
    shown = {**grace, "deep": {}, "id": "root", "title": "Rear admiral"}
    await yjs.call("awareness-update", awareness(4242, 1, json.dumps({"user": shown})))
    await connect("/yjs|avatars", {"user": {"name": "Margaret", "deep": {}, "title": "Captain"}})

    def entry_of(name: str, packet: Any) -> Any:
        if packet.type != 2 or packet.data[0] != "presence":
            return None
        entries = packet.data[1]["joined"] + packet.data[1]["updated"]
        return next((entry for entry in entries if entry["user"]["name"] == name), None)

    hers = entry_of("Grace", await plain.wait(lambda packet: entry_of("Grace", packet) is not None))
    assert hers["user"] == {**grace, "title": "Rear admiral"}
    assert hers["state"] == {"user": shown}, "what somebody shows of themselves is theirs"
    others = entry_of("Margaret", await plain.wait(lambda packet: entry_of("Margaret", packet) is not None))
    assert others["user"].keys() == {"name", "color", "title"}


@pytest.mark.parametrize(
    "user",
    [{"avatar": "javascript:alert(1)"}, {"avatar": {"href": "x"}}, {"id": "root"}, {"avatar": "x" * 3000}, {"__proto__": 1}],
    ids=repr,
)  # fmt: skip
async def test_what_cannot_be_shown_is_refused_with_its_path(connect: Connect, user: dict[str, Any]) -> None:
    """P9."""
    client = await connect("/doc/avatars", {"user": user})
    refusal = (await client.wait(lambda packet: packet.type == 4)).data["data"]
    assert (refusal["code"], refusal["path"].partition(".")[0]) == ("invalid_payload", "user")


async def test_nobody_speaks_for_somebody_else(connect: Connect) -> None:
    one, two, watcher = [await connect("/doc/spoof") for _ in range(3)]
    await one.call("awareness-update", awareness(11, 1, '{"name":"one"}'))
    await two.call("awareness-update", awareness(11, 5, '{"name":"forged"}'))
    await two.call("awareness-update", awareness(11, 9, None))
    await two.call("awareness-update", awareness(22, 1, '{"name":"two"}'))
    await watcher.wait(lambda p: p.type == 5 and p.data[0] == "awareness-update" and b"two" in p.data[1])
    states = Awareness(Doc())
    for update in watcher.events("awareness-update"):
        assert b"forged" not in update
        states.apply_awareness_update(update, None)
    assert states.states[11] == {"name": "one"}
    late = await connect("/doc/spoof")
    await late.wait(lambda p: p.type == 5 and p.data[0] == "awareness-update" and b'"one"' in p.data[1])


async def test_awareness_ends_with_its_session_however_it_ends(connect: Connect) -> None:
    """P2."""
    watcher = await connect("/doc/gone")
    for number, polling in ((1, False), (2, True)):
        client = await connect("/doc/gone", polling=polling)
        await client.call("awareness-update", awareness(number, 1, '{"a":1}'))
        if polling:
            await client.close()
        else:
            client.wire.websocket._response.connection.transport.abort()
        await watcher.wait(
            lambda p, number=number: (
                p.type == 5
                and p.data[0] == "awareness-update"
                and any(e.client == number and e.state is None for e in decode_awareness(p.data[1]))
            ),
            timeout=3,
        )


@pytest.mark.parametrize(
    "update",
    [
        awareness(1, 2**40, "{}"), awareness(1, 1, "{") , awareness(1, 1, "NaN"), awareness(1, 1, "[" * 100 + "]" * 100),
        awareness(1, 1, '"' + "x" * 20_000 + '"'), b"\x02\x01\x01\x02{}\x01\x02\x02{}", awareness(1, 1, "{}") + b"\0",
    ],
    ids=["clock", "json", "nan", "deep", "large", "twice", "trailing"],
)  # fmt: skip
async def test_absurd_awareness_is_refused_whole(connect: Connect, update: bytes) -> None:
    client = await connect("/doc/absurd")
    watcher = await connect("/doc/absurd")
    answer = await client.call("awareness-update", update)
    assert answer["error"]["code"] == "invalid_payload"
    await client.call("awareness-update", awareness(77, 1, '{"fine":1}'))
    await watcher.event("awareness-update")
    assert all(b"fine" in event for event in watcher.events("awareness-update"))


async def test_broadcast_reaches_the_others(connect: Connect) -> None:
    one, two = [await connect("/doc/broadcast") for _ in range(2)]
    three = await connect("/yjs|broadcast")
    assert await one.call("broadcast", {"event": "wave", "data": {"n": [1, None]}}) == {"ok": True}
    session = (await one.event("session"))["session"]
    expected = {"event": "wave", "data": {"n": [1, None]}, "from": session}
    assert await two.event("broadcast") == expected
    assert await three.event("broadcast") == expected
    await one.call("presence", {})
    assert one.events("broadcast") == []


# -- much, and in order -------------------------------------------------------------------------


@both
async def test_three_hundred_kilobytes_arrive_whole(connect: Connect, polling: bool) -> None:
    namespace = f"/doc/large-{polling}"
    one, two = [Editor(await connect(namespace, polling=polling)) for _ in range(2)]
    text = "".join(chr(33 + number % 90) for number in range(300_000))
    assert (await one.type(text))["durable"]
    await two.wait_for(text)


@both
async def test_many_edits_at_once_lose_nothing(connect: Connect, polling: bool) -> None:
    namespace = f"/doc/burst-{polling}"
    one, two = [Editor(await connect(namespace, polling=polling)) for _ in range(2)]
    updates = [one.typed(chr(97 + number % 26)) for number in range(300)]
    ids = await one.client.send_many("sync-update", updates)
    await two.wait_for(str(one.text))
    last = await one.client.wait(lambda p: p.type == 3 and p.id == ids[-1])
    assert last.data[0]["durable"]
    answered = [packet.id for packet in one.client.received if packet.type == 3]
    assert answered == ids


async def test_everybody_who_opens_a_document_at_once_gets_the_same(start_server, connect: Connect, tmp_path) -> None:
    server = start_server(f"sqlite:///{tmp_path}/a.db")
    writer = Editor(await connect("/doc/together", server=server))
    await writer.type("here")
    server.restart()
    clients = await asyncio.gather(*(connect("/doc/together", server=server) for _ in range(30)))
    for client in clients:
        editor = Editor(client)
        await editor.sync()
        assert str(editor.text) == "here"


async def test_documents_survive_restarts_and_idleness(start_server, connect: Connect, tmp_path) -> None:
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/a.db", args=["--idle-timeout", "50ms"])
    text = ""
    for number in range(3):
        editor = Editor(await connect("/doc/kept", server=server))
        await editor.sync()
        assert str(editor.text) == text
        for _ in range(30):
            await editor.type(str(number))
        text = str(editor.text)
        await editor.client.close()
        if number == 1:
            assert server.restart().process is not None
    assert len(text) == 90
