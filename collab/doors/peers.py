"""Who is at the other end of a request: address behind trusted proxies, allowed origins."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from collab.doors.requests import Handler

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: headers in which a proxy says for whom it asks
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP")
#: seconds after which a refused origin is named in the log again; a proxy that nobody trusts is named once
ORIGIN_AGAIN = 60.0
#: origins and proxies that are named in the log, of each: everybody can send a header
MOST_NAMED = 20

_log = structlog.get_logger("collab.peers")


class _Named:
    """What was named in the log lately."""

    def __init__(self, again: float) -> None:
        self._again = again
        self._at: dict[str, float] = {}

    def news(self, name: str) -> bool:
        """Whether ``name`` is to be named now."""
        now = time.monotonic()
        at = self._at.get(name)
        if at is not None and now - at < self._again:
            return False
        if at is None and len(self._at) >= MOST_NAMED:
            self._at = {known: at for known, at in self._at.items() if now - at < self._again}
            if len(self._at) >= MOST_NAMED:
                return False
        self._at[name] = now
        return True


class Peers:
    """Reads addresses and origins of requests.

    Args:
        trusted_proxies: networks whose ``X-Forwarded-*`` headers count.
        origins: browser origins that may connect besides the server's own; ``*`` allows all.
    """

    def __init__(self, trusted_proxies: Sequence[Network], origins: Sequence[str]) -> None:
        self._proxies = tuple(trusted_proxies)
        self._any_origin = "*" in origins
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._refused_origins = _Named(ORIGIN_AGAIN)
        self._refused_names = _Named(ORIGIN_AGAIN)
        self._unknown_proxies = _Named(math.inf)

    def address(self, request: web.Request) -> str:
        """The client's IP address: the last one that no trusted proxy vouches for.

        Of IPv6, the network of 64 bits, which is what one customer has at least. A proxy that hides
        the address (``unknown``) stands for all who come through it.
        """
        address = _known(request.remote or "")
        if address is None:
            return request.remote or "unknown"
        if not self._trusts(address):
            self._notice_proxy(request, address)
            return _customer(address)
        # Headers of one name count as one list, in their order (RFC 9110, 5.3): a proxy may add a line of its own.
        hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        while hops and self._trusts(address):
            hop = hops.pop().strip()
            found = _known(hop)
            if found is None:
                if hop:
                    break
                continue
            address = found
        return _customer(address)

    def this_machine(self, request: web.Request) -> bool:
        """Whether somebody on this machine asks: directly, or through a trusted proxy that says so."""
        remote = _known(request.remote or "")
        if remote is None:
            return False
        if not any(name in request.headers for name in _FORWARDED):
            return remote.is_loopback
        if not self._trusts(remote) or "X-Forwarded-For" not in request.headers or "Forwarded" in request.headers:
            return False
        named = ",".join(request.headers.getall("X-Forwarded-For") + request.headers.getall("X-Real-IP", [])).split(",")
        return all((each := _known(name.strip())) is not None and each.is_loopback for name in named)

    def neighbour(self, host: str) -> tuple[str, bool]:
        """Who is at the other end of a connection, before it has said anything: their address, and whether that is a
        trusted proxy's, behind which there may be anybody."""
        address = _known(host)
        if address is None:
            return host or "unknown", False
        return _customer(address), self._trusts(address)

    def origin_allowed(self, request: web.Request) -> bool:
        """Whether the page that sent the request may talk to us; no Origin means no browser page."""
        origin = request.headers.get("Origin")
        if origin is None or self._any_origin:
            return True
        if origin.lower() in self._origins:
            return True
        try:
            own = urlsplit(origin)
        except ValueError:
            return False
        if own.scheme.lower() == "http" and self._scheme(request) == "https":
            return False  # somebody on the way could have changed that page
        return bool(own.netloc) and own.netloc.lower() == self._host(request).lower()

    def origin_fault(self, request: web.Request) -> str | None:
        """Why the page that sent the request may not talk to us, for its developer and the log; None where it may."""
        if self.origin_allowed(request):
            return None
        origin = request.headers.get("Origin", "")
        address = self.address(request)  # which names a proxy that would have told us our own name
        if self._refused_origins.news(origin):
            _log.warning(
                "page of another origin refused",
                origin=origin, setting="cors-origins", host=self._host(request), address=address,
            )  # fmt: skip
        return "Pages of this origin may not use this server: it is not in its setting cors-origins."

    def _notice_proxy(self, request: web.Request, address: Address) -> None:
        """A proxy that we were not told of: all people behind it count as one address."""
        if any(name in request.headers for name in _FORWARDED) and self._unknown_proxies.news(str(address)):
            _log.warning(
                "forwarded headers ignored: all who come through this proxy count as one address",
                proxy=str(address), setting="trusted-proxies", limit="max-connections-per-ip",
            )  # fmt: skip

    def name_allowed(self, request: web.Request) -> bool:
        """Whether the server goes by the name that it was asked for; asked of everybody while there is no auth.

        A page from elsewhere can let its own name point to 127.0.0.1 (DNS rebinding) and is of the same origin then.
        Addresses cannot be made to point elsewhere. Nothing else tells such a page from a program.
        """
        if self._any_origin:
            return True
        try:
            name = urlsplit(f"//{self._host(request)}").hostname or ""
            own = {urlsplit(origin).hostname for origin in self._origins}
        except ValueError:
            return False
        return name == "localhost" or name.endswith(".localhost") or name in own or _known(name) is not None

    @web.middleware
    async def refuse_other_names(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A middleware for servers on which everybody on this machine may do everything."""
        if not self.name_allowed(request):
            name = self._host(request)
            if self._refused_names.news(name):
                _log.warning(
                    "request by another name refused", host=name, setting="cors-origins", address=self.address(request)
                )
            words = "This server does not go by that name: it is not in its setting cors-origins."
            raise web.HTTPForbidden(text=words)
        return await handler(request)

    def _scheme(self, request: web.Request) -> str | None:
        """By which scheme the client came; None where only a proxy knows that told us nothing."""
        if request.secure:
            return "https"
        address = _known(request.remote or "")
        if address is not None and self._trusts(address):
            forwarded = request.headers.get("X-Forwarded-Proto")
            if forwarded:
                return forwarded.split(",")[0].strip().lower()
        return None

    def _host(self, request: web.Request) -> str:
        address = _known(request.remote or "")
        if address is not None and self._trusts(address):
            forwarded = request.headers.get("X-Forwarded-Host")
            if forwarded:
                return forwarded.split(",")[0].strip()
        return request.headers.get("Host", "")

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._proxies)


def _known(hop: str) -> Address | None:
    """The address in ``hop``, which may have a port behind it; None where there is none."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:  # a port
        hop = hop.partition(":")[0]
    try:
        address = ip_address(hop.partition("%")[0])
    except ValueError:
        return None
    # A socket that takes both versions shows IPv4 as ::ffff:1.2.3.4.
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _customer(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    if address.is_loopback:
        return str(address)
    return str(ip_network((address, 64), strict=False))
