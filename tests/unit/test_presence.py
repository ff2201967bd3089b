"""Who is here: ownership of client ids, clocks that others see, the two views."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Awareness, Doc

from collab.documents.presence import MAX_CLIENT_IDS, PresenceTable, lead_at
from collab.protocol.awareness import MAX_AWARENESS_CLOCK, AwarenessEntry, decode_awareness

ANN = {"name": "Ann", "color": "#f00"}
BOB = {"name": "Bob", "color": "#0f0"}


def presence_of(*sessions: str) -> PresenceTable:
    presence = PresenceTable()
    for number, session in enumerate(sessions):
        presence.join(session, 1000 + number, ANN, listed=False)
    presence.take_change(want_json=True)
    return presence


def states(presence: PresenceTable) -> dict[int, str | None]:
    encoded = presence.awareness()
    return {} if encoded is None else {entry.client: entry.state for entry in decode_awareness(encoded)}


def change(presence: PresenceTable) -> dict[int, tuple[int, str | None]]:
    encoded = presence.take_change(want_json=True).awareness
    return {} if encoded is None else {e.client: (e.clock, e.state) for e in decode_awareness(encoded)}


def test_a_client_id_belongs_to_the_session_that_announced_it() -> None:
    presence = presence_of("a", "b")
    assert presence.announce("a", [AwarenessEntry(7, 1, '{"x":1}')])
    assert not presence.announce("b", [AwarenessEntry(7, 9, '{"x":"forged"}')])
    assert not presence.announce("b", [AwarenessEntry(7, 9, None)])
    assert states(presence) == {7: '{"x":1}'}


def test_states_of_others_that_a_client_repeats_are_not_its_own() -> None:
    presence = presence_of("a", "b")
    presence.announce("a", [AwarenessEntry(7, 1, "{}")])
    presence.announce("b", [AwarenessEntry(8, 1, "{}")])
    presence.leave("a")
    # y-socket.io repeats every update that it receives, and null states after a reconnect.
    assert not presence.announce("b", [AwarenessEntry(7, 1, "{}")])
    assert not presence.announce("b", [AwarenessEntry(9, 1, None)])
    assert states(presence) == {8: "{}"}


def test_an_id_that_comes_back_with_an_old_clock_is_seen_again() -> None:
    """P7."""
    presence = presence_of("a")
    presence.announce("a", [AwarenessEntry(7, 5, "{}")])
    change(presence)
    presence.leave("a")
    removed_at, state = change(presence)[7]
    assert state is None and removed_at > 5
    presence.join("a2", 2000, ANN, listed=False)
    assert presence.announce("a2", [AwarenessEntry(7, 5, '{"back":true}')])
    assert presence.restamped("a2")
    clock, state = change(presence)[7]
    assert state == '{"back":true}' and clock > removed_at
    assert presence.announce("a2", [AwarenessEntry(7, 6, '{"back":2}')])
    assert change(presence)[7] == (clock + 1, '{"back":2}')


def test_the_end_of_a_session_takes_all_its_client_ids() -> None:
    presence = presence_of("a", "b")
    presence.announce("a", [AwarenessEntry(client, 1, "{}") for client in range(MAX_CLIENT_IDS + 3)])
    assert len(states(presence)) == MAX_CLIENT_IDS
    presence.leave("a")
    assert states(presence) == {}
    assert set(change(presence)) == set(range(MAX_CLIENT_IDS))


def test_old_clocks_change_nothing() -> None:
    presence = presence_of("a")
    presence.announce("a", [AwarenessEntry(7, 5, '{"v":5}')])
    assert not presence.announce("a", [AwarenessEntry(7, 4, '{"v":4}')])
    assert not presence.announce("a", [AwarenessEntry(7, 5, '{"v":"5b"}')])
    assert states(presence) == {7: '{"v":5}'}
    assert presence.announce("a", [AwarenessEntry(7, 5, None)])
    assert states(presence) == {}


def test_json_presence_is_awareness_for_yjs_clients() -> None:
    presence = presence_of("a")
    presence.join("j", 55, BOB, listed=True)
    presence.show("j", {"cursor": 1})
    presence.set_cursor("j", 2)
    text = states(presence)[55]
    assert text is not None and orjson.loads(text) == {"cursor": 2, "user": BOB}
    presence.show("j", None)
    assert states(presence) == {}
    assert {"session": "j", "client_id": 55, "user": BOB, "state": None} in presence.everybody()


def test_awareness_is_json_presence_for_others() -> None:
    presence = presence_of("a")
    presence.announce("a", [AwarenessEntry(7, 1, '{"user":{"name":"Zoe","id":"forged"},"cursor":3}')])
    (entry,) = presence.everybody()
    assert entry["client_id"] == 7
    assert entry["user"] == {"name": "Zoe", "color": "#f00"}
    assert entry["state"]["cursor"] == 3


def test_a_token_s_name_cannot_be_changed_by_awareness() -> None:
    presence = PresenceTable()
    known = {"id": "u1", "name": "Ann", "color": "#f00"}
    presence.join("a", 1, known, listed=False)
    presence.announce("a", [AwarenessEntry(7, 1, '{"user":{"name":"Boss"},"cursor":3}')])
    text = states(presence)[7]
    assert text is not None and orjson.loads(text) == {"user": known, "cursor": 3}
    assert presence.everybody()[0]["user"] == known


def test_changes_are_told_once_and_name_a_sole_source() -> None:
    presence = presence_of("a", "b")
    presence.announce("a", [AwarenessEntry(7, 1, "{}")])
    told = presence.take_change(want_json=True)
    assert told.sole == "a"
    assert told.presence is not None and [e["session"] for e in told.presence["updated"]] == ["a"]
    assert not presence.dirty
    presence.announce("a", [AwarenessEntry(7, 2, "{}")])
    presence.announce("b", [AwarenessEntry(8, 1, "{}")])
    assert presence.take_change(want_json=True).sole is None


def test_who_came_and_went_between_two_flushes_is_not_told() -> None:
    presence = presence_of("a")
    presence.join("b", 9, BOB, listed=False)
    presence.leave("b")
    told = presence.take_change(want_json=True)
    assert told.presence is None


class YjsAwareness:
    """What y-protocols/awareness keeps of others: the rule of applyAwarenessUpdate."""

    def __init__(self) -> None:
        self.clocks: dict[int, int] = {}
        self.states: dict[int, str] = {}

    def apply(self, update: bytes) -> None:
        for entry in decode_awareness(update):
            clock = self.clocks.get(entry.client, 0)
            newer = clock < entry.clock
            removal = clock == entry.clock and entry.state is None and entry.client in self.states
            if newer or removal:
                self.clocks[entry.client] = entry.clock
                if entry.state is None:
                    self.states.pop(entry.client, None)
                else:
                    self.states[entry.client] = entry.state


_steps = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "announce", "show", "flush"]),
        st.integers(0, 3),
        st.integers(1, 4),
        st.integers(1, 6),
        st.sampled_from([None, "{}", '{"c":1}', '{"c":2}']),
    ),
    max_size=60,
)


@given(_steps)
def test_a_yjs_client_that_applies_every_flush_sees_what_the_server_sees(
    steps: list[tuple[str, int, int, int, str | None]],
) -> None:
    presence, watcher = PresenceTable(), YjsAwareness()
    for kind, number, client, clock, state in steps:
        session = f"s{number}"
        here = session in presence.sessions
        if kind == "join" and not here:
            presence.join(session, 100 + number, ANN, listed=number == 0)
        elif kind == "leave":
            presence.leave(session)
        elif kind == "announce" and here:
            presence.announce(session, [AwarenessEntry(client, clock, state)])
        elif kind == "show" and here:
            presence.show(session, None if state is None else orjson.loads(state))
        elif kind == "flush":
            told = presence.take_change(want_json=True).awareness
            if told is not None:
                watcher.apply(told)
    told = presence.take_change(want_json=True).awareness
    if told is not None:
        watcher.apply(told)
    assert watcher.states == {c: s for c, s in states(presence).items() if s is not None}
    for owner in map(presence.owner, range(5)):
        assert owner is None or owner in presence.sessions


def flush(presence: PresenceTable, watcher: YjsAwareness) -> None:
    told = presence.take_change(want_json=True).awareness
    if told is not None:
        watcher.apply(told)


@given(st.floats(1.8e9, 2.0e9), st.floats(0.5, 5.0))
def test_who_was_seen_to_leave_is_seen_again_after_a_quick_restart(began: float, seconds: float) -> None:
    watcher = YjsAwareness()
    before = PresenceTable(lead_at(began))
    for session, client in (("a", 7), ("b", 8)):
        before.join(session, 1000 + client, ANN, listed=False)
        before.announce(session, [AwarenessEntry(client, 1, "{}")])
    before.leave("b")  # cut off and back: everybody is shown anew
    before.join("b2", 2000, BOB, listed=False)
    before.announce("b2", [AwarenessEntry(8, 1, "{}")])
    flush(before, watcher)
    assert watcher.states.keys() == {7, 8}
    before.leave("a")
    before.leave("b2")
    flush(before, watcher)
    assert not watcher.states

    after = PresenceTable(lead_at(began + seconds))
    for session, client in (("a3", 7), ("b3", 8)):
        after.join(session, 3000 + client, ANN, listed=False)
        after.announce(session, [AwarenessEntry(client, 1, "{}")])
    flush(after, watcher)
    assert watcher.states.keys() == {7, 8}


def test_a_clock_that_comes_back_through_another_tab_is_not_led_again() -> None:
    presence = PresenceTable(lead_at(1.8e9))
    presence.join("a", 1000, ANN, listed=False)
    presence.announce("a", [AwarenessEntry(7, 1, '{"x":1}')])
    shown, _ = change(presence)[7]
    # y-socket.io: the other tab of the browser passes on what the server shows, and the owner repeats it.
    assert not presence.announce("a", [AwarenessEntry(7, shown, '{"x":1}')])
    assert not presence.announce("a", [AwarenessEntry(7, shown, '{"x": 1.0}')])
    for number in range(1, 20):
        assert presence.announce("a", [AwarenessEntry(7, shown + number, f'{{"x":{number + 1}}}')])
        assert change(presence)[7] == (shown + number, f'{{"x":{number + 1}}}')
    presence.leave("a")
    gone, _ = change(presence)[7]

    # ... also to another server, more than once.
    for began in (1.8e9 + 1, 1.8e9 + 1e6, 1.8e9 + 1e6 + 1):
        presence = PresenceTable(lead_at(began))
        presence.join("b", 1000, ANN, listed=False)
        assert presence.announce("b", [AwarenessEntry(7, gone - 1, "{}")])
        again, _ = change(presence)[7]
        assert gone < again <= max(gone + 20, lead_at(began))
        presence.leave("b")
        gone, _ = change(presence)[7]


def test_what_an_owner_shows_with_a_clock_of_ours_is_news_where_it_differs() -> None:
    presence = PresenceTable(lead_at(1.8e9))
    presence.join("a", 1000, ANN, listed=False)
    presence.announce("a", [AwarenessEntry(7, 1, '{"x":1}')])
    shown, _ = change(presence)[7]
    assert presence.announce("a", [AwarenessEntry(7, shown, '{"x":2}')])
    assert change(presence)[7] == (shown + 1, '{"x":2}')


@given(st.lists(st.integers(MAX_AWARENESS_CLOCK - 2**21, MAX_AWARENESS_CLOCK), min_size=1))
def test_nobody_gets_a_clock_so_high_that_who_repeats_it_would_be_refused(clocks: list[int]) -> None:
    presence = PresenceTable(lead_at(1.9e9))
    for number, clock in enumerate(clocks):
        presence.join(f"s{number}", 1000, ANN, listed=False)
        presence.announce(f"s{number}", [AwarenessEntry(7, 1, "{}")])
        presence.announce(f"s{number}", [AwarenessEntry(7, clock - lead_at(1.9e9), "{}")])
        presence.announce(f"s{number}", [AwarenessEntry(7, clock, "{}")])
        change(presence)  # decode_awareness refuses what is too high
        presence.leave(f"s{number}")
        change(presence)


# -- sessions on other nodes ------------------------------------------------------------------------


def told(session: str, *clients: tuple[int, int, str | None], **more: Any) -> dict[str, Any]:
    return {"client_id": 900, "user": {"name": session}, "shown": False, "state": None,
            "clients": [list(client) for client in clients], **more}  # fmt: skip


def shown(presence: PresenceTable) -> dict[int, tuple[int, str | None]]:
    awareness = presence.awareness()
    return {} if awareness is None else {e.client: (e.clock, e.state) for e in decode_awareness(awareness)}


def test_what_one_node_shares_another_shows() -> None:
    here, there = PresenceTable(), PresenceTable()
    here.join("a", 1, {"name": "Ada"}, listed=False)
    here.announce("a", [AwarenessEntry(7, 3, '{"x":1}')])
    here.join("b", 2, {"name": "Bob"}, listed=True)
    here.show("b", {"cursor": 4})
    for session in ("a", "b"):
        there.adopt("n1", session, here.shared(session))
    assert shown(there) == shown(here)
    assert there.everybody() == here.everybody()
    before = there.take_change(want_json=True)
    assert before.sessions == {"a", "b"}
    there.adopt("n1", "a", here.shared("a"))
    assert not there.dirty, "nothing new"
    here.announce("a", [AwarenessEntry(7, 4, '{"x":2}')])
    there.adopt("n1", "a", here.shared("a"))
    assert shown(there)[7] == (4, '{"x":2}')
    there.adopt("n2", "a", None)
    assert "a" in there.sessions, "only the node that has a session says that it left"
    assert there.forget("n1")
    assert not shown(there)
    assert not there.sessions
    assert len(there.take_change(want_json=True).presence["left"]) == 2  # type: ignore[index]


def test_an_id_that_moves_from_a_dead_node_is_claimed_when_its_owner_goes() -> None:
    presence = PresenceTable()
    presence.adopt("n1", "old", told("old", (7, 10, '{"x":1}')))
    presence.join("new", 1, {"name": "Ada"}, listed=False)
    assert not presence.announce("new", [AwarenessEntry(7, 11, '{"x":2}')])
    assert not presence.announce("new", [AwarenessEntry(7, 12, '{"x":3}')])
    presence.forget("n1")
    assert presence.owner(7) == "new"
    clock, state = shown(presence)[7]
    assert clock > 10, "news to everybody who knew it"
    assert state == '{"x":3}', "the newest that it announced"


def test_only_the_first_id_that_somebody_announces_is_waited_for() -> None:
    presence = PresenceTable()
    presence.adopt("n1", "old", told("old", (7, 10, '{"x":1}'), (8, 10, '{"x":1}')))
    presence.join("new", 1, {"name": "Ada"}, listed=False, max_ids=1)
    presence.announce("new", [AwarenessEntry(7, 11, '{"x":2}')])
    presence.announce("new", [AwarenessEntry(8, 10, '{"x":1}')])
    presence.forget("n1")
    assert presence.owner(7) == "new"
    assert presence.owner(8) is None, "that was an echo of what it heard"
    clock, state = shown(presence)[7]
    assert clock > 10
    assert state == '{"x":2}'


def test_an_id_claimed_on_two_nodes_belongs_to_who_is_connected_here() -> None:
    presence = PresenceTable()
    presence.join("here", 1, {"name": "Ada"}, listed=False)
    presence.announce("here", [AwarenessEntry(7, 1, '{"x":1}')])
    presence.adopt("n1", "there", told("there", (7, 50, '{"x":2}')))
    assert presence.owner(7) == "here"
    presence.adopt("n2", "far", told("far", (9, 1, '{"x":1}')))
    presence.adopt("n3", "farther", told("farther", (9, 2, '{"x":2}')))
    assert presence.owner(9) == "farther", "the later claim: its node knows that the other has gone"
    presence.forget("n2")
    assert presence.owner(9) == "farther"


def test_clocks_never_fall_for_those_who_look() -> None:
    presence = PresenceTable()
    presence.adopt("n1", "a", told("a", (7, 100, '{"x":1}')))
    presence.forget("n1")
    presence.adopt("n2", "b", told("b", (7, 5, '{"x":2}')))
    assert shown(presence)[7][0] > 101
    presence.adopt("n2", "b", told("b", (7, 6, '{"x":3}')))
    assert shown(presence)[7][0] > 102


def test_tombstones_of_other_nodes_count() -> None:
    presence = PresenceTable()
    presence.remember_gone([(7, 40)])
    presence.join("a", 1, {"name": "Ada"}, listed=False)
    presence.announce("a", [AwarenessEntry(7, 2, '{"x":1}')])
    assert shown(presence)[7][0] > 40
    assert presence.comeback


def test_people_elsewhere_are_renewed_by_their_own_node() -> None:
    presence = PresenceTable()
    presence.adopt("n1", "a", told("a", (900, 3, "{}"), shown=True, state={}))
    assert not presence.renew()
    presence.repeat()
    assert shown(presence)[900] == (3, "{}")


# -- what nobody repeats ----------------------------------------------------------------------------


def test_what_is_not_said_again_is_shown_to_nobody() -> None:
    presence = presence_of("a", "b")
    presence.announce("a", [AwarenessEntry(7, 3, '{"v":1}')], 100.0)
    presence.announce("b", [AwarenessEntry(8, 3, '{"v":1}')], 110.0)
    change(presence)
    assert presence.expire(99.0) == 100.0, "the oldest is asked for next"
    assert not presence.dirty
    assert presence.expire(100.0) == 110.0
    assert {client: state for client, (_, state) in change(presence).items()} == {7: None}
    assert states(presence) == {8: '{"v":1}'}, "those who come see the same"
    assert presence.owner(7) == "a", "it stays its own"
    assert not presence.announce("b", [AwarenessEntry(7, 9, '{"v":"forged"}')], 120.0)
    assert presence.announce("a", [AwarenessEntry(7, 4, '{"v":2}')], 130.0)
    _, state = change(presence)[7]
    assert state == '{"v":2}' and not presence.comeback, "nobody else has to say anything again"
    assert presence.expire(110.0) == 130.0
    assert set(states(presence)) == {7}


def test_what_is_said_again_stays_and_so_does_what_the_server_repeats() -> None:
    presence = presence_of("a")
    presence.join("j", 55, BOB, listed=True)
    for now in range(0, 100, 15):
        assert presence.announce("a", [AwarenessEntry(7, now + 1, '{"v":1}')], float(now))
        presence.expire(now - 30.0)
        assert set(states(presence)) == {7, 55}
    presence.expire(1000.0)
    assert set(states(presence)) == {55}
    assert [entry["state"] for entry in presence.everybody() if entry["session"] == "a"] == [None]


def test_the_removal_of_what_expired_is_news_to_yjs() -> None:
    """y-protocols takes a removal with the clock that it knows, and what comes later with the next one."""
    presence, there = presence_of("a"), Awareness(Doc())
    presence.announce("a", [AwarenessEntry(7, 3, '{"v":1}')], 0.0)
    for expected in ({"v": 1}, None, {"v": 2}):
        told = presence.take_change(want_json=False).awareness
        assert told is not None
        there.apply_awareness_update(told, "remote")
        assert there.states.get(7) == expected
        if expected == {"v": 1}:
            presence.expire(0.0)
        else:
            presence.announce("a", [AwarenessEntry(7, 4, '{"v":2}')], 1.0)
