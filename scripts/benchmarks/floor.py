"""What this machine allows: a server that only reads a frame and writes the same bytes to everybody else.

It speaks y-websocket's wire as far as a load generator needs it, keeps no document, checks nothing, and waits for
whoever reads slowly. A real server's figure as a multiple of its own says what that server does beyond system calls.
``python floor.py`` prints where it listens.
"""

from __future__ import annotations

import base64
import hashlib
import os
import select
import socket

_ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE = 8
_STEP_1, _STEP_2 = b"\x82\x04\x00\x00\x01\x00", b"\x82\x05\x00\x01\x02\x00\x00"


class _Peer:
    """A connection: what of it is unread, and who is in the same document."""

    __slots__ = ("data", "others", "socket")

    def __init__(self, socket: socket.socket) -> None:
        self.socket = socket
        self.data = b""
        self.others: list[int] | None = None


class _Floor:
    def __init__(self) -> None:
        self._rooms: dict[bytes, list[int]] = {}
        self._peers: dict[int, _Peer] = {}
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._poll = select.epoll()
        self._poll.register(self._listening, select.EPOLLIN)

    def run(self) -> None:
        print(f"listening on {self._listening.getsockname()[1]}", flush=True)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._listening.fileno():
                    self._accept()
                else:
                    self._read(self._peers[descriptor])

    def _accept(self) -> None:
        connection, _ = self._listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peers[connection.fileno()] = _Peer(connection)
        self._poll.register(connection, select.EPOLLIN)

    def _leave(self, peer: _Peer) -> None:
        descriptor = peer.socket.fileno()
        if peer.others is not None:
            peer.others.remove(descriptor)
        del self._peers[descriptor]
        self._poll.unregister(descriptor)
        peer.socket.close()

    def _read(self, peer: _Peer) -> None:
        try:
            data = os.read(peer.socket.fileno(), 65536)
        except OSError:
            data = b""
        if not data:
            self._leave(peer)
            return
        peer.data += data
        if peer.others is None:
            self._shake_hands(peer)
        if peer.others is not None:
            self._hand_on(peer, peer.others)

    def _shake_hands(self, peer: _Peer) -> None:
        head, end, rest = peer.data.partition(b"\r\n\r\n")
        if not end:
            return
        path = head.split(b" ", 2)[1]
        key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + _ACCEPT).digest())
        peer.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + _STEP_1
        )
        peer.data = rest
        peer.others = self._rooms.setdefault(path, [])
        peer.others.append(peer.socket.fileno())

    def _hand_on(self, peer: _Peer, others: list[int]) -> None:
        data, at = peer.data, 0
        while len(data) - at >= 6:
            length, body = data[at + 1] & 0x7F, at + 2
            if length == 126:
                length, body = int.from_bytes(data[body : body + 2], "big"), body + 2
            elif length == 127:
                length, body = int.from_bytes(data[body : body + 8], "big"), body + 8
            end = body + 4 + length
            if end > len(data):
                break
            if data[at] & 0x0F == _CLOSE:
                self._leave(peer)
                return
            mask = (data[body : body + 4] * (length // 4 + 1))[:length]
            payload = (int.from_bytes(data[body + 4 : end], "big") ^ int.from_bytes(mask, "big")).to_bytes(
                length, "big"
            )
            at = end
            own = peer.socket.fileno()
            if payload[:2] == b"\x00\x00":
                os.write(own, _STEP_2)
            elif payload[:2] == b"\x00\x02" or payload[:1] == b"\x01":
                buffer = _frame(payload)
                for descriptor in others:
                    if descriptor != own:
                        os.write(descriptor, buffer)
        peer.data = data[at:]


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x82, size)) + payload
    return b"\x82\x7e" + size.to_bytes(2, "big") + payload


if __name__ == "__main__":
    _Floor().run()
