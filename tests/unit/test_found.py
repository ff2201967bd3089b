"""Updates of a document become one state, and what is wrong with some of them is said."""

from __future__ import annotations

from collab.commands.others.found import put_together
from collab.documents.document import Document
from tests.unit.test_dependencies import FIRST, behind, of


def test_updates_in_any_order_make_one_state() -> None:
    updates = [of((1, 0, [FIRST])), of((1, 1, [behind(1, 0)])), of((2, 0, [behind(1, 1)])), b"\0\0", b""]
    for order in (updates, updates[::-1]):
        found = put_together("a", order)
        assert found.problem is None
        assert found.state is not None
        assert Document.load(found.state, []).clocks == {1: 2, 2: 1}


def test_what_is_wrong_is_said() -> None:
    some = put_together("a", [of((1, 0, [FIRST])), b"\xff\xff", of((2, 0, [behind(9, 9)]))])
    assert some.state is not None
    assert Document.load(some.state, []).clocks == {1: 1}
    assert some.problem == "1 of 3 updates are damaged and 1 of 3 updates build on something that is not there"
    nothing = put_together("a", [b"\xff\xff"])
    assert nothing.state is None
    assert nothing.problem is not None
    assert "compressed or encrypted" in nothing.problem
    assert put_together("a", []).state == b"\0\0"
