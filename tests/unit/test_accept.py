"""Which WebSocket serves a request: the fast one with a tested aiohttp, the public one with any other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from collab.doors.websocket import accept
from collab.doors.websocket.accept import frame_socket, socket_type
from collab.doors.websocket.frame_socket import FrameSocket
from collab.doors.websocket.tapped_socket import TappedSocket
from collab.hub.bulk import Bulk


@pytest.fixture
def fresh() -> Iterator[None]:
    """As in a new process, before and after."""
    socket_type.cache_clear()
    yield
    socket_type.cache_clear()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(("tested", "wanted"), [(True, TappedSocket), (False, FrameSocket)])
def test_the_faster_one_needs_an_aiohttp_that_was_tested(
    monkeypatch: pytest.MonkeyPatch, tested: bool, wanted: type[FrameSocket]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(accept, "is_tested", lambda name: asked.append(name) or tested)  # type: ignore[func-returns-value]
    with capture_logs() as said:
        assert [socket_type() for _ in range(3)] == [wanted] * 3
    assert asked == ["aiohttp"], "once in a process"
    assert [line["log_level"] for line in said] == ([] if tested else ["warning"])


@pytest.mark.usefixtures("fresh")
async def test_a_request_gets_a_socket_of_its_own() -> None:
    class Owner:
        hold = None
        brings_documents = False

    owner, bulk = Owner(), Bulk(1000)
    one, other = (frame_socket(owner, 100, bulk) for _ in range(2))  # type: ignore[arg-type]
    assert one is not other
    assert isinstance(one, socket_type())
    assert one.owner is owner
