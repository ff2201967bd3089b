"""The MCP server: tools and resources for whoever speaks the Model Context Protocol, by its official library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import mcp_types as types
import orjson
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared.exceptions import MCPError

from collab._version import __version__
from collab.commands.agent.tools import TOOLS, call, refusal_of
from collab.commands.agent.workspace import Workspace
from collab.commands.api_client import ApiError
from collab.errors import CollabError
from collab.types import check_document_name

SCHEME = "collab://documents/"
#: resources of one page; subscriptions in the way of before 2026
PAGE, MOST_SUBSCRIBED = 100, 1000
_INSTRUCTIONS = (
    "Documents that people edit at this moment. You are one of the participants: they see you, your cursor and your"
    " edits at once, and their edits merge with yours. Read before you edit, prefer replace_text, and make small edits."
)
_TROUBLE = (CollabError, ApiError, ConnectionError, TimeoutError)


def uri_of(document: str) -> str:
    """The URI of a document as a resource."""
    return SCHEME + quote(document, safe="")


def document_of(uri: str) -> str:
    """The document of a resource.

    Raises:
        CollabError: ``invalid_document``: it is none.
    """
    if not uri.startswith(SCHEME):
        raise CollabError("invalid_document", f"Resources are {SCHEME} and the name of a document.")
    return check_document_name(unquote(uri.removeprefix(SCHEME)))


class DocumentServer:
    """Answers for a workspace.

    Attributes:
        server: the library's, to be run on a transport.

    Args:
        workspace: where the agent works.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        #: who subscribed in the way of before 2026, and to what -> what ends it
        self._subscribed: dict[tuple[int, str], tuple[Any, Callable[[], None]]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self.server: Server[Any] = Server(
            "collab",
            version=__version__,
            title="Documents",
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_subscribe_resource=self._subscribe,
            on_unsubscribe_resource=self._unsubscribe,
            on_subscriptions_listen=self._listening,
        )

    # -- tools ----------------------------------------------------------------------------------

    async def _list_tools(self, _ctx: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=row.name,
                    description=row.words,
                    input_schema=row.schema,
                    annotations=types.ToolAnnotations(read_only_hint=row.reads, open_world_hint=False),
                )
                for row in TOOLS.values()
            ]
        )

    async def _call_tool(self, _ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            words, fields = await call(self._workspace, params.name, params.arguments or {})
        except _TROUBLE as error:
            refusal = refusal_of(error)
            text = f"{refusal['code']}: {refusal['message']}"
            return types.CallToolResult(
                content=[types.TextContent(type="text", text=text)], structured_content=refusal, is_error=True
            )
        if "position" in fields and "position" not in words:
            words = f"{words}\n\n[position {fields['position']}]"
        return types.CallToolResult(content=[types.TextContent(type="text", text=words)], structured_content=fields)

    # -- resources ------------------------------------------------------------------------------

    async def _list_resources(
        self, _ctx: Any, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        after = params.cursor if params is not None else None
        try:
            query = {"limit": PAGE, "after": after}
            page = (await self._workspace.api.call("GET", "/documents", query=query)).json
        except _TROUBLE as error:
            raise _refused(error) from None
        resources = [
            types.Resource(uri=uri_of(each["name"]), name=each["name"], mime_type="text/plain", size=each["size"])
            for each in page["documents"]
        ]
        return types.ListResourcesResult(resources=resources, next_cursor=page["next"])

    async def _list_templates(self, _ctx: Any, _params: Any) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(
            uri_template=SCHEME + "{name}", name="document", description="A document's text.", mime_type="text/plain"
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(self, _ctx: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        try:
            _, fields = await call(self._workspace, "read_document", {"document": document_of(str(params.uri))})
        except _TROUBLE as error:
            raise _refused(error) from None
        contents = types.TextResourceContents(
            uri=str(params.uri), mime_type="text/plain", text=fields["content"], _meta={"position": fields["position"]}
        )
        return types.ReadResourceResult(contents=[contents])

    # -- subscriptions --------------------------------------------------------------------------

    async def _watch(self, uri: str, changed: Callable[[], None]) -> Callable[[], None]:
        try:
            return await self._workspace.watch(document_of(uri), changed)
        except _TROUBLE as error:
            raise _refused(error) from None

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _subscribe(self, ctx: Any, params: types.SubscribeRequestParams) -> types.EmptyResult:
        # The library makes a session for each request; what it knows of the client stays the same object.
        uri, session, client = str(params.uri), ctx.session, ctx.session.client_params
        key = (id(client), uri)

        async def tell() -> None:
            try:
                await session.send_resource_updated(uri)
            except Exception:  # whoever subscribed is gone, in one of the ways that the transports have
                self._end(key)

        if key not in self._subscribed:
            end = await self._watch(uri, lambda: self._soon(tell()))
            self._end(key)
            self._subscribed[key] = (client, end)
            if len(self._subscribed) > MOST_SUBSCRIBED:
                self._end(next(iter(self._subscribed)))
        return types.EmptyResult()

    async def _unsubscribe(self, ctx: Any, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        self._end((id(ctx.session.client_params), str(params.uri)))
        return types.EmptyResult()

    def _end(self, key: tuple[int, str]) -> None:
        _, end = self._subscribed.pop(key, (None, None))
        if end is not None:
            end()

    def _publish(self, uri: str) -> None:
        self._soon(self._bus.publish(ResourceUpdated(uri)))

    async def _listening(self, ctx: Any, params: types.SubscriptionsListenRequestParams) -> Any:
        ends = []
        try:
            for uri in params.notifications.resource_subscriptions or ():
                ends.append(await self._watch(str(uri), partial(self._publish, str(uri))))
            return await self._listen(ctx, params)
        finally:
            for end in ends:
                end()


def _refused(error: Exception) -> MCPError:
    refusal = refusal_of(error)
    return MCPError(
        types.INVALID_PARAMS, f"{refusal['code']}: {refusal['message']}", data=orjson.loads(orjson.dumps(refusal))
    )
