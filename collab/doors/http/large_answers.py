"""Large answers, in pieces that the network has to take: one that nobody reads costs a few kilobytes, not all of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from aiohttp import hdrs, web

from collab.doors.http.answers import Call
from collab.errors import CollabError

#: bytes of an answer that is sent as one
SMALL = 64 * 1024
#: bytes of a piece: what a socket's buffer takes, more or less
PIECE = 64 * 1024
#: seconds within which a piece has to be taken
PATIENCE = 20.0
#: large answers of one caller that may be under way
AT_ONCE = 8


class LargeAnswers:
    """Sends bodies."""

    def __init__(self) -> None:
        self._under_way: Counter[Hashable] = Counter()

    async def send(
        self, call: Call, body: bytes, headers: dict[str, str], content_type: str, charset: str | None = None
    ) -> web.StreamResponse:
        """Answer ``call`` with ``body``, which may be shared with other answers.

        Raises:
            CollabError: ``rate_limited``: too many large answers to this caller are under way.
            ConnectionResetError: it does not read.
        """
        if len(body) <= SMALL or call.request.method == hdrs.METH_HEAD:
            return web.Response(body=body, content_type=content_type, charset=charset, headers=headers)
        with self._counted(call.owner):
            response = web.StreamResponse(headers=headers)
            response.content_type = content_type
            if charset is not None:  # bytes have none, and aiohttp wants not even to hear so
                response.charset = charset
            response.content_length = len(body)
            await response.prepare(call.request)
            try:
                for at in range(0, len(body), PIECE):
                    async with asyncio.timeout(PATIENCE):
                        await response.write(body[at : at + PIECE])
                async with asyncio.timeout(PATIENCE):
                    await response.write_eof()
            except TimeoutError:
                if call.request.transport is not None:
                    call.request.transport.abort()
                raise ConnectionResetError("the answer is not read") from None
            return response

    @contextmanager
    def _counted(self, owner: Hashable) -> Iterator[None]:
        if self._under_way[owner] >= AT_ONCE:
            raise CollabError(
                "rate_limited",
                "You are not reading the answers that you asked for.",
                retry_after=PATIENCE,
                detail={"limit": AT_ONCE, "scope": "participant", "of": "large answers"},
            )
        self._under_way[owner] += 1
        try:
            yield
        finally:
            self._under_way[owner] -= 1
            if not self._under_way[owner]:
                del self._under_way[owner]
