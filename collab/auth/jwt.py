"""Tokens: JSON Web Tokens with grants, verified by PyJWT.

Claims: ``sub``, ``name``, ``color``, ``exp`` (required), ``iss``/``aud`` as configured, and
``grants: [{"documents": "team/*", "role": "editor"}]``.
"""

from __future__ import annotations

import asyncio
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any

import jwt
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWKClient

from collab.auth.base import Authenticator, ShownUser, clean_color, clean_name
from collab.errors import CollabError
from collab.types import Grant, Identity, Role

#: seconds by which the clocks of issuer and server may differ; a token is not good for longer by that
LEEWAY = 10
#: seconds that fetched keys are used before they are fetched again
JWKS_LIFESPAN = 300
#: seconds between two fetches for ids that are not published
JWKS_COOLDOWN = 10
MAX_TOKEN_BYTES = 16 * 1024
MAX_GRANTS = 1000
_SHARED_KEY = ["HS256"]
_PUBLIC_KEY = ["RS256", "ES256", "EdDSA"]

_log = structlog.get_logger("collab.auth")


class JwtAuthenticator(Authenticator):
    """Verifies tokens with a shared secret, a public key, or keys that are published as JWKS.

    Args:
        secret: of HS256 tokens.
        public_key: PEM, or the path of a PEM file; RS256, ES256, EdDSA.
        jwks_url: where public keys are published; fetched again for an unknown ``kid``.
        issuer, audience: what tokens must say, where given.
        default_role: role without a grant (None: no access).
    """

    def __init__(
        self,
        *,
        secret: str | None = None,
        public_key: str | None = None,
        jwks_url: str | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        default_role: Role | None = None,
    ) -> None:
        self._secret = secret
        self._public_key = _pem(public_key) if public_key is not None else None
        self._published = _PublishedKeys(jwks_url) if jwks_url else None
        self._issuer = issuer
        self._audience = audience
        self._default_role = default_role

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        """See :class:`Authenticator`; a missing token is ``unauthorized``."""
        if not token:
            raise CollabError("unauthorized")
        if len(token) > MAX_TOKEN_BYTES:
            raise CollabError("unauthorized", "This token is too long.")
        try:
            key, algorithms = await self._key(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": self._audience is not None,
                    "verify_iss": self._issuer is not None,
                },
            )
            return self._identity(claims)
        except jwt.ExpiredSignatureError:
            raise CollabError("token_expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            # Which check failed is for the operator; a client learns only that it did.
            _log.info("token refused", reason=type(error).__name__)
            raise CollabError("unauthorized", "This token is not valid.") from None

    async def _key(self, token: str) -> tuple[Any, list[str]]:
        if self._secret is not None:
            return self._secret, _SHARED_KEY
        if self._published is not None:
            return await self._published.key(jwt.get_unverified_header(token).get("kid")), _PUBLIC_KEY
        return self._public_key, _PUBLIC_KEY

    def _identity(self, claims: dict[str, Any]) -> Identity:
        expires_at = float(claims["exp"])
        if expires_at <= time.time():
            raise jwt.ExpiredSignatureError
        subject = claims["sub"]
        if not subject or clean_name(subject, "") == "" or subject != subject.encode("utf-8", "replace").decode():
            raise jwt.InvalidTokenError("the subject is not a name")
        name = claims.get("name")
        color = claims.get("color")
        return Identity(
            id=subject,
            name=clean_name(name if isinstance(name, str) else None, subject),
            color=clean_color(color if isinstance(color, str) else None, subject),
            grants=_grants(claims.get("grants", [])),
            default_role=self._default_role,
            expires_at=expires_at,
            claims=claims,
        )


class _PublishedKeys:
    """Keys from a JWKS URL; one fetch serves everybody who waits, and nobody waits for others' unknown keys."""

    def __init__(self, url: str) -> None:
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=5)
        self._keys: dict[str | None, Any] = {}
        self._fetched_at: float | None = None
        self._fetching = asyncio.Lock()

    async def key(self, kid: str | None) -> Any:
        """The key with the id ``kid``; fetches where it is unknown, or what is known is old.

        Raises:
            jwt.PyJWTError: there is no such key.
            CollabError: ``internal`` where keys cannot be fetched.
        """
        if not self._usable(kid):
            async with self._fetching:
                if not self._usable(kid) and self._may_fetch():
                    await self._fetch()
        if kid not in self._keys:
            raise jwt.PyJWKClientError("no key of this id is published")
        return self._keys[kid]

    def _usable(self, kid: str | None) -> bool:
        return kid in self._keys and self._age() < JWKS_LIFESPAN

    def _may_fetch(self) -> bool:
        """Unknown ids cost nobody a fetch more often than this."""
        return self._age() >= JWKS_COOLDOWN

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else time.monotonic() - self._fetched_at

    async def _fetch(self) -> None:
        try:
            published = await asyncio.to_thread(self._client.get_jwk_set)
        except (jwt.PyJWTError, OSError, HTTPException, ValueError) as error:
            _log.error("keys cannot be fetched", reason=type(error).__name__)
            raise CollabError("internal", "Sign-in cannot be checked right now.", retry_after=5) from None
        self._fetched_at = time.monotonic()
        self._keys = {
            key.key_id: key.key for key in published.keys if key.public_key_use in ("sig", None)
        }


def _pem(key: str) -> Any:
    text = key
    if "-----BEGIN" not in key:
        try:
            text = Path(key).read_text("ascii")
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"jwt-public-key: {key!r} is neither PEM nor a file of it") from None
    try:
        return load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("jwt-public-key: this is not a public key in PEM") from None


def _grants(value: Any) -> tuple[Grant, ...]:
    if not isinstance(value, list) or len(value) > MAX_GRANTS:
        raise CollabError("unauthorized", "The grants of this token cannot be read.")
    grants = []
    for item in value:
        try:
            pattern, role = item["documents"], Role.parse(item["role"])
        except (KeyError, TypeError, ValueError):
            raise CollabError("unauthorized", "The grants of this token cannot be read.") from None
        if not isinstance(pattern, str) or len(pattern) > 400:
            raise CollabError("unauthorized", "The grants of this token cannot be read.")
        grants.append(Grant(pattern, role))
    return tuple(grants)
