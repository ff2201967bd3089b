"""Draws a bar chart on a board, bar by bar, while people watch. Without asyncio: the blocking client.

printf 'apples 3\npears 5\n' | python scripts/examples/draw_chart.py http://127.0.0.1:8080 plan
"""

import sys
import time

from pycrdt import Doc, Map

from collab.client import CollabError
from collab.client.sync import connect


def main(url, document):
    with connect(url, document, user={"name": "Chart"}, open_timeout=10) as session:
        session.doc.get("meta", type=Map)["kind"] = "board"
        shapes = shapes_of(session.doc)
        for number, line in enumerate(sys.stdin):
            label, value = line.rsplit(maxsplit=1)
            bar = {"type": "rectangle", "x": number * 120, "y": -40 * float(value), "w": 80, "h": 40 * float(value)}
            with session.doc.transaction():  # others see both at once; drawing again replaces
                shapes[f"bar-{number}"] = Map({**bar, "fill": "blue", "stroke": "blue"})
                shapes[f"label-{number}"] = Map({"type": "text", "x": bar["x"], "y": 12, "w": 80, "text": label})
            time.sleep(0.2)
        session.saved()


def shapes_of(doc):
    """An empty board gets its map by the same bytes from everybody: two different maps would not merge."""
    doc.apply_update(Doc({"board": Map({"shapes": Map()})}, client_id=0xB0A4D).get_update())
    return doc.get("board", type=Map)["shapes"]


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (CollabError, ConnectionError, KeyboardInterrupt) as error:
        sys.exit(f"chart: {str(error) or 'stopped'}")
