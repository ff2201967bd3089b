"""What a reader of one stream is sent, and what not."""

from __future__ import annotations

from collab.doors.http.stream_reader import StreamEncoder


def test_it_hears_of_its_stream_and_of_notices() -> None:
    encoder = StreamEncoder()
    assert encoder.stream(b'{"offset":7}', 7).plain == b'id: 7\nevent: stream\ndata: {"offset":7}\n\n'
    assert encoder.notice({"code": "lagging"}).plain == b'event: notice\ndata: {"code":"lagging"}\n\n'
    assert [encoder.update(b""), encoder.awareness(b""), encoder.presence({}), encoder.broadcast("a", 1, "b")] == [
        None
    ] * 4
    assert list(encoder.updates([b"", b""])) == []
