"""Who is let in, who gives way, and who is refused, without sockets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from collab.doors import gate as gates
from collab.doors.gate import Gate
from collab.doors.peers import Peers
from collab.hub.limits import SPARE


class Transport:
    """A connection that came in; ``number`` is its descriptor."""

    def __init__(self, host: str = "203.0.113.5", number: int = 10) -> None:
        self.host, self.number = host, number
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str) -> Any:
        return (self.host, 1234) if name == "peername" else SimpleNamespace(fileno=lambda: self.number)

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True


class Visitor:
    """What the gate makes of one that it lets in."""

    def __init__(self, gate: Gate, _server: object, address: str, proxy: bool) -> None:
        self.gate, self.address, self.proxy = gate, address, proxy
        self.silent = self.idle = True
        self.gone = False

    def look(self, now: float) -> None: ...

    def give_way(self) -> None:
        self.gone = True
        self.leave()

    def leave(self) -> None:
        self.gate.unwatch(self.address, self)
        self.gate.left(self.address)


class House:
    """A gate, and who came through it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, each: int = 2, most: int | None = None) -> None:
        monkeypatch.setattr("collab.doors.served.ServedRequests", Visitor)
        monkeypatch.setattr(Gate, "_look_later", lambda gate: None)
        settings = SimpleNamespace(
            head_timeout=10.0, keepalive_timeout=75.0, max_connections=most, max_connections_per_ip=each
        )
        peers = Peers([gates_network("10.0.0.0/8")], ())
        self.gate = Gate(cast("Any", None), 1000, settings, peers)
        self.bound = 1000 - 128

    def come(self, host: str = "203.0.113.5", number: int = 10) -> Visitor | None:
        return cast("Visitor | None", self.gate.admit(cast("Any", Transport(host, number))))


def gates_network(text: str) -> Any:
    from ipaddress import ip_network

    return ip_network(text)


def let_in(house: House, count: int, host: str = "203.0.113.5") -> list[Visitor]:
    visitors = [house.come(host) for _ in range(count)]
    assert None not in visitors
    return cast("list[Visitor]", visitors)


def test_the_oldest_silent_one_of_an_address_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    visitors = let_in(house, 2 + SPARE)
    visitors[0].silent = visitors[1].silent = False
    assert house.come() is not None
    assert [visitor.gone for visitor in visitors[:4]] == [False, False, True, False]


def test_where_none_is_silent_an_idle_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    visitors = let_in(house, 2 + SPARE)
    for visitor in visitors:
        visitor.silent = visitor.idle = False
    visitors[5].idle = True
    latest = house.come()
    assert latest is not None and visitors[5].gone
    latest.silent = latest.idle = False
    refused = Transport()
    assert house.gate.admit(cast("Any", refused)) is None
    assert refused.closed and b" 503 " in refused.written and b"too_many_connections" in refused.written


def test_other_addresses_are_let_in_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    for visitor in let_in(house, 2 + SPARE):
        visitor.silent = visitor.idle = False
    assert house.come() is None
    assert house.come("198.51.100.7") is not None
    assert house.come("2001:db8::1") is not None


def test_one_network_of_ipv6_is_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    for number in range(2 + SPARE):
        visitor = house.come(f"2001:db8::{number:x}")
        assert visitor is not None
        visitor.silent = visitor.idle = False
    assert house.come("2001:db8::ffff") is None
    assert house.come("2001:db8:0:1::1") is not None


def test_behind_a_trusted_proxy_there_may_be_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    visitors = let_in(house, 10 * (2 + SPARE), "10.1.2.3")
    assert all(visitor.proxy for visitor in visitors)


def test_in_all_whoever_has_most_silent_ones_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, each=100, most=10)
    crowd = let_in(house, 7)
    others = let_in(house, 3, "198.51.100.7")
    assert house.come("192.0.2.9") is not None
    assert [one.gone for one in crowd] == [True] + [False] * 6 and not any(one.gone for one in others)


def test_descriptors_are_kept_in_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, each=100)
    (visitor,) = let_in(house, 1)
    visitor.silent = visitor.idle = False
    assert house.come(number=house.bound) is None, "nobody can give way"
    visitor.idle = True
    assert house.come(number=house.bound) is not None and visitor.gone
    assert house.come(number=999) is None, "the rest is for work"


def test_whoever_left_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    visitors = let_in(house, 2 + SPARE)
    for visitor in visitors:
        visitor.silent = visitor.idle = False
    assert house.come() is None
    visitors[0].leave()
    assert house.come() is not None
    for visitor in visitors[1:]:
        visitor.leave()
        house.gate.unwatch(visitor.address, visitor)  # once more does no harm


def test_an_address_is_named_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(gates._log, "error", lambda words, address, **_: told.append(address))
    house = House(monkeypatch)
    for _ in range(100):
        house.gate.tell("refused", "203.0.113.5")
        house.gate.tell("refused", "203.0.113.6")
    assert told == ["203.0.113.5", "203.0.113.6"]
