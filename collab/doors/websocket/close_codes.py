"""With which code a WebSocket is closed, by the code of the error; the reason is the error's word.

4400 to 4499 mean "do not come back as you are" (y-websocket 3 and later stop there); all others are retried.
"""

from __future__ import annotations

from collab.errors import CollabError

#: what a peer cannot help: come back later (RFC 6455's registry)
TRY_AGAIN_LATER = 1013
PROTOCOL_FAULT = 1002

_FINAL = {
    "unauthorized": 4401,
    "forbidden": 4403,
    "read_only": 4403,
    "invalid_document": 4404,
    "not_found": 4404,
    "token_expired": 4408,
    "document_deleted": 4410,
    "document_too_large": 4413,
    "rate_limited": 4429,
}


def close_code(error: CollabError) -> int:
    """The code for a connection that ends because of ``error``."""
    if error.code == "unauthorized" and error.retryable:  # whoever says so could not be asked
        return TRY_AGAIN_LATER
    return _FINAL.get(error.code, TRY_AGAIN_LATER)
