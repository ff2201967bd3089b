"""The applications that `collab init` writes, as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.support.api import SECRET
from tests.support.receiver import SECRET as WEBHOOK_SECRET
from tests.support.repository import ROOT

STARTS = ROOT / "collab" / "commands" / "starts"
MODULES = ROOT / "tests" / "wire" / "node" / "node_modules"

#: kind -> how it is run, in its folder
COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "fastapi": lambda port: [sys.executable, "-m", "uvicorn", "--port", str(port), "fastapi_app:app"],
    "django": lambda port: [sys.executable, "django_app.py", "runserver", "--noreload", str(port)],
    "express": lambda _port: ["node", "express_app.mjs"],
}


@contextmanager
def application(
    kind: str, folder: Path, url: str, port: int, out: IO[str] | int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Write one into ``folder``, and run it beside the server at ``url``; what it says goes to ``out``.

    It listens some time later, if nothing ends it before.
    """
    environment = {
        **os.environ, "COLLAB_URL": url, "COLLAB_JWT_SECRET": SECRET, "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    subprocess.run([sys.executable, "-m", "collab", "init", kind, str(folder)], check=True, cwd=ROOT)
    (folder / "node_modules").symlink_to(MODULES)
    program = subprocess.Popen(COMMANDS[kind](port), cwd=folder, env=environment, stdout=out)
    try:
        yield program
    finally:
        program.terminate()
        program.wait()
