"""schemathesis against the description: no 5xx, every response as described, whatever is sent.

``COLLAB_TEST_EXAMPLES`` sets the cases per route and kind of test (25 by default, 2,800 in all; 300 make 11,000).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.support.api import SECRET, mint
from tests.support.schemathesis_hooks import DOCUMENT
from tests.support.server import CollabServer

ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("COLLAB_TEST_EXAMPLES", "25"))
SEED = os.environ.get("COLLAB_TEST_SEED", "6")
#: a description cannot say which bytes are a Yjs update, or which index a text has
NOT_CHECKED = "positive_data_acceptance"
OPERATIONS = (
    b'{"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "Some words"},'
    b'{"op": "map.set", "path": "/meta/title", "value": {"of": ["all", 1.5, null]}},'
    b'{"op": "array.insert", "path": "/list", "index": 0, "values": [1, "two", {}]}]}'
)


@pytest.mark.timeout(120 + 5 * EXAMPLES)
@pytest.mark.parametrize("who", ["anybody", "an editor of some", "nobody known"])
def test_every_answer_is_as_described(start_server: Callable[..., CollabServer], tmp_path: Path, who: str) -> None:
    limits = ["--rate-updates", "1000000", "--rate-bytes", "1GiB"]
    server = start_server(args=limits if who == "anybody" else [*limits, "--auth", "jwt", "--jwt-secret", SECRET])
    prepare(server.url, mint("*=admin"))
    token = mint("fuzzed/*=editor", "*=viewer", ttl=36_000) if who == "an editor of some" else ""
    examples = EXAMPLES if who != "nobody known" else max(1, EXAMPLES // 5)
    ran = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--seed", SEED,
            "--max-examples", str(examples), "--phases", "coverage,fuzzing", "--continue-on-failure", "--no-color",
            "--checks", "all", "--exclude-checks", NOT_CHECKED, "--warnings", "off", "--request-timeout", "20",
            # A stream does not end; what it sends is tested in test_sse.py.
            "--exclude-operation-id", "get_events", "--exclude-operation-id", "follow_stream", "--exclude-operation-id", "follow_inbox",
            *(["-H", f"Authorization: Bearer {token}"] if token else []),
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks"},
    )  # fmt: skip
    report = ran.stdout + ran.stderr
    assert ran.returncode == 0, report[-20_000:]
    found = re.search(r"(\d+) generated, (\d+) passed", report)
    assert found and found[1] == found[2] and int(found[1]) > 10 * examples, report[-2000:]
    print(f"{who}: {found[1]} cases")
    assert "Traceback" not in server.stderr()


def prepare(url: str, token: str) -> None:
    """A document with something in it, and a version of it."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    where = f"{url}/api/v1/documents/{quote(DOCUMENT, safe='')}"
    for method, path, body in (("PATCH", "/content", OPERATIONS), ("POST", "/versions", b'{"name": "first"}')):
        with urlopen(Request(where + path, method=method, data=body, headers=headers)) as answer:
            assert answer.status < 300
