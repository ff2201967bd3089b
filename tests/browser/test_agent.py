"""An agent edits a paragraph in which two people type: everybody has one text, carets stay, and the agent is seen."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from mcp import Client, StdioServerParameters, stdio_client
from playwright.sync_api import Page, expect

from tests.browser.pages import OpenPage, Screenshot, saved, wait_for


async def rewrite(url: str, document: str, passages: list[tuple[str, str]], began: Event) -> list[Any]:
    """What somebody's model would do: read, replace, see that something has changed."""
    environment = {**os.environ, "COLLAB_URL": url}
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "collab", "mcp", "--name", "Robot"], env=environment
    )
    uri = f"collab://documents/{document}"
    async with Client(stdio_client(command)) as client, client.listen(resource_subscriptions=[uri]) as changes:
        seen = await client.call_tool("read_document", {"document": document})
        assert "brown fox" in seen.structured_content["content"]
        began.set()
        answers = []
        for old, new in passages:
            answer = await client.call_tool("replace_text", {"document": document, "old": old, "new": new})
            assert not answer.is_error, answer.content
            answers.append(answer.structured_content)
        async with asyncio.timeout(20):
            await anext(aiter(changes))
        return answers


def to_the_beginning(page: Page) -> None:
    """Put the caret before the line. A caret of somebody else that is drawn in the very moment of a key puts one's own
    back to where the editor last knew it."""

    def is_there() -> bool:
        page.keyboard.press("Home")
        place = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
            const { anchorNode, anchorOffset } = getSelection()
            const before = document.createRange()
            before.selectNodeContents(anchorNode.parentElement.closest('p') ?? anchorNode)
            before.setEnd(anchorNode, anchorOffset)
            done(before.toString())
        })))"""
        return page.evaluate(place) == ""

    wait_for(is_there, "the caret is before the line")


def test_an_agent_among_people(shared_server: CollabServer, open_page: OpenPage) -> None:
    url = f"{shared_server.url}/d/story"
    ann = open_page(url, name="Ann")
    ann.locator(".ProseMirror").click()
    ann.keyboard.type("Teh quick brown fox")
    saved(ann)
    ben = open_page(url, name="Ben")
    paragraph = ".ProseMirror p:has-text('quick')"
    saved(ben)
    ben.locator(paragraph).click()
    to_the_beginning(ben)
    count, began = 0, Event()
    with ThreadPoolExecutor(1) as pool:
        passages = [("Teh quick", "The quick"), ("brown fox", "red fox"), ("quick red", "quick 😀 red")]
        working: Future[list[Any]] = pool.submit(
            lambda: asyncio.run(rewrite(shared_server.url, "story", passages, began))
        )
        assert began.wait(60)
        while not working.done() or count < 20:
            ann.keyboard.type("x")
            ben.keyboard.type("y")
            count += 1
        positions = [answer["position"] for answer in working.result()]
    assert positions == sorted(set(positions))
    for page in (ann, ben):
        saved(page)
    texts = {page.locator(paragraph).inner_text().strip() for page in (ann, ben)}
    assert texts == {"y" * count + "The quick 😀 red fox" + "x" * count}


def test_its_caret_is_where_it_writes(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    """While it is there, which it is for some minutes after its last edit."""
    ann = open_page(f"{shared_server.url}/d/caret", name="Ann")
    ann.locator(".ProseMirror").click()
    ann.keyboard.type("the brown fox")
    saved(ann)
    left = asyncio.Event()

    async def work() -> None:
        environment = {**os.environ, "COLLAB_URL": shared_server.url}
        command = StdioServerParameters(
            command=sys.executable, args=["-m", "collab", "mcp", "--name", "Robot"], env=environment
        )
        async with Client(stdio_client(command)) as client:
            answer = await client.call_tool("replace_text", {"document": "caret", "old": "brown", "new": "red"})
            assert not answer.is_error, answer.content
            await left.wait()

    with ThreadPoolExecutor(1) as pool:
        loop = asyncio.new_event_loop()
        working = pool.submit(loop.run_until_complete, work())
        try:
            expect(ann.locator(".caret-flag")).to_have_text("Robot", timeout=20_000)
            expect(ann.locator(".avatar[title^=Robot]")).to_have_count(1)
            caret = ann.locator(".overlay-caret").bounding_box()
            words = ann.evaluate(
                """() => { const text = document.querySelector('.ProseMirror p').firstChild
                    const range = document.createRange()
                    range.setStart(text, 0); range.setEnd(text, 'the red'.length)
                    return range.getBoundingClientRect().right }"""
            )
            assert caret is not None
            assert abs(caret["x"] - words) < 4, "behind what it wrote"
            screenshot(ann, "agent-caret")
        finally:
            loop.call_soon_threadsafe(left.set)
            working.result(30)
            loop.close()
    expect(ann.locator(".avatar[title^=Robot]")).to_have_count(0)
