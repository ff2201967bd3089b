"""Real npm clients, unmodified, against the real server: y-socket.io, and socket.io-client with Yjs.

Every test has documents of its own. The numbers are those of ``collab/PROTOCOL.md``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from collab.protocol.awareness import AwarenessEntry, encode_awareness
from tests.support.server import CollabServer
from tests.wire.node.driver import (
    TIMEOUT,
    NodeClient,
    NodeClients,
    NodeUnavailable,
    State,
    install_clients,
)

WEBSOCKET, POLLING, UPGRADE = ["websocket"], ["polling"], ["polling", "websocket"]
every_transport = pytest.mark.parametrize(
    "transports", [WEBSOCKET, POLLING, UPGRADE], ids=["websocket", "polling", "upgrade"]
)
#: "at once": far below what a client or a server would take to notice by itself (30 and 45 seconds)
AT_ONCE = 3.0


@pytest.fixture(scope="session")
def npm_packages() -> None:
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))


@pytest.fixture
def node(npm_packages: None, shared_server: CollabServer) -> Iterator[NodeClients]:
    with NodeClients(shared_server.url) as clients:
        yield clients


@pytest.fixture
def document() -> str:
    return f"notes/{uuid.uuid4().hex[:12]}"


def names(state: State) -> list[str]:
    """Who is seen by awareness."""
    users = [shown.get("user", {}) for shown in state["awareness"].values()]
    return sorted(user["name"] for user in users if "name" in user)


def json_names(state: State) -> list[str]:
    """Who is seen by JSON presence."""
    return sorted(entry["user"]["name"] for entry in state["presence"].values())


def has(*path: Any) -> Callable[[State], bool]:
    """Whether a state holds, under the keys that come first, the value that comes last."""
    *keys, value = path

    def holds(state: Any) -> bool:
        for key in keys:
            state = state.get(key, {})
        return bool(state == value)

    return holds


def until_names(client: NodeClient, *expected: str, timeout: float = TIMEOUT) -> None:
    look = json_names if client.state.get("presence") is not None else names
    client.until(lambda state: look(state) == sorted(expected), f"to see {sorted(expected)}", timeout=timeout)


def open_yjs(node: NodeClients, name: str, document: str, **options: Any) -> NodeClient:
    """A y-socket.io provider, synced."""
    client = node.open(name, "y-socket.io", document, awareness={"user": {"name": name}}, **options)
    client.until_synced()
    return client


def open_plain(node: NodeClients, name: str, document: str, **options: Any) -> NodeClient:
    """A socket.io-client on `/doc/` with Yjs, synced."""
    options = {"user": {"name": name}, "awareness": {"user": {"name": name}}, **options}
    client = node.open(name, "socket.io", document, **options)
    client.until_synced()
    return client


def open_json(node: NodeClients, name: str, document: str, **options: Any) -> NodeClient:
    """As :func:`open_plain`, with JSON presence instead of awareness."""
    client = node.open(name, "socket.io", document, user={"name": name}, presence="json", **options)
    client.until_synced()
    return client


def until_same(*clients: NodeClient, timeout: float = TIMEOUT) -> str:
    """Wait until all have the same text, compare their documents, return the text."""
    first, *others = clients
    for other in others:
        other.until(lambda state: state["text"] == first.state["text"], f"the text of {first.name}", timeout=timeout)
    encoded = {client.do("encoded") for client in clients}
    assert len(encoded) == 1
    return str(first.state["text"])


# -- one document ---------------------------------------------------------------------------------


@every_transport
def test_c1_two_unmodified_providers_and_a_plain_client_edit_one_document(
    node: NodeClients, document: str, transports: list[str]
) -> None:
    ann, bob = open_yjs(node, "Ann", document), open_yjs(node, "Bob", document)
    pat = open_plain(node, "Pat", document, transports=transports)
    everybody = (ann, bob, pat)

    ann.do("insert", index=0, text="Hello")
    bob.until_text("Hello")
    bob.do("insert", index=-1, text=", world")
    pat.until_text("Hello, world")
    pat.do("insert", index=-1, text=" 😀")
    pat.do("remove", index=0, length=1)
    pat.do("insert", index=0, text="J")
    for client in everybody:
        client.until_text("Jello, world 😀")

    for client in everybody:  # at the same time and place
        client.do("insert", index=0, text=f"<{client.name}>")
    for client in everybody:
        client.until(lambda state: all(f"<{one.name}>" in state["text"] for one in everybody), "all three")
    until_same(*everybody)
    assert pat.state["transport"] == transports[-1]
    assert ann.state["transport"] == bob.state["transport"] == "websocket"


@every_transport
def test_p4_everybody_sees_everybody(node: NodeClients, document: str, transports: list[str]) -> None:
    ann, bob = open_yjs(node, "Ann", document), open_yjs(node, "Bob", document)
    pat = open_plain(node, "Pat", document, transports=transports)
    joe = open_json(node, "Joe", document, transports=transports)
    everybody = ("Ann", "Bob", "Joe", "Pat")
    for client in (ann, bob, pat, joe):
        until_names(client, *everybody)

    # Awareness as JSON presence: the state itself, under the Yjs client id.
    ann.do("awareness", state={"user": {"name": "Ann"}, "cursor": {"anchor": 1, "head": 4}})

    def entry_of(state: State, name: str) -> dict[str, Any]:
        return next(entry for entry in state["presence"].values() if entry["user"]["name"] == name)

    joe.until(
        lambda state: (entry_of(state, "Ann")["state"] or {}).get("cursor") == {"anchor": 1, "head": 4},
        "Ann's cursor",
    )
    entry = entry_of(joe.state, "Ann")
    assert set(entry) == {"session", "client_id", "user", "state"}
    assert entry["client_id"] == ann.state["clientID"]

    # JSON presence and the cursor shorthand as awareness, under the session's client id.
    joe.do("emit", event="presence", args=[{"mood": "good"}])
    assert joe.do("emit", event="cursor", args=[{"x": 3}], ack=True) == {"ok": True}
    shown = joe.state["session"]
    for client in (ann, bob, pat):
        state = client.until(
            lambda state: state["awareness"].get(str(shown["client_id"]), {}).get("cursor") == {"x": 3},
            "Joe's cursor",
        )
        seen = state["awareness"][str(shown["client_id"])]
        assert seen == {"mood": "good", "cursor": {"x": 3}, "user": shown["user"]}

    joe.do("emit", event="presence", args=[None])
    for client in (ann, bob, pat):
        until_names(client, "Ann", "Bob", "Pat")


def test_tabs_of_one_browser_pass_on_what_they_see_and_stay_visible(node: NodeClients, document: str) -> None:
    joe = open_json(node, "Joe", document)
    far = open_yjs(node, "Far", document)
    tabs = [open_yjs(node, name, document, tabs=True) for name in ("Ann", "Ann's other")]
    for client in (far, *tabs):
        until_names(client, "Ann", "Ann's other", "Far", "Joe")
    for number in range(20):
        for tab in tabs:
            mine = tab.state["clientID"]
            tab.do("awareness", state={"user": {"name": tab.name}, "cursor": number})
            for client in (far, *tabs):
                client.until(has("awareness", str(mine), "cursor", number), f"cursor {number} of {tab.name}")
            joe.until(
                lambda state, mine=mine, number=number: any(
                    entry["client_id"] == mine and entry["state"].get("cursor") == number
                    for entry in state["presence"].values()
                ),
                f"cursor {number} of {tab.name}",
            )


def test_p3_the_first_presence_holds_everybody_and_no_awareness_comes(node: NodeClients, document: str) -> None:
    ann = open_yjs(node, "Ann", document)
    first = open_json(node, "First", document)
    until_names(first, "Ann", "First")
    second = open_json(node, "Second", document)
    until_names(second, "Ann", "First", "Second")
    until_names(first, "Ann", "First", "Second")
    assert second.state["first"][:3] == ["session", "presence", "sync-step-1"]
    ann.do("awareness", state={"user": {"name": "Ann"}, "n": 1})
    for client in (first, second):
        client.until(
            lambda state: any((entry["state"] or {}).get("n") == 1 for entry in state["presence"].values()),
            "Ann's state",
        )
        assert "awareness-update" not in client.state["received"]
    assert "presence" not in ann.state["received"]


def test_p6_of_many_cursors_the_newest_is_shown(node: NodeClients, document: str) -> None:
    ann, joe = open_yjs(node, "Ann", document), open_json(node, "Joe", document)
    for number in range(50):
        joe.do("emit", event="cursor", args=[number])
    shown = str(joe.state["session"]["client_id"])
    ann.until(lambda state: state["awareness"].get(shown, {}).get("cursor") == 49, "the last cursor")
    assert ann.state["received"]["awareness-update"] < 50


def test_p1_nobody_speaks_for_another_client_id(node: NodeClients, document: str) -> None:
    ann, bob = open_yjs(node, "Ann", document), open_yjs(node, "Bob", document)
    pat = open_plain(node, "Pat", document)
    for client in (ann, bob, pat):
        until_names(client, "Ann", "Bob", "Pat")
    victim = ann.state["clientID"]
    forged = [
        encode_awareness([AwarenessEntry(victim, 1000, '{"user":{"name":"Mallory"}}')]),
        encode_awareness([AwarenessEntry(victim, 1001, None)]),
    ]
    for update in forged:
        assert pat.do("emit", event="awareness-update", args=[update], ack=True) == {"ok": True}
    pat.do("awareness", state={"user": {"name": "Pat"}, "after": True})
    mine = str(pat.state["clientID"])
    bob.until(lambda state: state["awareness"][mine].get("after"), "what Pat said afterwards")
    assert names(bob.state) == names(ann.state) == ["Ann", "Bob", "Pat"]


GUESTS = {
    "yjs": (open_yjs, WEBSOCKET),
    "yjs-polling": (open_yjs, POLLING),
    "plain": (open_plain, WEBSOCKET),
    "plain-polling": (open_plain, POLLING),
    "json": (open_json, WEBSOCKET),
    "json-polling": (open_json, POLLING),
    "json-upgrade": (open_json, UPGRADE),
}


@pytest.mark.parametrize(
    ("guest_kind", "how"),
    [
        (kind, how)
        for kind, (_, transports) in GUESTS.items()
        for how in ("destroy", "disconnect", "cut")
        # Between two polls there is no connection to see the end of: only the heartbeat tells.
        if not (how == "cut" and transports == POLLING)
    ],
)
def test_p2_who_leaves_is_gone_at_once(node: NodeClients, document: str, guest_kind: str, how: str) -> None:
    kind, transports = GUESTS[guest_kind]
    ann, joe = open_yjs(node, "Ann", document), open_json(node, "Joe", document)
    guest = kind(node, "Guest", document, transports=transports, link=True)
    guest.until(lambda state: state["transport"] == transports[-1], f"transport {transports[-1]}")
    until_names(ann, "Ann", "Guest", "Joe")
    until_names(joe, "Ann", "Guest", "Joe")
    guest.do(how)
    until_names(ann, "Ann", "Joe", timeout=AT_ONCE)
    until_names(joe, "Ann", "Joe", timeout=AT_ONCE)


def test_c7_p2_a_polling_client_that_vanished_is_gone_with_the_heartbeat(
    npm_packages: None, start_server: Callable[..., CollabServer], document: str
) -> None:
    server = start_server(args=["--ping-interval", "300ms", "--ping-timeout", "700ms"])
    with NodeClients(server.url) as node:
        ann = open_yjs(node, "Ann", document)
        guest = open_plain(node, "Guest", document, transports=POLLING, link=True)
        until_names(ann, "Ann", "Guest")
        guest.do("cut")
        until_names(ann, "Ann", timeout=1.0 + AT_ONCE)
        guest.do("mend")
        until_names(ann, "Ann", "Guest")


@pytest.mark.parametrize("kind", [open_yjs, open_plain], ids=["yjs", "plain"])
def test_p7_who_was_cut_off_is_shown_again_with_the_same_client_id(
    node: NodeClients, document: str, kind: Callable[..., NodeClient]
) -> None:
    ann, joe = open_yjs(node, "Ann", document), open_json(node, "Joe", document)
    guest = kind(node, "Guest", document, link=True)
    for number in range(2):
        until_names(ann, "Ann", "Guest", "Joe")
        guest.do("cut")
        until_names(ann, "Ann", "Joe", timeout=AT_ONCE)
        guest.do("mend")
        until_names(ann, "Ann", "Guest", "Joe", timeout=AT_ONCE)
        until_names(joe, "Ann", "Guest", "Joe", timeout=AT_ONCE)
        guest.do("awareness", state={"user": {"name": "Guest"}, "round": number})
        shown = {"user": {"name": "Guest"}, "round": number}
        ann.until(has("awareness", str(guest.state["clientID"]), shown), "what is new")
    assert guest.state["connects"] == 3


@pytest.mark.parametrize("kind", [open_yjs, open_plain], ids=["yjs", "plain"])
def test_p7_who_was_cut_off_sees_the_others_again(
    node: NodeClients, document: str, kind: Callable[..., NodeClient]
) -> None:
    """It has forgotten their states, but not their clocks: what comes with an old clock is ignored."""
    open_yjs(node, "Ann", document)
    open_json(node, "Joe", document)
    guest = kind(node, "Guest", document, link=True)
    for number in range(2):
        until_names(guest, "Ann", "Guest", "Joe")
        guest.do("cut")
        until_names(guest, "Guest")
        guest.do("mend")
        guest.until(has("connects", number + 2), "to be back")
        until_names(guest, "Ann", "Guest", "Joe", timeout=AT_ONCE)


def test_p4_json_presence_is_renewed_before_yjs_clients_forget_it(node: NodeClients, document: str) -> None:
    """Yjs drops states that nobody repeated for 30 seconds; its own clients repeat theirs every 15."""
    ann, joe = open_yjs(node, "Ann", document), open_json(node, "Joe", document)
    until_names(ann, "Ann", "Joe")
    shown = str(joe.state["session"]["client_id"])
    clock = ann.state["clocks"][shown]
    ann.until(lambda state: state["clocks"].get(shown, 0) > clock, "a newer clock", timeout=25.0)


# -- edits ----------------------------------------------------------------------------------------


@every_transport
def test_d1_d6_the_ack_says_durable_and_positions_rise(node: NodeClients, document: str, transports: list[str]) -> None:
    pat = open_plain(node, "Pat", document, transports=transports)
    pat.do("append_each", texts=[f"{number} " for number in range(20)])
    acks = pat.until(lambda state: len(state["acks"]) == 20, "20 acks")["acks"]
    assert all(ack == {"ok": True, "durable": True, "position": ack["position"]} for ack in acks)
    positions = [ack["position"] for ack in acks]
    assert all(isinstance(position, int) for position in positions)
    assert positions == sorted(set(positions))


def test_d1_what_is_acknowledged_survives_a_kill(
    npm_packages: None, start_server: Callable[..., CollabServer], tmp_path: Path, document: str
) -> None:
    server = start_server(f"sqlite:///{tmp_path / 'collab.db'}")
    with NodeClients(server.url) as node:
        pat = open_plain(node, "Pat", document)
        pat.do("append_each", texts=[f"{number} " for number in range(50)])
        pat.until(lambda state: len(state["acks"]) == 50, "50 acks")
        server.kill()
        pat.leave()  # so that nobody can bring anything back
        server.start()
        for door in (open_yjs, open_plain):
            newcomer = door(node, door.__name__, document)
            newcomer.until_text("".join(f"{number} " for number in range(50)))


def test_d2_a_repeated_update_is_acknowledged_and_not_sent_on(node: NodeClients, document: str) -> None:
    pat, bob = open_plain(node, "Pat", document), open_yjs(node, "Bob", document)
    update = update_of("once")
    first = pat.do("emit", event="sync-update", args=[update], ack=True)
    bob.until_text("once")
    count = bob.state["received"]["sync-update"]
    again = pat.do("emit", event="sync-update", args=[update], ack=True)
    assert again["ok"] and again["durable"] and again["position"] >= first["position"]
    pat.do("emit", event="sync-update", args=[update_of("twice")], ack=True)
    bob.until(lambda state: "twice" in state["text"], "the next edit")
    assert bob.state["received"]["sync-update"] == count + 1


@every_transport
def test_d3_no_echo(node: NodeClients, document: str, transports: list[str]) -> None:
    pat = open_plain(node, "Pat", document, transports=transports)
    ann = open_yjs(node, "Ann", document, transports=transports)
    pat.do("append_each", texts=["a", "b", "c"])
    ann.until_text("abc")
    pat.until(lambda state: len(state["acks"]) == 3, "3 acks")
    assert "sync-update" not in pat.state["received"]
    before = ann.state["received"]["sync-update"]
    ann.do("insert", index=0, text=">")
    pat.until_text(">abc")
    pat.do("insert", index=-1, text="<")
    ann.until_text(">abc<")
    assert ann.state["received"]["sync-update"] == before + 1


def test_d4_a_faulty_update_is_refused_and_changes_nothing(node: NodeClients, document: str) -> None:
    pat, bob = open_plain(node, "Pat", document), open_yjs(node, "Bob", document)
    asked = pat.state["received"]["sync-step-1"]

    for faulty in (b"", b"\xff" * 9, update_of("cut off")[:-4], update_of("more") + b"\x00"):
        refused = pat.do("emit", event="sync-update", args=[faulty], ack=True)
        assert (refused["ok"], refused["error"]["code"]) == (False, "invalid_update"), faulty
        assert set(refused["error"]) >= {"code", "message", "retryable"}

    ghost: pycrdt.Doc[Any] = pycrdt.Doc()
    body = ghost.get("body", type=pycrdt.Text)
    body += "never sent, "
    known = ghost.get_state()
    body += "sent"
    refused = pat.do("emit", event="sync-update", args=[ghost.get_update(known)], ack=True)
    assert (refused["ok"], refused["error"]["code"]) == (False, "missing_dependencies")
    pat.until(lambda state: state["received"]["sync-step-1"] == asked + 1, "a fresh sync-step-1")

    pat.do("insert", index=0, text="fine")
    bob.until_text("fine")
    assert pat.state["connects"] == 1


def test_d7_a_step_1_without_an_ack_is_answered_as_an_update(node: NodeClients, document: str) -> None:
    pat = open_plain(node, "Pat", document)
    pat.do("insert", index=0, text="here")
    pat.until(lambda state: len(state["acks"]) == 1, "the ack")
    assert "sync-update" not in pat.state["received"]
    pat.do("emit", event="sync-step-1", args=[b"\x00"])
    pat.until(lambda state: state["received"].get("sync-update") == 1, "the whole document as an update")
    missing = pat.do("emit", event="sync-step-1", args=[b"\x00"], ack=True)
    copy: pycrdt.Doc[Any] = pycrdt.Doc()
    copy.apply_update(missing)
    assert str(copy.get("body", type=pycrdt.Text)) == "here"


@pytest.mark.parametrize("kind", [open_yjs, open_plain], ids=["yjs", "plain"])
@pytest.mark.parametrize("transports", [POLLING, UPGRADE], ids=["polling", "upgrade"])
def test_c9_big_and_many_over_polling_lose_nothing(
    node: NodeClients, document: str, kind: Callable[..., NodeClient], transports: list[str]
) -> None:
    writer = kind(node, "Writer", document, transports=transports)
    readers = [
        open_plain(node, "Polls", document, transports=POLLING),
        open_yjs(node, "Listens", document),
    ]
    big = "".join(f"{number:06d}" for number in range(50_000))
    assert len(big) == 300_000
    small = [f"<{number}>" for number in range(200)]
    writer.do("insert", index=0, text=big)
    for reader in readers:
        reader.until(lambda state: state["text"] == big, "300 KB in one update")
    writer.do("append_each", texts=small)
    for reader in readers:
        reader.until(lambda state: state["text"] == big + "".join(small), "200 updates at once")
    newcomer = open_yjs(node, "Newcomer", document)
    until_same(newcomer, writer, *readers)
    assert newcomer.state["text"] == big + "".join(small)
    assert writer.state["disconnects"] == []
    if kind is open_plain:
        acks = writer.until(lambda state: len(state["acks"]) == 201, "every ack")["acks"]
        assert all(ack["ok"] for ack in acks)


# -- the server goes away -------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_after_a_restart_clients_come_back_by_themselves_and_find_everything(
    npm_packages: None, start_server: Callable[..., CollabServer], tmp_path: Path, document: str, end: str
) -> None:
    server = start_server(f"sqlite:///{tmp_path / 'collab.db'}")
    with NodeClients(server.url) as node:
        clients = [
            open_yjs(node, "Ann", document),
            open_yjs(node, "Bob", document),
            open_plain(node, "Pat", document),
            open_plain(node, "Pol", document, transports=POLLING),
            open_plain(node, "Upa", document, transports=UPGRADE),
            open_json(node, "Joe", document),
        ]
        everybody = [client.name for client in clients]
        for client in clients:
            client.do("insert", index=-1, text=f"[{client.name}]")
        for client in clients:
            client.until(lambda state: len(state["text"]) == 5 * len(clients), "everybody's edit")

        ended = getattr(server, end)()
        assert end == "kill" or ended == 0
        for client in clients:
            client.until(lambda state: not state["connected"], "to notice")
        for client in clients:
            client.do("insert", index=0, text="o")  # while nobody listens
        server.start()
        for client in clients:
            client.until(lambda state: state["connects"] == 2 and state["synced"], "to come back by itself")
            client.until(lambda state: len(state["text"]) == 6 * len(clients), "edits made in between")
        text = until_same(*clients)
        assert all(f"[{name}]" in text for name in everybody)
        # Although nobody has moved, and Yjs ignores what comes with a clock that it knows.
        for client in clients:
            until_names(client, *everybody)
        newcomer = open_yjs(node, "Newcomer", document)
        until_same(newcomer, clients[0])

        # And once more, with nobody left to bring it back.
        for client in (newcomer, *clients):
            client.leave()
        server.restart()
        open_plain(node, "Late", document).until_text(text)


# -- connections ----------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", ["/", "/other", "/docs/notes", "/document", "/yjs", "/yjs/notes", "/DOC/notes"])
@pytest.mark.parametrize("transports", [WEBSOCKET, POLLING], ids=["websocket", "polling"])
def test_c1_any_other_namespace_is_refused(node: NodeClients, namespace: str, transports: list[str]) -> None:
    answer = node.knock(namespace, transports=transports)
    assert answer == {"error": {"message": "Invalid namespace", "data": None}}


@pytest.mark.parametrize("door", ["/doc/", "/yjs|"])
@pytest.mark.parametrize(
    "name",
    [
        "a//b", "/a", "a/", "a/./b", "a/../b", "..", " a", "a ", "a%b", "a#b", "a\\b", "a\x07b",
        "x" * 201, "ä" * 101, "",
    ],
)  # fmt: skip
def test_c2_a_bad_document_name_is_refused(node: NodeClients, door: str, name: str) -> None:
    answer = node.knock(door + name)
    assert answer["error"]["data"]["code"] == "invalid_document"
    assert answer["error"]["data"]["message"] == answer["error"]["message"]
    assert answer["error"]["data"]["retryable"] is False


def test_c2_socket_io_client_hears_of_a_bad_name_as_connect_error(node: NodeClients) -> None:
    client = node.open("Pat", "socket.io", "a//b")
    state = client.until(lambda state: state["errors"], "connect_error")
    assert state["errors"][0]["data"]["code"] == "invalid_document"
    assert not state["connected"]


@pytest.mark.parametrize("name", ["x" * 200, "ä" * 100, "team/2024/a b", "日本語", "a|b", "😀", "a.b", "..."])
@pytest.mark.parametrize("door", ["/doc/", "/yjs|"])
def test_c2_a_good_document_name_is_let_in(node: NodeClients, door: str, name: str) -> None:
    assert node.knock(door + name) == {"connected": True}


def test_c3_unknown_auth_fields_are_refused_on_our_own_door_only(node: NodeClients, document: str) -> None:
    auth = {"user": {"name": "Ann"}, "color": "red"}
    answer = node.knock(f"/doc/{document}", auth=auth)
    assert answer["error"]["data"]["code"] == "invalid_payload"
    assert node.knock(f"/yjs|{document}", auth=auth) == {"connected": True}
    open_yjs(node, "Ann", document, auth=auth)


@every_transport
def test_c4_session_comes_first_then_presence_then_step_1(
    node: NodeClients, document: str, transports: list[str]
) -> None:
    ann = open_yjs(node, "Ann", document)
    ann.do("insert", index=0, text="before")
    pat = open_plain(node, "Pat", document, transports=transports)
    assert pat.state["first"][:3] == ["session", "awareness-update", "sync-step-1"]
    assert pat.until_synced()["text"] == "before"
    session = pat.state["session"]
    assert set(session) == {
        "document", "session", "client_id", "role", "user", "limits", "expires_at", "server",
    }  # fmt: skip
    assert (session["document"], session["role"], session["user"]["name"]) == (document, "admin", "Pat")
    assert "session" not in ann.state["received"]


def test_one_connection_carries_several_documents(node: NodeClients, document: str) -> None:
    left = open_plain(node, "Left", f"{document}/left", forceNew=False)
    right = open_plain(node, "Right", f"{document}/right", forceNew=False)
    assert left.state["engine"] == right.state["engine"]
    watcher = open_yjs(node, "Watcher", f"{document}/right")
    left.do("insert", index=0, text="left")
    right.do("insert", index=0, text="right")
    watcher.until_text("right")
    left.leave()
    right.do("insert", index=-1, text=" stays")
    watcher.until_text("right stays")
    assert right.state["connects"] == 1 and right.state["disconnects"] == []


def test_c8_permessage_deflate_is_not_accepted(node: NodeClients, document: str) -> None:
    assert open_yjs(node, "Ann", document).do("extensions") == ""
    assert open_plain(node, "Pat", document).do("extensions") == ""


def test_broadcasts_reach_the_others_only(node: NodeClients, document: str) -> None:
    pat, joe = open_plain(node, "Pat", document), open_json(node, "Joe", document)
    message = {"event": "wave", "data": {"at": [1, 2]}}
    assert pat.do("emit", event="broadcast", args=[message], ack=True) == {"ok": True}
    heard = joe.until(lambda state: state["broadcasts"], "the broadcast")["broadcasts"]
    assert heard == [{**message, "from": pat.state["session"]["session"]}]
    assert pat.state["broadcasts"] == []


# -- surrogate pairs ------------------------------------------------------------------------------


def part_the_pair(client: NodeClient, edit: str) -> None:
    """Bindings that compare code units do this: 😀 to 😁 changes the second half of the pair."""
    if edit == "insert":
        client.do("insert", index=2, text="X")
    else:
        client.do("remove", index=2, length=1)


def test_half_a_character_in_json_costs_nobody_the_connection(node: NodeClients, document: str) -> None:
    half = "\ud83d"  # what "\U0001f600".slice(0, 1) leaves
    cut = open_plain(node, "Cut", document, user={"name": half})
    operation = {"op": "text.insert", "path": "/body", "index": 0, "text": half}
    assert cut.do("emit", event="operations", args=[{"operations": [operation]}], ack=True)["ok"]
    cut.until(lambda state: state["text"] == "\ufffd", "what Yjs makes of it")
    assert cut.state["session"]["user"]["name"] == "\ufffd"
    assert cut.state["disconnects"] == []


@pytest.mark.parametrize("edit", ["insert", "remove"])
def test_d4_an_edit_inside_a_surrogate_pair_never_leads_to_two_documents(
    node: NodeClients, document: str, edit: str
) -> None:
    """yrs cannot part a pair as Yjs does; what it encodes afterwards has wrong clocks."""
    ann, pat = open_yjs(node, "Ann", document), open_plain(node, "Pat", document)
    ann.do("insert", index=0, text="a😀b")
    pat.until_text("a😀b")
    part_the_pair(pat, edit)
    ack = pat.until(lambda state: state["acks"], "an answer")["acks"][0]
    ann.do("insert", index=-1, text="!")
    pat.until(lambda state: state["text"].endswith("!"), "an edit after that")
    newcomer = open_yjs(node, "Newcomer", document)
    replicas = [ann, newcomer, *([pat] if ack["ok"] else [])]
    assert newcomer.state["text"] == until_same(*replicas)
    assert ack["ok"] or ack["error"]["code"] == "invalid_update"


@pytest.mark.parametrize("edit", ["insert", "remove"])
def test_an_edit_inside_a_surrogate_pair_reaches_the_others(node: NodeClients, document: str, edit: str) -> None:
    ann, bob = open_yjs(node, "Ann", document), open_yjs(node, "Bob", document)
    ann.do("insert", index=0, text="a😀b")
    bob.until_text("a😀b")
    part_the_pair(bob, edit)
    bob.do("insert", index=-1, text=" and more")
    ann.until(lambda state: state["text"].endswith(" and more"), "Bob's edits", timeout=AT_ONCE)
    newcomer = open_yjs(node, "Newcomer", document)
    assert "😀" not in until_same(newcomer, ann, bob, timeout=AT_ONCE)


def update_of(text: str) -> bytes:
    """A Yjs update of a new client that types ``text``."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    body = doc.get("body", type=pycrdt.Text)
    body += text
    return bytes(doc.get_update())
