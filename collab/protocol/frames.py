"""One Socket.IO packet, encoded once for everybody who gets it.

A packet is a text header and, for binary events, one attachment. WebSocket clients get both as
two frames in one buffer (RFC 6455, server to client, so never masked); polling clients get them
as Engine.IO v4 packets, joined by U+001E, the attachment in base64.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

#: between the packets of one polling body
SEPARATOR = "\x1e"

_TEXT = 0x81
_BINARY = 0x82


def websocket_frame(opcode: int, payload: bytes) -> bytes:
    """Return ``payload`` as one unmasked WebSocket frame; ``opcode`` includes the FIN bit."""
    size = len(payload)
    if size < 126:
        return bytes((opcode, size)) + payload
    if size < 65536:
        return bytes((opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((opcode, 127)) + size.to_bytes(8, "big") + payload


class Frames:
    """An encoded Engine.IO message or control packet, ready for every transport.

    Args:
        text: the Engine.IO text packet, type digit included (``42/doc/a,["x"]``); empty for an
            attachment on its own.
        attachment: bytes of the binary attachment that follows, or None.

    ``websocket`` and ``polling`` are made on first use and kept, so that a hundred recipients
    share one buffer.
    """

    __slots__ = ("_polling", "attachment", "buffer", "packets", "text")

    def __init__(self, text: str, attachment: bytes | None = None) -> None:
        self.text = text
        self.attachment = attachment
        #: what :attr:`websocket` returns, once it was made
        self.buffer: bytes | None = None
        self._polling: str | None = None
        #: of a series: its packets
        self.packets: Sequence[Frames] = ()

    @classmethod
    def series(cls, packets: Sequence[Frames]) -> Frames:
        """Several packets that are sent together: one buffer on a WebSocket, one by one with polls."""
        if len(packets) == 1:
            return packets[0]
        series = cls("")
        series.packets = packets
        series.buffer = b"".join([frames.websocket for frames in packets])
        return series

    @property
    def websocket(self) -> bytes:
        """The WebSocket frames, header and attachment in one buffer."""
        buffer = self.buffer
        if buffer is None:
            buffer = websocket_frame(_TEXT, self.text.encode()) if self.text else b""
            if self.attachment is not None:
                buffer += websocket_frame(_BINARY, self.attachment)
            self.buffer = buffer
        return buffer

    @property
    def polling(self) -> str:
        """The Engine.IO packets as they stand in a polling body, without a leading separator."""
        body = self._polling
        if body is None:
            packets = [self.text] if self.text else []
            if self.attachment is not None:
                packets.append("b" + b64encode(self.attachment).decode())
            self._polling = body = SEPARATOR.join(packets)
        return body
