"""Any sequence of operations has the effect of a model: a list of code units, a dict and a list."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.content import editing
from collab.content import operations as ops
from collab.content.reading import read
from collab.protocol.codec import EMPTY_UPDATE
from tests.support.examples import examples
from tests.support.scripted_edits import done, op, refused

letters = st.text(st.sampled_from("ab é中😀👩‍"), max_size=5)
plain_values = st.none() | st.booleans() | st.integers(-9, 9) | letters | st.lists(st.integers(0, 3), max_size=2)
keys = st.sampled_from(["k", "", "a/b", "~", "😀"])
model_steps = st.lists(
    st.one_of(
        st.tuples(st.just("text.insert"), st.integers(0, 30), letters),
        st.tuples(st.just("text.delete"), st.integers(0, 30), st.integers(0, 6)),
        st.tuples(st.just("text.format"), st.integers(0, 30), st.integers(0, 6)),
        st.tuples(st.just("text.replace"), letters),
        st.tuples(st.just("map.set"), keys, plain_values),
        st.tuples(st.just("map.delete"), keys),
        st.tuples(st.just("array.insert"), st.integers(0, 8), st.lists(plain_values, max_size=3)),
        st.tuples(st.just("array.delete"), st.integers(0, 8), st.integers(0, 4)),
    ),
    max_size=12,
)


class Model:
    """What the operations mean, on a list of code units, a dict and a list; None: refused."""

    def __init__(self) -> None:
        self.units: list[bytes] = []
        self.map: dict[str, Any] = {}
        self.list: list[Any] = []

    @property
    def text(self) -> str:
        return b"".join(self.units).decode("utf-16-le")

    def splits_a_pair(self, *indices: int) -> bool:
        return any(0 < index < len(self.units) and 0xDC <= self.units[index][1] <= 0xDF for index in indices)

    def step(self, name: str, *args: Any) -> dict[str, Any] | None:
        """Perform the step, unless it has to be refused: the operation, and whether it was performed."""
        kind, _, _ = name.partition(".")
        path = {"text": "/top/text", "map": "/map", "array": "/array"}[kind]
        if name == "text.insert":
            index, text = args
            if index <= len(self.units) and not self.splits_a_pair(index):
                self.units[index:index] = code_units(text)
            return op(name, path, index=index, text=text)
        if name in ("text.delete", "text.format"):
            index, length = args
            fits = index + length <= len(self.units) and not self.splits_a_pair(index, index + length)
            if fits and name == "text.delete":
                del self.units[index : index + length]
            more = {"attributes": {"bold": True}} if name == "text.format" else {}
            return op(name, path, index=index, length=length, **more)
        if name == "text.replace":
            self.units = code_units(args[0])
            return op(name, path, text=args[0])
        if kind == "map":
            path += ops.format_pointer([args[0]])
            if name == "map.delete":
                self.map.pop(args[0], None)
                return op(name, path)
            self.map[args[0]] = args[1]
            return op(name, path, value=args[1])
        index, what = args
        if name == "array.insert":
            if index <= len(self.list):
                self.list[index:index] = what
            return op(name, path, index=index, values=what)
        if index + what <= len(self.list):
            del self.list[index : index + what]
        return op(name, path, index=index, length=what)

    def allows(self, name: str, *args: Any) -> bool:
        if name == "text.insert":
            return args[0] <= len(self.units) and not self.splits_a_pair(args[0])
        if name in ("text.delete", "text.format"):
            end = args[0] + args[1]
            return end <= len(self.units) and not self.splits_a_pair(args[0], end)
        if name == "array.insert":
            return bool(args[0] <= len(self.list))
        if name == "array.delete":
            return bool(args[0] + args[1] <= len(self.list))
        return True


def code_units(text: str) -> list[bytes]:
    data = text.encode("utf-16-le")
    return [data[at : at + 2] for at in range(0, len(data), 2)]


@pytest.mark.slow
@given(model_steps, st.booleans(), st.sampled_from([1, 2, 100]))
@settings(max_examples=examples(400), deadline=None)
def test_any_sequence_has_the_effect_of_the_model(steps: list[tuple[Any, ...]], in_one_batch: bool, few: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(editing, "VALUES_AT_ONCE", few)
        _have_the_effect_of_the_model(steps, in_one_batch)


def _have_the_effect_of_the_model(steps: list[tuple[Any, ...]], in_one_batch: bool) -> None:
    model, state, batch = Model(), EMPTY_UPDATE, []
    for step in steps:
        allowed = model.allows(*step)
        entry = model.step(*step)
        assert entry is not None
        if in_one_batch:
            if allowed:
                batch.append(entry)
            else:
                error = refused(*batch, entry, state=state)
                assert error.detail["index"] == len(batch)
        elif allowed:
            state = done(entry, state=state)
        else:
            refused(entry, state=state)
    if in_one_batch:
        state = done(*batch, state=state)
    content = read(state)
    assert content.get("top", {}).get("text", "") == model.text
    assert (content.get("map") or {}) == model.map
    assert (content.get("array") or []) == model.list
