"""What every authenticator does, and what becomes of each bad token.

Tokens that PyJWT's own encoder would refuse to make are put together by hand: an attacker does the same.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.auth.anonymous import AnonymousAuthenticator
from collab.auth.base import MAX_NAME, Authenticator, ShownUser
from collab.auth.jwt import JWKS_LIFESPAN, LEEWAY, MAX_TOKEN_BYTES, JwtAuthenticator
from collab.errors import CollabError
from collab.types import Grant, Identity, Role

SECRET = "a secret of more than thirty-two bytes"
OTHER_SECRET = "another secret of more than thirty-two bytes"
#: seconds that PyJWKClient waits before it looks for an unknown key again
COOLDOWN = 30.0

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, Any] = {"RS256": RSA, "ES256": EC, "EdDSA": ED}


def pem(private: Any) -> str:
    """The public half of a key, as an operator would paste it."""
    return str(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def claims(**more: Any) -> dict[str, Any]:
    """The claims of a good token; None takes one away."""
    values = {"sub": "ann", "exp": int(time.time()) + 600, **more}
    return {key: value for key, value in values.items() if value is not None}


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: Any, payload: Any, key: bytes = SECRET.encode()) -> str:
    """A token with any header and payload, signed with HMAC whatever it claims."""
    text = f"{segment(header)}.{segment(payload)}"
    return f"{text}.{segment(hmac.new(key, text.encode(), hashlib.sha256).digest())}"


def signed(algorithm: str, values: dict[str, Any], *, key: Any = None, kid: str | None = None) -> str:
    key = key or (SECRET if algorithm == "HS256" else KEYS[algorithm])
    return jwt.encode(values, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


async def refusal(authenticator: Authenticator, token: str | None) -> CollabError:
    """The error that a token gets; fails where it gets none, or another exception."""
    try:
        identity = await authenticator.authenticate(token, None)
    except CollabError as error:
        return error
    raise AssertionError(f"taken: {identity}")


class KeyServer:
    """Publishes keys as JWKS over HTTP; what it answers can be changed at any time."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.fetches = 0
        #: html, reset, 500; empty: the keys
        self.trouble = ""
        self.gate = threading.Event()
        self.gate.set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.fetches += 1
                owner.gate.wait(10)
                with contextlib.suppress(OSError):
                    owner._answer(self)

            def log_message(self, *_args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys.json"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def publish(self, **keys: Any) -> None:
        """Replace all keys: kid -> private key, or a JWK."""
        self.keys = {kid: key if isinstance(key, dict) else self._jwk(kid, key) for kid, key in keys.items()}

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @staticmethod
    def _jwk(kid: str, private: Any) -> dict[str, Any]:
        algorithm = next(name for name, key in KEYS.items() if type(key) is type(private))
        algorithms = jwt.algorithms.get_default_algorithms()
        return {**algorithms[algorithm].to_jwk(private.public_key(), as_dict=True), "kid": kid, "use": "sig"}  # type: ignore[call-arg]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if self.trouble == "reset":
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n{")
            handler.wfile.flush()
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            return
        body = json.dumps({"keys": list(self.keys.values())}).encode()
        if self.trouble == "html":
            body = b"<html>Please try again later</html>"
        handler.send_response(500 if self.trouble == "500" else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture(scope="module")
def module_key_server() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def key_server(module_key_server: KeyServer) -> KeyServer:
    """As new."""
    module_key_server.publish(one=RSA)
    module_key_server.fetches = 0
    module_key_server.trouble = ""
    return module_key_server


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """``later(seconds)`` sets PyJWKClient's clock ahead."""
    ahead = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead, time=time.time)
    monkeypatch.setattr("jwt.jwks_client.time", clock)
    monkeypatch.setattr("jwt.jwk_set_cache.time", clock)
    monkeypatch.setattr("collab.auth.jwt.time", clock)

    def later(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    return later


# -- the port: what every adapter does --------------------------------------------------------------

Adapter = tuple[Authenticator, Callable[[dict[str, Any]], str]]


@pytest.fixture(params=["anonymous", "secret", "pem-RS256", "pem-ES256", "pem-EdDSA", "jwks-RS256", "jwks-EdDSA"])
def adapter(request: pytest.FixtureRequest, key_server: KeyServer) -> Adapter:
    """An authenticator, and a function that mints tokens for it."""
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


async def test_a_good_token_is_taken(adapter: Adapter) -> None:
    authenticator, mint = adapter
    await authenticator.open()
    identity = await authenticator.authenticate(
        mint(claims(name="Ann", grants=[{"documents": "team/*", "role": "editor"}])), ShownUser("Eve", "#000000")
    )
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


@settings(max_examples=60, deadline=None)
@given(name=st.one_of(st.none(), st.text(max_size=300)), color=st.one_of(st.none(), st.text(max_size=80)))
def test_shown_names_and_colours_are_harmless(name: str | None, color: str | None) -> None:
    for authenticator, token in (
        (AnonymousAuthenticator(Role.VIEWER), None),
        (JwtAuthenticator(secret=SECRET), forged({"alg": "HS256"}, claims(name=name, color=color))),
    ):
        user = asyncio.run(authenticator.authenticate(token, ShownUser(name, color)))
        assert 1 <= len(user.name) <= MAX_NAME
        assert user.name.isprintable()
        assert user.name == user.name.strip()
        assert not set(user.color) & set("<>\"'&;{}\\"), "a colour ends up in style attributes"
        json.dumps(user.as_user()).encode()


# -- anonymous --------------------------------------------------------------------------------------


async def test_anonymous_people_get_the_same_role_everywhere() -> None:
    for role in Role:
        identity = await AnonymousAuthenticator(role).authenticate(None, None)
        assert identity.role_for("any/thing") is role
        assert (identity.id, identity.expires_at, identity.as_user().keys()) == (None, None, {"name", "color"})


async def test_anonymous_people_are_called_what_they_say_and_keep_their_colour() -> None:
    authenticator = AnonymousAuthenticator(Role.EDITOR)
    one, again = [await authenticator.authenticate(None, ShownUser("Ann", None)) for _ in range(2)]
    assert one.name == "Ann"
    assert one.color == again.color
    assert (await authenticator.authenticate(None, ShownUser("Ann", "rebeccapurple"))).color == "rebeccapurple"
    assert (await authenticator.authenticate(None, ShownUser("Ann", "url(javascript:x)"))).color == one.color
    assert (await authenticator.authenticate(None, ShownUser(" \u202e\n", None))).name == "Anonymous"


# -- algorithms -------------------------------------------------------------------------------------


def authenticator_for(kind: str, key_server: KeyServer) -> JwtAuthenticator:
    if kind == "secret":
        return JwtAuthenticator(secret=SECRET)
    if kind == "jwks":
        key_server.publish(rsa=RSA, ec=EC, ed=ED)
        return JwtAuthenticator(jwks_url=key_server.url)
    return JwtAuthenticator(public_key=pem(KEYS[kind]))


@pytest.mark.parametrize("kind", ["secret", "RS256", "ES256", "EdDSA", "jwks"])
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, ["HS256"], {"HS256": 1}, "HS1", "HS384", "RS512", "PS256"])
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
    "header", [{"jwk": 1}, {"jku": 1}, {"x5u": 1}, {"crit": ["x"]}, {"crit": ["b64"], "b64": False}, {"kid": 5}, {"kid": ["one"]}]
)
async def test_a_token_cannot_bring_its_own_key(key_server: KeyServer, header: dict[str, Any]) -> None:
    values = {"jwk": key_server._jwk("one", OTHER_RSA), "jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/"}
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


# -- claims -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": -1}, "token_expired"),
        ({"exp": -10**9}, "token_expired"),
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


@pytest.mark.parametrize("payload", [[], "text", 5, None, True, b"\xff", b"{", b"[" * 10_000, b'{"sub":"a","sub":5,"exp":9e9}'])
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
    grants = [{"documents": "team/*", "role": "viewer"}, {"documents": "team/a", "role": "admin"}, {"documents": "*", "role": "viewer"}]
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


# -- keys -------------------------------------------------------------------------------------------


def test_keys_from_files(tmp_path: Any) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem(ED))
    identity = asyncio.run(JwtAuthenticator(public_key=str(file)).authenticate(signed("EdDSA", claims()), None))
    assert identity.id == "ann"
    for missing in (str(tmp_path / "nothing"), str(tmp_path)):
        with pytest.raises(ValueError, match="jwt-public-key"):
            JwtAuthenticator(public_key=missing)


@pytest.mark.parametrize("text", ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "-----BEGIN", "a file"])
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
    identity = asyncio.run(JwtAuthenticator(public_key=pem(KEYS[algorithm])).authenticate(signed(algorithm, claims()), None))
    assert identity.id == "ann"


@pytest.mark.parametrize("url", ["ftp://id.example/keys", "file:///etc/passwd"])
def test_keys_are_published_over_http_or_not_at_all(url: str) -> None:
    with pytest.raises(ValueError, match="jwt-jwks-url"):
        JwtAuthenticator(jwks_url=url)


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
    later(JWKS_LIFESPAN + 1)
    assert (await refusal(authenticator, old)).code == "unauthorized"
    assert (await authenticator.authenticate(signed("EdDSA", claims(), kid="two"), None)).id == "ann"


async def test_a_key_that_changed_under_its_name(key_server: KeyServer, later: Callable[[float], None]) -> None:
    authenticator = JwtAuthenticator(jwks_url=key_server.url)
    old = signed("RS256", claims(), kid="one")
    await authenticator.authenticate(old, None)
    key_server.publish(one=EC)
    later(JWKS_LIFESPAN + 1)
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
