"""kill -9 while a document is deleted, brought back, or erased: it is there whole, or gone whole (rules D14, D15)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.api import http_session
from tests.support.server import CollabServer

#: failpoint -> what is asked for when the process ends there, and where the document is afterwards
CASES = {
    "delete.before_commit": (("DELETE", ""), "alive"),
    "delete.after_commit": (("DELETE", ""), "trash"),
    "undelete.before_commit": (("POST", "/undelete"), "trash"),
    "purge.before_commit": (("DELETE", "?forever=true"), "trash"),
}


async def call(http: aiohttp.ClientSession, server: CollabServer, method: str, path: str, json: Any = None) -> Any:
    async with http.request(method, f"{server.url}/api/v1{path}", json=json) as response:
        body = await response.json(content_type=None) if response.status != 204 else None
        return response.status, body


@pytest.mark.parametrize("point", CASES)
async def test_a_document_is_there_whole_or_gone_whole(tmp_path: Path, point: str) -> None:
    (method, more), place = CASES[point]
    server = CollabServer(f"sqlite:///{tmp_path}/store.db")
    notes = "/documents/notes"
    edit = {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "dear "}]}
    async with http_session() as http:
        try:
            server.start()
            for _ in range(3):
                assert (await call(http, server, "PATCH", notes + "/content", edit))[0] == 200
            assert (await call(http, server, "POST", notes + "/versions", {"name": "kept"}))[0] == 201
            if place == "trash" and not point.startswith("delete"):
                assert (await call(http, server, "DELETE", notes))[0] == 204
            server.kill()
            server.env = {"COLLAB_FAILPOINT": point}
            server.start()
            with pytest.raises(aiohttp.ClientError):
                await call(http, server, method, notes + more)
            server.kill()
            server.env = {}
            server.start()
            if place == "trash":
                assert (await call(http, server, "GET", notes))[0] == 404
                assert (await call(http, server, "POST", notes + "/undelete"))[0] == 200
            status, content = await call(http, server, "GET", notes + "/content")
            assert (status, content) == (200, {"body": "dear dear dear "})
            _, found = await call(http, server, "GET", notes + "/versions")
            assert [each["name"] for each in found["versions"]] == ["kept"]
            assert (await call(http, server, "PATCH", notes + "/content", edit))[0] == 200
        finally:
            server.kill()
