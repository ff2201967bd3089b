"""A lane: sessions that are sent the same, and who of them takes no more."""

from __future__ import annotations

from collab.hub.outlets import Lane
from tests.support.peers import Peer


def lane_of(*peers: Peer) -> Lane:
    lane = Lane()
    for peer in peers:
        lane.enter(peer.session)
    return lane


def test_everybody_is_sent_the_same_but_those_who_are_left_out() -> None:
    ann, bob, cleo = Peer(), Peer(), Peer()
    lane = lane_of(ann, bob, cleo)
    assert lane.send(("update", b"1")) == []
    assert lane.send(("update", b"2"), {bob.session.id, "nobody's"}) == []
    assert [peer.updates() for peer in (ann, bob, cleo)] == [[b"1", b"2"], [b"1"], [b"1", b"2"]]


def test_those_who_take_no_more_are_named() -> None:
    ann, bob, cleo = Peer(), Peer(), Peer()
    bob.clogged = cleo.clogged = True
    lane = lane_of(ann, bob, cleo)
    assert lane.send(("update", b"1")) == [bob.session, cleo.session]
    assert lane.send(("update", b"2"), [cleo.session.id]) == [bob.session]
    assert cleo.updates() == [b"1"]


def test_who_has_left_is_sent_nothing_and_may_leave_twice() -> None:
    ann, bob = Peer(), Peer()
    lane = lane_of(ann, bob)
    lane.enter(ann.session)
    for _ in range(2):
        lane.leave(ann.session)
    lane.send(("update", b"1"))
    assert (ann.updates(), bob.updates(), list(lane.sessions)) == ([], [b"1"], [bob.session.id])
