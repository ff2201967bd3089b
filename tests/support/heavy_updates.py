"""Updates that are sound, small, and costly to apply in one transaction."""

from __future__ import annotations

from collab.protocol.codec import write_var_uint


def update_of(*structs: bytes, client: int = 5, clock: int = 0) -> bytes:
    """An update of one client."""
    head = write_var_uint(1) + write_var_uint(len(structs)) + write_var_uint(client) + write_var_uint(clock)
    return head + b"".join(structs) + b"\0"


def values_of(count: int, kind: int, content: bytes) -> bytes:
    """``count`` entries of the list `x`, each a struct of its own behind the one before."""
    first = bytes((kind,)) + b"\x01\x01x" + content
    rest = [bytes((0x80 | kind,)) + write_var_uint(5) + write_var_uint(at) + content for at in range(count - 1)]
    return update_of(first, *rest)


def map_of(count: int, client: int = 5) -> bytes:
    """``count`` values under one key of the map `x`."""
    return update_of(*[b"\x28\x01\x01x\x01k\x01\x7e"] * count, client=client)
