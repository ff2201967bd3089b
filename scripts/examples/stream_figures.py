"""Streams figures for people to watch: each line "name value" becomes an event of the stream `figures` of a document.

printf 'load 0.5\nload 0.7\n' | python scripts/examples/stream_figures.py http://127.0.0.1:8080 machine

Each arrives once, whatever happens to the server meanwhile. client-demo/recipes/live-figures shows them.
"""

import os
import sys

from collab.client import CollabError
from collab.client.sync import connect


def main(url, document):
    token = os.environ.get("COLLAB_TOKEN")
    with connect(url, document, token=token, user={"name": "Figures"}, open_timeout=10) as session:
        figures = session.stream("figures")
        for line in sys.stdin:
            name, value = line.rsplit(maxsplit=1)
            figures.publish({"name": name, "value": float(value)}, event="figure")  # returns once it is on disk


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (CollabError, ConnectionError, KeyboardInterrupt, ValueError) as error:
        sys.exit(f"figures: {str(error) or 'stopped'}")
