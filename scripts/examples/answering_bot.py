"""A bot that answers in a document: whoever writes "bot: how many words?" finds the answer below.

python scripts/examples/answering_bot.py http://127.0.0.1:8080 notes    # and open /d/notes?kind=code beside it
"""

import asyncio
import re
import sys

from pycrdt import Text

from collab.client import CollabError, connect

ANSWERS = {
    "how many words?": lambda text: f"{len(text.split())} words",
    "how many lines?": lambda text: f"{len(text.splitlines())} lines",
}
OPEN_QUESTION = re.compile(f"^bot: ({'|'.join(map(re.escape, ANSWERS))})\n(?!→)", re.MULTILINE)


async def main(url, document):
    async with connect(url, document, user={"name": "Bot"}, open_timeout=10) as session:
        answer(body := session.doc.get("body", type=Text))
        async for _ in session.changes():  # until Ctrl-C, and through restarts of the server
            answer(body)


def answer(body):
    """What is answered is seen in the document itself, so nothing is answered twice, even after a crash."""
    while question := OPEN_QUESTION.search(text := str(body)):
        reply = f"→ {ANSWERS[question[1]](text)}\n"
        body.insert(len(text[: question.end()].encode()), reply)  # pycrdt counts bytes


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except (CollabError, ConnectionError, KeyboardInterrupt) as error:
        sys.exit(f"bot: {str(error) or 'stopped'}")
