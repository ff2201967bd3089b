"""What was found in an update."""

from __future__ import annotations

from dataclasses import dataclass

from collab.protocol.yjs_structs import Id


@dataclass(slots=True)
class Scan:
    """What an update holds.

    ``ends``: client id -> clock behind its last struct; ``structs``: their number; ``new``: some of
    them are unknown so far; ``deletes``: there is a delete set; ``entangled``: structs of one
    client lean on new structs of another, so that only integrating tells whether it can;
    ``containers``: ids (client, clock, length) of structs that may have children: shared types, and
    what is left of deleted things; ``keyed``: those of map entries; ``pairs``: ids of the second halves
    of surrogate pairs; ``parted``: those, here or in the document, between whose halves the update puts something;
    ``maps``: where "any" values with maps in them stand, from byte to byte; ``objects``: where JSON stands;
    ``subdocuments``: how many of the new structs hold one; ``loose``: how many structs leave it to the CRDT to find
    their place, among all that stand to the right of what they lean on, or have the same key; ``several``: ids of
    structs that hold several values of one map entry, with how many of them are known, and 1;
    ``obsolete``: there is content that the CRDT library cannot
    read; ``foreign``: there is content that it cannot keep as it is; ``runs``: where gaps
    may be, what stands in it: client, and clocks from one to before another.
    """

    ends: dict[int, int]
    structs: int
    new: bool
    deletes: bool
    entangled: bool
    containers: list[tuple[int, int, int]]
    keyed: list[tuple[int, int, int]]
    pairs: list[tuple[int, int]]
    parted: set[tuple[int, int]]
    maps: list[tuple[int, int]]
    objects: list[tuple[int, int]]
    subdocuments: int
    loose: int
    several: dict[Id, int]
    obsolete: bool
    foreign: bool
    runs: list[tuple[int, int, int]]
