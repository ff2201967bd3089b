"""A token is taken from where its owner has it, each time anew."""

from __future__ import annotations

import pytest

from collab.client.token_source import current_token
from collab.client.unreachable import Disconnected
from collab.errors import CollabError


async def test_it_is_a_string_or_a_function_that_returns_one() -> None:
    made = iter(["one", "two", None])

    async def later() -> str | None:
        return next(made)

    assert await current_token(None) is None
    assert await current_token("fixed") == "fixed"
    assert await current_token(lambda: next(made)) == "one"
    assert await current_token(later) == "two"
    assert await current_token(later) is None


async def test_a_refusal_is_for_good_and_anything_else_for_now() -> None:
    def refused() -> str:
        raise CollabError("forbidden")

    async def offline() -> str:
        raise OSError("no network")

    with pytest.raises(CollabError, match="forbidden"):
        await current_token(refused)
    with pytest.raises(Disconnected, match="no token: no network"):
        await current_token(offline)
