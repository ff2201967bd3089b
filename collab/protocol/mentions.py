"""Whom a chat message is for beside those who read along: who is named in it, and whom it answers.

A message is an event ``message`` of the stream ``chat`` whose data is ``{body, reply_to?}``: a text, in which
``@[sub]`` names a participant, and the offset of the event that it answers. What a store keeps of an event is read
here (:func:`collab.protocol.stream_events.body_of`), so that every door means the same.

An event ``taken-back`` with ``{offset}`` takes a message back, if it is from the one who sent that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

#: the stream, and the event, whose messages go into inboxes
CHAT, MESSAGE = "chat", "message"
#: the event by which a message is taken back
TAKEN_BACK = "taken-back"
#: people named in one message who hear of it; the others are named in vain: a message is no mailing list
MAX_MENTIONS = 20
#: characters of a message that an inbox shows: a line or two in a list
MAX_EXCERPT = 200
#: characters of a ``sub`` that can be named
MAX_SUBJECT = 200

_MENTION = re.compile(rf"@\[([^\[\]\x00-\x1f\x7f]{{1,{MAX_SUBJECT}}})\]")


@dataclass(frozen=True, slots=True)
class Mail:
    """What of an event goes into inboxes.

    Attributes:
        mentioned: participants who are named, each once.
        reply_to: the offset of the event that is answered; None: it answers none.
        sender: who wrote it, who needs not be told; None: somebody without a token.
        data: ``{from, excerpt}`` as JSON; where a message is taken back without the excerpt.
        takes_back: the offset of a message whose entries go out of inboxes, if it is from the same sender.
    """

    mentioned: tuple[str, ...]
    reply_to: int | None
    sender: str | None
    data: bytes
    takes_back: int | None = None

    @property
    def size(self) -> int:
        """Bytes that it adds at most, beside the event."""
        return (len(self.mentioned) + (self.reply_to is not None)) * len(self.data)

    def recipients(self, answered: bytes | None) -> list[tuple[str, str]]:
        """Each participant who is told, with ``mention`` or ``reply``; ``answered``: what is kept of that event."""
        found = [(participant, "mention") for participant in self.mentioned]
        author = None if answered is None else _sender_of(answered)
        if author is not None and author != self.sender and author not in self.mentioned:
            found.append((author, "reply"))
        return found

    def takes(self, data: bytes) -> bool:
        """Whether an entry with this ``data`` is of the same sender, and may be taken back with its message."""
        own, its = orjson.loads(self.data)["from"], orjson.loads(data)["from"]
        same = self.takes_back is not None and own["participant"] == its["participant"]
        return same and (own["participant"] is not None or own["name"] == its["name"])


def mail_in(stream: str, body: bytes) -> Mail | None:
    """What of an event of ``stream`` goes into inboxes, or out of them; None: nothing."""
    if stream != CHAT or not (b"@[" in body or b'"reply_to"' in body or b'"taken-back"' in body):
        return None
    event = orjson.loads(body)
    data = event["data"]
    if event["event"] == TAKEN_BACK:
        return _taken_back(data, event["from"])
    if event["event"] != MESSAGE or not isinstance(data, dict) or not isinstance(data.get("body"), str):
        return None
    sender = event["from"]["participant"]
    named = dict.fromkeys(name for name in _MENTION.findall(data["body"]) if name != sender)
    reply_to = data.get("reply_to")
    if type(reply_to) is not int or reply_to < 1:
        reply_to = None
    if not named and reply_to is None:
        return None
    kept = orjson.dumps({"from": event["from"], "excerpt": excerpt_of(data["body"])})
    return Mail(tuple(named)[:MAX_MENTIONS], reply_to, sender, kept)


def _taken_back(data: Any, sender: dict[str, Any]) -> Mail | None:
    offset = data.get("offset") if isinstance(data, dict) else None
    if type(offset) is not int or offset < 1:
        return None
    return Mail((), None, sender["participant"], orjson.dumps({"from": sender}), offset)


def excerpt_of(text: str) -> str:
    """The beginning of ``text``, on one line."""
    line = " ".join(text[: 4 * MAX_EXCERPT].split())
    return line if len(line) <= MAX_EXCERPT else line[: MAX_EXCERPT - 1].rstrip() + "…"


def _sender_of(body: bytes) -> str | None:
    event: Any = orjson.loads(body)
    sender: str | None = event["from"]["participant"]
    return sender
