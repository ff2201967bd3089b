"""Traces as a test reads them: kept in memory, or received by OTLP over HTTP."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from collab.observe.tracing import Tracing


@dataclass(frozen=True)
class Seen:
    """One span; ids as text, ``parent`` empty for a root, times in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    links: tuple[str, ...]
    began: int
    ended: int
    failed: bool
    service: str = ""
    node: str = ""


class Kept:
    """A tracing whose spans stay here."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider)

    def seen(self, name: str = "") -> list[Seen]:
        """The spans that have ended, those of a name only."""
        return [as_seen(span) for span in self._exporter.get_finished_spans() if name in ("", span.name)]


def as_seen(span: ReadableSpan) -> Seen:
    """A span of the library."""
    context = span.get_span_context()
    assert context is not None
    return Seen(
        span.name,
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        f"{span.parent.span_id:016x}" if span.parent is not None else "",
        dict(span.attributes or {}),
        tuple(f"{link.context.span_id:016x}" for link in span.links),
        span.start_time or 0,
        span.end_time or 0,
        not span.status.is_ok and span.status.is_unset is False,
    )


class Collector:
    """A small receiver of OTLP over HTTP, on a port of its own; an asynchronous context manager."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Collector:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def environment(self) -> dict[str, str]:
        """What makes a server send its spans here, soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if body[:2] == b"\x1f\x8b":  # aiohttp reads what is compressed by itself
            body = gzip.decompress(body)
        self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        return web.Response(content_type="application/x-protobuf")

    async def until(self, condition: Callable[[Sequence[Seen]], bool], within: float = 30.0) -> list[Seen]:
        """Wait until what came meets it; all of it."""
        try:
            async with asyncio.timeout(within):
                while not condition(self.spans):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"these came: {self.spans}") from None
        return list(self.spans)


def _spans(request: ExportTraceServiceRequest) -> Iterator[Seen]:
    for group in request.resource_spans:
        resource = {each.key: each.value.string_value for each in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Seen(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    {each.key: each.value.string_value or each.value.int_value for each in span.attributes},
                    tuple(link.span_id.hex() for link in span.links),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    span.status.code == span.status.STATUS_CODE_ERROR,
                    resource["service.name"],
                    resource.get("service.instance.id", ""),
                )
