"""The token of a session, from wherever its owner has it."""

from __future__ import annotations

import inspect

from collab.client.engineio import Disconnected
from collab.client.options import TokenSource
from collab.errors import CollabError


async def current_token(source: TokenSource) -> str | None:
    """The token as it is now.

    Args:
        source: the token itself, or a function, plain or asynchronous, that is asked for it.

    Raises:
        CollabError: as the function raises it; the session ends.
        Disconnected: the function failed otherwise, as it does without a network; it is asked again later.
    """
    if not callable(source):
        return source
    try:
        token = source()
        return await token if inspect.isawaitable(token) else token
    except CollabError:
        raise
    except Exception as error:
        raise Disconnected(f"no token: {error}") from error
