"""Tracing: one edit is one trace, from its frame to its ack, on every node that shows it. Needs the extra ``[otel]``.

What is traced goes through subclasses and ports that are there with tracing only; nobody else asks whether it is on.
Where spans go is said by the usual ``OTEL_*`` variables, or by the tracer provider of the program around us.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from importlib.metadata import entry_points
from typing import Any, ClassVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, format_span_id, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from collab._version import __version__
from collab.errors import CollabError
from collab.hub.follower import Follower
from collab.hub.hub import Hub
from collab.hub.journal import Done
from collab.hub.live_document import LiveDocument
from collab.hub.session import Session
from collab.protocol.bells import Bell, Message
from collab.stores.commits import Trace

#: edits whose traces one bell carries: it is to stay a small message
MOST_CARRIED = 64
#: seconds that the end waits for what is still to be sent
PATIENCE = 3.0

#: the edit in whose midst we are
_under_way: ContextVar[Edit | None] = ContextVar("collab_edit", default=None)
_propagator = TraceContextTextMapPropagator()


class Edit:
    """One edit that is traced. It ends once, with its ack or with the error.

    Attributes:
        span: its root here.
        handed_to: the document that has it, and the session that it is from; None: none has it yet.
        ended: it is acknowledged or refused.
    """

    __slots__ = ("ended", "handed_to", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.handed_to: tuple[LiveDocument, Session | None] | None = None
        self.ended = False

    def end(self, result: int | CollabError | None = None) -> None:
        """It is acknowledged, with its position, or refused."""
        if self.ended:
            return
        self.ended = True
        if isinstance(result, CollabError):
            self.span.set_attribute("collab.code", result.code)
            self.span.set_status(Status(StatusCode.ERROR, result.code))
        elif result is not None:
            self.span.set_attribute("collab.position", result)
        self.span.end()

    @property
    def carried(self) -> str:
        """It, as a W3C ``traceparent``."""
        context = self.span.get_span_context()
        ids = f"{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}"
        return f"00-{ids}-{int(context.trace_flags):02x}"


class Tracing:
    """Makes the spans; it is the store's :class:`collab.stores.commits.Commits`.

    Args:
        provider: where they go.
        own: it was made for us, and ends with us.
    """

    def __init__(self, provider: trace.TracerProvider, *, own: bool = False) -> None:
        self._provider = provider
        self._own = own
        self._tracer = provider.get_tracer("collab", __version__)

    @classmethod
    def of_environment(cls, node: str | None) -> Tracing:
        """By the ``OTEL_*`` variables, where the program around us has not set up tracing itself.

        Args:
            node: the name of this node, if it has one.

        Raises:
            ValueError: an exporter is not known.
        """
        around = trace.get_tracer_provider()
        if isinstance(around, TracerProvider):
            return cls(around)
        said: dict[str, Any] = {"service.name": "collab", "service.version": __version__}
        if node is not None:
            said["service.instance.id"] = node
        resource = Resource.create({**said, **OTELResourceDetector().detect().attributes})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        for exporter in exporters(os.environ):
            provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider, own=True)

    def attach(self, hub: Hub) -> None:
        """Trace what happens to the documents of a hub; before it starts."""
        hub.store.commits = self
        hub.document_type = type("TracedDocument", (TracedDocument,), {"tracing": self})
        hub.follower_type = type("TracedFollower", (TracedFollower,), {"tracing": self})

    async def close(self) -> None:
        """Send what is still to be sent; a receiver that does not answer holds nobody up."""
        if self._own and isinstance(self._provider, TracerProvider):
            loop, over = asyncio.get_running_loop(), asyncio.Event()

            def end(provider: TracerProvider) -> None:
                provider.shutdown()
                try:
                    loop.call_soon_threadsafe(over.set)
                except RuntimeError:
                    return  # nobody waits any more

            threading.Thread(target=end, args=(self._provider,), name="collab-traces", daemon=True).start()
            try:
                async with asyncio.timeout(PATIENCE):
                    await over.wait()
            except TimeoutError:
                return

    # -- edits ----------------------------------------------------------------------------------

    def begin(self, event: str, size: int, where: Mapping[str, str], *, frame: bool) -> Edit:
        """An edit has arrived.

        Args:
            event: as what.
            size: its bytes.
            where: which document it is for, which session and participant it is from.
            frame: on a connection that lives longer than it. Otherwise it belongs to what is traced around it.
        """
        attributes: dict[str, str | int] = {"collab.event": event, "collab.bytes": size}
        attributes |= {f"collab.{name}": value for name, value in where.items()}
        context, kind = (Context(), SpanKind.SERVER) if frame else (None, SpanKind.INTERNAL)
        return Edit(self._tracer.start_span("collab.edit", context, kind, attributes))

    @contextmanager
    def inside(self, edit: Edit) -> Iterator[None]:
        """What is done meanwhile, and by tasks that begin meanwhile, is done for this edit."""
        token = _under_way.set(edit)
        try:
            yield
        finally:
            _under_way.reset(token)

    @contextmanager
    def part(self, name: str, edit: Edit) -> Iterator[None]:
        """A span below that of an edit."""
        span = self.begin_part(name, edit)
        try:
            yield
        finally:
            span.end()

    def begin_part(self, name: str, edit: Edit) -> Span:
        """The same, to be ended by the caller."""
        return self._tracer.start_span(name, trace.set_span_in_context(edit.span, Context()))

    # -- the port of the stores -----------------------------------------------------------------

    def current(self) -> Edit | None:
        """See :class:`collab.stores.commits.Commits`."""
        return _under_way.get()

    def carried(self, traces: Sequence[Trace]) -> str:
        """See :class:`collab.stores.commits.Commits`."""
        return ",".join(edit.carried for edit in _recorded(traces)[:MOST_CARRIED])

    def committed(self, traces: Sequence[Trace], seconds: float, error: str | None) -> None:
        """See :class:`collab.stores.commits.Commits`. It is in the trace of its first edit: kept if that is."""
        edits = _recorded(traces)
        if not edits:
            return
        now = time.time_ns()
        span = self._tracer.start_span(
            "collab.commit",
            trace.set_span_in_context(edits[0].span, Context()),
            attributes={"collab.rows": len(traces)},
            links=[Link(edit.span.get_span_context()) for edit in edits],
            start_time=now - int(seconds * 1e9),
        )
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(now)

    # -- bells ----------------------------------------------------------------------------------

    def follow(self, document: str, bell: Bell) -> list[Span]:
        """A span in the trace of each edit that another node tells of; one that cannot be read is left out."""
        attributes: dict[str, str | int] = {
            "collab.document": document,
            "collab.from": bell.node,
            "collab.entries": bell.last - bell.first + 1,
        }
        spans = []
        for word in bell.traces.split(",")[:MOST_CARRIED]:
            context = _propagator.extract({"traceparent": word}, Context())
            if trace.get_current_span(context).get_span_context().is_valid:
                spans.append(self._tracer.start_span("collab.follow", context, SpanKind.CONSUMER, attributes))
        return spans


class TracedDocument(LiveDocument):
    """A document whose edits are traced."""

    tracing: ClassVar[Tracing]

    def apply(
        self,
        update: bytes,
        done: Done,
        *,
        session: Session | None,
        participant: str | None,
        at_once: bool = False,
        owner: Any = None,
    ) -> asyncio.Task[None] | None:
        """See :class:`LiveDocument`."""
        tracing, edit = self.tracing, self.tracing.current()
        apply = partial(super().apply, session=session, participant=participant, at_once=at_once, owner=owner)
        if edit is not None and edit.handed_to == (self, session):
            return apply(update, done)  # a piece of it
        if edit is None or edit.handed_to is not None:
            where = {"document": self.name, **({"participant": participant} if participant is not None else {})}
            if session is not None:
                where |= {**session.where, "door": session.door}
            edit = tracing.begin("update", len(update), where, frame=False)
        edit.handed_to = self, session
        saving: Span | None = None

        def finished(result: int | CollabError) -> None:
            if saving is not None:
                saving.end()
            try:
                done(result)
            finally:
                edit.end(result)

        try:
            with tracing.inside(edit), tracing.part("collab.apply", edit):
                task = apply(update, finished)
        except BaseException as error:
            edit.end(error if isinstance(error, CollabError) else CollabError("internal"))
            raise
        if not edit.ended:
            saving = tracing.begin_part("collab.save", edit)
        return task


class TracedFollower(Follower):
    """Goes on with the traces of the edits that it hears of."""

    tracing: ClassVar[Tracing]

    def hear(self, message: Message) -> None:
        """See :class:`Follower`."""
        if not isinstance(message, Bell) or not message.traces or message.node == self._cluster.node:
            super().hear(message)
            return
        spans = self.tracing.follow(self.name, message)
        try:
            super().hear(message)
        finally:
            there = self.ledger.epoch == message.epoch and self.ledger.position >= message.last
            for span in spans:
                if not there:
                    span.set_attribute("collab.read", True)  # not now: it is read from the log
                span.end()


def exporters(environ: Mapping[str, str]) -> list[SpanExporter]:
    """What ``OTEL_TRACES_EXPORTER`` names: ``otlp`` where it is not set, ``none`` for nothing.

    Raises:
        ValueError: one is not installed, or ``OTEL_EXPORTER_OTLP_PROTOCOL`` is not known.
    """
    found = []
    for word in (environ.get("OTEL_TRACES_EXPORTER") or "otlp").split(","):
        name = word.strip()
        if name == "none":
            continue
        if name == "otlp":
            general = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
            protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or general
            name = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}.get(protocol, protocol)
        known = [each for each in entry_points(group="opentelemetry_traces_exporter") if each.name == name]
        if not known:
            raise ValueError(f"tracing: no exporter {name!r}; allowed: otlp (http/protobuf or grpc), console, none")
        found.append(known[0].load()())
    return found


def _recorded(traces: Sequence[Trace]) -> list[Edit]:
    """The edits among these that are sampled, each once."""
    edits = dict.fromkeys(trace for trace in traces if isinstance(trace, Edit))
    return [edit for edit in edits if edit.span.get_span_context().trace_flags.sampled]
