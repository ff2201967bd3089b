"""The fixtures of the wire tests, for those who attack."""

from __future__ import annotations

from tests.wire.conftest import api, connect, http, serve

__all__ = ["api", "connect", "http", "serve"]
