"""collab: a Socket.IO-compatible collaborative editing server."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from collab._version import __version__

if TYPE_CHECKING:
    from collab.app import create_app

__all__ = ["__version__", "create_app"]


def __getattr__(name: str) -> Any:
    """``create_app`` brings the server with it, which clients and the command line do not need."""
    if name == "create_app":
        return import_module("collab.app").create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
