"""JSON Web Tokens: what becomes of each bad one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from collab.auth.base import ShownUser
from collab.auth.jwt import LEEWAY, JwtAuthenticator
from collab.errors import CollabError
from collab.types import Grant, Role
from tests.support.tokens import (
    EC,
    ED,
    KEYS,
    OTHER_RSA,
    OTHER_SECRET,
    RSA,
    SECRET,
    KeyServer,
    claims,
    forged,
    pem,
    refusal,
    segment,
    signed,
)


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    with KeyServer() as server:
        yield server


def authenticator_for(kind: str, key_server: KeyServer) -> JwtAuthenticator:
    if kind == "secret":
        return JwtAuthenticator(secret=SECRET)
    if kind == "jwks":
        key_server.publish(rsa=RSA, ec=EC, ed=ED)
        return JwtAuthenticator(jwks_url=key_server.url)
    return JwtAuthenticator(public_key=pem(KEYS[kind]))


async def test_what_else_somebody_is_shown_with() -> None:
    """P9: what cannot be shown is left out; it makes no token bad."""
    shown = {"avatar": "https://people.example/ann.png", "id": "root", "script": "javascript:x"}
    for said, fields in ((shown, {"avatar": shown["avatar"]}), ("x", {}), (None, {}), ({"a": "x" * 3000}, {})):
        token = signed("HS256", claims(shown=said), key=SECRET)
        identity = await JwtAuthenticator(secret=SECRET).authenticate(token, ShownUser("Eve", None, {"avatar": "eve"}))
        assert identity.fields == fields


@pytest.mark.parametrize("kind", ["secret", "RS256", "ES256", "EdDSA", "jwks"])
@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", None, 0, ["HS256"], {"HS256": 1}, "HS1", "HS384", "RS512", "PS256"]
)
@pytest.mark.slow
async def test_algorithms_that_are_not_on_the_list(key_server: KeyServer, kind: str, alg: Any) -> None:
    authenticator = authenticator_for(kind, key_server)
    for kid in ({}, {"kid": "rsa"}):
        token = forged({"alg": alg, "typ": "JWT", **kid}, claims())
        assert (await refusal(authenticator, token)).code == "unauthorized"
        unsigned = token.rpartition(".")[0] + "."
        assert (await refusal(authenticator, unsigned)).code == "unauthorized"
        assert (await refusal(authenticator, unsigned[:-1])).code == "unauthorized"


@pytest.mark.parametrize("name", ["RS256", "ES256", "EdDSA"])
async def test_a_public_key_is_no_shared_secret(key_server: KeyServer, name: str) -> None:
    published = pem(KEYS[name])
    for key in (published, published.strip(), published.replace("\n", ""), published + "\n"):
        token = forged({"alg": "HS256", "typ": "JWT", "kid": "rsa"}, claims(), key.encode())
        assert (await refusal(authenticator_for(name, key_server), token)).code == "unauthorized"
        assert (await refusal(authenticator_for("jwks", key_server), token)).code == "unauthorized"


@pytest.mark.parametrize("kind", ["secret", "RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("name", ["HS256", "RS256", "ES256", "EdDSA"])
async def test_a_key_verifies_its_own_algorithm_only(key_server: KeyServer, kind: str, name: str) -> None:
    authenticator = authenticator_for(kind, key_server)
    token = signed(name, claims())
    if name == ("HS256" if kind == "secret" else kind):
        assert (await authenticator.authenticate(token, None)).id == "ann"
    else:
        assert (await refusal(authenticator, token)).code == "unauthorized"


@pytest.mark.parametrize("kid", ["rsa", "ec", "ed", "unknown", None])
@pytest.mark.parametrize("name", ["HS256", "RS256", "ES256", "EdDSA"])
@pytest.mark.slow
async def test_a_published_key_verifies_its_own_algorithm_only(
    key_server: KeyServer, name: str, kid: str | None
) -> None:
    authenticator = authenticator_for("jwks", key_server)
    token = signed(name, claims(), kid=kid)
    if (name, kid) in {("RS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")}:
        assert (await authenticator.authenticate(token, None)).id == "ann"
    else:
        assert (await refusal(authenticator, token)).code == "unauthorized"


async def test_a_shared_secret_that_is_published_by_mistake_is_not_used(key_server: KeyServer) -> None:
    key_server.publish(one=RSA, oops={"kty": "oct", "k": segment(SECRET.encode()), "kid": "oops", "alg": "HS256"})
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    assert (await refusal(authenticator, signed("HS256", claims(), kid="oops"))).code == "unauthorized"
    assert (await authenticator.authenticate(signed("RS256", claims(), kid="one"), None)).id == "ann"


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": 1},
        {"jku": 1},
        {"x5u": 1},
        {"crit": ["x"]},
        {"crit": ["b64"], "b64": False},
        {"kid": 5},
        {"kid": ["one"]},
    ],
)
async def test_a_token_cannot_bring_its_own_key(key_server: KeyServer, header: dict[str, Any]) -> None:
    values = {"jwk": key_server.jwk("one", OTHER_RSA), "jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/"}
    shown = {key: values.get(key, value) for key, value in header.items()}
    text = f"{segment({'alg': 'RS256', 'kid': 'one', **shown})}.{segment(claims())}"
    token = f"{text}.{segment(jwt.get_algorithm_by_name('RS256').sign(text.encode(), OTHER_RSA))}"
    for authenticator in (JwtAuthenticator(jwks_url=key_server.url), JwtAuthenticator(public_key=pem(RSA))):
        assert (await refusal(authenticator, token)).code == "unauthorized"


@pytest.mark.parametrize("name", ["HS256", "RS256", "ES256", "EdDSA"])
async def test_a_changed_token_is_refused(key_server: KeyServer, name: str) -> None:
    authenticator = authenticator_for("secret" if name == "HS256" else name, key_server)
    header, payload, signature = signed(name, claims()).split(".")
    promoted = segment(claims(grants=[{"documents": "*", "role": "admin"}]))
    for token in (
        f"{header}.{promoted}.{signature}", f"{header}.{payload}.{signature[:-4]}", f"{header}.{payload}.",
        f"{header}.{payload}.{'A' * len(signature)}", f"{header}.{payload}.{signature}.{signature}",
        signed(name, claims(), key={"HS256": OTHER_SECRET}.get(name)).rpartition(".")[0] + "." + segment(b"\0" * 64),
    ):  # fmt: skip
        assert (await refusal(authenticator, token)).code == "unauthorized"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": -1}, "token_expired"),
        ({"exp": -(10**9)}, "token_expired"),
        ({"nbf": LEEWAY + 60}, "unauthorized"),
        ({"iat": LEEWAY + 60}, "unauthorized"),
    ],
)
async def test_times(change: dict[str, int], code: str) -> None:
    moved = {key: int(time.time()) + value for key, value in change.items()}
    assert (await refusal(JwtAuthenticator(secret=SECRET), forged({"alg": "HS256"}, claims(**moved)))).code == code


async def test_clocks_may_differ_a_little() -> None:
    assert LEEWAY <= 60
    now = int(time.time())
    for change in ({"nbf": now + LEEWAY // 2}, {"iat": now + LEEWAY // 2}):
        await JwtAuthenticator(secret=SECRET).authenticate(signed("HS256", claims(**change)), None)


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None}, {"sub": None}, {"sub": 5}, {"sub": ["ann"]}, {"sub": {}}, {"exp": "soon"}, {"exp": []}, {"exp": {}},
        {"exp": float("nan")}, {"exp": float("inf")}, {"nbf": "x"}, {"nbf": float("inf")}, {"iat": "x"},
        {"exp": 10**400},
        {"sub": ""},
        {"sub": "a\ud800"},
    ],
    ids=lambda change: repr(change)[:30],
)  # fmt: skip
async def test_missing_and_odd_claims(change: dict[str, Any]) -> None:
    token = forged({"alg": "HS256"}, claims(**change))
    assert (await refusal(JwtAuthenticator(secret=SECRET), token)).code == "unauthorized"


@pytest.mark.parametrize(
    "payload", [[], "text", 5, None, True, b"\xff", b"{", b"[" * 10_000, b'{"sub":"a","sub":5,"exp":9e9}']
)
async def test_payloads_that_are_no_claims(payload: Any) -> None:
    error = await refusal(JwtAuthenticator(secret=SECRET), forged({"alg": "HS256"}, payload))
    assert error.code == "unauthorized"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"iss": "https://id.example"}, True),
        ({"iss": "https://id.example", "aud": "collab"}, True),
        ({"iss": "https://id.example", "aud": ["other", "collab"]}, True),
        ({}, False),
        ({"aud": "collab"}, False),
        ({"iss": "https://id.example.evil", "aud": "collab"}, False),
        ({"iss": ["https://id.example"], "aud": "collab"}, False),
        ({"iss": "https://id.example", "aud": "collab2"}, False),
        ({"iss": "https://id.example", "aud": []}, False),
        ({"iss": "https://id.example", "aud": {"collab": 1}}, False),
        ({"iss": "https://id.example", "aud": 5}, False),
    ],
)
async def test_issuer_and_audience(given: dict[str, Any], taken: bool) -> None:
    wants_audience = "aud" in given or not taken
    authenticator = JwtAuthenticator(
        secret=SECRET, issuer="https://id.example", audience="collab" if wants_audience else None
    )
    token = forged({"alg": "HS256"}, claims(**given))
    if taken:
        assert (await authenticator.authenticate(token, None)).id == "ann"
    else:
        assert (await refusal(authenticator, token)).code == "unauthorized"


async def test_grants_are_read() -> None:
    grants = [
        {"documents": "team/*", "role": "viewer"},
        {"documents": "team/a", "role": "admin"},
        {"documents": "*", "role": "viewer"},
    ]
    identity = await JwtAuthenticator(secret=SECRET).authenticate(signed("HS256", claims(grants=grants)), None)
    assert identity.grants == (Grant("team/*", Role.VIEWER), Grant("team/a", Role.ADMIN), Grant("*", Role.VIEWER))
    assert identity.role_for("team/a") is Role.ADMIN
    without = await JwtAuthenticator(secret=SECRET).authenticate(signed("HS256", claims()), None)
    assert without.role_for("team/a") is None
    viewer = JwtAuthenticator(secret=SECRET, default_role=Role.VIEWER)
    assert (await viewer.authenticate(signed("HS256", claims()), None)).role_for("x") is Role.VIEWER


@pytest.mark.parametrize(
    "grants",
    [
        {}, "admin", 5, True, [1], [None], ["admin"], [[]], [["documents", "role"]], [{}], [{"documents": "*"}],
        [{"role": "admin"}], [{"documents": "*", "role": "owner"}], [{"documents": "*", "role": "ADMIN"}],
        [{"documents": "*", "role": 3}], [{"documents": "*", "role": None}], [{"documents": "*", "role": ["admin"]}],
        [{"documents": 5, "role": "admin"}], [{"documents": ["*"], "role": "admin"}], [{"documents": None, "role": "admin"}],
        [{"documents": "*" * 401, "role": "admin"}], [{"documents": "*", "role": "admin"}, {"documents": "*", "role": "king"}],
        [{"documents": "a", "role": "viewer"}] * 1001,
    ],
    ids=lambda grants: repr(grants)[:40],
)  # fmt: skip
async def test_faulty_grants_refuse_the_token_as_a_whole(grants: Any) -> None:
    token = forged({"alg": "HS256"}, {**claims(), "grants": grants})
    error = await refusal(JwtAuthenticator(secret=SECRET), token)
    assert error.code == "unauthorized"


async def test_a_token_says_nothing_to_those_who_may_not_know(capfd: pytest.CaptureFixture[str]) -> None:
    token = signed("HS256", claims(name="Secret Name"), key=OTHER_SECRET)
    error = await refusal(JwtAuthenticator(secret=SECRET), token)
    assert error.as_dict() == {"code": "unauthorized", "message": "This token is not valid.", "retryable": False}
    shown = "".join(capfd.readouterr())
    assert SECRET not in shown
    assert token.split(".")[1] not in shown


def test_keys_from_files(tmp_path: Any) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem(ED))
    identity = asyncio.run(JwtAuthenticator(public_key=str(file)).authenticate(signed("EdDSA", claims()), None))
    assert identity.id == "ann"
    for missing in (str(tmp_path / "nothing"), str(tmp_path)):
        with pytest.raises(ValueError, match="jwt-public-key"):
            JwtAuthenticator(public_key=missing)


@pytest.mark.parametrize(
    "text", ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "-----BEGIN", "a file"]
)
def test_a_key_that_cannot_be_read_is_noticed_at_the_start(tmp_path: Any, text: str) -> None:
    if text == "a file":
        text = str(tmp_path / "key.pem")
        (tmp_path / "key.pem").write_text("not a key")
    with pytest.raises(ValueError, match="jwt-public-key"):
        JwtAuthenticator(public_key=text)


@pytest.mark.parametrize("private", [ec.generate_private_key(ec.SECP384R1()), x25519.X25519PrivateKey.generate()])
def test_a_key_that_none_of_the_algorithms_can_use_is_noticed_at_the_start(private: Any) -> None:
    with pytest.raises(ValueError, match=r"jwt-public-key: .* verifies no token here; allowed: RSA"):
        JwtAuthenticator(public_key=pem(private))


@pytest.mark.parametrize("algorithm", KEYS)
def test_every_kind_of_key_is_taken(algorithm: str) -> None:
    identity = asyncio.run(
        JwtAuthenticator(public_key=pem(KEYS[algorithm])).authenticate(signed(algorithm, claims()), None)
    )
    assert identity.id == "ann"


async def test_a_grant_may_be_for_agents() -> None:
    authenticator = JwtAuthenticator(secret=SECRET)
    grants = [{"documents": "a", "role": "editor", "agent": True}, {"documents": "b", "role": "editor", "agent": False}]
    identity = await authenticator.authenticate(signed("HS256", claims(grants=grants)), None)
    assert (identity.is_agent("a"), identity.is_agent("b")) == (True, False)
    for agent in ("yes", 1, None):
        token = signed("HS256", claims(grants=[{"documents": "a", "role": "editor", "agent": agent}]))
        with pytest.raises(CollabError, match="unauthorized"):
            await authenticator.authenticate(token, None)
