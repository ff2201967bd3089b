"""Keys that an issuer publishes (JWKS, RFC 7517): one fetch for everybody, and nobody waits for the sake of others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import jwt
import orjson
import structlog

from collab.errors import CollabError
from collab.incidents import Incident

#: seconds that fetched keys are used without asking again
REFRESH_AFTER = 150
#: seconds after which they are not used before somebody has asked again, for as long as that takes at most ``PATIENCE``
LIFESPAN = 300
#: seconds after which they are not used at all: a key that was taken back while its issuer is out of reach
STALE_AFTER = 3600
#: seconds between two fetches for ids that are not published
COOLDOWN = 10
#: seconds from a fetch that failed to the next one
RETRY_AFTER = 2
#: seconds that somebody with a known key waits for a fetch
PATIENCE = 1.0
#: seconds that a fetch may take
FETCH_TIMEOUT = 5.0
#: bytes of an answer
MAX_BYTES = 1024 * 1024

_log = structlog.get_logger("collab.auth")


class PublishedKeys:
    """The keys at one address.

    Args:
        url: http or https; raises ValueError for anything else.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("jwt-jwks-url: this is not an http or https URL")
        self._url = url
        self._shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        self._keys: dict[str | None, Any] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._failed = False
        self._trouble = Incident(_log, "keys cannot be fetched", "keys are fetched again")
        self._stale = Incident(_log, "published keys are too old: sign-in is refused", "published keys are fresh again")
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str | None) -> Any:
        """The key with the id ``kid``.

        Raises:
            jwt.PyJWTError: there is no such key.
            CollabError: ``internal`` if keys cannot be fetched.
        """
        known, age = kid in self._keys, time.monotonic() - self._fetched_at
        if not known:
            await self._fetch_for_a_stranger()
        elif age >= LIFESPAN:
            await self._fetch_for_somebody_known()
        elif age >= REFRESH_AFTER:
            self._begin_fetch()
        if kid not in self._keys:
            _log.info(
                "no key of this id is published", kid=str(kid)[:100], url=self._shown, published=_named(self._keys)
            )
            raise jwt.PyJWKClientError("no key of this id is published")
        age = time.monotonic() - self._fetched_at
        if age >= STALE_AFTER:
            self._stale.begin(url=self._shown, kid=str(kid)[:100], age=round(age))
            raise _unavailable()
        return self._keys[kid]

    async def fetch(self) -> dict[str | None, Any]:
        """What is published now: id -> key.

        Raises:
            ValueError: nothing of use; says why.
        """
        # Half a second that whoever does not fetch keys does not pay.
        from aiohttp import ClientError, ClientResponseError, ClientSession, ClientTimeout

        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=FETCH_TIMEOUT)) as http,
                http.get(self._url, headers={"Accept": "application/json"}) as answer,
            ):
                answer.raise_for_status()
                body = await answer.content.read(MAX_BYTES + 1)
                while not answer.content.at_eof() and len(body) <= MAX_BYTES:
                    body += await answer.content.read(MAX_BYTES + 1)
            if len(body) > MAX_BYTES:
                raise ValueError(f"more than {MAX_BYTES} bytes")
            published = jwt.PyJWKSet.from_dict(orjson.loads(body))
        except TimeoutError:
            raise ValueError(f"no answer within {FETCH_TIMEOUT:g} seconds") from None
        except ClientResponseError as error:  # its own words have the URL in them, and that may have a password
            raise ValueError(f"HTTP {error.status}") from None
        except (ClientError, OSError, jwt.PyJWTError, orjson.JSONDecodeError, AttributeError, TypeError) as error:
            raise ValueError(str(error) or type(error).__name__) from None
        return {key.key_id: key.key for key in published.keys if key.public_key_use in ("sig", None)}

    async def _fetch_for_a_stranger(self) -> None:
        """Wait for a fetch under way or a new one; unknown ids cost nobody a fetch more often than ``COOLDOWN``."""
        fetching = self._begin_fetch()
        if fetching is not None:
            await asyncio.shield(fetching)
        if self._failed:
            raise _unavailable()

    async def _fetch_for_somebody_known(self) -> None:
        """Ask again before an old key is used, but do not let an issuer that hangs hold up those whom we know."""
        fetching = self._begin_fetch()
        if fetching is not None:
            await asyncio.wait([fetching], timeout=PATIENCE)

    def _begin_fetch(self) -> asyncio.Task[None] | None:
        """The fetch under way, or a new one; None so soon after the last one."""
        if self._fetching is not None:
            return self._fetching
        if time.monotonic() - self._tried_at < (RETRY_AFTER if self._failed else COOLDOWN):
            return None
        self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        self._fetching.add_done_callback(self._fetch_ended)
        return self._fetching

    def _fetch_ended(self, _task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        self._tried_at = time.monotonic()
        before = self._keys
        try:
            self._keys = await self.fetch()
        except ValueError as error:
            self._tried_at = time.monotonic()
            self._trouble.begin(url=self._shown, reason=str(error)[:200], known=_named(before))
            self._failed = True
            return
        self._trouble.end(url=self._shown, keys=len(self._keys))
        self._stale.end(url=self._shown)
        if before and before.keys() != self._keys.keys():
            new, gone = self._keys.keys() - before.keys(), before.keys() - self._keys.keys()
            _log.info("published keys have changed", url=self._shown, new=_named(new), gone=_named(gone))
        self._failed = False
        self._fetched_at = self._tried_at = time.monotonic()


def _named(kids: Iterable[str | None]) -> list[str]:
    """Ids of keys, for the log."""
    return sorted(str(kid)[:100] for kid in kids)[:20]


def _unavailable() -> CollabError:
    return CollabError("internal", "Sign-in cannot be checked right now.", retry_after=5)
