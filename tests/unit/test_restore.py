"""Restoring a version: an ordinary edit, as small as it can be, that brings everything back."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pycrdt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collab.content.restore import restore
from collab.documents.document import Document
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE, read_state_vector, write_var_bytes, write_var_uint
from collab.protocol.findings import Scan
from collab.protocol.scan import scan
from tests.support.examples import examples
from tests.support.wild_updates import WildUpdates

SHARED = (Text, Map, Array, XmlFragment, XmlElement, XmlText)
ROOTS: dict[str, type] = {"body": Text, "data": Map, "list": Array, "page": XmlFragment}


# -- reading, by means of pycrdt alone ------------------------------------------------------------------


def content(state: bytes) -> dict[str, Any]:
    """All that a reader of the document sees."""
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    return {name: seen(doc.get(name, type=type)) for name, type in ROOTS.items()}


def seen(value: Any) -> Any:
    if isinstance(value, Text | XmlText):
        runs: list[tuple[Any, Any]] = []
        for piece, attributes in value.diff():
            shown = seen(piece)
            looks = {key: look for key, look in (attributes or {}).items() if look is not None}
            if runs and isinstance(piece, str) and isinstance(runs[-1][0], str) and runs[-1][1] == looks:
                shown = runs.pop()[0] + shown
            runs.append((shown, looks))
        own = sorted(value.attributes) if isinstance(value, XmlText) else None  # type: ignore[call-overload]
        return (type(value).__name__, own, runs)
    if isinstance(value, Map):
        return ("Map", {key: seen(value[key]) for key in value})  # type: ignore[attr-defined]
    if isinstance(value, Array):
        return ("Array", [seen(item) for item in value])
    if isinstance(value, XmlElement):
        return ("XmlElement", value.tag, sorted(value.attributes), [seen(child) for child in value.children])  # type: ignore[call-overload]
    if isinstance(value, XmlFragment):
        return ("XmlFragment", [seen(child) for child in value.children])
    if isinstance(value, Doc):
        return ("Doc", value.guid)
    return value


def restored(current: bytes, wanted: bytes, **options: Any) -> bytes:
    """The state behind a restore, whose update goes through the door of all foreign updates."""
    update = restore(current, wanted, **options)
    document = Document.load(current, [])
    changed = document.apply(update)
    assert changed == (update != EMPTY_UPDATE)
    assert not document.poisoned
    return document.encode()


def scanned(current: bytes, update: bytes) -> Scan:
    doc: Doc[Any] = Doc()
    doc.apply_update(current)
    return scan(update, read_state_vector(doc.get_state()))


class Editor:
    """A replica on which a test edits, and the states that it had."""

    def __init__(self, client_id: int = 1) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.body = self.doc.get("body", type=Text)
        self.data = self.doc.get("data", type=Map)
        self.list = self.doc.get("list", type=Array)
        self.page = self.doc.get("page", type=XmlFragment)

    @property
    def state(self) -> bytes:
        return self.doc.get_update()


# -- nothing to do --------------------------------------------------------------------------------------


def test_restoring_a_state_to_itself_is_the_empty_update() -> None:
    editor = Editor()
    editor.body += "Hello"
    editor.data["key"] = {"b": 1, "a": [1, None, True]}
    assert restore(editor.state, editor.state) == EMPTY_UPDATE == b"\0\0"
    assert restore(EMPTY_UPDATE, EMPTY_UPDATE) == EMPTY_UPDATE


def test_the_same_content_under_other_ids_is_left_alone() -> None:
    one, other = Editor(1), Editor(2)
    for editor in (one, other):
        editor.body.insert(0, "Hello 😀", {"bold": True})
        editor.body.insert_embed(3, {"image": "u", "width": 3})
        editor.data["map"] = Map({"a": 1, "text": Text("x"), "list": Array([1.5, {"b": [1], "a": 2}])})
        editor.list += [1, Map({"a": Text("t")}), Array(["x"]), b"bytes", float("nan"), [float("inf"), None]]
        editor.page.children.append(XmlElement("p", {"k": "v"}, ["words"]))  # type: ignore[list-item]
    assert restore(one.state, other.state) == EMPTY_UPDATE


def test_words_typed_again_are_left_alone() -> None:
    editor = Editor()
    editor.body += "one two three"
    version = editor.state
    del editor.body[4:7]
    editor.body.insert(4, "two")
    assert restore(editor.state, version) == EMPTY_UPDATE


def test_numbers_are_compared_by_value_and_not_by_encoding() -> None:
    # The same [5, {"k": 1}] under two client ids: as integers, and as 64-bit floats.
    integers = b"\x02\x7d\x05\x76\x01\x01k\x7d\x01"
    floats = b"\x02\x7b\x40\x14\0\0\0\0\0\0\x76\x01\x01k\x7b\x3f\xf0\0\0\0\0\0\0"
    one, other = (
        b"\x01\x01" + client + b"\x00\x08\x01\x04list" + values + b"\x00"
        for client, values in ((b"\x05", integers), (b"\x06", floats))
    )
    assert content(one) == content(other)
    assert restore(one, other) == EMPTY_UPDATE


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (None, False), ("1", 1), ([], {}), (b"a", "a")])
def test_values_that_look_alike_are_told_apart(before: Any, after: Any) -> None:
    editor = Editor()
    editor.data["key"] = before
    editor.list.append(before)
    version = editor.state
    editor.data["key"] = after
    del editor.list[0]
    editor.list.append(after)
    result = content(restored(editor.state, version))
    assert result == content(version)
    assert type(result["data"][1]["key"]) is type(content(version)["data"][1]["key"])


# -- texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "inserts"),
    [
        ("", "Hello", 0),
        ("Hello", "", 5),
        ("Hello world", "Hello brave world", 0),
        ("Hello brave world", "Hello world", 6),
        ("a😀b", "a😁b", 2),
        ("😀😀", "😀", 2),
        ("café", "cafe", 1),
        ("one two three four", "zero two tree four!", 3),
    ],
)
def test_a_text_that_was_replaced_as_a_whole_is_restored_by_its_differences(old: str, new: str, inserts: int) -> None:
    """A naive script replaced all of it, so that no id is left: the words still tell."""
    editor = Editor()
    editor.body += old
    version = editor.state
    editor.body.clear()
    editor.body += new
    update = restore(editor.state, version, client_id=9)
    assert scanned(editor.state, update).ends.get(9, 0) == inserts
    assert content(restored(editor.state, version)) == content(version)


def test_only_what_changed_is_touched() -> None:
    editor = Editor()
    editor.body += "word " * 20_000
    version = editor.state
    editor.body.insert(50_000, "MORE")
    del editor.body[10:14]
    update = restore(editor.state, version)
    assert len(update) < 60
    assert content(restored(editor.state, version)) == content(version)


def test_formatting_comes_back() -> None:
    editor = Editor()
    editor.body.insert(0, "plain ")
    editor.body.insert(6, "bold", {"bold": True})
    editor.body.insert(10, " link", {"bold": None, "link": {"href": "a", "title": "b"}})
    version = editor.state
    editor.body.format(0, 12, {"bold": None, "italic": True})
    editor.body.format(6, 9, {"link": {"href": "z"}})
    del editor.body[4:8]
    assert content(editor.state) != content(version)
    assert content(restored(editor.state, version)) == content(version)


def test_embeds_come_back_with_what_is_in_them() -> None:
    editor = Editor()
    editor.body += "ab"
    editor.body.insert_embed(1, {"image": "u"}, {"width": 3})
    editor.body.insert_embed(1, Map({"nested": Array([Text("deep")])}))
    version = editor.state
    editor.body.clear()
    assert content(restored(editor.state, version)) == content(version)


def test_surrogate_pairs_are_never_parted() -> None:
    editor = Editor()
    editor.body += "x😀😁😂y"
    version = editor.state
    del editor.body[1:5]
    editor.body.insert(5, "🤣")
    document = Document.load(version, [])
    document.apply(editor.doc.get_update(document.state_vector()))
    document.apply(restore(editor.state, version))  # the live document knows the deleted pairs too
    assert content(document.encode()) == content(version)


def test_a_surrogate_pair_that_somebody_parted_is_whole_again() -> None:
    version = b"\x01\x01\x05\x00\x04\x01\x04body\x06a\xf0\x9f\x98\x80b\x00"
    document = Document.load(version, [])
    document.apply(b"\x01\x01\x06\x00\xc4\x05\x01\x05\x02\x01x\x00")  # as an old Yjs does
    assert content(document.encode())["body"][2] == [("a\ufffdx\ufffdb", {})]
    document.apply(restore(document.encode(), version))
    assert content(document.encode()) == content(version)
    assert content(version)["body"][2] == [("a😀b", {})]


# -- maps, arrays, XML ------------------------------------------------------------------------------------


def test_keys_are_set_deleted_and_followed_into_maps() -> None:
    editor = Editor()
    editor.data["same"] = 1
    editor.data["gone"] = "x"
    editor.data["changed"] = [1]
    editor.data["nested"] = Map({"kept": Text("long text that stays"), "old": 1})
    version = editor.state
    del editor.data["gone"]
    editor.data["changed"] = [2]
    editor.data["new"] = True
    del editor.data["nested"]["old"]
    kept = editor.data["nested"]["kept"]
    kept += "!"
    update = restore(editor.state, version, client_id=9)
    assert scanned(editor.state, update).ends[9] == 3  # gone, changed, old
    assert b"long text" not in update
    assert content(restored(editor.state, version)) == content(version)


def test_a_shared_type_set_anew_is_edited_and_not_replaced() -> None:
    """Somebody there may have it open."""
    editor = Editor()
    editor.data["note"] = Map({"title": Text("Shopping list"), "done": False})
    version = editor.state
    editor.data["note"] = Map({"title": Text("Shopping lists"), "done": False})
    title = editor.data["note"]["title"]
    editor.doc.apply_update(restore(editor.state, version))
    assert str(title) == "Shopping list"


def test_a_shared_type_that_became_a_value_is_built_again() -> None:
    editor = Editor()
    editor.data["a"] = Map({"text": Text("t"), "list": Array([1, Map({"k": Text("v")})])})
    editor.data["b"] = 1
    version = editor.state
    editor.data["a"] = "flat"
    editor.data["b"] = Text("was a number")
    assert content(restored(editor.state, version)) == content(version)


def test_arrays_keep_what_stands_in_both() -> None:
    editor = Editor()
    editor.list += [Map({"id": number, "text": Text(f"shape {number}")}) for number in range(5)]
    version = editor.state
    del editor.list[1]
    editor.list.insert(3, Map({"id": 9}))
    first = editor.list[0]["text"]
    first += " moved"
    update = restore(editor.state, version)
    assert b"shape 1" in update and b"shape 2" not in update
    editor.doc.apply_update(update)
    assert content(editor.state) == content(version)
    assert str(first) == "shape 0"


def test_xml_comes_back_with_attributes_of_any_type() -> None:
    editor = Editor()
    heading = XmlElement("heading", {"id": "h"}, ["Title"])  # type: ignore[list-item]
    editor.page.children.append(heading)
    heading.attributes["level"] = 2
    heading.attributes["data"] = {"deep": [True, None]}
    table = XmlElement("table", {}, [XmlElement("row", {}, [XmlElement("cell", {}, ["a"]), XmlElement("cell")])])  # type: ignore[list-item]
    editor.page.children.append(table)
    text = XmlText("styled")
    editor.page.children.append(text)
    text.format(0, 3, {"bold": True})
    text.attributes["lang"] = "en"
    version = editor.state
    del editor.page.children[0:2]
    text.format(0, 6, {"bold": None})
    text.attributes["lang"] = "de"
    editor.page.children.insert(0, XmlElement("heading"))
    assert content(restored(editor.state, version)) == content(version)


def test_subdocuments_keep_their_identity() -> None:
    editor = Editor()
    editor.data["sub"] = Doc(guid="sub-1")
    editor.list.append(Doc(guid="sub-2"))
    version = editor.state
    del editor.data["sub"]
    editor.list.clear()
    assert content(restored(editor.state, version)) == content(version)


def lexical(client: int, *paragraphs: str) -> bytes:
    """A document as Lexical and Slate make it: a rich text as a root, with rich texts in it.

    pycrdt cannot write such a thing.
    """
    structs = []
    clock = 0
    last: int | None = None
    for words in paragraphs:
        if last is None:
            structs.append(b"\x07\x01\x04body\x06")
        else:
            structs.append(b"\x87" + write_var_uint(client) + write_var_uint(last) + b"\x06")
        paragraph = last = clock
        parent = write_var_uint(client) + write_var_uint(paragraph)
        structs.append(b"\x28\x00" + parent + b"\x06__type\x01\x77\x09paragraph")
        structs.append(b"\x04\x00" + parent + write_var_bytes(words.encode()))
        clock += 2 + len(words)
    head = b"\x01" + write_var_uint(len(structs)) + write_var_uint(client) + b"\x00"
    return head + b"".join(structs) + b"\x00"


def test_rich_texts_inside_rich_texts_come_back() -> None:
    version = lexical(5, "first", "second", "third")
    editor = Editor()
    editor.doc.apply_update(version)
    del editor.body[1:2]
    assert len(content(editor.state)["body"][2]) == 2
    assert content(restored(editor.state, version)) == content(version)


def test_roots_that_hold_text_and_keys_at_once_are_restored_in_both() -> None:
    doc: Doc[Any] = Doc()
    doc.get("body", type=Text).insert(0, "text")
    keys = doc.get("body", type=Map)
    keys["lang"] = "en"
    version = doc.get_update()
    doc.get("body", type=Text).insert(0, "more ")
    keys["lang"] = "de"
    doc.apply_update(restore(doc.get_update(), version))
    assert str(doc.get("body", type=Text)) == "text"
    assert keys["lang"] == "en"


def test_roots_that_came_later_are_emptied_and_lost_ones_filled() -> None:
    old, new = Editor(1), Editor(2)
    old.body += "was here"
    old.page.children.append(XmlElement("p"))
    new.data["k"] = 1
    new.list += [1, 2]
    assert content(restored(new.state, old.state)) == content(old.state)
    assert content(restored(old.state, new.state)) == content(new.state)
    assert content(restored(old.state, EMPTY_UPDATE)) == content(EMPTY_UPDATE)


# -- an ordinary edit -------------------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_update() -> None:
    one, other = Editor(1), Editor(2)
    for editor in (one, other):
        editor.body += "some words"
        for key in "qwertz":
            editor.data[key] = Map({"a": Text(key), "b": Array([1])})
    assert restore(one.state, other.state, client_id=7) == restore(one.state, other.state, client_id=7)
    version = one.state
    one.body.clear()
    by_default = {restore(one.state, version) for _ in range(5)}
    assert len(by_default) == 5


def test_a_client_id_that_the_document_knows_goes_on_where_it_was() -> None:
    editor = Editor(client_id=7)
    editor.body += "abc"
    version = editor.state
    editor.body.clear()
    editor.body += "xyz"
    assert content(restored(editor.state, version, client_id=7)) == content(version)


def test_a_participant_can_undo_it() -> None:
    editor = Editor()
    editor.body.insert(0, "Hello", {"bold": True})
    editor.data["k"] = Map({"t": Text("deep")})
    version = editor.state
    editor.body.insert(5, " world")
    editor.body.format(0, 3, {"bold": None})
    editor.data["k"] = 1
    before = content(editor.state)
    undo = pycrdt.UndoManager(scopes=[editor.body, editor.data], capture_timeout_millis=0)
    undo.include_origin("restore")
    update = restore(editor.state, version)
    with editor.doc.transaction(origin="restore"):
        editor.doc.apply_update(update)
    assert content(editor.state) == content(version)
    assert undo.undo()
    assert content(editor.state) == before


def test_what_was_written_offline_into_a_deleted_part_ends_up_in_the_restored_one() -> None:
    editor = Editor()
    for index, paragraph in enumerate(("first. ", "second. ", "third. ")):
        author: Doc[Any] = Doc(client_id=10 + index)
        author.apply_update(editor.state)
        text = author.get("body", type=Text)
        text += paragraph
        editor.doc.apply_update(author.get_update())
    version = editor.state
    offline: Doc[Any] = Doc(client_id=3)
    offline.apply_update(version)
    offline.get("body", type=Text).insert(len("first. second. "), "(offline) ")
    editor.body.clear()
    restoring = restore(editor.state, version)
    for updates in ((restoring, offline.get_update()), (offline.get_update(), restoring)):
        replica: Doc[Any] = Doc()
        replica.apply_update(editor.state)
        for update in updates:
            replica.apply_update(update)
        assert str(replica.get("body", type=Text)) == "first. second. (offline) third. "


def test_edits_made_meanwhile_merge() -> None:
    editor = Editor()
    editor.body += "The quick fox"
    editor.list += [1, 2, 3]
    version = editor.state
    editor.body.insert(9, " brown")
    del editor.list[1]
    update = restore(editor.state, version)
    editor.body += " jumps"
    editor.list.append(4)
    editor.doc.apply_update(update)
    assert str(editor.body) == "The quick fox jumps"
    assert editor.list.to_py() == [1, 2, 3, 4]


# -- damage, size, chance -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"\x01",
        b"\0",
        b"\0\0\0",
        b"\x01\x01\x05\x00\x08\x01\x01t\x01\x7d",
        b"\xff" * 99,
    ],
)
def test_what_cannot_be_read_is_refused(state: bytes) -> None:
    for pair in ((state, EMPTY_UPDATE), (EMPTY_UPDATE, state)):
        with pytest.raises(CollabError) as raised:
            restore(*pair)
        assert raised.value.code == "invalid_update"


def test_items_that_wait_for_each_other_are_refused() -> None:
    one = b"\x01\x01\x00\x84\x02\x00\x01a"
    other = b"\x01\x02\x00\x84\x01\x00\x01b"
    with pytest.raises(CollabError) as raised:
        restore(b"\x02" + one + other + b"\x00", EMPTY_UPDATE)
    assert raised.value.code == "invalid_update"


@pytest.mark.parametrize("levels", [100, 5000])
@pytest.mark.slow
def test_deep_nesting_costs_no_stack(levels: int) -> None:
    def nested(client: int) -> bytes:
        structs = [b"\x07\x01\x04list\x00"]
        structs += [b"\x07\x00" + bytes((client,)) + write_var_uint(level) + b"\x00" for level in range(levels)]
        return b"\x01" + write_var_uint(levels + 1) + bytes((client, 0)) + b"".join(structs) + b"\x00"

    for current, wanted in ((EMPTY_UPDATE, nested(1)), (nested(1), nested(2)), (nested(1), EMPTY_UPDATE)):
        update = restore(current, wanted)
        scanned(current, update)
    assert (restore(nested(1), nested(2)) == EMPTY_UPDATE) == (levels == 100)


@pytest.mark.slow
def test_a_long_history_is_restored_in_time() -> None:
    rng = random.Random(1)
    editor = Editor()
    version = b""
    for number in range(6000):
        editor.body.insert(rng.randrange(len(editor.body) + 1), f"w{number} ")
        if number == 3000:
            version = editor.state
    del editor.body[1000:20_000]
    state = editor.state
    began = time.process_time()
    update = restore(state, version)
    assert time.process_time() - began < 3
    editor.doc.apply_update(update)
    assert content(editor.state) == content(version)


class _Crowd:
    """Replicas that edit at random, and now and then hear of each other."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.editors = [Editor(client_id) for client_id in (1, 2, 3)]
        self.versions: list[bytes] = [EMPTY_UPDATE]
        self._nested = 0

    def run(self, steps: int) -> None:
        rng = self.rng
        for _ in range(steps):
            editor = rng.choice(self.editors)
            if rng.random() < 0.3:
                editor.doc.apply_update(rng.choice(self.editors).state)
            else:
                rng.choice((self.text, self.text, self.map, self.array, self.xml))(editor)
            if rng.random() < 0.3:
                self.versions.append(editor.state)

    def value(self) -> Any:
        rng = self.rng
        self._nested += 1
        plain = (1, 2.5, True, None, "s", "😀", [1, {"a": 1}], {"x": [1], "y": {}}, b"\0\xff", 2**60)
        if rng.random() < 0.6 or self._nested > 40:
            return rng.choice(plain)
        kind = rng.randrange(5)
        if kind == 0:
            return Text(self.words())
        if kind == 1:
            return Map({key: self.value() for key in rng.sample("abc", rng.randrange(3))})
        if kind == 2:
            return Array([self.value() for _ in range(rng.randrange(3))])
        if kind == 3:
            return XmlFragment([self.element() for _ in range(rng.randrange(2))])
        return Doc(guid=f"doc-{rng.randrange(3)}")

    def words(self) -> str:
        return "".join(self.rng.choices(["a", "b", "é", "😀", "\n", "word ", "😁"], k=self.rng.randint(1, 4)))

    def element(self) -> Any:
        rng = self.rng
        contents = [self.element() if rng.random() < 0.3 else self.words() for _ in range(rng.randrange(3))]
        attributes = {"k": self.words()} if rng.random() < 0.5 else {}
        return XmlElement(rng.choice(("p", "h1")), attributes, contents)  # type: ignore[arg-type]

    def text(self, editor: Editor, text: Any = None) -> None:
        rng = self.rng
        text = editor.body if text is None else text
        borders = self.borders(text)
        start = rng.choice(borders)
        kind = rng.randrange(6)
        looks = rng.choice((None, {"bold": True}, {"bold": None}, {"link": {"href": rng.randrange(2), "t": 1}}))
        if kind < 2:
            text.insert(start, self.words(), looks)
        elif kind == 2:
            text.insert_embed(start, rng.choice(({"image": 1, "b": [2]}, 7, "x")), looks)
        elif kind == 3 and not isinstance(text, XmlText):
            text.insert_embed(start, rng.choice((Map({"a": 1}), Text("in"), Array([1]))))
        else:
            stop = rng.choice(borders)
            if start < stop and kind == 4:
                text.format(start, stop, looks or {"bold": True})
            elif start < stop:
                del text[start:stop]

    def borders(self, text: Any) -> list[int]:
        """Where an index may stand, in the bytes that pycrdt counts."""
        borders = [0]
        for piece, _ in text.diff():
            for character in piece if isinstance(piece, str) else "\0":
                borders.append(borders[-1] + len(character.encode()))
        return borders

    def map(self, editor: Editor, map: Any = None) -> None:
        rng = self.rng
        map = editor.data if map is None else map
        key = rng.choice("abcd")
        inner = map.get(key)
        if inner is not None and isinstance(inner, SHARED) and rng.random() < 0.6:
            self.inside(editor, inner)
        elif inner is not None and rng.random() < 0.3:
            del map[key]
        else:
            map[key] = self.value()

    def array(self, editor: Editor, array: Any = None) -> None:
        rng = self.rng
        array = editor.list if array is None else array
        at = rng.randrange(len(array) + 1)
        inner = array[at] if at < len(array) else None
        if isinstance(inner, SHARED) and rng.random() < 0.5:
            self.inside(editor, inner)
        elif at < len(array) and rng.random() < 0.4:
            del array[at : rng.randint(at, len(array))]
        else:
            array.insert(at, self.value())

    def xml(self, editor: Editor, parent: Any = None) -> None:
        rng = self.rng
        parent = editor.page if parent is None else parent
        children = parent.children
        at = rng.randrange(len(children) + 1)
        if at < len(children) and rng.random() < 0.5:
            self.inside(editor, children[at])
        elif at < len(children) and rng.random() < 0.5:
            del children[at : rng.randint(at, len(children))]
        elif isinstance(parent, XmlElement) and rng.random() < 0.4:
            parent.attributes[rng.choice("kl")] = rng.choice((1, True, None, "v", {"a": [1]}))
        else:
            children.insert(at, self.element() if rng.random() < 0.6 else XmlText(self.words()))

    def inside(self, editor: Editor, shared: Any) -> None:
        act: Callable[[Editor, Any], None]
        if isinstance(shared, Text | XmlText):
            act = self.text
        elif isinstance(shared, Map):
            act = self.map
        elif isinstance(shared, Array):
            act = self.array
        else:
            act = self.xml
        act(editor, shared)


@pytest.mark.slow
@settings(max_examples=examples(300), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_any_version_comes_back(rng: random.Random, steps: int) -> None:
    crowd = _Crowd(rng)
    crowd.run(steps)
    current = rng.choice(crowd.editors).state
    version = rng.choice(crowd.versions)
    state = restored(current, version)
    assert content(state) == content(version)
    assert restore(state, version) == EMPTY_UPDATE
    assert restore(state, state) == EMPTY_UPDATE
    assert content(restored(state, current)) == content(current)


@pytest.mark.slow
@settings(max_examples=examples(100), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_replicas_that_edit_meanwhile_converge(rng: random.Random, steps: int) -> None:
    crowd = _Crowd(rng)
    crowd.run(steps)
    server = crowd.editors[0]
    restoring = restore(server.state, rng.choice(crowd.versions))
    crowd.run(10)
    states = [editor.state for editor in crowd.editors]
    contents = []
    for order in ([*states, restoring], [server.state, restoring, *states[::-1]]):
        replica: Doc[Any] = Doc()
        for update in order:
            replica.apply_update(update)
        contents.append(content(replica.get_update()))
    assert contents[0] == contents[1]


@pytest.mark.slow
@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 2**32))
def test_wild_documents_neither_hang_nor_surprise(seed: int) -> None:
    """What hostile editors made passes the scan as well, and a second restore has nothing left to do."""
    wild = WildUpdates(random.Random(seed))
    document = Document()
    states = [EMPTY_UPDATE]
    for _ in range(25):
        try:
            document.apply(wild.update(document.clocks))
        except CollabError:
            if document.poisoned:
                return
        states.append(document.encode())
    for version in (states[0], states[len(states) // 2], states[-1]):
        try:
            update = restore(states[-1], version)
        except CollabError as error:
            assert error.code == "invalid_update"
            continue
        now = Document.load(states[-1], [])
        now.apply(update)
