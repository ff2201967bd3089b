"""Sign-in by callback: the application is asked who somebody is, and what they may do in one document.

A question is ``{token, document?, address, door}``, signed as Standard Webhooks are, so that the application knows who
asks. Its answer is kept for a while; who is in is asked about again when it has become old.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import heapq
import math
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog

from collab._version import __version__
from collab.auth.base import Authenticator, Entrance, ShownUser, clean_color, clean_name, is_subject
from collab.errors import CollabError
from collab.incidents import Incident
from collab.protocol.user_fields import usable_fields
from collab.protocol.webhooks import Signer
from collab.types import Grant, Identity, Role

#: seconds in which a question has to be answered, its turn included
ANSWER_TIMEOUT = 5.0
#: seconds for which a refusal, or that there was no answer, counts
COOLDOWN = 1.0
#: seconds without trouble after which the log says that it is over
QUIET = 5.0
#: seconds for which whoever is in stays without an answer
STALE_AFTER = 3600.0
#: seconds: people who are in are asked about no more often
LEAST_AGAIN = 0.25
#: seconds after which those who came in while answers were forgotten are looked at, too
AFTERTHOUGHT = 2.0
#: questions that are asked at a time, and that wait for an answer or for their turn
AT_ONCE, MOST_WAITING = 64, 2000
#: answers that are kept
MOST_KEPT = 20_000
#: bytes of a token: what does not fit into a header is no token; and of an answer
MAX_TOKEN_BYTES, MAX_ANSWER_BYTES = 16 * 1024, 64 * 1024
#: times that a question is asked anew because answers were forgotten meanwhile
_ROUNDS = 3

_log = structlog.get_logger("collab.auth")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and by what its answer is known."""

    token: str = field(repr=False)
    entrance: Entrance

    @property
    def key(self) -> bytes:
        """The same for the same question, and no secret."""
        entrance = self.entrance
        asked = orjson.dumps([self.token, entrance.document, entrance.address, entrance.door])
        return hashlib.sha256(asked).digest()

    def body(self) -> bytes:
        """As it is sent."""
        entrance = self.entrance
        document = {} if entrance.document is None else {"document": entrance.document}
        return orjson.dumps({"token": self.token, **document, "address": entrance.address, "door": entrance.door})


@dataclass(frozen=True, slots=True)
class CalledIdentity(Identity):
    """An identity that can be asked about again: by which question it came, and when that was answered last."""

    question: Question | None = field(default=None, compare=False, repr=False)
    answered_at: float = field(default=0.0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Who it is, or the code with which they are refused; ``trouble``: nobody could say."""

    identity: CalledIdentity | None = None
    code: str = "unauthorized"
    trouble: bool = False
    until: float = 0.0

    def error(self) -> CollabError:
        if self.trouble:
            words = "Sign-in cannot be checked right now."
            return CollabError("unauthorized", words, retry_after=2 * COOLDOWN, retryable=True)
        return CollabError(self.code, "This token is not valid." if self.code == "unauthorized" else None)


_TROUBLE = _Answer(trouble=True)


class CallbackAuthenticator(Authenticator):
    """Asks the application.

    Args:
        url: http or https, where questions are sent.
        secret: with which they are signed: ``whsec_`` and base64.
        ttl: seconds for which an answer counts, and after which people who are in are asked about again.

    Raises:
        ValueError: the URL cannot be used; names the setting.
    """

    def __init__(self, url: str, secret: str, ttl: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("auth-callback-url: this is not an http or https URL")
        self._url = url
        self._shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        self._signer = Signer(secret)
        self._ttl = ttl
        self._kept: OrderedDict[bytes, _Answer] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[_Answer]] = {}
        self._tasks: set[asyncio.Task[_Answer]] = set()
        self._forgotten = 0
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._due: list[tuple[float, int, str | None]] = []
        self._numbers = count()
        self._news = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._http: Any = None
        self._troubled_at = -math.inf
        self._trouble = Incident(_log, "sign-in by callback has no answer", "sign-in by callback is answered again")

    async def open(self) -> None:
        """Begin to ask again about those who are in."""
        self._watch = asyncio.get_running_loop().create_task(self._ask_again())

    async def close(self) -> None:
        """Ask nothing any more."""
        tasks = [task for task in (self._watch, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watch = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    # -- who it is ------------------------------------------------------------------------------

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        """As :meth:`admit`, of somebody who asks for no document."""
        return await self.admit(token, user, Entrance(None, "", "http"))

    async def admit(self, token: str | None, user: ShownUser | None, entrance: Entrance) -> Identity:
        """See :class:`Authenticator`; ``unauthorized`` may be tried again where the application could not say."""
        if not token:
            raise CollabError("unauthorized")
        if len(token) > MAX_TOKEN_BYTES or token != token.encode("utf-8", "replace").decode():
            raise CollabError("unauthorized", "This token is not valid.")
        answer = await self._find(Question(token, entrance))
        if answer.identity is None:
            raise answer.error()
        return answer.identity

    async def renew(self, identity: Identity) -> Identity:
        """Who somebody is now; who is in stays while the application cannot say, for an hour at most."""
        if not isinstance(identity, CalledIdentity) or identity.question is None:
            return identity
        answer = await self._find(identity.question)
        if answer.trouble and time.monotonic() - identity.answered_at < STALE_AFTER:
            self._again(identity.id, COOLDOWN)
            return identity
        if answer.identity is None:
            raise answer.error()
        return answer.identity

    async def role_on(self, identity: Identity, document: str) -> Role | None:
        """See :class:`Authenticator`; an answer is about one document, so that others are asked about."""
        if not isinstance(identity, CalledIdentity) or identity.question is None:
            return identity.role_for(document)
        asked = identity.question
        answer = await self._find(Question(asked.token, replace(asked.entrance, document=document)))
        if answer.trouble:
            raise answer.error()
        found = answer.identity
        return found.role_for(document) if found is not None and found.id == identity.id else None

    def forget(self, participant: str | None = None) -> None:
        """See :class:`Authenticator`."""
        self._forgotten += 1
        self._under_way.clear()  # what is on its way was perhaps answered before
        for key, answer in list(self._kept.items()):
            if participant is None or answer.identity is None or answer.identity.id == participant:
                del self._kept[key]
        self._again(participant, AFTERTHOUGHT)

    async def probe(self) -> int:
        """Ask about a token that nobody has; the HTTP status of the answer.

        Raises:
            ValueError: there was none; says why.
        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                status, _ = await self._post(Question("collab-check", Entrance(None, "127.0.0.1", "http")))
            return status
        except TimeoutError:
            raise ValueError(f"no answer within {ANSWER_TIMEOUT:g} seconds") from None
        except (OSError, ValueError) as error:
            raise ValueError(str(error) or type(error).__name__) from None

    # -- answers --------------------------------------------------------------------------------

    async def _find(self, question: Question) -> _Answer:
        """A kept answer, or a new one; everybody with the same question waits for the same."""
        key = question.key
        answer = _TROUBLE
        for _ in range(_ROUNDS):
            kept = self._kept.get(key)
            if kept is not None and time.monotonic() < kept.until:
                self._kept.move_to_end(key)
                return kept
            asking = self._under_way.get(key)
            if asking is None:
                if len(self._tasks) >= MOST_WAITING:
                    return _TROUBLE
                asking = asyncio.get_running_loop().create_task(self._ask_and_keep(key, question))
                self._under_way[key] = asking
                self._tasks.add(asking)
                asking.add_done_callback(self._tasks.discard)
            before = self._forgotten
            answer = await asyncio.shield(asking)
            if self._forgotten == before:
                break
        return answer

    async def _ask_and_keep(self, key: bytes, question: Question) -> _Answer:
        task = asyncio.current_task()
        try:
            answer = await self._ask(question)
            if self._under_way.get(key) is task:
                self._keep(key, answer)
            return answer
        finally:
            if self._under_way.get(key) is task:
                del self._under_way[key]

    def _keep(self, key: bytes, answer: _Answer) -> None:
        self._kept[key] = answer
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        if answer.identity is not None:
            self._again(answer.identity.id, max(self._ttl, LEAST_AGAIN))

    async def _ask(self, question: Question) -> _Answer:
        now = time.monotonic
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT), self._turn:
                status, body = await self._post(question)
            if status == 401 or status == 403:
                self._answered()
                code = "unauthorized" if status == 401 else "forbidden"
                _log.info("token refused", reason=f"HTTP {status}")
                return _Answer(code=code, until=now() + min(self._ttl, COOLDOWN))
            if status != 200:
                raise ValueError(f"HTTP {status}")
            identity = _identity(body, question)
        except TimeoutError:
            return self._no_answer(f"no answer within {ANSWER_TIMEOUT:g} seconds")
        except (OSError, ValueError) as error:
            return self._no_answer(str(error) or type(error).__name__)
        self._answered()
        counts, left = self._ttl, math.inf
        if identity.expires_at is not None:
            left = identity.expires_at - time.time()
            counts = min(counts, left)
        if left <= 0:
            return _Answer(code="token_expired", until=now() + min(self._ttl, COOLDOWN))
        return _Answer(identity, until=now() + counts)

    def _answered(self) -> None:
        # One question that is never answered, beside others that are, fills no log.
        if time.monotonic() - self._troubled_at >= QUIET:
            self._trouble.end(url=self._shown)

    def _no_answer(self, reason: str) -> _Answer:
        self._troubled_at = time.monotonic()
        self._trouble.begin(url=self._shown, reason=reason[:200])
        return _Answer(trouble=True, until=time.monotonic() + COOLDOWN)

    async def _post(self, question: Question) -> tuple[int, bytes]:
        """Send a question; status and body.

        Raises:
            OSError, ValueError: there was no answer of use. Neither has the token in it.
        """
        # Half a second that whoever asks nobody does not pay.
        from aiohttp import (
            ClientConnectionResetError,
            ClientError,
            ClientSession,
            ClientTimeout,
            ServerDisconnectedError,
        )

        if self._http is None:
            self._http = ClientSession(timeout=ClientTimeout(total=None))
        body = question.body()
        headers = self._signer.headers(f"msg_{secrets.token_urlsafe(18)}", body)
        headers["User-Agent"] = f"collab/{__version__}"
        for last in (False, True):
            try:
                async with self._http.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                    return answer.status, await _read(answer)
            except (ServerDisconnectedError, ClientConnectionResetError):
                if last:  # a connection that was kept may end just when it is used again
                    raise ConnectionError("the connection ended before an answer") from None
            except ClientError as error:  # its own words may have the URL in them, and that may have a password
                raise ConnectionError(f"it cannot be reached ({type(error).__name__})") from None
        raise AssertionError("unreachable")

    # -- people who are in ----------------------------------------------------------------------

    def _again(self, participant: str | None, after: float) -> None:
        """Ask about a participant (None: about everybody) in ``after`` seconds."""
        entry = (time.monotonic() + after, next(self._numbers), participant)
        heapq.heappush(self._due, entry)
        if self._due[0] is entry:
            self._news.set()

    async def _ask_again(self) -> None:
        while True:
            self._news.clear()
            left = self._due[0][0] - time.monotonic() if self._due else None
            if left is None or left > 0:
                # Not wait_for, which in Python 3.11 may swallow the cancellation that ends this.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._news.wait()
                continue
            due: set[str | None] = set()
            # Whoever is due soon is taken along: each look goes through everybody who is in.
            while self._due and self._due[0][0] <= time.monotonic() + LEAST_AGAIN / 2:
                due.add(heapq.heappop(self._due)[2])
            for participant in due:
                self.changed(participant)
            await asyncio.sleep(LEAST_AGAIN / 2)


async def _read(answer: Any) -> bytes:
    body = b""
    while len(body) <= MAX_ANSWER_BYTES and (piece := await answer.content.read(MAX_ANSWER_BYTES + 1)):
        body += piece
    if len(body) > MAX_ANSWER_BYTES:
        raise ValueError(f"more than {MAX_ANSWER_BYTES} bytes")
    return body


def _identity(body: bytes, question: Question) -> CalledIdentity:
    """Who the application says it is; raises ValueError for what cannot be read."""
    said = orjson.loads(body)  # a ValueError, too
    if not isinstance(said, dict):
        raise ValueError("the answer is no object")
    sub, name, color = said.get("sub"), said.get("name"), said.get("color")
    if not isinstance(sub, str) or not is_subject(sub):
        raise ValueError("the answer has no sub")
    try:
        role = Role.parse(said.get("role"))  # type: ignore[arg-type]
    except ValueError:
        raise ValueError("the answer has no role, or one that is unknown") from None
    agent, expires_at = said.get("agent", False), said.get("expires_at")
    if agent is None:
        agent = False
    if not isinstance(agent, bool):
        raise ValueError("agent is neither true nor false")
    number = isinstance(expires_at, int | float) and not isinstance(expires_at, bool)
    if expires_at is not None and not (number and math.isfinite(expires_at)):
        raise ValueError("expires_at is no number")
    document = question.entrance.document
    grants: tuple[Grant, ...] = ()
    if document is not None:
        grants = (Grant(Grant.pattern_for(document), role, agent),)
    elif role is Role.ADMIN:  # of everything: who asks for no document asks for all
        grants = (Grant("*", role, agent),)
    return CalledIdentity(
        id=sub,
        name=clean_name(name if isinstance(name, str) else None, sub),
        color=clean_color(color if isinstance(color, str) else None, sub),
        grants=grants,
        expires_at=float(expires_at) if expires_at is not None else None,
        question=question,
        answered_at=time.monotonic(),
        fields=usable_fields(said.get("shown")),
    )
