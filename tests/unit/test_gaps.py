"""Gaps in what a client did (Yjs 14 leaves them): nothing behind one is refused, and in the end there is one document (D10)."""

from __future__ import annotations

import random

import pytest

from collab.documents.document import Document
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.protocol.dependencies import MAX_RANGES, TakenInPart
from collab.stores.memory import MemoryStore
from tests.support.gapped import in_parts, write_together
from tests.support.peers import Peer
from tests.unit.test_dependencies import FIRST, behind, of


def take(document: Document, update: bytes) -> bool:
    """Whether all of an update was taken."""
    try:
        document.apply(update, in_part=True)
    except TakenInPart:
        return False
    return True


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.slow
def test_parts_in_any_order_make_one_document(seed: int) -> None:
    rng = random.Random(seed)
    state = write_together(rng, 3, 30)
    whole = Document()
    whole.apply(state)
    document, waiting, log, gapped = Document(), [], [], 0
    peer = Document()  # follows by what it lacks, and has a part of its own
    for update in in_parts(rng, state):
        if not take(document, update):
            waiting.append(update)
        gapped += document.gapped
        if document.taken:
            log.append(document.taken)
        if rng.random() < 0.2:
            assert Document.load(None, log).known == document.known
            assert Document.load(None, log).content_hash() == document.content_hash()
            kept = Document.load(document.snapshot(), [])
            assert (kept.known, kept.content_hash()) == (document.known, document.content_hash())
            document = kept if rng.random() < 0.5 else document
        if rng.random() < 0.2:
            take(peer, update)
            take(peer, document.diff(peer.state_vector()))
            take(document, peer.diff(document.state_vector()))
            if document.taken:
                log.append(document.taken)
            assert peer.known == document.known
            assert peer.content_hash() == document.content_hash()
        assert not document.poisoned
    for _ in range(len(waiting)):
        waiting = [update for update in waiting if not take(document, update)]
    assert not waiting
    assert gapped
    assert document.known == whole.known
    assert not document.known.behind
    assert document.content_hash() == whole.content_hash()


def test_most_gaps() -> None:
    """A document has so many and no more; what would make another one waits, and the rest is taken."""
    document = Document()
    document.apply(of((1, 0, [FIRST])))
    document.known.add([(9, clock, clock + 1) for clock in range(1, 2 * MAX_RANGES, 2)])
    with pytest.raises(TakenInPart):
        document.apply(of((1, 5, [behind(1, 0)]), (2, 0, [behind(1, 0)])), in_part=True)
    assert (document.clocks[1], document.clocks[2]) == (1, 1)


async def test_who_is_told_and_who_is_asked() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    peers = [Peer(), Peer()]
    asked: list[Peer] = []
    for peer in peers:
        live.join(peer.session)
        peer.session.request_sync = lambda _vector, peer=peer: asked.append(peer)  # type: ignore[misc]
    ann, bob = peers

    def send(peer: Peer, update: bytes) -> object:
        said: list[object] = []
        try:
            live.apply(update, said.append, session=peer.session, participant=None)
        except TakenInPart as part:
            return part
        return said

    def told(peer: Peer) -> int:
        return sum(sent == ("notice", "missing_dependencies") for sent in peer.got)

    send(ann, of((1, 0, [FIRST])))
    assert (asked, told(ann)) == ([], 0)
    send(ann, of((1, 3, [behind(1, 0)])))
    assert asked == [ann], "who has the rest may send it"
    assert (told(ann), told(bob)) == (1, 1), "Yjs 13 says nothing, so we do"
    send(ann, of((1, 3, [behind(1, 0)])))
    send(ann, of((1, 7, [behind(1, 3)])))
    assert (asked, told(bob)) == ([ann, ann], 1), "what is known is no news, and everybody knows by now"
    late = Peer()
    live.join(late.session)
    live.greet(late.session)
    assert told(late) == 1
    assert isinstance(send(bob, of((2, 0, [behind(1, 2)]))), TakenInPart), "it leans on what is missing"
    asked.clear()
    send(ann, of((1, 1, [behind(1, 0), behind(1, 1)])))
    assert asked == [bob], "who has something that can be taken now"
    assert told(bob) == 1
    asked.clear()
    live.take_logged(None, [of((1, 4, [behind(1, 3), behind(1, 4), behind(1, 5)]))])
    assert [told(peer) for peer in (ann, bob, late)] == [2, 2, 2], "all gaps are filled"
    assert asked == []
    assert await live.journal.drain(5.0)
    stored = await hub.store.load("a")
    assert stored is not None
    assert Document.load(stored.snapshot, stored.tail).known.behind == {1: [(7, 8)]}, "others log what they have logged"
    await hub.close()
