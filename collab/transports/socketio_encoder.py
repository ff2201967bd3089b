"""What a document says, as Socket.IO packets of one namespace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from collab.protocol.frames import Frames
from collab.protocol.packets import PLACEHOLDER
from collab.transports.socket_lane import SocketLane


class SocketIOEncoder:
    """Writes what a document says as Socket.IO packets of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._update = f'451-{namespace},["sync-update",{PLACEHOLDER}]'
        self._awareness = f'451-{namespace},["awareness-update",{PLACEHOLDER}]'

    def update(self, update: bytes) -> Frames:
        """``sync-update``."""
        return Frames(self._update, update)

    def updates(self, updates: Sequence[bytes]) -> list[Frames]:
        """Several ``sync-update`` in one buffer."""
        return [Frames.series([Frames(self._update, update) for update in updates])]

    def awareness(self, update: bytes) -> Frames:
        """``awareness-update``."""
        return Frames(self._awareness, update)

    def presence(self, change: dict[str, Any]) -> Frames:
        """``presence``."""
        return self.event("presence", change)

    def broadcast(self, event: str, data: Any, sender: str) -> Frames:
        """``broadcast``."""
        return self.event("broadcast", {"event": event, "data": data, "from": sender})

    def notice(self, notice: dict[str, Any]) -> Frames:
        """``notice``."""
        return self.event("notice", notice)

    def lane(self) -> SocketLane:
        """A new lane."""
        return SocketLane()

    def event(self, name: str, data: Any) -> Frames:
        """Any event with one JSON argument."""
        return Frames(f"42{self.namespace},{orjson.dumps([name, data]).decode()}")

    def ack(self, id: int, data: Any) -> Frames:
        """The answer to an event that asked for one."""
        return Frames(f"43{self.namespace},{id}{orjson.dumps([data]).decode()}")

    def saved(self, id: int, position: int) -> Frames:
        """The answer to an edit that is durable."""
        return Frames(f'43{self.namespace},{id}[{{"ok":true,"durable":true,"position":{position}}}]')

    def binary_ack(self, id: int, data: bytes) -> Frames:
        """An answer of bytes."""
        return Frames(f"461-{self.namespace},{id}[{PLACEHOLDER}]", data)

    def step_1(self, id: int, state_vector: bytes) -> Frames:
        """``sync-step-1``, to be answered with the peer's missing update."""
        return Frames(f'451-{self.namespace},{id}["sync-step-1",{PLACEHOLDER}]', state_vector)
