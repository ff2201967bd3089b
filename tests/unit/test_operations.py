"""Operations as data: form, effect, all or nothing; reading what no type is written on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pycrdt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collab.documents import differ, editing
from collab.documents import operations as ops
from collab.documents.document import Document
from collab.documents.editing import apply, edit
from collab.documents.operations import validate
from collab.documents.reading import read
from collab.documents.roots import MAX_NESTING, StructureReader
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE, read_state_vector, write_var_bytes, write_var_uint


def op(name: str, path: str = "/body", **fields: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **fields}


def done(*batch: dict[str, Any], state: bytes = EMPTY_UPDATE) -> bytes:
    """The state after a batch; the update goes through the door that all foreign updates go through."""
    update = edit(state, list(batch))
    document = Document.load(state, [])
    document.apply(update)
    assert not document.poisoned
    return document.encode()


def text_state(text: str, name: str = "body") -> bytes:
    return done(op("text.insert", f"/{name}", index=0, text=text))


def refused(*batch: Any, state: bytes = EMPTY_UPDATE) -> CollabError:
    with pytest.raises(CollabError) as raised:
        edit(state, list(batch))
    assert raised.value.code == "invalid_payload"
    return raised.value


# -- form ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("text.insert", "not an object"),
        ({}, "unknown op"),
        ({"op": "text.append", "path": "/a"}, "unknown op"),
        ({"op": ["text.insert"], "path": "/a"}, "unknown op"),
        ({"op": "map.delete"}, "`path` is missing"),
        (op("map.delete", 7), "`path` is not a string"),  # type: ignore[arg-type]
        (op("map.delete", "a/b"), "begin with a slash"),
        (op("map.delete", "/a/~2"), "~"),
        (op("map.delete", "/a/~"), "~"),
        (op("map.delete", "/a/\ud800"), "`path` holds half a surrogate pair"),
        (op("map.delete", "/a" * 65), "64 segments"),
        (op("map.delete", "/root"), "name a key"),
        (op("map.set", "/root", value=1), "name a key"),
        (op("text.insert", "", index=0, text="x"), "name a root"),
        (op("text.insert", text="x"), "`index` is missing"),
        (op("text.insert", index=0), "`text` is missing"),
        (op("text.insert", index=-1, text="x"), "`index`"),
        (op("text.insert", index=True, text="x"), "`index`"),
        (op("text.insert", index=1.0, text="x"), "`index`"),
        (op("text.insert", index=2**31, text="x"), "`index`"),
        (op("text.insert", index=0, text=b"x"), "`text` is not a string"),
        (op("text.insert", index=0, text="\udc00"), "`text` holds half a surrogate pair"),
        (op("text.insert", index=0, text="x", attributes=[]), "`attributes` is not an object"),
        (op("text.insert", index=0, text="x", colour="red"), "unknown field 'colour'"),
        (op("text.format", index=0, length=0), "`attributes` is missing"),
        (op("map.set", "/m/k"), "`value` is missing"),
        (op("map.set", "/m/k", value=float("nan")), "out of range"),
        (op("map.set", "/m/k", value=[float("inf")]), "out of range"),
        (op("map.set", "/m/k", value=10**400), "out of range"),
        (op("map.set", "/m/k", value={"a": b"bytes"}), "not JSON"),
        (op("map.set", "/m/k", value={1: 2}), "not a string"),
        (op("map.set", "/m/k", value={"\ud800": 2}), "surrogate"),
        (op("array.insert", index=0, values="abc"), "`values` is not a list"),
    ],
)
def test_a_faulty_operation_is_refused_with_its_index(entry: Any, words: str) -> None:
    good = op("text.insert", index=0, text="good")
    with pytest.raises(CollabError) as raised:
        validate([good, entry])
    error = raised.value
    assert error.code == "invalid_payload"
    assert words in error.message
    assert error.as_dict()["index"] == 1
    error.message.encode()


def test_what_is_no_list_of_operations_is_refused() -> None:
    for faulty in (None, {}, "[]", 3):
        with pytest.raises(CollabError, match="list"):
            validate(faulty)
    with pytest.raises(CollabError, match="at most"):
        validate([op("map.delete", "/m/k")] * (ops.MAX_OPERATIONS + 1))


def test_nested_values_go_exactly_as_deep_as_the_scan_of_updates_lets_through() -> None:
    deepest: Any = 0
    for _ in range(64):
        deepest = [deepest]
    state = done(op("map.set", "/m/k", value=deepest), op("array.insert", "/a", index=0, values=[deepest]))
    assert read(state, "/m/k") == deepest
    assert "64 levels" in refused(op("map.set", "/m/k", value=[deepest])).message
    bottomless: list[Any] = []
    bottomless.append(bottomless)
    assert "64 levels" in refused(op("map.set", "/m/k", value=bottomless)).message


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_pointers_are_taken_apart_and_put_together(path: list[str]) -> None:
    assert ops.parse_pointer(ops.format_pointer(path)) == tuple(path)


@pytest.mark.parametrize(("pointer", "segments"), [("", ()), ("/", ("",)), ("/a~1b/~01", ("a/b", "~1"))])
def test_pointers_of_rfc_6901(pointer: str, segments: tuple[str, ...]) -> None:
    assert ops.parse_pointer(pointer) == segments


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
wild_operations = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from([*ops._SHAPES, "nonsense"]) | json_values,
        "path": st.sampled_from(["/t", "/m/k", "/m/k/z", "/a", "/a/0", "/m/sub/title"]) | json_values,
        "index": st.integers(0, 5) | json_values,
        "length": st.integers(0, 3) | json_values,
        "text": st.text(max_size=4) | json_values,
        "attributes": st.dictionaries(st.text(max_size=2), json_values, max_size=2) | json_values,
        "value": json_values,
        "values": st.lists(json_values, max_size=3) | json_values,
    },
)


@given(st.lists(wild_operations | json_values, max_size=6))
@settings(max_examples=300, deadline=None)
def test_whatever_arrives_is_performed_or_refused_with_a_code(batch: list[Any]) -> None:
    refusal: CollabError | None = None
    update = EMPTY_UPDATE
    try:
        update = edit(SAMPLE, batch)
    except CollabError as error:
        refusal = error
    if refusal is not None:
        assert refusal.code == "invalid_payload"
        assert 0 <= refusal.detail["index"] < len(batch)
    document = Document.load(SAMPLE, [])
    document.apply(update)
    read(document.encode())


# -- effect -------------------------------------------------------------------------------------------


def test_each_operation_does_what_its_name_says() -> None:
    state = done(
        op("text.insert", index=0, text="Hello"),
        op("text.insert", index=5, text="!", attributes={"bold": True}),
        op("text.delete", index=0, length=1),
        op("text.format", index=0, length=2, attributes={"italic": True}),
        op("map.set", "/m/a/b", value={"n": 1}),
        op("map.set", "/m/gone", value=1),
        op("map.delete", "/m/gone"),
        op("array.insert", "/list", index=0, values=[1, "two", None, [4]]),
        op("array.delete", "/list", index=1, length=2),
        op("text.replace", "/m/title", text="Title"),
    )
    assert read(state) == {
        "body": "ello!",
        "list": [1, [4]],
        "m": {"a": {"b": {"n": 1}}, "title": "Title"},
    }
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    assert doc.get("body", type=Text).diff() == [
        ("el", {"italic": True}), ("lo", None), ("!", {"bold": True}),
    ]  # fmt: skip
    assert isinstance(doc.get("m", type=Map)["a"], Map)  # made on the way, so that others can edit it too


def test_the_update_holds_the_edit_and_not_the_history() -> None:
    state = done(op("text.insert", index=0, text="x" * 10_000))
    for at in range(0, 4000, 2):
        state = done(op("text.delete", index=at // 2, length=1), state=state) if at < 40 else state
    update = edit(state, [op("text.insert", index=0, text="a")], client_id=5)
    assert len(update) < 64
    assert list(read_state_vector(pycrdt.get_state(update))) == [5]


def test_a_batch_that_changes_nothing_is_an_empty_update() -> None:
    state = text_state("same")
    unchanging = [
        op("text.replace", text="same"),
        op("text.insert", index=4, text=""),
        op("text.delete", index=1, length=0),
        op("text.delete", "/nowhere", index=0, length=0),
        op("array.delete", "/nowhere/deep", index=0, length=0),
        op("map.delete", "/nowhere/deep/key"),
        op("text.format", index=0, length=0, attributes={"bold": True}),
    ]
    assert edit(state, unchanging) == EMPTY_UPDATE
    assert edit(state, []) == EMPTY_UPDATE


def test_edits_are_carried_out_in_arrays_of_maps() -> None:
    doc: Doc[Any] = Doc()
    doc.get("cards", type=Array).append(Map({"title": Text("One"), "tags": Array(["x"])}))
    apply(
        doc,
        [
            op("text.insert", "/cards/0/title", index=3, text=" two"),
            op("array.insert", "/cards", index=0, values=["plain"]),
            op("text.insert", "/cards/1/title", index=7, text=" three"),
            op("array.insert", "/cards/1/tags", index=1, values=["y"]),
            op("map.set", "/cards/1/done", value=True),
        ],
    )
    assert read(doc.get_update(), "/cards") == [
        "plain", {"title": "One two three", "tags": ["x", "y"], "done": True},
    ]  # fmt: skip


def test_numbers_are_those_of_javascript() -> None:
    values = [1, -1, 2**53 - 1, 2**53 + 1, -(2**70), 0.5, 1e300, True]
    state = done(op("array.insert", "/a", index=0, values=values))
    content = read(state, "/a")
    assert content == [1, -1, 2**53 - 1, 2**53, -(2**70), 0.5, 1e300, True]
    assert isinstance(content[0], int) and isinstance(content[7], bool)


def test_apply_edits_a_live_document_in_one_transaction_or_not_at_all() -> None:
    doc: Doc[Any] = Doc()
    body = doc.get("body", type=Text)
    body += "Hello"
    events: list[Any] = []
    doc.observe(lambda event: events.append(event.update))
    before = doc.get_update()
    batch = [op("text.insert", index=5, text="!"), op("map.set", "/m/k", value=1)]
    with pytest.raises(CollabError) as raised:
        apply(doc, [*batch, op("text.delete", index=0, length=99)])
    assert raised.value.detail == {"index": 2, "path": "/body"}
    assert doc.get_update() == before and not events
    apply(doc, batch)
    assert str(body) == "Hello!" and len(events) == 1
    body += "?"  # its own client id went on counting
    assert str(body) == "Hello!?"
    replica: Doc[Any] = Doc()
    replica.apply_update(doc.get_update())
    assert str(replica.get("body", type=Text)) == "Hello!?"


# -- what a document does not allow ---------------------------------------------------------------------


def _sample() -> bytes:
    doc: Doc[Any] = Doc(client_id=1)
    text = doc.get("t", type=Text)
    text += "a😀b"
    mapping = doc.get("m", type=Map)
    mapping["k"] = {"plain": 1}
    mapping["sub"] = Map({"title": Text("In"), "n": 1})
    mapping["xml"] = XmlFragment([])
    doc.get("a", type=Array).extend([1, Map({"x": 1})])
    doc.get("x", type=XmlFragment).children.append(XmlElement("p", {}, [XmlText("hey")]))
    return doc.get_update()


SAMPLE = _sample()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (op("map.set", "/t/k", value=1), "/t is a text, not a map"),
        (op("array.insert", "/t", index=0, values=[]), "/t is a text, not an array"),
        (op("text.insert", "/m", index=0, text="x"), "/m is a map, not a text"),
        (op("array.delete", "/m", index=0, length=0), "/m is a map, not an array"),
        (op("text.insert", "/a", index=0, text="x"), "/a is an array, not a text"),
        (op("map.set", "/a/k", value=1), "/a is an array, not a map"),
        (op("text.insert", "/x", index=0, text="x"), "/x is XML"),
        (op("map.set", "/m/xml/k", value=1), "/m/xml is XML, not a map"),
        (op("map.set", "/m/k/inner", value=1), "/m/k is a plain value, not a map"),
        (op("map.set", "/m/k/inner/deeper", value=1), "/m/k is a plain value, not a map or an array"),
        (op("text.insert", "/m/sub", index=0, text="x"), "/m/sub is a map, not a text"),
        (op("text.insert", "/m/sub/n", index=0, text="x"), "/m/sub/n is a plain value, not a text"),
        (op("map.set", "/m/sub/title/x", value=1), "/m/sub/title is a text, not a map"),
        (op("map.set", "/a/2/x", value=1), "without an item '2'"),
        (op("map.set", "/a/-/x", value=1), "without an item '-'"),
        (op("map.set", "/a/01/x", value=1), "without an item '01'"),
        (op("map.set", "/a/0/x", value=1), "/a/0 is a plain value"),
        (op("array.insert", "/a", index=3, values=[1]), "index 3 is behind the end, 2"),
        (op("array.delete", "/a", index=1, length=2), "ends at 3, behind the end, 2"),
        (op("array.delete", "/new", index=0, length=1), "ends at 1, behind the end, 0"),
        (op("text.insert", "/t", index=5, text="x"), "index 5 is behind the end, 4"),
        (op("text.delete", "/t", index=3, length=2), "index 5 is behind the end, 4"),
        (op("text.format", "/t", index=4, length=1, attributes={"b": 1}), "index 5 is behind the end, 4"),
        (op("text.delete", "/new", index=0, length=1), "index 1 is behind the end, 0"),
        (op("text.insert", "/t", index=2, text="x"), "index 2 is inside a surrogate pair"),
        (op("text.delete", "/t", index=0, length=2), "inside a surrogate pair"),
    ],
)
def test_what_the_document_does_not_allow_refuses_the_whole_batch(entry: dict[str, Any], words: str) -> None:
    error = refused(op("map.set", "/m/first", value=1), entry, state=SAMPLE)
    assert words in error.message
    assert error.detail == {"index": 1, "path": entry["path"]}


def test_a_batch_sees_its_own_earlier_operations() -> None:
    error = refused(op("text.insert", "/new", index=0, text="x"), op("map.set", "/new/k", value=1))
    assert "/new is a text, not a map" in error.message
    state = done(op("text.insert", "/new", index=0, text="a"), op("text.insert", "/new", index=1, text="b"))
    assert read(state, "/new") == "ab"


MANY = [{"row": number} if number % 2 else number for number in range(9_990)]


@pytest.mark.parametrize(
    "batch",
    [
        [op("array.insert", "/rows", index=1, values=MANY)],
        [op("array.insert", "/rows", index=1 + at, values=[value]) for at, value in enumerate(MANY)],
    ],
    ids=["in one operation", "in one each"],
)
def test_many_values_are_inserted_in_time_that_grows_with_their_number(batch: list[dict[str, Any]]) -> None:
    state = done(op("array.insert", "/rows", index=0, values=["first", "last"]))
    began = time.thread_time()
    after = done(*batch, state=state)
    took = time.thread_time() - began
    assert read(after, "/rows") == ["first", *MANY, "last"]
    # In one transaction these take 4 s and more.
    assert took < 2

    assert refused(*batch, op("array.delete", "/rows", index=9_991, length=2), state=state).detail["index"] == len(batch)


def test_a_root_that_lost_its_content_takes_any_operation() -> None:
    state = text_state("gone")
    state = done(op("text.delete", index=0, length=4), state=state)
    assert read(state, "/body") == ""
    assert read(done(op("array.insert", index=0, values=[1]), state=state), "/body") == [1]
    assert read(done(op("map.set", "/body/k", value=1), state=state), "/body") == {"k": 1}


# -- texts ----------------------------------------------------------------------------------------------

ODD = "a😀é👩‍👩‍👧中\u0301z\n"


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("at", range(len(ODD) + 1))
def test_indices_count_utf_16_code_units(at: int) -> None:
    """As Yjs does: in JavaScript, `'😀'.length` is 2."""
    state = text_state(ODD)
    index = units(ODD[:at])
    assert read(done(op("text.insert", index=index, text="😎"), state=state), "/body") == ODD[:at] + "😎" + ODD[at:]
    if at < len(ODD):
        rest = ODD[:at] + ODD[at + 1 :]
        assert read(done(op("text.delete", index=index, length=units(ODD[at])), state=state), "/body") == rest


def test_formatting_covers_code_units_too() -> None:
    state = done(op("text.format", index=1, length=2, attributes={"bold": True}), state=text_state("a😀b"))
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    assert doc.get("body", type=Text).diff() == [("a", None), ("😀", {"bold": True}), ("b", None)]
    plain = done(op("text.format", index=0, length=4, attributes={"bold": None}), state=state)
    doc = Doc()
    doc.apply_update(plain)
    assert doc.get("body", type=Text).diff() == [("a😀b", None)]


def _with_embeds() -> Doc[Any]:
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    text += "one é two"
    text.insert_embed(0, {"image": 0})
    text.insert_embed(5, {"image": 1})  # before the é, whose two bytes pycrdt counts
    text.insert_embed(8, {"image": 2})
    return doc


def test_an_embed_counts_one() -> None:
    doc = _with_embeds()
    text = doc.get("body", type=Text)
    assert [piece for piece, _ in text.diff()] == [{"image": 0}, "one ", {"image": 1}, "é", {"image": 2}, " two"]
    apply(doc, [op("text.insert", index=8, text="|"), op("text.delete", index=6, length=1)])
    assert [piece for piece, _ in text.diff()] == [{"image": 0}, "one ", {"image": 1}, {"image": 2}, "| two"]


@pytest.mark.parametrize("new", ["", "one é two", "ONE é TWO", "é", "xx one é two yy", "two é one", "ö"])
def test_replacing_characters_keeps_embeds(new: str) -> None:
    doc = _with_embeds()
    apply(doc, [op("text.insert", index=0, text="\0"), op("text.replace", text=new)])
    pieces = [piece for piece, _ in doc.get("body", type=Text).diff()]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == new
    assert [piece for piece in pieces if not isinstance(piece, str)] == [{"image": 0}, {"image": 1}, {"image": 2}]


def test_replaced_characters_keep_their_looks() -> None:
    state = done(
        op("text.insert", index=0, text="one two three"),
        op("text.format", index=4, length=3, attributes={"bold": True}),
        op("text.replace", text="one 2 three"),
    )
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    assert doc.get("body", type=Text).diff() == [("one ", None), ("2", {"bold": True}), (" three", None)]


def test_two_replacements_of_different_places_merge() -> None:
    """The point of the smallest edit: whoever edits elsewhere meanwhile is not overwritten."""
    base = "The quick brown fox.\nIt jumps.\nOver the lazy dog.\n"
    state = text_state(base)
    one = edit(state, [op("text.replace", text=base.replace("quick", "slow").replace("lazy", "eager"))])
    other = edit(state, [op("text.replace", text=base.replace("jumps", "flies"))])
    merged = Document.load(state, [one, other]).encode()
    assert read(merged, "/body") == "The slow brown fox.\nIt flies.\nOver the eager dog.\n"


def hunks_of(old: str, new: str, budget: int = differ.DIFF_BUDGET) -> Iterator[tuple[str, str]]:
    """Check that the hunks lead from `old` to `new`; give what each takes and puts."""
    hunks = differ.Differ(budget).hunks(old, new)
    result, at = "", 0
    for start, stop, new_start, new_stop in hunks:
        assert at <= start <= stop
        result += old[at:start] + new[new_start:new_stop]
        at = stop
        yield old[start:stop], new[new_start:new_stop]
    assert result + old[at:] == new


def longest_common_subsequence(old: str, new: str) -> int:
    row = [0] * (len(new) + 1)
    for char in old:
        diagonal = 0
        for at, other in enumerate(new, 1):
            diagonal, row[at] = row[at], diagonal + 1 if char == other else max(row[at], row[at - 1])
    return row[-1]


few_letters = st.text(st.sampled_from("ab\n😀"), max_size=24)


@given(few_letters, few_letters)
@example("ab", "ba")
@settings(max_examples=400, deadline=None)
def test_the_edit_is_the_smallest(old: str, new: str) -> None:
    cost = sum(len(taken) + len(put) for taken, put in hunks_of(old, new))
    assert cost == len(old) + len(new) - 2 * longest_common_subsequence(old, new)


@given(few_letters, few_letters, st.integers(0, 60))
@settings(deadline=None)
def test_without_a_budget_the_edit_is_coarser_and_still_right(old: str, new: str, budget: int) -> None:
    for taken, put in hunks_of(old, new, budget):
        assert taken or put


words = st.lists(st.sampled_from(["one", "two", "three", "four", "x", "\n", "😀", " "]), max_size=40).map("".join)


@given(words, words)
@settings(deadline=None)
def test_long_texts_are_taken_apart_at_words_and_the_edit_is_still_right(old: str, new: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differ, "SHORT_DIFF", 4)
        for taken, put in hunks_of(old, new):
            assert taken or put


def test_a_word_replaced_all_over_a_long_text_leaves_the_rest_alone() -> None:
    old = " ".join(f"the{'' if number % 3 else f' word{number}'}" for number in range(5000))
    found = list(hunks_of(old, old.replace("the", "THE")))
    assert sum(len(taken) for taken, _ in found) == 3 * 5000


def test_what_has_nothing_in_common_to_hold_on_to_is_replaced_in_bounded_time() -> None:
    started = time.perf_counter()
    assert list(hunks_of("ab" * 100_000, "ca" * 100_000)) == [("ab" * 100_000, "ca" * 100_000)]
    assert time.perf_counter() - started < 10  # without the bound: hours


# -- everything against a model -------------------------------------------------------------------------

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
        return any(
            0 < index < len(self.units) and 0xDC <= self.units[index][1] <= 0xDF for index in indices
        )

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


@given(model_steps, st.booleans(), st.sampled_from([1, 2, 100]))
@settings(max_examples=400, deadline=None)
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


# -- reading --------------------------------------------------------------------------------------------


def test_what_a_root_is_can_be_seen_in_it() -> None:
    assert StructureReader(SAMPLE).kinds() == {"t": "text", "m": "map", "a": "array", "x": "xml"}
    assert read(SAMPLE) == {
        "t": "a😀b",
        "m": {"k": {"plain": 1}, "sub": {"title": "In", "n": 1}, "xml": ""},
        "a": [1, {"x": 1}],
        "x": "<p>hey</p>",
    }


def test_the_first_item_of_a_root_may_be_gone() -> None:
    """The parent stands only in the first struct; here that is one whose content was deleted."""
    doc: Doc[Any] = Doc()
    text, array, mapping = doc.get("t", type=Text), doc.get("a", type=Array), doc.get("m", type=Map)
    text += "xhello"
    array.extend([0, 1, 2])
    mapping["k"] = 1
    other: Doc[Any] = Doc()
    other.apply_update(doc.get_update())
    other_text = other.get("t", type=Text)
    other_text.insert(3, " from another client ")
    del other_text[0:1]
    del other.get("a", type=Array)[0]
    other.get("m", type=Map)["k"] = 2
    state = other.get_update()
    assert StructureReader(state).kinds() == {"t": "text", "a": "array", "m": "map"}
    assert read(state) == {"t": "he from another client llo", "a": [1, 2], "m": {"k": 2}}


def test_a_formatted_text_without_characters_is_still_a_text() -> None:
    doc: Doc[Any] = Doc()
    text = doc.get("t", type=Text)
    text.insert_embed(0, {"image": 1}, {"bold": True})
    assert read(doc.get_update(), "/t") == ""
    refused(op("array.insert", "/t", index=0, values=[1]), state=doc.get_update())


@pytest.mark.parametrize(
    ("path", "json", "text"),
    [
        ("/t", "a😀b", "a😀b"),
        ("/m/sub", {"title": "In", "n": 1}, "1\nIn"),
        ("/m/sub/title", "In", "In"),
        ("/m/k/plain", 1, "1"),
        ("/a/1/x", 1, "1"),
        ("/x", "<p>hey</p>", "hey"),
    ],
)
def test_content_below_a_path(path: str, json: Any, text: str) -> None:
    assert read(SAMPLE, path) == json
    assert read(SAMPLE, path, "text") == text


@pytest.mark.parametrize("path", ["/none", "/m/none", "/a/2", "/a/-1", "/a/01", "/t/0", "/x/0", "/m/sub/title/0", "/"])
def test_a_path_that_leads_nowhere(path: str) -> None:
    with pytest.raises(CollabError) as raised:
        read(SAMPLE, path)
    assert raised.value.code == "not_found"


def test_a_path_that_is_none() -> None:
    with pytest.raises(CollabError) as raised:
        read(SAMPLE, "t")
    assert raised.value.code == "invalid_payload"


def test_the_whole_document_as_text() -> None:
    doc: Doc[Any] = Doc()
    body = doc.get("body", type=Text)
    body += "Body"
    page = doc.get("page", type=XmlFragment)
    page.children.append(XmlElement("h1", {}, [XmlText("Title")]))
    page.children.append(XmlElement("ul", {}, [XmlElement("li", {}, [XmlText("one"), XmlText(" and a half")])]))
    assert read(doc.get_update(), None, "text") == "Body\nTitle\none and a half"
    assert read(EMPTY_UPDATE) == {} and read(EMPTY_UPDATE, "", "text") == ""


def test_bytes_and_numbers_that_json_lacks_can_be_read() -> None:
    doc: Doc[Any] = Doc()
    doc.get("a", type=Array).extend([b"\x01\x02", float("nan"), float("inf"), 2**60])
    assert read(doc.get_update(), "/a") == [[1, 2], None, None, 2**60]


# -- hostile documents ------------------------------------------------------------------------------------


def items(client: int, *structs: bytes) -> bytes:
    head = write_var_uint(1) + write_var_uint(len(structs)) + write_var_uint(client) + b"\0"
    return head + b"".join(structs) + b"\0"


def named(kind: int, root: str, content: bytes) -> bytes:
    return bytes([kind]) + b"\1" + write_var_bytes(root.encode()) + content


def inside(kind: int, client: int, clock: int, content: bytes) -> bytes:
    return bytes([kind]) + b"\0" + write_var_uint(client) + write_var_uint(clock) + content


def test_an_array_with_the_characters_of_a_text_is_not_read() -> None:
    """pycrdt never comes back from reading an emoji as the items of an array."""
    state = items(9, named(7, "a", b"\0"), inside(4, 9, 0, write_var_bytes("😀".encode())))
    for call in (lambda: read(state), lambda: edit(state, [op("array.insert", "/a/0", index=0, values=[1])])):
        with pytest.raises(CollabError) as raised:
            call()
        assert raised.value.code == "invalid_update"


def test_a_text_with_the_items_of_an_array_is_not_edited_by_index() -> None:
    """Its indices could not be told; pycrdt would count bytes of things that are no text."""
    state = items(9, named(4, "t", write_var_bytes(b"hi")), b"\x88\x09\x01\1\x7d\5")
    assert read(state, "/t") == "hi"
    assert "neither characters nor embeds" in refused(op("text.insert", "/t", index=0, text="x"), state=state).message


def nested_arrays(depth: int) -> bytes:
    return items(9, named(7, "a", b"\0"), *(inside(7, 9, at, b"\0") for at in range(depth - 1)))


def test_types_nested_too_deep_are_not_read() -> None:
    content = read(nested_arrays(MAX_NESTING - 1), "/a")
    for _ in range(MAX_NESTING - 1):
        (content,) = content
    assert content == []
    for depth in (MAX_NESTING, 20_000):
        with pytest.raises(CollabError) as raised:
            read(nested_arrays(depth))
        assert raised.value.code == "invalid_update"


def test_origins_in_a_circle_end() -> None:
    def leaning(on: int) -> bytes:
        return b"\x84" + write_var_uint(on) + b"\0" + write_var_bytes(b"x")

    state = b"\2" + b"\1" + b"\1\0" + leaning(2) + b"\1" + b"\2\0" + leaning(1) + b"\0"
    assert StructureReader(state).kinds() == {}


def test_an_item_whose_left_neighbour_is_gone_belongs_to_its_right_one() -> None:
    anything = b"\1\x7d\5"
    state = items(
        9, named(8, "a", anything), b"\0\1", b"\xc4\x09\1\x09\0" + write_var_bytes("😀".encode())
    )
    assert StructureReader(state).kinds() == {"a": "text"}
    assert read(state, "/a") == "😀"


@pytest.mark.parametrize("state", [b"", b"\0", b"\xff" * 20, b"\1\1\1", SAMPLE[:-3], SAMPLE[:40]])
def test_damaged_states_have_a_code(state: bytes) -> None:
    for call in (lambda: read(state), lambda: edit(state, [])):
        with pytest.raises(CollabError) as raised:
            call()
        assert raised.value.code == "invalid_update"
