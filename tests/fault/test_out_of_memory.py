"""A document for which there is not enough memory ends the process: it is back at once, nobody loses anything, and after
the second time the document is not opened any more, which its operator is told."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pycrdt import Text

from collab.client import Session, connect
from tests.fault.test_quarantine import edit, join
from tests.fault.test_supervised import answers, child_of
from tests.support.api import http_session
from tests.support.repository import ROOT
from tests.support.server import CollabServer, line, lines

#: the library is given ever more of one document, until the system has no more for it
_HUNGRY = """
from pycrdt import Doc, Text
from collab.documents.document import Document
apply = Document.apply

def hungry(self, update, *args, **keywords):
    if b"do harm" in update:
        hog, piece = Doc().get("hog", type=Text), "x" * 2**24
        while True:
            hog.insert(0, piece)
    return apply(self, update, *args, **keywords)

Document.apply = hungry
"""
#: bytes of address space beyond what the server has when it has started
ROOM = 768 * 2**20
#: seconds from an end to the next start, which its supervisor takes the second time
MOST_PAUSE = 0.8

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells how much it has")


def address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


async def seen(session: Session, words: str) -> None:
    async with asyncio.timeout(60):
        while words not in str(session.doc.get("body", type=Text)):
            await asyncio.sleep(0.02)


@pytest.mark.timeout(300)
async def test_whoever_needs_more_memory_than_there_is_costs_nobody_else_anything(
    start_server: Callable[..., CollabServer], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_HUNGRY)
    server = start_server(
        f"sqlite:///{tmp_path}/store.db", args=["--supervise", "--log-format", "json"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )  # fmt: skip
    child = child_of(server)
    limit = address_space(child) + ROOM
    for pid in (server.pid, child):  # those that are started later have that of the first
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
    async with http_session() as http, connect(server.url, "good") as ann, connect(server.url, "good") as ben:
        await edit(server, http, "bad", "kept")
        kept = ""
        for times in (1, 2):
            text = ann.doc.get("body", type=Text)
            text += f"acknowledged {times}, "
            await asyncio.wait_for(ann.saved(), 60)
            former = child_of(server)
            with contextlib.suppress(Exception):  # how a connection looks that ends so is another matter
                await asyncio.wait_for(edit(server, http, "bad", "do harm"), 60)
            text += f"typed meanwhile {times}, "
            kept += f"acknowledged {times}, typed meanwhile {times}, "
            await answers(server, http, former)
            await asyncio.wait_for(ann.saved(), 60)
            await seen(ben, kept)
            told = await line(server, "a document ended the process before this one", times=times)
            assert told["document"] == "bad"
            assert "Aborted" in told["where"][0], "the library had no memory for it, and no fault of its own"
        assert len(lines(server, "a document ended the process before this one")) == 2
        ends = lines(server, "the server ended, and is started again")
        assert [each["pause"] <= MOST_PAUSE for each in ends] == [True, True], "it is back within two seconds"

        assert await line(server, "a document is in quarantine", document="bad")
        _, refused = await join(server, http, "bad")
        assert "quarantine" in refused.data["message"]
        async with http.get(f"{server.url}/metrics") as answer:
            assert "\ncollab_documents_quarantined 1.0\n" in await answer.text()
        async with http.get(f"{server.url}/readyz") as answer:
            assert "quarantine" in [each["reason"] for each in (await answer.json())["reasons"]]
        async with http.get(f"{server.url}/admin/events") as answer:
            first = await answer.content.readuntil(b"\n\n")
            assert b'"quarantine":["bad"]' in first.replace(b" ", b"")
        async with http.get(f"{server.url}/api/v1/documents/bad/content?format=text&path=/body") as answer:
            assert (answer.status, await answer.text()) == (200, "kept")
