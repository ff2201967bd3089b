"""Tokens, good and bad, and a server that publishes keys.

Tokens that PyJWT's own encoder would refuse to make are put together by hand: an attacker does the same.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from collab.auth.base import Authenticator
from collab.errors import CollabError

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
        self.publish(one=RSA)
        self.fetches = 0
        #: html, reset, 500, endless; empty: the keys
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
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def publish(self, **keys: Any) -> None:
        """Replace all keys: kid -> private key, or a JWK."""
        self.keys = {kid: key if isinstance(key, dict) else self.jwk(kid, key) for kid, key in keys.items()}

    def __enter__(self) -> KeyServer:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @staticmethod
    def jwk(kid: str, private: Any) -> dict[str, Any]:
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
        if self.trouble == "endless":
            handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
            while True:
                handler.wfile.write(b" " * 65_536)
        body = json.dumps({"keys": list(self.keys.values())}).encode()
        if self.trouble == "html":
            body = b"<html>Please try again later</html>"
        handler.send_response(500 if self.trouble == "500" else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def clock_ahead(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """``later(seconds)``, which sets the clock of the authenticators ahead."""
    ahead = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead, time=time.time)
    monkeypatch.setattr("collab.auth.published_keys.time", clock)
    monkeypatch.setattr("collab.auth.jwt.time", clock)

    def later(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    return later
