"""JSON payloads: what is taken, and the path of the fault in what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import CollabError
from collab.protocol.awareness import MAX_STATE_BYTES, MAX_STATE_DEPTH
from collab.protocol.schemas import (
    MAX_BROADCAST_BYTES,
    MAX_EVENT_NAME,
    MAX_TOKEN,
    ConnectRequest,
    load_authenticate,
    load_broadcast,
    load_connect,
    load_operations,
    load_presence,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["token", "user", "name", "color", "presence", "event", "data"]) | st.text(max_size=8), inner, max_size=5),
    max_leaves=15,
)  # fmt: skip
LOADERS: list[Callable[[Any], Any]] = [
    lambda value: load_connect(value, strict=True), load_presence, load_broadcast, load_authenticate,
]  # fmt: skip


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def fault(call: Callable[[], Any]) -> dict[str, Any]:
    """The ``invalid_payload`` that ``call`` raises, as it goes over the wire."""
    with pytest.raises(CollabError) as caught:
        call()
    error = caught.value.as_dict()
    assert error["code"] == "invalid_payload"
    assert error["retryable"] is False
    orjson.dumps(error)
    return error


@pytest.mark.parametrize("load", LOADERS, ids=["connect", "presence", "broadcast", "authenticate"])
def test_anything_is_taken_or_refused(load: Callable[[Any], Any]) -> None:
    @given(ANYTHING)
    def check(value: Any) -> None:
        try:
            load(value)
        except CollabError as error:
            assert error.code == "invalid_payload"
            orjson.dumps(error.as_dict())

    check()


@pytest.mark.parametrize("load", LOADERS, ids=["connect", "presence", "broadcast", "authenticate"])
@pytest.mark.parametrize("value", [[], "text", 5, True, b"bytes", 1.5])
def test_payloads_are_objects(load: Callable[[Any], Any], value: Any) -> None:
    fault(lambda: load(value))


# -- connecting -------------------------------------------------------------------------------------


def test_everything_that_a_client_may_say_when_it_connects() -> None:
    auth = {"token": "t", "user": {"name": "Ann", "color": "#fff"}, "presence": "json"}
    assert load_connect(auth, strict=True) == ConnectRequest("t", "Ann", "#fff", True)
    more = {"avatar": "https://people.example/ann.png", "title": "Owl"}
    auth = {"user": {"name": "Ann", **more}}
    assert load_connect(auth, strict=True) == ConnectRequest(name="Ann", fields=more)
    nothing = {"token": None, "user": None, "presence": None}
    for empty in (None, {}, {"user": {}}, nothing):
        assert load_connect(empty, strict=True) == ConnectRequest()


@pytest.mark.parametrize("value", ["abc", None, 5, {}, ["x"]])
def test_what_a_client_adds_for_connection_state_recovery_is_ignored(value: Any) -> None:
    auth = {"token": "t", "pid": value, "offset": value}
    assert load_connect(auth, strict=True) == ConnectRequest("t")


@pytest.mark.parametrize(
    ("auth", "path"),
    [
        ({"tokn": "x"}, "tokn"),
        ({"token": 5}, "token"),
        ({"token": {}}, "token"),
        ({"token": True}, "token"),
        ({"token": "\ud800"}, "token"),
        ({"user": "Ann"}, "user"),
        ({"user": ["Ann"]}, "user"),
        ({"user": {"name": 1}}, "user.name"),
        ({"user": {"name": None}}, "user.name"),
        ({"user": {"name": "x" * 201}}, "user.name"),
        ({"user": {"name": "\udfff"}}, "user.name"),
        ({"user": {"color": 1}}, "user.color"),
        ({"user": {"color": "x" * 65}}, "user.color"),
        ({"user": {"id": "root"}}, "user.id"),
        ({"user": {"role": "admin"}}, "user.role"),
        ({"user": {"avatar": {"href": "x"}}}, "user.avatar"),
        ({"user": {"avatar": "javascript:alert(1)"}}, "user.avatar"),
        ({"user": {"__proto__": "x"}}, "user.__proto__"),
        ({"presence": "xml"}, "presence"),
        ({"presence": True}, "presence"),
        ({"presence": ["json"]}, "presence"),
        ({"role": "admin"}, "role"),
        ({"": 1}, ""),
        ({"k" * 5000: 1}, "k" * 64),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_path_of_a_fault_is_told(auth: dict[str, Any], path: str) -> None:
    error = fault(lambda: load_connect(auth, strict=True))
    assert error["path"] == path
    assert error["message"].startswith(f"{path}: ")
    assert len(error["message"]) < 300


def test_what_was_sent_is_not_repeated() -> None:
    for auth in ({"token": ["s3cret"]}, {"presence": "s3cret"}, {"user": {"name": "s3cret" * 100}}):
        assert "s3cret" not in str(fault(lambda auth=auth: load_connect(auth, strict=True)))


@given(st.dictionaries(st.sampled_from(["token", "user", "presence", "x"]), ANYTHING))
def test_y_socket_io_clients_may_say_anything(auth: dict[str, Any]) -> None:
    request = load_connect(auth, strict=False)
    assert request.token is None or isinstance(request.token, str)
    assert request.name is None or len(request.name) <= 200
    assert request.color is None or len(request.color) <= 64
    assert request.json_presence is False


def test_y_socket_io_clients_are_heard_where_they_make_sense() -> None:
    auth = {"token": "t", "user": {"name": "Ann", "color": 5, "x": 1}, "more": []}
    assert load_connect(auth, strict=False) == ConnectRequest("t", "Ann", None, False, {"x": 1})
    auth = {"user": {"name": "Ann", "id": "root", "avatar": "javascript:alert(1)"}}
    assert load_connect(auth, strict=False) == ConnectRequest(None, "Ann")
    assert load_connect(None, strict=False) == ConnectRequest()


# -- presence ---------------------------------------------------------------------------------------


def test_presence_is_an_object_or_nothing() -> None:
    assert load_presence(None) is None
    for state in ({}, {"cursor": 3, "any": [{"thing": None}]}, nested(MAX_STATE_DEPTH)):
        assert load_presence(state) is state


def test_presence_is_bounded() -> None:
    room = MAX_STATE_BYTES - len('{"a":""}')
    assert load_presence({"a": "x" * room})
    error = fault(lambda: load_presence({"a": "x" * (room + 1)}))
    assert (error["path"], error["limit"]) == ("presence", MAX_STATE_BYTES)
    # Bytes, not characters.
    fault(lambda: load_presence({"a": "\U0001f600" * (room // 4 + 1)}))
    assert "deep" in fault(lambda: load_presence(nested(MAX_STATE_DEPTH + 1)))["message"]


@pytest.mark.parametrize("value", [b"attachment", {"deep": [b"attachment"]}, "\ud800", {"\ud800": 1}, 2**70, {1: 2}])
def test_what_json_cannot_hold(value: Any) -> None:
    fault(lambda: load_presence({"a": value}))
    fault(lambda: load_broadcast({"event": "x", "data": value}))


# -- broadcast and authenticate ---------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, 0, "", [], {}, "text", [1, {"a": None}], False])
def test_broadcasts_carry_any_json(data: Any) -> None:
    assert load_broadcast({"event": "ping", "data": data}) == ("ping", data)


def test_a_broadcast_needs_no_data() -> None:
    assert load_broadcast({"event": "ping"}) == ("ping", None)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, "event"), ({"data": 1}, "event"), ({"event": ""}, "event"), ({"event": None}, "event"), ({"event": 5}, "event"),
        ({"event": "x" * (MAX_EVENT_NAME + 1)}, "event"), ({"event": "\ud800"}, "event"), ({"event": "x", "to": "bob"}, "to"),
        ({"event": "x", "from": "bob"}, "from"), ({"event": "x", "data": nested(MAX_STATE_DEPTH + 1)}, "data"),
        ({"event": "x", "data": "x" * MAX_BROADCAST_BYTES}, "data"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_faulty_broadcasts(value: Any, path: str) -> None:
    assert fault(lambda: load_broadcast(value))["path"] == path


def test_authenticate() -> None:
    assert load_authenticate({"token": "t"}) == "t"
    for value in ({}, {"token": None}, {"token": 5}, {"token": "t", "user": {}}, {"token": "\ud800"}):
        fault(lambda value=value: load_authenticate(value))


@pytest.mark.parametrize(
    ("load", "value", "path"),
    [
        (load_authenticate, {"token": "x" * (MAX_TOKEN + 1)}, "token"),
        (load_operations, {"operations": {}}, "operations"),
        (load_operations, {"operations": [], "x" * 100: 1, "y": 1}, "x" * 64),
        (lambda value: load_connect(value, strict=True), {"user": {"a": [], "b": {}}}, "user.a"),
        (lambda value: load_connect(value, strict=True), {str(number): 1 for number in range(100)}, "0"),
    ],
)
def test_the_first_fault_is_enough(load: Callable[[Any], Any], value: Any, path: str) -> None:
    assert fault(lambda: load(value))["path"] == path


def test_a_token_of_others_that_is_too_long_is_none() -> None:
    assert load_connect({"token": "x" * (MAX_TOKEN + 1)}, strict=False).token is None
