"""How many calls of Python an edit costs the server's event loop, counted by cProfile: the same on every machine.

``python -m tests.support.counted_calls`` in the folder of a checkout prints the figure as JSON, with ``-v`` what is
called most. 20 documents of two people each; one types. What is called less often than there are edits is left out: it
runs by the clock, and more of it the busier the machine is.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import logging
import pstats
import subprocess
import sys
import tempfile
import textwrap

import structlog
import uvloop

DOCUMENTS, EDITS = 20, 25
#: types when told to; each letter is an edit of its own
PEOPLE = """
    import asyncio, sys
    from contextlib import AsyncExitStack

    from collab.client import connect
    from pycrdt import Text

    async def main(url, documents, edits):
        told = asyncio.get_running_loop().run_in_executor
        async with AsyncExitStack() as stack:
            writers = []
            for number in range(documents):
                writers.append(await stack.enter_async_context(connect(url, f"document-{number}")))
                await stack.enter_async_context(connect(url, f"document-{number}"))
            texts = [writer.doc.get("body", type=Text) for writer in writers]

            async def type_all():
                for text, writer in zip(texts, writers):
                    text += "a"
                    await writer.saved()

            await type_all()
            print("ready", flush=True)
            await told(None, sys.stdin.readline)
            for _ in range(edits):
                await type_all()
            print("done", flush=True)
            await told(None, sys.stdin.readline)

    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
"""


async def counted() -> pstats.Stats:
    """What the loop called while people typed."""
    from tests.support.api import ApiServer

    with tempfile.TemporaryDirectory() as folder:
        server = ApiServer({"store": f"sqlite:///{folder}/collab.db"})
        await server.start()
        people = await asyncio.create_subprocess_exec(
            sys.executable, "-c", textwrap.dedent(PEOPLE), server.url, str(DOCUMENTS), str(EDITS),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert people.stdin is not None
        assert people.stdout is not None
        assert await people.stdout.readline() == b"ready\n"
        profile = cProfile.Profile()
        people.stdin.write(b"\n")
        profile.enable()
        assert await people.stdout.readline() == b"done\n"
        profile.disable()
        people.stdin.write(b"\n")
        await people.wait()
        await server.stop()
    return pstats.Stats(profile)


def main() -> None:
    """See above."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    stats = uvloop.run(counted())
    edits = DOCUMENTS * EDITS
    if "-v" in sys.argv:
        stats.sort_stats("ncalls").print_stats(60)
    each = [calls for _, calls, *_ in stats.stats.values() if calls >= 0.9 * edits]  # type: ignore[attr-defined]
    print(json.dumps({"calls": round(sum(each) / edits, 1)}))


if __name__ == "__main__":
    main()
