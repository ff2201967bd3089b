"""A real nginx in front of servers, with the configuration that scripts/deploy ships."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.support.ports import free_port

_ROOT = Path(__file__).resolve().parents[2]
#: what stands around the shipped file: everything below a directory of its own, in the foreground
_MAIN = """
daemon off;
worker_processes 2;
{user}
pid {home}/nginx.pid;
error_log {home}/error.log info;
events {{ worker_connections 2048; }}
http {{
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/collab.conf;
}}
"""


def nginx_binary() -> str | None:
    """Where nginx is; Debian's is outside the PATH of people who are not root."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def deployment() -> ModuleType:
    """The module scripts/deploy/nginx.py."""
    spec = importlib.util.spec_from_file_location("deploy_nginx", _ROOT / "scripts/deploy/nginx.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Nginx:
    """nginx on a port that is free; ``url`` is its address.

    Args:
        home: an empty directory.
        nodes: node-name -> ``host:port``.
        options: further arguments of ``nginx.render``.
    """

    def __init__(self, home: Path, nodes: Mapping[str, str], **options: Any) -> None:
        self.home = home
        self.port = free_port()
        scheme = "https" if options.get("tls") else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.access_log = home / "access.log"
        self._process: subprocess.Popen[bytes] | None = None
        shown = deployment().render(
            list(nodes.items()), listen=f"127.0.0.1:{self.port}", log=str(self.access_log), **options
        )
        (home / "collab.conf").write_text(shown)
        # Its workers would become somebody else, who cannot write here.
        user = "user root;" if os.geteuid() == 0 else ""
        (home / "nginx.conf").write_text(_MAIN.format(home=home, user=user))

    def _command(self) -> list[str]:
        binary = nginx_binary()
        assert binary is not None
        return [binary, "-p", str(self.home), "-e", str(self.home / "error.log"), "-c", str(self.home / "nginx.conf")]

    def check(self) -> str:
        """``nginx -t``; returns what it says.

        Raises:
            AssertionError: it does not like the file, or warns.
        """
        ran = subprocess.run([*self._command(), "-t"], capture_output=True, text=True, check=False)
        assert ran.returncode == 0 and "[warn]" not in ran.stderr, ran.stderr
        return ran.stderr

    def start(self, timeout: float = 30.0) -> Nginx:
        """Start, and return once it takes connections."""
        self._process = subprocess.Popen(self._command(), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return self
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"nginx did not start: {self.errors()}")

    def errors(self) -> str:
        """Its error log."""
        file = self.home / "error.log"
        return file.read_text() if file.exists() else ""

    def requests(self) -> list[str]:
        """The lines of its access log."""
        return self.access_log.read_text().splitlines() if self.access_log.exists() else []

    def stop(self) -> None:
        """End it, with every connection."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
