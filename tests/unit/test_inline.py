"""Words with marks as a nest: each mark is opened once, and stays open as long as it can."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collab.content.formats.inline import ORDER, nested
from collab.content.formats.tree import PLAIN, Inline, Marks, Picture, Words

looks = st.builds(
    Marks,
    link=st.sampled_from([None, "/a", "/b"]),
    **{name: st.booleans() for name in ("bold", "italic", "strike", "underline", "code")},  # type: ignore[arg-type]
)
contents = st.lists(
    st.builds(Words, st.just("w"), looks) | st.builds(Picture, st.just("/p"), st.just(""), st.none(), looks), max_size=8
)


@given(contents, st.permutations(ORDER).map(tuple))
def test_it_is_a_nest_in_which_every_piece_has_its_marks(content: list[Inline], order: tuple[str, ...]) -> None:
    opened: list[tuple[str, str | None]] = []
    pieces: list[Inline] = []
    for kind, what, link in nested(content, order):
        if kind == "open":
            assert isinstance(what, str)
            assert what not in [name for name, _ in opened], "it is open already"
            opened.append((what, link))
        elif kind == "close":
            assert opened.pop() == (what, link), "it closes what was opened last"
        else:
            assert isinstance(what, Words | Picture)
            pieces.append(what)
            marks = {name: True for name in order if name != "link" and getattr(what.marks, name)}
            if what.marks.link:
                marks["link"] = what.marks.link  # type: ignore[assignment]
            assert {name: link or True for name, link in opened} == marks
            assert [name for name, _ in opened] == [name for name in order if name in marks], "outermost first"
    assert not opened
    assert pieces == content


def steps(*content: Inline) -> str:
    shown = {"open": "<{}>", "close": "</{}>"}
    return "".join(
        what.text if isinstance(what, Words) else shown[kind].format(what) for kind, what, _ in nested(content)
    )


def test_a_mark_stays_open_as_long_as_it_can() -> None:
    bold, both = Marks(bold=True), Marks(bold=True, italic=True)
    assert (
        steps(Words("a", bold), Words("b", both), Words("c", bold), Words("d")) == "<bold>a<italic>b</italic>c</bold>d"
    )
    assert (
        steps(Words("a", Marks(italic=True)), Words("b", both)) == "<italic>a</italic><bold><italic>b</italic></bold>"
    )


def test_another_link_is_another_link() -> None:
    one, other = Marks(link="/a"), Marks(link="/b")
    assert list(nested([Words("a", one), Words("b", other)])) == [
        ("open", "link", "/a"), ("piece", Words("a", one), None), ("close", "link", "/a"),
        ("open", "link", "/b"), ("piece", Words("b", other), None), ("close", "link", "/b"),
    ]  # fmt: skip


def test_marks_without_a_place_in_the_order_are_left_out() -> None:
    assert list(nested([Words("a", Marks(underline=True))], ("bold",))) == [
        ("piece", Words("a", Marks(underline=True)), None)
    ]
    assert list(nested([Words("a", PLAIN)])) == [("piece", Words("a"), None)]
