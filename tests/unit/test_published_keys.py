"""Keys that an issuer publishes: fetched when there is a need, and nobody waits for the sake of others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from collab.auth.jwt import JwtAuthenticator
from collab.auth.published_keys import FETCH_TIMEOUT, LIFESPAN, STALE_AFTER, PublishedKeys
from collab.types import Identity
from tests.support.tokens import (
    COOLDOWN,
    EC,
    ED,
    RSA,
    KeyServer,
    claims,
    clock_ahead,
    refusal,
    signed,
)


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    with KeyServer() as server:
        yield server


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    return clock_ahead(monkeypatch)


async def test_published_keys_are_fetched_once(key_server: KeyServer) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    token = signed("RS256", claims(), kid="one")
    assert len(await asyncio.gather(*(authenticator.authenticate(token, None) for _ in range(20)))) == 20
    assert key_server.fetches == 1


async def test_a_rotated_key_is_found(key_server: KeyServer, later: Callable[[float], None]) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    await authenticator.authenticate(signed("RS256", claims(), kid="one"), None)
    key_server.publish(one=RSA, two=ED)
    later(COOLDOWN + 1)
    assert (await authenticator.authenticate(signed("EdDSA", claims(sub="bob"), kid="two"), None)).id == "bob"
    assert (await authenticator.authenticate(signed("RS256", claims(), kid="one"), None)).id == "ann"
    assert key_server.fetches == 2


async def test_a_key_that_was_taken_back_is_forgotten(key_server: KeyServer, later: Callable[[float], None]) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    old = signed("RS256", claims(), kid="one")
    await authenticator.authenticate(old, None)
    key_server.publish(two=ED)
    later(LIFESPAN + 1)
    assert (await refusal(authenticator, old)).code == "unauthorized"
    assert (await authenticator.authenticate(signed("EdDSA", claims(), kid="two"), None)).id == "ann"


async def test_a_key_that_changed_under_its_name(key_server: KeyServer, later: Callable[[float], None]) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    old = signed("RS256", claims(), kid="one")
    await authenticator.authenticate(old, None)
    key_server.publish(one=EC)
    later(LIFESPAN + 1)
    assert (await refusal(authenticator, old)).code == "unauthorized"
    assert (await authenticator.authenticate(signed("ES256", claims(), kid="one"), None)).id == "ann"


async def test_unknown_keys_do_not_hammer_whoever_publishes_them(key_server: KeyServer) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    for number in range(50):
        assert (await refusal(authenticator, signed("RS256", claims(), kid=f"no{number}"))).code == "unauthorized"
    assert key_server.fetches <= 2


@pytest.mark.parametrize(
    "trouble",
    [
        "500", "closed",
        "reset",
        "html",
    ],
)  # fmt: skip
async def test_keys_that_cannot_be_fetched_are_our_fault(key_server: KeyServer, trouble: str) -> None:
    key_server.trouble = trouble
    url = "http://127.0.0.1:9/keys.json" if trouble == "closed" else key_server.url
    authenticator = JwtAuthenticator(jwks_url=url)
    error = await refusal(authenticator, signed("RS256", claims(), kid="one"))
    assert error.code == "internal"
    assert error.as_dict()["retryable"]
    assert error.retry_after


async def test_known_keys_outlive_an_outage(key_server: KeyServer, later: Callable[[float], None]) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    good = signed("RS256", claims(), kid="one")
    await authenticator.authenticate(good, None)
    key_server.trouble = "500"
    later(COOLDOWN + 1)
    assert (await refusal(authenticator, signed("RS256", claims(), kid="new"))).code == "internal"
    assert (await authenticator.authenticate(good, None)).id == "ann"


async def _within(seconds: float, answer: Awaitable[Identity]) -> Identity:
    async with asyncio.timeout(seconds):
        return await answer


async def test_a_slow_fetch_for_an_unknown_key_keeps_nobody_else_waiting(
    key_server: KeyServer, later: Callable[[float], None]
) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    good = signed("RS256", claims(), kid="one")
    await authenticator.authenticate(good, None)
    later(COOLDOWN + 1)
    key_server.gate.clear()
    hostile = asyncio.create_task(refusal(authenticator, signed("RS256", claims(), kid="unknown")))
    try:
        while key_server.fetches < 2:
            await asyncio.sleep(0.01)
        assert (await _within(1.0, authenticator.authenticate(good, None))).id == "ann"
    finally:
        key_server.gate.set()
        await hostile


@pytest.mark.slow
async def test_an_issuer_that_hangs_keeps_nobody_waiting_whom_we_know(
    key_server: KeyServer, later: Callable[[float], None]
) -> None:
    """Twenty unknown keys at once cost one fetch, and an old known key is used meanwhile."""
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    good = signed("RS256", claims(), kid="one")
    await authenticator.authenticate(good, None)
    later(LIFESPAN + 1)
    key_server.gate.clear()
    strangers = [signed("RS256", claims(), kid=f"no{number}") for number in range(20)]
    refused = asyncio.gather(*(refusal(authenticator, stranger) for stranger in strangers))
    try:
        for _ in range(3):
            assert (await _within(4.0, authenticator.authenticate(good, None))).id == "ann"
        async with asyncio.timeout(FETCH_TIMEOUT + 10):
            assert {error.code for error in await refused} == {"internal"}
        assert key_server.fetches <= 3
        assert (await refusal(authenticator, strangers[0])).code == "internal"
    finally:
        key_server.gate.set()


async def test_a_key_is_not_used_for_ever_without_its_issuer(
    key_server: KeyServer, later: Callable[[float], None]
) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    good = signed("RS256", claims(exp=time.time() + 10 * STALE_AFTER), kid="one")
    await authenticator.authenticate(good, None)
    key_server.trouble = "500"
    later(STALE_AFTER + 1)
    assert (await refusal(authenticator, good)).code == "internal"


async def test_an_answer_without_end_is_cut(key_server: KeyServer) -> None:
    key_server.trouble = "endless"
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    assert (await refusal(authenticator, signed("RS256", claims(), kid="one"))).code == "internal"


async def test_keys_that_sign_nothing_are_left_out(key_server: KeyServer) -> None:
    key_server.publish(one=RSA, other={**key_server.jwk("other", EC), "use": "enc"}, any=key_server.jwk("any", ED))
    del key_server.keys["any"]["use"]
    assert set(await PublishedKeys(key_server.url).fetch()) == {"one", "any"}


@pytest.mark.parametrize(("trouble", "words"), [("500", "HTTP 500"), ("html", "."), ("reset", ".")])
async def test_why_there_are_none_is_said_without_the_address(key_server: KeyServer, trouble: str, words: str) -> None:
    """Which may have a password in it."""
    key_server.trouble = trouble
    with pytest.raises(ValueError, match=words) as failed:
        await PublishedKeys(key_server.url.replace("//", "//user:password@")).fetch()
    assert "password" not in str(failed.value)


@pytest.mark.parametrize("url", ["ftp://id.example/keys", "file:///etc/passwd", "https:///keys", "id.example"])
def test_only_addresses_of_the_web_are_taken(url: str) -> None:
    with pytest.raises(ValueError, match="jwt-jwks-url"):
        PublishedKeys(url)
