"""The whiteboard's controls at all widths, with and without a panel beside the board."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.boards import Board, OpenPage, Screenshot, box
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

WIDTHS = (
    320, 340, 360, 380, 381, 390, 480, 560, 640, 641, 660, 700, 768, 900, 940, 960, 1024,
    1080, 1081, 1100, 1120, 1121, 1200, 1280, 1366, 1440, 1441, 1600,
)  # fmt: skip

#: the names of controls whose middle or whose corners something else takes
COVERED = """(selectors) => [...document.querySelectorAll(selectors)].filter((control) => control.checkVisibility()).filter((control) => {
    control.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    const { left, right, top, bottom } = control.getBoundingClientRect()
    return [[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]].some(([x, y]) => {
        const hit = document.elementFromPoint(left + (right - left) * x, top + (bottom - top) * y)
        return !control.contains(hit) && !control.parentElement.matches('.swatches, .choices')
    })
}).map((control) => control.getAttribute('aria-label') ?? control.textContent)"""


def covered(page: Page, *selectors: str) -> list[str]:
    """What cannot be clicked, at each width at which that is so."""
    found: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        # The board follows with a frame.
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        names: list[str] = page.evaluate(COVERED, ", ".join(selectors))
        found += [f"{width}: {name}" for name in names]
    return found


def test_no_control_lies_over_another(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "widths")
    page = board.page
    board.put(a=box(-60, -60, 120, 120), locked=box(1000, 0, locked=True))
    expect(page.locator(".board-map")).to_be_visible()
    always = (".board-dock button", ".board-zoom button")
    faults = covered(page, *always, ".board-map canvas")
    board.press("Enter")
    expect(page.locator(".board-panel")).to_be_visible()
    faults += [f"selected, {fault}" for fault in covered(page, *always, ".board-panel button")]
    board.press("Escape", "Control+Alt+i")
    expect(page.locator(".inspector")).to_be_visible()
    # On a phone the inspector takes all of the page.
    faults += [
        f"beside the inspector, {fault}"
        for fault in covered(page, *always, ".board-map canvas")
        if int(fault.partition(":")[0]) > 640
    ]
    for width in (700, 960, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(100)
        screenshot(page, f"board-{width}-beside-inspector")
    page.keyboard.press("Control+Alt+i")
    for width in (700, 1100, 1200):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(100)
        screenshot(page, f"board-{width}")
    assert not faults, "\n".join(faults)


def test_the_help_sheet_on_a_phone(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "help", size=(390, 780))
    board.press("?")
    sheet = board.page.locator(".board-help")
    expect(sheet).to_be_visible()
    assert sheet.evaluate("(sheet) => sheet.scrollWidth <= sheet.clientWidth")
    for title in ("Tools", "Edit", "While dragging", "View", "By keyboard alone"):
        group = sheet.locator("h3", has_text=re.compile(f"^{title}$"))
        group.scroll_into_view_if_needed()
        frame, whole = group.bounding_box(), sheet.bounding_box()
        assert frame is not None
        assert whole is not None
        assert whole["x"] <= frame["x"] < whole["x"] + whole["width"]
    screenshot(board.page, "board-help-phone")


def test_a_locked_shape_has_a_panel_without_a_stray_line(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    board = Board(open_page, shared_server, "locked-panel")
    board.put(a=box(-60, -60, 120, 120))
    board.press("Enter")
    actions = board.page.locator(".board-panel-actions")
    line = "(element) => getComputedStyle(element).borderTopWidth"
    expect(actions).to_be_visible()
    assert actions.evaluate(line) == "1px"
    board.press("Control+l")
    expect(actions.get_by_role("button", name="Unlock")).to_be_visible()
    screenshot(board.page, "board-locked")
    assert actions.evaluate(line) == "0px"


def test_where_shapes_differ_nothing_is_chosen(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "mixed")
    page = board.page
    arrow: Any = {"type": "arrow", "x": 0, "y": 200, "points": [[0, 0], [50, 0]], "width": "M"}
    board.put(
        a=box(-200, -60, fill="red", width="L"),
        b=box(0, -60, fill="blue", width="L"),
        c=box(0, 100, fill="green", width="S", locked=True),
        d=arrow,
    )
    board.drag((-300, -200), (150, 60))
    board.expect_selected(2)
    fills = page.get_by_role("group", name="Fill").locator("[aria-pressed=true]")
    expect(page.get_by_role("button", name="Width L")).to_have_attribute("aria-pressed", "true")
    expect(fills).to_have_count(0)
    page.get_by_role("button", name="Fill green").click()
    expect(fills).to_have_attribute("aria-label", "Fill green")
    board.press("Control+a")
    board.expect_selected(3)
    # An arrow has no fill that could differ.
    expect(fills).to_have_attribute("aria-label", "Fill green")
    expect(page.get_by_role("group", name="Width").locator("[aria-pressed=true]")).to_have_count(0)
