"""Events of streams are written once, whatever they say."""

from __future__ import annotations

import orjson
import pytest

from collab.errors import CollabError
from collab.protocol.stream_events import body_of, check_stream_name, event_json, key_of, sender_of
from collab.types import Grant, Identity, Role

ANN = Identity("ann", "Ann", "#000000")


@pytest.mark.parametrize("name", ["a", "chat", "chat-2", "-", "0", "x" * 40])
def test_a_stream_may_be_called_so(name: str) -> None:
    assert check_stream_name(name) == name


@pytest.mark.parametrize("name", ["", "Chat", "a b", "a/b", "ä", "a\n", "x" * 41, "a_b", "a.b"])
def test_a_stream_may_not_be_called_so(name: str) -> None:
    with pytest.raises(CollabError) as caught:
        check_stream_name(name)
    assert (caught.value.code, caught.value.detail) == ("invalid_payload", {"path": "stream"})


@pytest.mark.parametrize("data", [None, 1, "…}", {"a": [1, {"b": None}]}, [], {}])
def test_an_event_is_the_same_on_every_wire(data: object) -> None:
    body = body_of("message", data, sender_of(ANN, "notes"))
    assert orjson.loads(event_json("chat", 7, 1.5, body)) == {
        "stream": "chat", "offset": 7, "event": "message", "data": data,
        "from": {"participant": "ann", "name": "Ann", "agent": False}, "at": "1970-01-01T00:00:01.500Z",
    }  # fmt: skip


def test_without_a_token_nobody_is_a_participant() -> None:
    assert sender_of(Identity(None, "ann", "#000000"), "notes")["participant"] is None


def test_an_agent_is_named_as_one() -> None:
    agent = Identity("bot", "Bot", "#000000", (Grant("notes", Role.COMMENTER, agent=True), Grant("*", Role.VIEWER)))
    assert [sender_of(agent, document)["agent"] for document in ("notes", "other")] == [True, False]


def test_a_key_is_its_senders_own() -> None:
    assert key_of(ANN, None) is None
    keys = {key_of(ANN, "k"), key_of(Identity("bob", "Ann", ""), "k"), key_of(Identity(None, "ann", ""), "k")}
    assert len(keys) == 3
    assert key_of(ANN, "k") in keys
