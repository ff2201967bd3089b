"""Who is at the other end of a request: address behind trusted proxies, allowed origins."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web

from collab.transports.problems import Handler

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


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

    def address(self, request: web.Request) -> str:
        """The client's IP address: the last one that no trusted proxy vouches for.

        Of IPv6, the network of 64 bits, which is what one customer has at least. A proxy that hides
        the address (``unknown``) stands for all who come through it.
        """
        address = _known(request.remote or "")
        if address is None:
            return request.remote or "unknown"
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

    def origin_allowed(self, request: web.Request) -> bool:
        """Whether the page that sent the request may talk to us; no Origin means no browser page."""
        origin = request.headers.get("Origin")
        if origin is None or self._any_origin:
            return True
        if origin.lower() in self._origins:
            return True
        try:
            own = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return bool(own) and own == self._host(request).lower()

    def name_allowed(self, request: web.Request) -> bool:
        """Whether a browser may have meant this machine by the name that it asked for.

        A page from elsewhere can let its own name point to 127.0.0.1 (DNS rebinding) and is of the same
        origin then. Addresses cannot be made to point elsewhere, and programs are no browsers.
        """
        browser = "Origin" in request.headers or request.headers.get("User-Agent", "").startswith("Mozilla/")
        remote = _known(request.remote or "")
        if not browser or self._any_origin or (remote is not None and self._trusts(remote)):
            return True
        try:
            name = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
            own = {urlsplit(origin).hostname for origin in self._origins}
        except ValueError:
            return False
        return name == "localhost" or name.endswith(".localhost") or name in own or _known(name) is not None

    @web.middleware
    async def refuse_other_names(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A middleware for servers on which everybody on this machine may do everything."""
        if not self.name_allowed(request):
            words = "This server does not go by that name. Name it in cors-origins, or its proxy in trusted-proxies."
            raise web.HTTPForbidden(text=words)
        return await handler(request)

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
