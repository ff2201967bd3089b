#!/usr/bin/env python3
"""Print the nginx configuration for a list of nodes: ``nginx.py a=10.0.0.1:8080 b=10.0.0.2:8080``.

Needs Python 3.11 and nothing else. What it fills in is ``nginx.conf.in`` beside it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

TEMPLATE = Path(__file__).with_name("nginx.conf.in")
#: above 4 x collab's default of max-update-bytes, which is its limit for the body of a POST
BODY = "20m"
_NODE = re.compile(r"([A-Za-z0-9_-]{1,32})=([A-Za-z0-9.:\[\]-]+:\d+)")
_PLACE = re.compile(r"@([A-Z]+)@")


def render(
    nodes: Sequence[tuple[str, str]],
    *,
    listen: str = "80",
    name: str = "_",
    tls: tuple[str, str] | None = None,
    body: str = BODY,
    log: str = "/var/log/nginx/access.log",
) -> str:
    """The configuration, for the ``http`` block.

    Args:
        nodes: (``node-name``, ``host:port``) of each.
        listen: port, or address and port, for people.
        name: the host name that people use; ``_``: any.
        tls: files with the certificate chain and its key, in PEM.
        body: largest body of a request, in nginx's words; above 4 x ``max-update-bytes``.
        log: where requests are logged, without their queries.

    Raises:
        ValueError: no nodes, or two of one name.
    """
    names = [node for node, _ in nodes]
    if not names or len(set(names)) < len(names):
        raise ValueError("nodes: at least one, each with a name of its own")
    values = {
        "SESSIONS": "\n".join(f'    "~^[A-Za-z0-9_-]+\\.{node}$" collab_node_{node};' for node in names),
        "SERVERS": "\n".join(f"    server {address} max_fails=0;" for _, address in nodes),
        "POOLS": "\n".join(_pool(node, address) for node, address in nodes),
        "LISTEN": f"{listen} ssl http2" if tls else listen,
        "TLS": f"    ssl_certificate {tls[0]};\n    ssl_certificate_key {tls[1]};" if tls else "",
        "NAME": name,
        "LOG": log,
        "BODY": body,
    }
    filled = _PLACE.sub(lambda place: values[place[1]], TEMPLATE.read_text("utf-8"))
    return filled if tls else filled.replace("\n\n    server_name", "\n    server_name")


def _pool(node: str, address: str) -> str:
    # collab keeps an idle connection for an hour: nginx closes first, so that it never writes into a closing one.
    return f"upstream collab_node_{node} {{\n    server {address};\n    keepalive 64;\n    keepalive_timeout 60s;\n}}"


def _node(text: str) -> tuple[str, str]:
    found = _NODE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=HOST:PORT")
    return found[1], found[2]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Print the nginx configuration for nodes of collab.")
    parser.add_argument("nodes", nargs="+", type=_node, metavar="NAME=HOST:PORT", help="the node-name and where it is")
    parser.add_argument("--listen", default="80", metavar="[ADDRESS:]PORT", help="where people connect [%(default)s]")
    parser.add_argument("--name", default="_", metavar="HOST", help="the host name that people use [any]")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="PEM files: serve https")
    parser.add_argument("--body", default=BODY, metavar="SIZE", help="above 4 x max-update-bytes [%(default)s]")
    parser.add_argument("--log", default="/var/log/nginx/access.log", metavar="FILE", help="[%(default)s]")
    given = parser.parse_args()
    tls = (given.tls[0], given.tls[1]) if given.tls else None
    try:
        shown = render(given.nodes, listen=given.listen, name=given.name, tls=tls, body=given.body, log=given.log)
    except ValueError as error:
        parser.error(str(error))
    print(shown, end="")


if __name__ == "__main__":
    main()
