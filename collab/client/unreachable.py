"""Why a server cannot be reached: what the network said, as one of a few reasons, with words for a person."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable
from typing import Literal

import aiohttp

#: ``refused``: nothing listens there. ``no_such_host``: the name leads nowhere. ``no_route``: the network does not.
#: ``timeout``: silence. ``tls``: no secure connection comes about. ``not_a_server``: something else answers.
#: ``unavailable``: a server, or a proxy before it, that cannot serve now.
Reason = Literal["refused", "no_such_host", "no_route", "timeout", "tls", "not_a_server", "unavailable"]

#: what the network may raise
NETWORK_ERRORS = (aiohttp.ClientError, OSError, asyncio.TimeoutError)
#: no connection came about: another transport would meet the same
NOBODY: frozenset[Reason | None] = frozenset({"refused", "no_such_host", "no_route", "timeout", "tls"})
#: seconds that opening goes on trying after a reason, unless it was told how long: a server may be starting just now
PATIENCE: dict[Reason, float] = {
    "refused": 3.0, "no_such_host": 3.0, "no_route": 3.0, "timeout": 0.0, "tls": 0.0, "not_a_server": 3.0,
    "unavailable": 10.0,
}  # fmt: skip
_ADVICE: dict[Reason | None, str] = {
    "refused": "nothing listens there; is the server running?",
    "no_such_host": "is the name right?",
    "tls": "is it http:// there? A certificate of your own: pass `http`, an aiohttp.ClientSession that trusts it",
    "not_a_server": "no collab server is at this address",
}


class Disconnected(ConnectionError):
    """The connection has ended, or could not be made; trying again may help.

    ``retry_after`` is how long the server asked to wait, None where it did not; ``reason`` is why no connection came
    about, None where one did.
    """

    def __init__(self, words: str, *, retry_after: float | None = None, reason: Reason | None = None) -> None:
        super().__init__(words)
        self.retry_after = retry_after
        self.reason = reason


class Unreachable(ConnectionError):
    """A session could not be opened, because no server was reached.

    ``place`` is where it was looked for, ``reason`` one of :data:`Reason`, or None where a server was there, but the
    session did not become live in time.
    """

    def __init__(self, words: str, place: str, reason: Reason | None) -> None:
        super().__init__(words)
        self.place = place
        self.reason = reason


class Opening:
    """How long opening a session goes on trying.

    Args:
        document: what is opened.
        place: where.
        look: called when it is time to :meth:`judge` once more.
        patient: go on whatever happens, until somebody else gives it up.
    """

    def __init__(self, document: str, place: str, look: Callable[[], None], *, patient: bool) -> None:
        self._document = document
        self._place = place
        self._look = look
        self._patient = patient
        self._began = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def judge(self, failure: Exception | None) -> None:
        """Between two attempts: go on after ``failure``?

        Raises:
            Unreachable: it says that there is nobody, and that is so for long enough.
        """
        reason = failure.reason if isinstance(failure, Disconnected) else None
        if reason is None or self._patient:
            return
        left = self._began + PATIENCE[reason] - time.monotonic()
        if left <= 0:
            raise self.failed(failure) from failure
        self.end()
        self._timer = asyncio.get_running_loop().call_later(left, self._look)

    def failed(self, failure: Exception | None) -> Unreachable:
        """The error of a session that could not be opened; None: nobody has said anything."""
        reason: Reason | None = failure.reason if isinstance(failure, Disconnected) else None
        words = f"{self._document!r} could not be opened at {self._place}: {failure or 'no answer'}"
        if reason in _ADVICE:
            words += f" ({_ADVICE[reason]})"
        return Unreachable(words, self._place, "timeout" if failure is None else reason)

    def end(self) -> None:
        """It is open, or given up."""
        if self._timer is not None:
            self._timer.cancel()


def disconnected(error: BaseException) -> Disconnected:
    """What the network said, as an error of ours."""
    if isinstance(error, aiohttp.ClientResponseError) and error.headers is not None:
        return answered(error.status, error.headers.get("Retry-After", ""))
    reason = reason_of(error)
    return Disconnected(_words(error, reason), reason=reason)


def answered(status: int, retry_after: str = "") -> Disconnected:
    """A server answered with a status that no connection begins with."""
    wait = float(retry_after) if retry_after.isdecimal() else None
    reason: Reason = "unavailable" if status >= 500 or status in (408, 429) else "not_a_server"
    return Disconnected(f"the server answered {status}", retry_after=wait, reason=reason)


def reason_of(error: BaseException) -> Reason:
    """Why no connection came about."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no_such_host"
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return "tls"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "refused" if error.errno == errno.ECONNREFUSED else "no_route"
    if isinstance(error, TimeoutError):  # aiohttp's is one, too: of a connection that nobody takes
        return "timeout"
    if isinstance(error, aiohttp.ClientResponseError):
        return "not_a_server"  # no HTTP, as a whole answer comes elsewhere
    return "unavailable"


def _words(error: BaseException, reason: Reason | None) -> str:
    # What aiohttp says of these is for programmers.
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{error.host!r}: {error.os_error.strerror}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        if reason == "tls":
            said = getattr(error.os_error, "reason", None) or error.os_error
            return f"no secure connection: {said}"
        if error.errno is not None and error.errno > 0:
            return os.strerror(error.errno)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "nobody takes the connection"
    if isinstance(error, aiohttp.ClientResponseError):
        return "what is there does not speak HTTP"
    return " ".join(str(error).split()) or type(error).__name__
