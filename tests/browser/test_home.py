"""The home page: it invites only to what may be done, and its list is one's own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.pages import SECRET, OpenPage, Screenshot, operate, saved, token, write


@pytest.mark.parametrize(
    ("sign_in", "beginning"),
    [
        pytest.param({"documents": "*"}, "", id="everywhere"),
        pytest.param({"documents": "team/*"}, "team/", id="a folder"),
        pytest.param({"documents": "notes-*"}, "notes-", id="a beginning"),
        pytest.param({"documents": "plan"}, None, id="one document"),
        pytest.param({"role": "viewer"}, None, id="viewer"),
        pytest.param(None, None, id="stranger"),
    ],
)
def test_people_are_invited_to_what_they_may_do(
    start_server: Any,
    open_page: OpenPage,
    screenshot: Screenshot,
    sign_in: dict[str, str] | None,
    beginning: str | None,
) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    page = open_page(server.url + ("" if sign_in is None else f"/#token={token(**sign_in)}"))  # type: ignore[arg-type]
    if beginning is None:
        expect(page.locator(".no-invitation")).to_be_visible()
        expect(page.locator(".card")).to_have_count(0)
        screenshot(page, f"home-{'stranger' if sign_in is None else 'no-invitation'}")
        if sign_in is not None:
            # Nor does any other page invite.
            page.goto(f"{server.url}/d/plan")
            page.get_by_label("Menu").click()
            page.get_by_role("menuitem", name="New document").click()
            expect(page.locator(".toasts")).to_contain_text("not make new documents")
        return
    page.locator(".card[data-kind=board]").click()
    expect(page).to_have_url(re.compile(rf"/d/{beginning}board-\w{{10}}$"))
    saved(page)
    expect(page.locator(".title")).to_have_value(re.compile("Untitled board$" if beginning != "notes-" else "board-"))
    page.get_by_label("Menu").click()
    first = page.url
    page.get_by_role("menuitem", name="New document").click()
    expect(page).not_to_have_url(first)
    expect(page).to_have_url(re.compile(rf"/d/{beginning}board-\w{{10}}"))
    saved(page)


def test_a_document_that_is_taken_off_the_list_is_off_it(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    for name in ("stays", "goes"):
        operate(shared_server, name, [{"op": "map.set", "path": "/meta/kind", "value": "code"}])
    page = open_page(f"{shared_server.url}/d/goes")
    saved(page)
    page.goto(shared_server.url)
    row = page.locator(".document-row", has_text="goes")
    for undone in (True, False):
        row.get_by_role("button").click()
        expect(row).to_have_count(0)
        if undone:
            screenshot(page, "home-taken-off")
            page.get_by_role("button", name="Undo").click()
            expect(row).to_have_count(1)
    # Not with the next look at the server's list either, nor after a reload.
    with page.expect_response(lambda answer: "/api/v1/documents?" in answer.url):
        page.reload()
    expect(page.locator(".document-row", has_text="stays")).to_be_visible()
    expect(row).to_have_count(0)
    # It is back when it is opened again.
    page.goto(f"{shared_server.url}/d/goes")
    saved(page)
    page.goto(shared_server.url)
    expect(row).to_have_count(1)


def test_a_deleted_document_is_brought_back_by_who_may(
    start_server: Any, open_page: OpenPage, screenshot: Screenshot
) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    ann = open_page(f"{server.url}/d/plan?kind=text#token={token(role='admin')}")
    saved(ann)
    write(ann, "dear")
    saved(ann)
    ann.get_by_label("Menu").click()
    ann.get_by_role("menuitem", name="Delete document").click()
    ann.get_by_role("button", name="Delete for everybody").click()
    expect(ann.locator(".deleted-row")).to_contain_text("plan")
    screenshot(ann, "home-deleted")
    guest = open_page(f"{server.url}/#token={token(name='Guest')}")
    expect(guest.locator(".documents-empty")).to_be_visible()
    expect(guest.locator(".trash")).to_be_hidden()
    ann.get_by_role("button", name="Restore plan").click()
    expect(ann.locator(".trash")).to_be_hidden()
    ann.locator(".document-row", has_text="plan").get_by_role("link").click()
    expect(ann.locator(".ProseMirror")).to_have_text("dear")
