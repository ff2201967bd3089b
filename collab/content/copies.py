"""Throw-away copies of documents, to look into and to try edits on.

What pycrdt raises at hostile content, its panics too, comes out as an error with a code. What stands
in which root is read from the state's structure (``roots.py``), as pycrdt cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import Any

import pycrdt

from collab.content.roots import RootKind, StructureReader
from collab.errors import CollabError
from collab.protocol.disguise import disguise


@contextmanager
def panics_contained(words: str) -> Iterator[None]:
    """Turn what pycrdt raises into an error with a code; its PanicException is a BaseException.

    Raises:
        CollabError: ``invalid_update`` with these ``words``; another one passes as it is.
    """
    try:
        yield
    except (CollabError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise CollabError("invalid_update", words) from error


class Kinds(dict[str, RootKind]):
    """What the roots of a document are.

    Attributes:
        mixed: names of those that are several things in one, as types of Yjs 14 may be.
    """

    mixed: Set[str] = frozenset()


def load_copy(state: bytes, client_id: int | None = None) -> tuple[pycrdt.Doc[Any], Kinds]:
    """A throw-away copy of a document, and what its roots are. XML hooks are elements in it.

    Args:
        state: the document, as one Yjs v1 update.
        client_id: under which Yjs client id the copy is edited; a random one by default.

    Raises:
        CollabError: ``invalid_update`` for a state that cannot be read.
    """
    structure = StructureReader(state)
    kinds = Kinds(structure.kinds())
    kinds.mixed = structure.mixed
    if structure.hooks:
        state = disguise(state, mark=b"", hooks_only=True)
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client_id)
    with panics_contained("This document is damaged."):
        doc.apply_update(state)
    return doc, kinds
