"""An edit is one trace across nodes: the context goes through a real Redis."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp

from tests.cluster.conftest import StartNode
from tests.cluster.test_nodes import opened
from tests.support.traces import Collector, Seen


def crossed(spans: Sequence[Seen]) -> tuple[Seen, Seen] | None:
    """An edit of the first node, and what the second one made of it."""
    for edit in spans:
        for followed in spans:
            same = edit.trace == followed.trace and followed.parent == edit.id
            if edit.name == "collab.edit" and followed.name == "collab.follow" and same:
                return edit, followed
    return None


async def test_two_nodes_show_one_trace(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    async with Collector() as collector:
        nodes = [
            start_node(args=["--tracing", "--node-name", name], env=collector.environment)
            for name in ("first", "second")
        ]
        ada, bob = await opened(nodes[0], http, "notes"), await opened(nodes[1], http, "notes")
        assert (await ada.type("from one "))["durable"]
        await bob.wait_for("from one ")
        spans = await collector.until(lambda spans: crossed(spans) is not None)
        both = crossed(spans)
        assert both is not None
        edit, followed = both
        assert (edit.node, followed.node) == ("first", "second")
        assert followed.attributes["collab.document"] == "notes"
        assert edit.began <= followed.began
        await collector.until(
            lambda spans: any(span.name == "collab.commit" and edit.id in span.links for span in spans)
        )


async def test_with_a_node_that_does_not_trace_all_goes_on(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    async with Collector() as collector:
        traced = start_node(args=["--tracing"], env=collector.environment)
        plain = start_node()
        ada, bob = await opened(traced, http, "notes"), await opened(plain, http, "notes")
        await ada.type("from one ")
        await bob.wait_for("from one ")
        await bob.type("from two")
        await ada.wait_for("from one from two")
        await collector.until(lambda spans: any(span.name == "collab.edit" for span in spans))
