"""The token of a session, from wherever its owner has it, and what goes with it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from collab.client.options import TokenSource
from collab.client.unreachable import Disconnected
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


async def auth_of(source: TokenSource, user: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a session says when it connects; raises as :func:`current_token`."""
    auth: dict[str, Any] = {"presence": "json"}
    token = await current_token(source)
    if token is not None:
        auth["token"] = token
    if user is not None:
        auth["user"] = dict(user)
    return auth
