"""Tokens: JSON Web Tokens with grants, verified by PyJWT.

Claims: ``sub``, ``name``, ``color``, ``exp`` (required), ``iss``/``aud`` as configured, and
``grants: [{"documents": "team/*", "role": "editor"}]``; one with ``"agent": true`` is for programs.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from collab.auth.base import Authenticator, ShownUser, clean_color, clean_name, is_subject
from collab.auth.published_keys import PublishedKeys
from collab.errors import CollabError
from collab.protocol.user_fields import usable_fields
from collab.types import Grant, Identity, Role

#: seconds by which the clocks of issuer and server may differ; a token is not good for longer by that
LEEWAY = 10
#: bytes of a token: what does not fit into a header is no token
MAX_TOKEN_BYTES = 16 * 1024
#: grants of one token: each is asked about each document
MAX_GRANTS = 1000
_SHARED_KEY = ["HS256"]
_PUBLIC_KEY = ["RS256", "ES256", "EdDSA"]
_KEY_KINDS = (RSAPublicKey, Ed25519PublicKey, Ed448PublicKey)
_KEYS_ALLOWED = "RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA), in PEM or a file of it"

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
        self._published = PublishedKeys(jwks_url) if jwks_url else None
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

    async def published_keys(self) -> int:
        """How many keys are published; 0 where nothing is to be published.

        Raises:
            ValueError: there are none to be had; says why.
        """
        if self._published is None:
            return 0
        try:
            keys = await self._published.fetch()
        except ValueError as error:
            raise ValueError(f"cannot be fetched: {error}") from None
        usable = sum(_useless_kind(key) is None for key in keys.values())
        if not usable:
            raise ValueError("publishes no key that verifies a token here")
        return usable

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
        if not is_subject(subject):
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
            fields=usable_fields(claims.get("shown")),
        )


def _pem(key: str) -> Any:
    text = key
    if "-----BEGIN" not in key:
        try:
            text = Path(key).read_text("ascii")
        except (OSError, UnicodeDecodeError):
            raise ValueError(
                f"jwt-public-key: {key!r} is neither PEM nor a file of it; allowed: {_KEYS_ALLOWED}"
            ) from None
    shown = "this" if text is key else repr(key)
    try:
        public = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"jwt-public-key: {shown} is not a public key in PEM; allowed: {_KEYS_ALLOWED}") from None
    useless = _useless_kind(public)
    if useless is not None:
        raise ValueError(
            f"jwt-public-key: {shown} is a key of {useless}, which verifies no token here; allowed: {_KEYS_ALLOWED}"
        )
    return public


def _useless_kind(key: Any) -> str | None:
    """What a public key is called that none of our algorithms can use; None for one that can be used."""
    if isinstance(key, EllipticCurvePublicKey):
        return None if key.curve.name == SECP256R1.name else key.curve.name
    return None if isinstance(key, _KEY_KINDS) else type(key).__name__.removesuffix("PublicKey")


def _grants(value: Any) -> tuple[Grant, ...]:
    if not isinstance(value, list) or len(value) > MAX_GRANTS:
        raise CollabError("unauthorized", "The grants of this token cannot be read.")
    grants = []
    for item in value:
        try:
            pattern, role = item["documents"], Role.parse(item["role"])
            agent = item.get("agent", False)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise CollabError("unauthorized", "The grants of this token cannot be read.") from None
        if not isinstance(pattern, str) or len(pattern) > 400 or not isinstance(agent, bool):
            raise CollabError("unauthorized", "The grants of this token cannot be read.")
        grants.append(Grant(pattern, role, agent))
    return tuple(grants)
