"""Edits that wait, are under way, or are durable: none is forgotten, and what is counted as saved is."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pycrdt import Doc, Text

from collab.client.outbox import COMPACT_BYTES, MAX_UNACKNOWLEDGED, MERGE_BYTES, Batch, Outbox
from tests.support.examples import examples

LIMIT = 4 * 2**20


class Writer:
    """Makes edits, and says what a list of updates amounts to."""

    def __init__(self) -> None:
        self.doc: Doc[Text] = Doc()
        self.text = self.doc.get("body", type=Text)

    def edit(self, letters: str = "x") -> bytes:
        before = self.doc.get_state()
        self.text.insert(len(self.text), letters)
        return self.doc.get_update(before)


def text_of(*updates: bytes) -> str:
    doc: Doc[Text] = Doc()
    text = doc.get("body", type=Text)
    for update in updates:
        doc.apply_update(update)
    return str(text)


def test_nothing_to_send() -> None:
    outbox = Outbox()
    assert (outbox.take(LIMIT), outbox.unsaved, outbox.made) == (None, 0, 0)


def test_what_gathered_goes_out_as_one() -> None:
    writer, outbox = Writer(), Outbox()
    for letter in "abc":
        outbox.add(writer.edit(letter))
    assert outbox.unsaved == 3
    batch = outbox.take(LIMIT)
    assert batch is not None
    assert (batch.first, batch.last, text_of(batch.update)) == (1, 3, "abc")
    assert (outbox.take(LIMIT), outbox.unsaved) == (None, 3)
    assert outbox.settle(batch)
    assert outbox.unsaved == 0


def test_no_update_is_larger_than_the_server_takes_but_for_one_edit_alone() -> None:
    writer, outbox = Writer(), Outbox()
    for _ in range(4):
        outbox.add(writer.edit("y" * COMPACT_BYTES))
    limit = 2 * COMPACT_BYTES + 100
    sizes = []
    while (batch := outbox.take(limit)) is not None:
        sizes.append(len(batch.update))
    assert len(sizes) == 2
    assert max(sizes) <= limit
    outbox.add(writer.edit("z" * MERGE_BYTES))
    large = outbox.take(limit)
    assert large is not None
    assert len(large.update) > MERGE_BYTES


def test_only_so_many_are_under_way_at_once() -> None:
    writer, outbox = Writer(), Outbox()
    for _ in range(MAX_UNACKNOWLEDGED):
        outbox.add(writer.edit())
        assert outbox.take(LIMIT) is not None
    outbox.add(writer.edit())
    assert outbox.take(LIMIT) is None
    assert outbox.unsaved == MAX_UNACKNOWLEDGED + 1


def test_a_later_confirmation_does_not_save_an_earlier_edit() -> None:
    writer, outbox = Writer(), Outbox()
    batches = []
    for _ in range(2):
        outbox.add(writer.edit())
        batches.append(outbox.take(LIMIT))
    first, second = batches
    assert first is not None and second is not None
    outbox.settle(second)
    assert outbox.unsaved == 2
    outbox.settle(first)
    assert outbox.unsaved == 0


def test_what_replaces_everything_makes_earlier_answers_void() -> None:
    writer, outbox = Writer(), Outbox()
    outbox.add(writer.edit("a"))
    first = outbox.take(LIMIT)
    outbox.add(writer.edit("b"))
    whole = outbox.take_all(writer.doc.get_update())
    assert first is not None
    assert not outbox.settle(first)
    assert outbox.unsaved == 2
    assert not whole.empty
    assert outbox.settle(whole)
    assert outbox.unsaved == 0
    assert outbox.take_all(writer.doc.get_update()).empty, "it repeats what is saved"


class Life(RuleBasedStateMachine):
    """Any order of edits, sending, answers and interruptions: the server ends with what was typed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.writer, self.outbox = Writer(), Outbox()
        self.server: Doc[Text] = Doc()
        self.text = self.server.get("body", type=Text)
        self.under_way: list[Batch] = []

    @rule(letters=st.sampled_from(["a", "bc", "d" * 5000]))
    def edit(self, letters: str) -> None:
        self.outbox.add(self.writer.edit(letters))

    @rule()
    def send(self) -> None:
        batch = self.outbox.take(LIMIT)
        if batch is not None:
            self.under_way.append(batch)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        batch = self.under_way.pop(0)
        self.server.apply_update(batch.update)
        assert self.outbox.settle(batch)

    @precondition(lambda self: self.under_way)
    @rule()
    def refuse_for_now(self) -> None:
        batch = self.under_way.pop()
        assert self.outbox.settle(batch)
        self.outbox.put_back(batch)

    @rule()
    def lose_the_connection(self) -> None:
        self.under_way.clear()
        self.outbox.put_all_back()

    @rule()
    def resync(self) -> None:
        self.under_way = [self.outbox.take_all(self.writer.doc.get_update(self.server.get_state()))]

    @invariant()
    def what_is_called_saved_is_on_the_server(self) -> None:
        if self.outbox.unsaved == 0:
            assert str(self.text) == str(self.writer.text)

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        assert 0 <= self.outbox.unsaved <= self.outbox.made

    def teardown(self) -> None:
        self.lose_the_connection()
        while (batch := self.outbox.take(LIMIT)) is not None:
            self.server.apply_update(batch.update)
            self.outbox.settle(batch)
        assert str(self.text) == str(self.writer.text)


TestLife = Life.TestCase
TestLife.settings = settings(settings.get_profile("collab"), max_examples=examples(30), stateful_step_count=30)
