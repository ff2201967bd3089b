"""Socket.IO packets are read strictly: see collab/protocol/packets.py."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol import packets
from collab.protocol.packets import (
    MAX_CONNECT,
    MAX_JSON,
    MAX_NAMESPACE,
    Packet,
    PacketError,
    Unparsed,
    parse_packet,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", Packet(packets.CONNECT, "/", None, None)),
        ("0/doc/a,", Packet(packets.CONNECT, "/doc/a", None, None)),
        ("0/doc/a", Packet(packets.CONNECT, "/doc/a", None, None)),
        ('0/doc/a,{"token":"x"}', Packet(packets.CONNECT, "/doc/a", None, {"token": "x"})),
        ("1/doc/a,", Packet(packets.DISCONNECT, "/doc/a", None, None)),
        ('2["x"]', Packet(packets.EVENT, "/", None, ["x"])),
        ('2/yjs|a b,12["x",{"y":[1]}]', Packet(packets.EVENT, "/yjs|a b", 12, ["x", {"y": [1]}])),
        ("3/doc/a,0[]", Packet(packets.ACK, "/doc/a", 0, [])),
    ],
)
def test_reads_what_clients_send(text: str, expected: Packet) -> None:
    assert parse_packet(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "abc",
        "2",
        "2{}",
        "2[]",
        "2[1]",
        '2abc["x"]',
        '2/doc/a["x"]',
        '2,["x"]',
        "2[NaN]",
        '2["connect"]',
        '2["disconnect"]',
        "3[]",
        "3/doc/a,[]",
        "30{}",
        '4{"message":"x"}',
        "0[]",
        '0"x"',
        "1{}",
        '05{"a":1}',
        '5["x",{"_placeholder":true,"num":0}]',
        '50-["x"]',
        '59999999999-["x",{"_placeholder":true,"num":0}]',
        '5-1-["x",{"_placeholder":true,"num":0}]',
        '2\u0661["x"]',
        '51-["x"',
        "2" + "[" * 100_000,
    ],
)
def test_refuses_what_breaks_the_protocol(text: str) -> None:
    with pytest.raises(PacketError):
        parse_packet(text)


def test_attachments_fill_their_placeholders_in_any_order() -> None:
    packet = parse_packet('52-["x",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]')
    assert not packet.attach(b"first")
    assert packet.attach(b"second")
    assert packet.data == ["x", b"second", [b"first"]]


@pytest.mark.parametrize(
    "payload",
    [
        '["x",{"_placeholder":true,"num":-1}]',
        '["x",{"_placeholder":true,"num":1}]',
        '["x",{"_placeholder":true,"num":true}]',
        '["x",{"_placeholder":true,"num":0.0}]',
        '["x",{"_placeholder":true}]',
        '["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]',
        '["x"]',
        '["x",' + "[" * 80 + '{"_placeholder":true,"num":0}' + "]" * 80 + "]",
    ],
)
def test_a_placeholder_stands_for_exactly_one_attachment(payload: str) -> None:
    packet = parse_packet("51-" + payload)
    with pytest.raises(PacketError):
        packet.attach(b"data")


@given(st.text(st.sampled_from('ab\\"\ud83d\ude00\u2028u8'), max_size=12))
def test_half_a_surrogate_pair_is_read_as_yjs_reads_it(text: str) -> None:
    packet = parse_packet("2" + json.dumps(["x", text]))
    assert packet.data == ["x", text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        packet = parse_packet(text)
    except PacketError:
        return
    assert 0 <= packet.type <= 6
    assert packet.namespace.startswith("/")


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef", max_size=6), inner, max_size=4),
    max_leaves=8,
)


@given(st.text("abcdefgh", min_size=1), st.lists(_json, max_size=3), st.none() | st.integers(0, 10**9))
def test_events_come_back_as_they_were_written(name: str, args: list[object], id: int | None) -> None:
    text = f"2/doc/n,{'' if id is None else id}{orjson.dumps(['e' + name, *args]).decode()}"
    packet = parse_packet(text)
    assert (packet.namespace, packet.id, packet.data) == ("/doc/n", id, ["e" + name, *args])


def test_large_json_is_not_parsed() -> None:
    broken = '["operations",{"x":' + "[" * MAX_JSON
    packet = parse_packet(f"2/doc/a,7{broken}")
    assert packet.data == ["operations", Unparsed(broken)] and packet.id == 7
    for text in (
        "0/doc/a," + "{" * (MAX_CONNECT + 1), "3/doc/a,1" + "[" * (MAX_JSON + 1), "2/doc/a," + "[" * (MAX_JSON + 1),
        "/".join(["0", "x" * MAX_NAMESPACE]),
    ):  # fmt: skip
        with pytest.raises(PacketError):
            parse_packet(text)
