"""The blocking client: nothing changes under the script's hands, and threads and iterations end with the session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pycrdt
import pytest
from pycrdt import Doc, Text

from collab.client import session as live
from collab.client.status import Status
from collab.client.sync import Session, connect
from collab.client.unreachable import Unreachable
from collab.doors.inprocess import InProcessDoor
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore
from tests.support.documents import typed


class House:
    """A hub on the loop of the one session that visits it, and somebody else who edits there."""

    def __init__(self) -> None:
        self.hub: Hub
        self.session: Session

    def open(self, doc: Doc[Any] | None = None, **options: Any) -> Session:
        def inner(replica: pycrdt.Doc[Any]) -> live.Session:
            self.hub = Hub(MemoryStore(), DocumentLimits())
            return InProcessDoor(self.hub).open("notes", doc=replica, **options)

        self.session = Session(doc, inner)
        return self.session

    def there(self, work: Callable[[], Any]) -> Any:
        """Do something on the loop of the connection."""
        return self.session._on_loop(lambda _inner: work())

    def edit(self, update: bytes) -> None:
        """Somebody else edits."""
        document = self.hub.documents["notes"]
        self.there(lambda: document.apply(update, lambda _result: None, session=None, participant=None, at_once=True))

    def text(self) -> str:
        """What the server has."""
        doc: Doc[Any] = Doc()
        doc.apply_update(self.there(self.hub.documents["notes"].document.encode))
        return str(doc.get("body", type=Text))


@pytest.fixture
def house() -> Iterator[House]:
    before = threading.active_count()
    yield House()
    assert threading.active_count() == before, "no thread stays behind"


def body(session: Session) -> Text:
    return session.doc.get("body", type=Text)


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def test_what_the_script_writes_goes_out_and_what_was_in_its_document_too(house: House) -> None:
    doc: Doc[Any] = Doc()
    doc.get("body", type=Text).insert(0, "old ")
    with house.open(doc) as session:
        assert (session.status, session.role) == (Status.LIVE, "admin")
        body(session).insert(0, "new ")
        session.saved(20)
        assert session.unsaved == 0
        assert house.text() == "new old "
    assert session.status is Status.CLOSED
    assert session.unsaved == 0
    body(session).insert(0, "later ")
    assert str(body(session)) == "later new old ", "the document remains usable"


def test_what_others_do_comes_in_when_the_script_asks(house: House) -> None:
    with house.open() as session:
        text, forwarded = body(session), []
        session._forward = forwarded.append  # type: ignore[method-assign,assignment]
        house.edit(typed("theirs")[0])
        eventually(lambda: session._incoming.qsize() > 0)
        assert str(text) == "", "not under its hands"
        assert str(body(session)) == "theirs"
        session.saved(20)
        assert forwarded == [], "what came in is not sent back as its own"


def test_waiting_for_a_condition_sees_what_comes_in_and_has_its_bound(house: House) -> None:
    with house.open() as session:
        text = session._doc.get("body", type=Text)
        house.edit(typed("theirs")[0])
        session.until(lambda: str(text) == "theirs", 20)
        with pytest.raises(TimeoutError):
            session.until(lambda: False, 0.02)
        session.until(lambda: True, 0)


def test_iterations_have_each_change_once_and_end_in_time(house: House) -> None:
    with house.open() as session:
        first, second = session.changes(0.05), session.changes(0.05)
        body(session).insert(0, "mine ")
        for update in typed("a", "b", "c"):
            house.edit(update)
            session.saved(20)
            eventually(lambda: session.pull() or len(session._iterations[0]) > 0)
            change = next(first)
            assert change.remote
        assert list(first) == [], "its own are none of others', and silence ends it"
        assert sum(1 for _ in second) == 3
        assert session._iterations == []


def test_an_iteration_ends_with_the_session(house: House) -> None:
    with house.open() as session:
        changes = session.changes()
        house.edit(typed("a")[0])
        next(changes)
        session.close()
        assert list(changes) == []


def test_what_is_deleted_ends_it_with_the_reason(house: House) -> None:
    with house.open() as session:
        session._wait(house.hub.delete("notes"))
        with pytest.raises(CollabError) as ended:
            session.until(lambda: False, 20)
        assert ended.value.code == "document_deleted"
        assert list(session.changes()) == []
        with pytest.raises(CollabError):
            session.saved(20)


@pytest.mark.parametrize("use", ["saved", "status", "stream", "presence"])
def test_what_is_not_open_says_so(house: House, use: str) -> None:
    session = house.open()
    work: dict[str, Callable[[], Any]] = {
        "saved": session.saved, "status": lambda: session.status, "presence": lambda: session.presence.everybody,
        "stream": lambda: session.stream("chat").publish(1),
    }  # fmt: skip
    with pytest.raises(ConnectionError, match="not open"):
        work[use]()
    session.close()
    session._loop.close()


def test_a_start_that_fails_leaves_no_thread(house: House) -> None:
    session = house.open(role="admin", user={"name": "x"})
    session._open_session = lambda _doc: (_ for _ in ()).throw(CollabError("forbidden"))  # type: ignore[assignment]
    with pytest.raises(CollabError), session:
        pass
    assert session._loop.is_closed()


def test_it_is_opened_and_closed_by_hand_where_no_with_fits(house: House) -> None:
    session = house.open().open()
    assert session.status is Status.LIVE
    session.close()
    assert session.status is Status.CLOSED


def test_an_address_is_not_dialled_before_it_is_entered() -> None:
    session = connect("http://127.0.0.1:9", "notes", open_timeout=0.05)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9: Connection refused") as failed, session:
        pass
    assert failed.value.reason == "refused"


def test_presence_is_that_of_the_session(house: House) -> None:
    with house.open(user={"name": "Owl"}) as session:
        session.presence.set({"at": 1})
        session.until(lambda: any(each["state"] == {"at": 1} for each in session.presence.everybody), 20)
        assert session.presence.others == []


def test_streams_are_read_as_they_come_and_end_in_time(house: House) -> None:
    with house.open() as session:
        chat = session.stream("chat")
        assert [chat.publish(number, timeout=20) for number in (1, 2)] == [1, 2]
        events = chat.events(timeout=0.1)
        assert [event.data for event in events] == [1, 2]
        assert [event.data for event in chat.events(1, timeout=0.1)] == [2]
        with pytest.raises(CollabError):
            session.stream("No such name")
        again = chat.publish(3, key="k"), chat.publish(3, key="k")
        assert again == (3, 3)
