"""The codec of Hocuspocus, and what a stateless message is among broadcasts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.doors.hocuspocus import HocuspocusEncoder, read_stateless
from collab.protocol import hocuspocus as protocol
from collab.protocol.codec import DecodeError, write_var_bytes
from collab.protocol.hocuspocus import Kind, Message, document_of, read_message, write_address
from collab.protocol.ywebsocket import STEP_1, STEP_2, UPDATE, write_awareness, write_sync

TO = write_address("a")


def test_messages_are_those_of_the_npm_package() -> None:
    assert TO == b"\x01a"
    assert protocol.write_authenticated("readonly") == b"\x02\x02\x08readonly"
    assert protocol.write_denied("forbidden") == b"\x02\x01\x09forbidden"
    assert protocol.write_sync_status(True) == b"\x08\x01"
    assert protocol.write_sync_status(False) == b"\x08\x00"
    assert protocol.write_close("x") == b"\x07\x01x"
    assert protocol.ASK_TOKEN == b"\x02\x00"


@given(st.text(max_size=50), st.binary(max_size=200))
def test_what_is_written_is_read(address: str, payload: bytes) -> None:
    to = write_address(address)
    for step, kind in ((STEP_1, Kind.STEP_1), (STEP_2, Kind.STEP_2), (UPDATE, Kind.UPDATE)):
        assert read_message(to + write_sync(step, payload)) == Message(address, kind, payload)
    assert read_message(to + write_awareness(payload)) == Message(address, Kind.AWARENESS, payload)
    assert read_message(to + protocol.write_stateless(address)) == Message(address, Kind.STATELESS, text=address)


def test_tokens_come_with_and_without_a_version() -> None:
    token = TO + b"\x02\x00" + write_var_bytes(b"secret")
    assert read_message(token) == Message("a", Kind.TOKEN, text="secret")
    assert read_message(token + write_var_bytes(b"4.8.0")) == Message("a", Kind.TOKEN, text="secret")


def test_a_sync_reply_asks_without_being_asked() -> None:
    assert read_message(TO + b"\x04\x00\x01\x00").kind is Kind.STEP_1_REPLY
    assert read_message(TO + b"\x04\x01\x02\x00\x00").kind is Kind.STEP_2
    assert read_message(TO + b"\x03").kind is Kind.QUERY_AWARENESS
    assert read_message(TO + b"\x07").kind is Kind.CLOSE


@pytest.mark.parametrize("data", [TO + b"\x06\x01x", TO + b"\x08\x01", TO + b"\x63"])
def test_what_only_servers_say_is_none_of_a_clients(data: bytes) -> None:
    assert read_message(data).kind is Kind.OTHER


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x05a\0", TO, TO + b"\0", TO + b"\x02\x01\x02no", TO + b"\x03\0", b"\x01\xff\x03"]
)
def test_broken_messages_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read_message(data)


def test_the_session_of_version_4_stands_behind_the_name() -> None:
    assert document_of("notes/a") == "notes/a"
    assert document_of("notes/a\0k3j4h5") == "notes/a"
    with pytest.raises(DecodeError):
        document_of("a\0" + "x" * 101)


@pytest.mark.parametrize(
    ("text", "event", "data"),
    [
        ('{"event":"wave","data":{"n":1}}', "wave", {"n": 1}),
        ('{"event":"wave","data":1,"from":"somebody else"}', "wave", 1),
        ('{"event":"wave"}', "wave", None),
        ("hello", "stateless", "hello"),
        ('{"type":"hello"}', "stateless", '{"type":"hello"}'),
        ('{"event":7}', "stateless", '{"event":7}'),
        ("[1]", "stateless", "[1]"),
        ("{broken", "stateless", "{broken"),
        ("", "stateless", ""),
    ],
)
def test_stateless_text_is_a_broadcast(text: str, event: str, data: Any) -> None:
    assert read_stateless(text) == {"event": event, "data": data}


def sent(event: str, data: Any) -> str:
    frames = HocuspocusEncoder(TO).broadcast(event, data, "me")
    assert frames.attachment is not None
    return read_message(frames.attachment).text


def test_broadcasts_go_out_as_json_and_text_as_it_came() -> None:
    assert orjson.loads(sent("wave", 1)) == {"event": "wave", "data": 1, "from": "me"}
    assert sent("stateless", "hello") == "hello"
    assert sent("stateless", '{"type":"hello"}') == '{"type":"hello"}'


def test_nobody_speaks_in_the_name_of_others() -> None:
    forged = '{"event":"notice","data":{},"from":null}'
    assert orjson.loads(sent("stateless", forged)) == {"event": "stateless", "data": forged, "from": "me"}
