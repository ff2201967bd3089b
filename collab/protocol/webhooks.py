"""What is sent to other systems over HTTP is signed as Standard Webhooks are (https://www.standardwebhooks.com)."""

from __future__ import annotations

import math
from base64 import b64decode
from datetime import UTC, datetime

from standardwebhooks import Webhook

#: what a secret looks like, for whoever has given something else
ALLOWED = "whsec_ and base64, best of 24 to 64 random bytes"


def is_secret(text: str) -> bool:
    """Whether ``text`` is a secret of Standard Webhooks; the library takes any text, and drops what is no base64."""
    encoded = text.removeprefix("whsec_")
    try:
        return bool(b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))
    except ValueError:
        return False


class Signer:
    """Signs with one secret.

    Args:
        secret: see :func:`is_secret`.
    """

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)

    def headers(self, id: str, body: bytes, at: datetime | None = None) -> dict[str, str]:
        """What goes with a JSON body: its id, when it was sent (now by default), and the signature of all three."""
        at = at or datetime.now(UTC)
        return {
            "Content-Type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(math.floor(at.timestamp())),
            "webhook-signature": self._webhook.sign(id, at, body.decode()),
        }
