"""Which WebSocket serves a request: the fast one, or with an aiohttp that was never tested the public one."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

import structlog

from collab.doors.libraries import is_tested
from collab.doors.websocket.frame_socket import FrameOwner, FrameSocket
from collab.hub.bulk import Bulk

_log = structlog.get_logger("collab.websocket")


def frame_socket(owner: FrameOwner, max_message: int, bulk: Bulk) -> FrameSocket:
    """A WebSocket for one request; see :class:`FrameSocket`."""
    return socket_type()(owner, max_message, bulk)


@cache
def socket_type() -> type[FrameSocket]:
    """The class of all WebSockets of this process; says in the log if it is the slower one."""
    if not is_tested("aiohttp"):
        _log.warning("a slower way is used: this aiohttp was never tested with collab", aiohttp=version("aiohttp"))
        return FrameSocket
    # Not at the top: the private names that it imports may not exist in releases that were never tested.
    from collab.doors.websocket.tapped_socket import TappedSocket

    return TappedSocket
