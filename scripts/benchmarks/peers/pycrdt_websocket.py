"""pycrdt-websocket's ASGI server on uvicorn and uvloop; documents in memory.

Runs in an environment of its own (see ``requirements.txt``), never in the project's.
"""

# mypy: ignore-errors

import asyncio
import logging
import socket

import uvicorn
import uvloop
from pycrdt.websocket import ASGIServer, WebsocketServer


async def main() -> None:
    """Serve until the process is ended; prints the port first."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    async with WebsocketServer(log=logging.getLogger("peer")) as documents:
        # Deflate off, as everywhere else in this comparison.
        config = uvicorn.Config(ASGIServer(documents), log_level="error", ws_per_message_deflate=False, lifespan="off")
        print(f"listening on {listener.getsockname()[1]}", flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])


uvloop.install()
asyncio.run(main())
