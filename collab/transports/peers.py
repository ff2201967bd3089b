"""Who is at the other end of a request: address behind trusted proxies, allowed origins."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from aiohttp import web

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
        """The client's IP address: the last one that no trusted proxy vouches for."""
        address = request.remote or "unknown"
        if not self._trusted(address):
            return address
        forwarded = request.headers.get("X-Forwarded-For", "")
        for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            address = hop
            if not self._trusted(hop):
                break
        return address

    def origin_allowed(self, request: web.Request) -> bool:
        """Whether the page that sent the request may talk to us; no Origin means no browser page."""
        origin = request.headers.get("Origin")
        if origin is None or self._any_origin:
            return True
        if origin.lower() in self._origins:
            return True
        try:
            return urlsplit(origin).netloc.lower() == self._host(request).lower()
        except ValueError:
            return False

    def _host(self, request: web.Request) -> str:
        if self._trusted(request.remote or ""):
            forwarded = request.headers.get("X-Forwarded-Host")
            if forwarded:
                return forwarded.split(",")[0].strip()
        return request.headers.get("Host", "")

    def _trusted(self, address: str) -> bool:
        if not self._proxies:
            return False
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip.version == network.version and ip in network for network in self._proxies)
