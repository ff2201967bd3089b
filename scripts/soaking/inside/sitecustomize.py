"""Inside the server: on SIGRTMIN it writes down what is alive, as JSON, to the file that ``SOAK_REPORT`` names.

Tasks and timers by what they run, sessions and documents by their class: what grows from one look to the next stays.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from collections import Counter
from typing import Any

_KINDS = ("LiveDocument", "Session", "Connection", "EngineSocket", "FrameSocket")


def _report(_number: int, _frame: Any) -> None:
    gc.collect()
    objects = gc.get_objects()
    loops = [each for each in objects if isinstance(each, asyncio.BaseEventLoop) and not each.is_closed()]
    tasks = Counter(
        str(getattr(task.get_coro(), "__qualname__", task)) for loop in loops for task in asyncio.all_tasks(loop)
    )
    timers = Counter(_named(handle) for loop in loops for handle in _scheduled(loop) if not handle.cancelled())
    ours = (type(each) for each in objects if type(each).__module__.startswith("collab."))
    kinds = Counter(kind.__name__ for kind in ours if kind.__name__ in _KINDS)
    path = os.environ["SOAK_REPORT"]
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump({"tasks": tasks, "timers": timers, "objects": kinds}, file)
    os.replace(f"{path}.new", path)


def _scheduled(loop: Any) -> list[Any]:
    return list(loop._scheduled)


def _named(handle: Any) -> str:
    callback = handle._callback
    return str(getattr(callback, "__qualname__", callback))


if "SOAK_REPORT" in os.environ:
    signal.signal(signal.SIGRTMIN, _report)
