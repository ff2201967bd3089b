"""Tokens: JSON Web Tokens with grants, verified by PyJWT.

Claims: ``sub``, ``name``, ``color``, ``exp`` (required), ``iss``/``aud`` as configured, and
``grants: [{"documents": "team/*", "role": "editor"}]``.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import jwt
import structlog
from jwt import PyJWKClient

from collab.auth.base import Authenticator, ShownUser, clean_color, clean_name
from collab.errors import CollabError
from collab.types import Grant, Identity, Role

#: seconds that clocks may differ
LEEWAY = 10
#: seconds that fetched keys are used before they are fetched again
JWKS_LIFESPAN = 300
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
        self._jwks = PyJWKClient(jwks_url, lifespan=JWKS_LIFESPAN, timeout=5) if jwks_url else None
        self._issuer = issuer
        self._audience = audience
        self._default_role = default_role
        self._fetching = asyncio.Lock()

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
        except jwt.ExpiredSignatureError:
            raise CollabError("token_expired") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            # Which check failed is for the operator; a client learns only that it did.
            _log.info("token refused", reason=type(error).__name__)
            raise CollabError("unauthorized", "This token is not valid.") from None
        return self._identity(claims)

    async def _key(self, token: str) -> tuple[Any, list[str]]:
        if self._secret is not None:
            return self._secret, _SHARED_KEY
        if self._jwks is None:
            return self._public_key, _PUBLIC_KEY
        async with self._fetching:  # one fetch serves everybody who waits for it
            try:
                found = await asyncio.to_thread(self._jwks.get_signing_key_from_jwt, token)
            except jwt.PyJWKClientConnectionError:
                _log.error("keys cannot be fetched")
                raise CollabError("internal", "Sign-in cannot be checked right now.", retry_after=5) from None
        return found.key, _PUBLIC_KEY

    def _identity(self, claims: dict[str, Any]) -> Identity:
        subject = claims["sub"]
        name = claims.get("name")
        color = claims.get("color")
        return Identity(
            id=subject,
            name=clean_name(name if isinstance(name, str) else None, subject),
            color=clean_color(color if isinstance(color, str) else None, subject),
            grants=_grants(claims.get("grants", [])),
            default_role=self._default_role,
            expires_at=float(claims["exp"]),
            claims=claims,
        )


def _pem(key: str) -> str:
    if "-----BEGIN" in key:
        return key
    try:
        return Path(key).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"jwt-public-key: {key!r} is neither PEM nor a file of it") from None


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
