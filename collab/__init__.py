"""collab: a Socket.IO-compatible collaborative editing server."""

__version__ = "0.1.0"
