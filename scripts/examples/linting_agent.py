"""An agent without a model: it corrects typos by rules in a document that people edit meanwhile, each with as much
of its line as makes it match once; what somebody has changed since it was read stays.
pip install 'collab-server[mcp]', then COLLAB_URL=http://127.0.0.1:8080 python scripts/examples/linting_agent.py notes
"""

import asyncio
import os
import re
import sys
from urllib.parse import quote

from mcp import Client, StdioServerParameters, stdio_client

RULES = {"teh": "the", "adn": "and", "recieve": "receive", "seperate": "separate", "occured": "occurred"}
TYPO = re.compile(rf"\b({'|'.join(RULES)})(?=\W)")  # a word at the end may still be being typed


async def correct(client, document):
    seen = await client.call_tool("read_document", {"document": document})
    text = "" if seen.is_error else seen.structured_content["content"]
    for typo in TYPO.finditer(text):
        (a, b), word = typo.span(), typo[1]
        begin, end = text.rfind("\n", 0, a) + 1, (text + "\n").find("\n", b)
        around = ((text[max(begin, a - n) : a], text[b : min(end, b + n)]) for n in range(end - begin))
        head, tail = next((each for each in around if text.count(word.join(each)) == 1), ("", ""))
        words = {"old": head + word + tail, "new": head + RULES[word] + tail}
        await client.call_tool("replace_text", {"document": document, **words})


async def main(document):
    agent = StdioServerParameters(command="collab", args=["mcp", "--name", "Linter"], env=dict(os.environ))
    uri = "collab://documents/" + quote(document, safe="")
    async with Client(stdio_client(agent)) as client, client.listen(resource_subscriptions=[uri]) as changes:
        await correct(client, document)
        async for _ in changes:
            await correct(client, document)


asyncio.run(main(*sys.argv[1:]))
