"""Whose address, whose page, whose name: proxies, origins and headers."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from structlog.testing import capture_logs

from collab.doors import peers as peers_module
from collab.doors.peers import MOST_NAMED, ORIGIN_AGAIN, Peers

PROXY, OTHER = "10.0.0.1", "203.0.113.9"


def request_from(remote: str, *forwarded: str, **headers: str) -> Any:
    fields = CIMultiDict([*(("X-Forwarded-For", value) for value in forwarded), *headers.items()])
    return make_mocked_request("GET", "/", headers=fields).clone(remote=remote)


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        (OTHER, [], OTHER),
        (OTHER, ["1.2.3.4"], OTHER),  # nobody vouches for it
        (PROXY, [], PROXY),
        (PROXY, ["1.2.3.4"], "1.2.3.4"),
        (PROXY, ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),  # the first one is what the client claims
        (PROXY, ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),  # the proxy wrote a line of its own
        (PROXY, ["6.6.6.6, 1.2.3.4, 10.0.0.7"], "1.2.3.4"),
        (PROXY, ["10.0.0.9, 10.0.0.7"], "10.0.0.9"),
        (PROXY, ["6.6.6.6, unknown"], PROXY),
        (PROXY, ["6.6.6.6, <script>"], PROXY),
        (PROXY, ["6.6.6.6,, 1.2.3.4 ,"], "1.2.3.4"),
        (PROXY, ["1.2.3.4:5678"], "1.2.3.4"),
        (PROXY, ["[2001:db8:1:2:3::4]:5678"], "2001:db8:1:2::/64"),
        (PROXY, ["2001:db8:1:2:ffff::4"], "2001:db8:1:2::/64"),
        (PROXY, ["::ffff:1.2.3.4"], "1.2.3.4"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("::1", [], "::1"),
        ("", ["1.2.3.4"], "unknown"),
    ],
)  # fmt: skip
def test_whose_address(remote: str, forwarded: list[str], address: str) -> None:
    peers = Peers([ip_network("10.0.0.0/24")], [])
    assert peers.address(request_from(remote, *forwarded)) == address


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True), ("http://collab.test", True), ("https://COLLAB.test", True), ("http://pages.test", True),
        ("http://pages.test:81", False), ("http://evil.test", False), ("null", False), ("", False), ("http://", False),
        ("http://collab.test.evil.test", False), ("http://collab.test@evil.test", False), ("http://[", False),
    ],
)  # fmt: skip
def test_whose_page(origin: str | None, allowed: bool) -> None:
    peers = Peers([], ["http://pages.test"])
    headers = {"Host": "collab.test", **({} if origin is None else {"Origin": origin})}
    assert peers.origin_allowed(request_from(OTHER, **headers)) is allowed


def test_a_page_without_an_origin_is_not_that_of_a_request_without_a_host() -> None:
    assert not Peers([], []).origin_allowed(request_from(OTHER, Origin="null", Host=""))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8080", True), ("[::1]:8080", True), ("localhost", True), ("demo.localhost:80", True), ("192.168.1.5", True),
        ("pages.test", True), ("evil.test:8080", False), ("localhost.evil.test", False), ("", False), ("[", False),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_by_which_name(host: str, allowed: bool) -> None:
    """DNS rebinding: the name of a page from elsewhere may point to this machine (rule S11)."""
    peers = Peers([ip_network("10.0.0.0/24")], ["http://pages.test"])
    for who in ({"Origin": f"http://{host}"}, {"User-Agent": "Mozilla/5.0 (X11)"}, {"User-Agent": "curl/8"}, {}):
        assert peers.name_allowed(request_from(OTHER, Host=host, **who)) is allowed
        assert peers.name_allowed(request_from(PROXY, Host=host, **who)) is allowed
        behind = {"Host": "127.0.0.1", "X-Forwarded-Host": host or ",", **who}
        assert peers.name_allowed(request_from(PROXY, **behind)) is allowed, "the proxy says by which name it was asked"


@pytest.mark.parametrize(
    ("remote", "told", "origin", "allowed"),
    [
        (PROXY, "https", "https://collab.test", True),
        (PROXY, "https", "http://collab.test", False),  # somebody on the way changed it
        (PROXY, "http", "https://collab.test", True),  # TLS ends before the proxy
        (OTHER, "https", "http://collab.test", True),  # nobody vouches for it
        (OTHER, None, "https://collab.test", True),  # a proxy that we were not told of
    ],
)
def test_by_which_scheme(remote: str, told: str | None, origin: str, allowed: bool) -> None:
    peers = Peers([ip_network("10.0.0.0/24")], [])
    headers = {"Host": "collab.test", "Origin": origin, **({"X-Forwarded-Proto": told} if told else {})}
    assert peers.origin_allowed(request_from(remote, **headers)) is allowed


# -- how often it is said ----------------------------------------------------------------------------------


@pytest.fixture
def said() -> Iterator[list[dict[str, Any]]]:
    """What stands in the log."""
    with capture_logs() as lines:
        yield lines  # type: ignore[misc]


def test_a_refused_origin_is_named_to_its_developer_and_once_in_the_log(said: list[dict[str, Any]]) -> None:
    peers = Peers([], [])
    for _ in range(3):
        words = peers.origin_fault(request_from(OTHER, Origin="http://pages.test", Host="collab.test"))
        assert words is not None and "cors-origins" in words
    assert peers.origin_fault(request_from(OTHER, Origin="http://collab.test", Host="collab.test")) is None
    (line,) = said
    assert (line["origin"], line["host"], line["address"]) == ("http://pages.test", "collab.test", OTHER)


def test_it_is_named_again_later(said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(peers_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    peers = Peers([], [])
    for clock.now in (1000.0, 1000.0 + ORIGIN_AGAIN - 1, 1000.0 + ORIGIN_AGAIN):
        peers.origin_fault(request_from(OTHER, Origin="http://pages.test"))
    assert len(said) == 2


def test_nobody_fills_the_log_with_headers(said: list[dict[str, Any]]) -> None:
    peers = Peers([], [])
    for number in range(3 * MOST_NAMED):
        peers.origin_fault(request_from(OTHER, Origin=f"http://pages{number}.test"))
    assert len(said) == MOST_NAMED


def test_a_proxy_that_nobody_trusts_is_named_once(said: list[dict[str, Any]]) -> None:
    peers = Peers([ip_network("10.0.0.0/24")], [])
    for remote in (PROXY, OTHER, OTHER, "203.0.113.10"):
        peers.address(request_from(remote, "1.2.3.4"))
    peers.address(request_from("203.0.113.11"))
    assert [line["proxy"] for line in said] == [OTHER, "203.0.113.10"]
    assert {line["setting"] for line in said} == {"trusted-proxies"}


async def test_other_names_are_answered_with_403_and_ours_are_let_through(said: list[dict[str, Any]]) -> None:
    peers = Peers([], [])

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="in")

    response = await peers.refuse_other_names(request_from(OTHER, Host="localhost"), handler)
    assert response.status == 200
    for _ in range(2):
        with pytest.raises(web.HTTPForbidden, match="Forbidden"):
            await peers.refuse_other_names(request_from(OTHER, Host="evil.test"), handler)
    assert [(line["host"], line["address"]) for line in said] == [("evil.test", OTHER)]
