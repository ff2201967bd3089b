"""The pages of the demo: only what was built, with headers that let nothing from elsewhere run."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from collab.doors.http import pages
from collab.doors.http.pages import CONTENT_SECURITY_POLICY, add_routes

SCRIPT = b"console.log('a script that is long enough to be worth it')" * 20


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestServer]:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "client").mkdir()
    (static / "client" / "collab-client.js").write_bytes(SCRIPT)
    (static / "client" / "collab-client.tgz").write_bytes(gzip.compress(b"a package"))
    (static / "index.html").write_text("<title>é</title>")
    (static / "icon.svg").write_text("<svg/>")
    (static / "assets" / "a-1234.js").write_bytes(SCRIPT)
    (static / "assets" / "a-1234.woff2").write_bytes(SCRIPT)
    (static / "assets" / "a-1234.unheard").write_bytes(b"x")
    (tmp_path / "secret.txt").write_text("secret")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    monkeypatch.setattr(pages, "_STATIC", static)
    pages._gzipped.cache_clear()
    app = web.Application()
    add_routes(app)
    async with TestServer(app) as server:
        yield server
    pages._gzipped.cache_clear()


async def get(
    server: TestServer, path: str, encoding: str = "identity", more: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """An answer as it came over the wire."""
    url = URL(str(server.make_url("/")).rstrip("/") + path, encoded=True)
    async with (
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(url, headers={"Accept-Encoding": encoding, **(more or {})}) as response,
    ):
        return response.status, await response.read(), dict(response.headers)


@pytest.mark.parametrize("path", ["/", "/d/notes", "/d/team/notes%3F"])
async def test_the_page_is_the_same_for_every_document_and_asked_for_anew(server: TestServer, path: str) -> None:
    status, body, headers = await get(server, path)
    assert (status, body) == (200, "<title>é</title>".encode())
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/icon.svg", "/assets/a-1234.js", "/assets/a-1234.woff2"])
async def test_nothing_from_elsewhere_runs_on_them(server: TestServer, path: str) -> None:
    _, _, headers = await get(server, path, "gzip")
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    policy = dict(rule.strip().split(" ", 1) for rule in CONTENT_SECURITY_POLICY.split(";"))
    assert policy["default-src"] == policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"


@pytest.mark.parametrize(
    ("path", "content_type", "forever"),
    [
        ("/icon.svg", "image/svg+xml", False),
        ("/assets/a-1234.js", "text/javascript; charset=utf-8", True),
        ("/assets/a-1234.woff2", "font/woff2", True),
        ("/client/collab-client.js", "text/javascript; charset=utf-8", False),
        ("/client/collab-client.tgz", "application/gzip", False),
        ("/assets/a-1234.unheard", "application/octet-stream", True),
    ],
)
async def test_files_are_kept_where_their_name_changes_with_them(
    server: TestServer, path: str, content_type: str, forever: bool
) -> None:
    status, _, headers = await get(server, path)
    assert (status, headers["Content-Type"]) == (200, content_type)
    assert ("immutable" in headers["Cache-Control"]) is forever
    assert (headers["Cache-Control"] == "no-cache") is not forever


async def test_scripts_go_out_small_to_whoever_can_read_them_so(server: TestServer) -> None:
    status, body, headers = await get(server, "/assets/a-1234.js", "gzip, br")
    assert (status, headers["Content-Encoding"], headers["Vary"]) == (200, "gzip", "Accept-Encoding")
    assert gzip.decompress(body) == SCRIPT
    assert len(body) < len(SCRIPT)
    _, body, headers = await get(server, "/assets/a-1234.js")
    assert (body, headers["Vary"]) == (SCRIPT, "Accept-Encoding")
    assert "Content-Encoding" not in headers
    _, body, headers = await get(server, "/assets/a-1234.woff2", "gzip")
    assert body == SCRIPT, "what is small already is not made so"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_pages_of_other_origins_load_the_client_and_ask_whether_it_is_another(
    server: TestServer, encoding: str
) -> None:
    for path in ("/client/collab-client.js", "/client/collab-client.tgz"):
        status, body, headers = await get(server, path, encoding)
        assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert body[:2] == b"\x1f\x8b" or encoding == "identity"
        status, body, headers = await get(
            server, path, encoding, {"If-None-Match": headers.get("Etag") or headers["ETag"]}
        )
        assert (status, body, headers["Access-Control-Allow-Origin"]) == (304, b"", "*")
    _, _, headers = await get(server, "/icon.svg", encoding)
    assert "Access-Control-Allow-Origin" not in headers


async def test_the_package_arrives_as_it_is(server: TestServer) -> None:
    _, body, headers = await get(server, "/client/collab-client.tgz", "gzip")
    assert "Content-Encoding" not in headers
    assert gzip.decompress(body) == b"a package"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing.js", "/assets", "/assets/", "/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/link.txt",
        "/a%00b", "//etc/passwd", "/%2fetc%2fpasswd", "/d", "/d/",
    ],
)  # fmt: skip
@pytest.mark.slow
async def test_there_is_nothing_else(server: TestServer, path: str) -> None:
    status, body, _ = await get(server, path)
    assert status == 404
    assert b"secret" not in body


@pytest.mark.parametrize("name", ["a" * 256, "a" * 5000, "a/" * 3000, "%00", "assets/" + "%F0%9F%98%80" * 100])
async def test_what_can_be_no_file_is_not_found(server: TestServer, name: str) -> None:
    status, _, _ = await get(server, f"/{name}")
    assert status == 404
