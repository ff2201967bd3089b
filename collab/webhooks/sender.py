"""One attempt: a signed POST, and what its answer means."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from collab._version import __version__
from collab.protocol.webhooks import Signer
from collab.webhooks.endpoints import Endpoint
from collab.webhooks.message import body_of_test

#: seconds in which a receiver has to answer
TIMEOUT = 15.0
#: bytes of an answer that are read, so that its connection can be used again
_MOST_ANSWER = 16 * 1024
#: seconds that a receiver may ask us to wait at most
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one.

    Attributes:
        result: it arrived; it did not; or the receiver wants nothing any more.
        status: of HTTP; None: there was no answer.
        reason: why it did not arrive, for a person.
        seconds: that it took.
        wait: seconds that the receiver asked for.
    """

    result: Literal["ok", "failed", "gone"]
    status: int | None
    reason: str
    seconds: float
    wait: float = 0.0


class Sender:
    """Sends to one endpoint.

    Args:
        endpoint: where, and with which secrets it is signed: with all of them, so that one can be replaced by the next
            while the receiver knows only one of the two.
        timeout: seconds in which the receiver has to answer.
    """

    def __init__(self, endpoint: Endpoint, timeout: float = TIMEOUT) -> None:
        self._url = endpoint.url
        self._signers = [Signer(secret) for secret in endpoint.secrets]
        self._timeout = timeout
        self._agent = f"collab/{__version__}"
        self._http: Any = None
        self._parsed: Any = None
        self._faults: tuple[type[Exception], ...] = ()

    async def test(self) -> Attempt:
        """Send a message of type ``test``, once."""
        return await self.send(f"msg_{secrets.token_hex(12)}", body_of_test())

    async def send(self, id: str, body: bytes) -> Attempt:
        """Send a message; never raises but for a cancellation."""
        if self._http is None:
            self._open()
        headers = self._headers(id, body)
        began = time.perf_counter()
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._http.post(self._parsed, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status: int = answer.status
                wait = _wait_of(answer.headers.get("Retry-After"))
                if len(await answer.content.read(_MOST_ANSWER)) == _MOST_ANSWER:
                    answer.close()
        except TimeoutError:
            return Attempt("failed", None, f"no answer within {self._timeout:g} seconds", time.perf_counter() - began)
        except self._faults as error:
            # Its own words may have the URL in them, and that may have a password.
            number = getattr(error, "errno", None) or 0
            why = os.strerror(number) if number > 0 else type(error).__name__
            return Attempt("failed", None, f"it cannot be reached ({why})"[:200], time.perf_counter() - began)
        took = time.perf_counter() - began
        if 200 <= status < 300:
            return Attempt("ok", status, "", took)
        if status == 410:
            return Attempt("gone", status, "HTTP 410: it wants nothing any more", took)
        if 300 <= status < 400:
            return Attempt("failed", status, f"HTTP {status}: redirects are not followed", took)
        return Attempt("failed", status, f"HTTP {status}", took, wait)

    def _open(self) -> None:
        # Half a second that whoever tells nobody does not pay.
        from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
        from yarl import URL

        self._faults = (ClientError, OSError, ValueError)
        self._parsed = URL(self._url)
        self._http = ClientSession(
            timeout=ClientTimeout(total=None), cookie_jar=DummyCookieJar(), auto_decompress=False
        )

    def _headers(self, id: str, body: bytes) -> dict[str, str]:
        now = datetime.now(UTC)
        headers, *others = [signer.headers(id, body, now) for signer in self._signers]
        if others:
            signatures = [each["webhook-signature"] for each in (headers, *others)]
            headers["webhook-signature"] = " ".join(signatures)
        headers["User-Agent"] = self._agent
        return headers

    async def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None


def _wait_of(words: str | None) -> float:
    return min(float(words), _LONGEST_WAIT) if words is not None and words.isascii() and words.isdigit() else 0.0
