"""What every authenticator does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.auth.anonymous import AnonymousAuthenticator
from collab.auth.base import Authenticator, Entrance, ShownUser
from collab.auth.callback import CallbackAuthenticator
from collab.auth.jwt import MAX_TOKEN_BYTES, JwtAuthenticator
from collab.errors import CollabError
from collab.types import Identity, Role
from tests.support.callback import SECRET as CALLBACK_SECRET
from tests.support.callback import CallbackApp
from tests.support.tokens import (
    EC,
    KEYS,
    SECRET,
    KeyServer,
    claims,
    pem,
    refusal,
    signed,
)


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    with KeyServer() as server:
        yield server


Adapter = tuple[Authenticator, Callable[[dict[str, Any]], str]]


@pytest.fixture(
    params=["anonymous", "secret", "pem-RS256", "pem-ES256", "pem-EdDSA", "jwks-RS256", "jwks-EdDSA", "callback"]
)
async def adapter(request: pytest.FixtureRequest, key_server: KeyServer) -> AsyncIterator[Adapter]:
    """An authenticator, and a function that mints tokens for it."""
    if request.param == "callback":
        async with CallbackApp() as app:

            def mint(values: dict[str, Any]) -> str:
                role = values.get("grants", [{"role": "viewer"}])[0]["role"]
                app.let_in("a token", **{**values, "role": role, "expires_at": values["exp"]})
                return "a token"

            asking = CallbackAuthenticator(app.url, CALLBACK_SECRET, 60.0)
            yield asking, mint
            await asking.close()
        return
    yield _adapter(request, key_server)


def _adapter(request: pytest.FixtureRequest, key_server: KeyServer) -> Adapter:
    kind, _, algorithm = str(request.param).partition("-")
    if kind == "anonymous":
        return AnonymousAuthenticator(Role.ADMIN), lambda values: signed("HS256", values)
    if kind == "secret":
        return JwtAuthenticator(secret=SECRET), lambda values: signed("HS256", values)
    if kind == "pem":
        return JwtAuthenticator(public_key=pem(KEYS[algorithm])), lambda values: signed(algorithm, values)
    key_server.publish(k1=KEYS[algorithm], other=EC)
    return JwtAuthenticator(jwks_url=key_server.url), lambda values: signed(algorithm, values, kid="k1")


async def test_who_is_in_stays_who_they_are(adapter: Adapter) -> None:
    """Until the authenticator says otherwise; `changed` may be called whether somebody listens or not."""
    authenticator, mint = adapter
    identity = await authenticator.authenticate(mint(claims()), None)
    assert await authenticator.renew(identity) == identity
    authenticator.changed("ann")
    authenticator.changed()
    authenticator.forget("ann")
    authenticator.forget()
    assert await authenticator.renew(identity) == identity


async def test_a_good_token_is_taken(adapter: Adapter) -> None:
    authenticator, mint = adapter
    await authenticator.open()
    token = mint(claims(name="Ann", grants=[{"documents": "team/*", "role": "editor"}]))
    entrance = Entrance("team/notes", "192.0.2.1", "hocuspocus")
    identity = await authenticator.admit(token, ShownUser("Eve", "#000000"), entrance)
    if not isinstance(authenticator, AnonymousAuthenticator):
        assert (identity.id, identity.name) == ("ann", "Ann"), "the token says who it is, not the client"
        assert identity.role_for("team/notes") is Role.EDITOR
        assert identity.role_for("elsewhere") is None
        assert identity.expires_at == pytest.approx(time.time() + 600, abs=5)
    await authenticator.close()


@pytest.mark.parametrize(
    "token",
    [
        None, "", ".", "..", "...", "a.b.c", "bnVsbA.bnVsbA.bnVsbA", "W10.W10.W10", "[]", "é.é.é", "\ud800", "\0" * 50,
        "eyJhbGciOiJub25lIn0.e30.", "x" * MAX_TOKEN_BYTES, "x" * 1_000_000, "." * 100_000, "eyJ" * 5000,
    ],
    ids=lambda token: repr(token)[:24],
)  # fmt: skip
async def test_what_is_no_token_at_all(adapter: Adapter, token: str | None) -> None:
    authenticator, _ = adapter
    if isinstance(authenticator, AnonymousAuthenticator):
        assert (await authenticator.authenticate(token, None)).id is None
    else:
        error = await refusal(authenticator, token)
        assert error.code == "unauthorized"
        assert token is None or len(token) < 3 or token not in error.message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.one_of(st.none(), st.text(max_size=80), st.from_regex(r"\A[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}\Z")))
def test_any_text_is_answered_with_a_code(token: str | None) -> None:
    for authenticator in (
        AnonymousAuthenticator(Role.VIEWER), JwtAuthenticator(secret=SECRET), JwtAuthenticator(public_key=pem(EC)),
    ):  # fmt: skip
        try:
            assert isinstance(asyncio.run(authenticator.authenticate(token, None)), Identity)
        except CollabError as error:
            assert error.code == "unauthorized"
