"""The routes of inboxes, and their schemas."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from collab.doors.http.api_schemas import DEFAULT_PAGE, MAX_NUMBER, SenderSchema, Text, Time
from collab.doors.http.route import EVENTS, Answer, Route
from collab.stores.inbox import KEEP


def _id(words: str, *, least: int = 0) -> fields.Int:
    return fields.Int(validate=validate.Range(least, MAX_NUMBER), metadata={"description": words})


class InboxQuery(Schema):
    after = _id("Entries behind this id, the oldest first; without it the newest.")
    unread = fields.Bool(load_default=False, metadata={"description": "Only those that are not read."})
    limit = fields.Int(
        load_default=DEFAULT_PAGE,
        validate=validate.Range(1, KEEP),
        metadata={"description": "Entries of this page."},
    )


class InboxEventsQuery(Schema):
    after = _id("Entries behind this id; without it the newest 100, and all that come.")
    token = Text(metadata={"description": "For browsers' EventSource, which cannot send `Authorization`."})
    last_event_id = Text(
        metadata={"description": "As the header `Last-Event-ID`, for clients that cannot send it; before `after`."}
    )


class MarkReadSchema(Schema):
    ids = fields.List(
        fields.Int(strict=True, validate=validate.Range(1, MAX_NUMBER)),
        validate=validate.Length(max=KEEP),
        metadata={"description": "Of entries; those that are not there any more do no harm."},
    )
    up_to = fields.Int(
        strict=True,
        validate=validate.Range(1, MAX_NUMBER),
        metadata={"description": "This entry and all before it."},
    )

    class Meta:
        # One of the two has to be there.
        description = "`ids`, `up_to`, or both."

    @validates_schema
    def _some(self, data: dict[str, object], **_more: object) -> None:
        if not data:
            raise ValidationError("One of ids and up_to is needed.", "ids")


class InboxEntrySchema(Schema):
    id = fields.Int(required=True, metadata={"description": "Rises; not without gaps."})
    type = fields.Str(required=True, metadata={"description": "`mention` or `reply`; there may be others."})
    document = fields.Str(required=True)
    stream = fields.Str(metadata={"description": "Of what tells of an event: its stream."})
    offset = fields.Int(metadata={"description": "And its offset."})
    sender = fields.Nested(SenderSchema, required=True, data_key="from")
    at = Time(required=True)
    excerpt = fields.Str(required=True, metadata={"description": "The beginning, on one line."})
    read = fields.Bool(required=True)


class InboxSchema(Schema):
    events = fields.List(fields.Nested(InboxEntrySchema), required=True, metadata={"description": "Oldest first."})
    unread = fields.Int(
        required=True, metadata={"description": "How many of all entries that you may see now are not read."}
    )


class UnreadSchema(Schema):
    unread = fields.Int(required=True, metadata={"description": "How many are not read now."})


INBOX_ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/inbox", "read_inbox", "Inbox", "Read your inbox",
        {200: Answer("A page of it.", InboxSchema)},
        role=None, query=InboxQuery, errors=("storage_unavailable",),
        words=f"Mentions of you and replies to you, the newest {KEEP}, in documents that you may read now. Only those"
        " who come with a token have one: without it 401.",
    ),
    Route(
        "POST", "/inbox/read", "mark_inbox", "Inbox", "Mark entries as read",
        {200: Answer("They are read, and that is on disk.", UnreadSchema)},
        role=None, body=MarkReadSchema, errors=("storage_unavailable", "update_too_large"),
        words="Those that you may see. Your other sessions hear of it.",
    ),
    Route(
        "GET", "/inbox/events", "follow_inbox", "Inbox", "Follow your inbox (Server-Sent Events)",
        {200: Answer("`inbox`: what `GET /inbox` answers, its `id` the last entry's; `notice`.", media=(EVENTS,))},
        role=None, query=InboxEventsQuery, errors=("storage_unavailable", "too_many_connections"),
        words="Each entry once and in order, behind `Last-Event-ID`. Without entries: others were read somewhere, and"
        " `unread` has changed. A comment comes every 15 seconds.",
    ),
)  # fmt: skip
