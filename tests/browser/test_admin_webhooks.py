"""The admin page in a browser: who is told what, whether it arrives, and what can be done where it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

import pytest

from tests.browser.pages import OpenPage, Screenshot, expect
from tests.support.ports import free_port
from tests.support.receiver import SECRET
from tests.support.server import CollabServer


class Told(BaseHTTPRequestHandler):
    """Answers every message with a status."""

    status = 204

    def do_POST(self) -> None:
        """Called by the server of the standard library."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *words: object) -> None:
        """Nothing is printed."""


@contextmanager
def told() -> Iterator[tuple[str, type[Told]]]:
    """A system that is told what happens: its address, and what it answers with."""
    answering = type("Answering", (Told,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answering)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks/collab", answering
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make(server: CollabServer, name: str) -> None:
    with urlopen(Request(f"{server.url}/api/v1/documents/{name}", method="PUT")) as answer:
        assert answer.status == 201


@pytest.mark.timeout(240)
def test_webhooks_are_seen_tested_and_enabled_again(open_page: OpenPage, screenshot: Screenshot) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/nobody"
    with told() as (url, system):
        tables = [
            {"url": url, "secret": SECRET},
            {"url": nobody, "secret": SECRET, "events": ["document.created"], "documents": ["team-*"]},
        ]
        server = CollabServer(args=["--webhooks", json.dumps(tables)])
        server.start()
        try:
            page = open_page(f"{server.url}/admin")
            good = page.locator("#webhooks tbody tr").filter(has_text=url)
            bad = page.locator("#webhooks tbody tr").filter(has_text=nobody)
            expect(good).to_contain_text("everything")
            expect(bad).to_contain_text("document.created in team-*")
            expect(good.locator(".answer")).to_have_text("none of this node")
            make(server, "notes")
            expect(good.locator(".answer")).to_have_text(re.compile(r"^HTTP 204, .+ ago$"))
            expect(good.locator(".tag")).to_have_text("on")

            make(server, "team-notes")
            expect(bad.locator(".tag")).to_have_text("failing")
            expect(bad.locator("td").nth(2)).to_have_text(re.compile("^1 for "))
            expect(bad.get_by_role("button", name="Resend")).to_be_visible()
            bad.get_by_role("button", name="Test").click()
            expect(page.locator("#toast")).to_contain_text("did not arrive")

            system.status = 410
            make(server, "gone")
            expect(good.locator(".tag")).to_have_text("disabled")
            expect(page.locator("#webhooks-count")).to_have_text(re.compile("wait to be delivered$"))
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.locator("#webhooks-card").scroll_into_view_if_needed()
                screenshot(page, f"admin-webhooks-{scheme}")
            phone = open_page(f"{server.url}/admin", name="Phone", size=(390, 844), color_scheme="dark")
            expect(phone.locator("#webhooks").get_by_role("button", name="Enable")).to_be_visible()
            for part in ("document.documentElement", "document.querySelector('#webhooks').parentElement"):
                assert phone.evaluate(f"{part}.scrollWidth <= {part}.clientWidth"), "nothing stands out"
            phone.locator("#webhooks-card").scroll_into_view_if_needed()
            screenshot(phone, "admin-webhooks-phone")

            system.status = 204
            good.get_by_role("button", name="Enable").click()
            expect(good.locator(".tag")).to_have_text("on")
            expect(good.locator("td").nth(2)).to_have_text("0")
            good.get_by_role("button", name="Test").click()
            expect(page.locator("#toast")).to_contain_text("The test arrived")
        finally:
            server.kill()


def test_without_webhooks_nothing_is_said_of_them(open_page: OpenPage) -> None:
    server = CollabServer()
    server.start()
    try:
        page = open_page(f"{server.url}/admin")
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator("#webhooks-card")).to_be_hidden()
    finally:
        server.kill()
