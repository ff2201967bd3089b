"""What every route owes an HTTP request, whichever door it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, hdrs, web

from collab.errors import CollabError
from collab.hub.in_flight import COUNTED_FROM, Load

#: seconds that a client may pause in the middle of a body
BODY_PATIENCE = 30.0
#: of a request whose sender is known: their address
ADDRESS_KEY = web.RequestKey("address", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def meet_expectation(request: web.Request) -> None:
    """Answer the header ``Expect``; to be given to every route.

    aiohttp's own repeats what it was sent, and cannot write all of that: a 500, and a traceback in the log.

    Raises:
        HTTPExpectationFailed: something else than ``100-continue`` is expected.
    """
    if request.version != HttpVersion11:
        return
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="Only 100-continue can be expected.")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the response begins behind it


async def read_body(
    request: web.Request,
    most: int,
    timeout: float,
    *,
    load: Load | None = None,
    heard: Callable[[int], None] | None = None,
) -> bytes:
    """The body of a request.

    Args:
        most: bytes that it may have.
        timeout: seconds that all of it may take, however steadily it drips.
        load: what it counts against; it waits for its turn.
        heard: told of each piece.

    Raises:
        CollabError: ``update_too_large``, ``invalid_payload`` where it stops coming or is not encoded as it says.
    """
    too_large = CollabError("update_too_large", f"The body has more than {most} bytes.", detail={"limit": most})
    if (request.content_length or 0) > most:
        raise too_large
    pieces: list[bytes] = []
    size = 0
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout
    try:
        while True:
            async with asyncio.timeout_at(min(deadline, clock() + BODY_PATIENCE)):
                piece = await request.content.readany()
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise too_large
            if heard is not None:
                heard(len(piece))
            wait = load.grow(len(piece)) if load is not None and size > COUNTED_FROM else None
            if wait is not None:
                began = clock()
                await wait
                deadline += clock() - began  # which is nobody's fault
    except TimeoutError:
        raise CollabError("invalid_payload", "The body did not arrive in time.") from None
    except web.RequestPayloadError:
        raise CollabError("invalid_payload", "The body is not encoded as its headers say.") from None
    except ConnectionError as error:
        # aiohttp keeps it with what it was reading: a circle, if it leads to these frames and their pieces.
        error.__traceback__ = None
        raise ConnectionResetError("The connection broke off in the middle of a body.") from None
