"""The readable page of the HTTP API, written from its OpenAPI document; no script, nothing from elsewhere."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import Any

from collab.doors.http.openapi import OPERATIONS, PREFIX
from collab.errors import CODES

_CODE = re.compile(r"`([^`]+)`")


def api_page(document: dict[str, Any]) -> str:
    """The page as HTML.

    Args:
        document: what :func:`collab.doors.http.openapi.openapi_document` made.
    """
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    operations.sort(key=lambda entry: list(_GROUPS).index(entry[2]["tags"][0]))
    grouped = [(group, list(rows)) for group, rows in groupby(operations, key=lambda entry: entry[2]["tags"][0])]
    schemas = document["components"]["schemas"]
    links = "".join(_links(group, rows) for group, rows in grouped)
    sections = "".join(_section(group, rows, schemas) for group, rows in grouped)
    return _PAGE.format(
        style=_STYLE,
        version=escape(document["info"]["version"]),
        links=links,
        sections=sections,
        operations=_operations(),
        errors=_errors(),
        prefix=PREFIX,
    )


def _words(text: str) -> str:
    """Escaped text, with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _links(group: str, rows: list[Any]) -> str:
    items = "".join(
        f'<li><a href="#{operation["operationId"]}">{escape(operation["summary"])}</a></li>' for _, _, operation in rows
    )
    return f"<h2>{escape(group)}</h2><ul>{items}</ul>"


def _section(group: str, rows: list[Any], schemas: dict[str, Any]) -> str:
    return f"<h2>{escape(group)}</h2><p>{_words(_GROUPS[group])}</p>" + "".join(
        _route(method, path, operation, schemas) for method, path, operation in rows
    )


def _route(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    role = operation["x-role"]
    parts = [
        f'<section class="route" id="{operation["operationId"]}">',
        f'<h3><span class="method {method.lower()}">{method}</span> <code>{escape(path)}</code>',
        f'<span class="role">{escape(role)}</span>' if role else "",
        f"</h3><p><strong>{escape(operation['summary'])}.</strong> {_words(operation.get('description', ''))}</p>",
        _parameters(operation.get("parameters", [])),
        _body(operation.get("requestBody"), schemas),
        _answers(operation["responses"], schemas),
        "</section>",
    ]
    return "".join(parts)


def _parameters(parameters: list[Any]) -> str:
    # The document is explained once, at the top.
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{_kind(each['schema'])}</td><td>{_words(_description(each))}</td></tr>"
        for each in parameters
        if each["name"] != "document"
    )
    return f"<table><tbody>{rows}</tbody></table>" if rows else ""


def _description(parameter: dict[str, Any]) -> str:
    words: str = parameter.get("description") or parameter["schema"].get("description", "")
    return words


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = f"<code>{escape(schema['$ref'].rsplit('/', 1)[-1])}</code>"
        return f'<a href="#operations">{name}</a>' if schema["$ref"].endswith("/Operation") else name
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else kind
    if words == "array":
        words = f"list of {_kind(schema.get('items', {}))}"
    default = schema.get("default")
    return words + (f" = <code>{escape(str(default))}</code>" if default not in (None, "") else "")


def _body(body: dict[str, Any] | None, schemas: dict[str, Any]) -> str:
    if body is None:
        return ""
    media, content = next(iter(body["content"].items()))
    return f"<p>Body: <code>{escape(media)}</code></p>" + _fields(content["schema"], schemas)


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    properties = _resolved(schema, schemas).get("properties", {})
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_kind(each)}</td>"
        f"<td>{_words(each.get('description', ''))}</td></tr>"
        for name, each in properties.items()
    )
    inner = "".join(
        _fields(each["items"], schemas)
        for each in properties.values()
        if "$ref" in each.get("items", {}) and not each["items"]["$ref"].endswith("/Operation")
    )
    return f"<table><tbody>{rows}</tbody></table>{inner and '<p>Each with</p>'}{inner}" if rows else ""


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = schemas[schema["$ref"].rsplit("/", 1)[-1]]
        return found
    return schema


def _answers(responses: dict[str, Any], schemas: dict[str, Any]) -> str:
    good, bad = [], []
    for status, response in responses.items():
        if "application/problem+json" in response.get("content", {}):
            bad += re.findall(r"`(\w+)`", response["description"])
            continue
        media = ", ".join(f"<code>{escape(name)}</code>" for name in response.get("content", {}))
        good.append(f"<p><code>{status}</code> {_words(response['description'])} {media}</p>")
        for content in response.get("content", {}).values():
            good.append(_fields(content["schema"], schemas))
    links = ", ".join(f'<a href="#{code}"><code>{code}</code></a>' for code in bad)
    return "".join(good) + f'<p class="codes">May refuse with {links}.</p>'


def _operations() -> str:
    rows = []
    for op, (required, optional) in OPERATIONS.items():
        fields = [f"<code>{name}</code>" for name in required] + [f"<code>{name}</code>?" for name in optional]
        rows.append(f"<tr><td><code>{op}</code></td><td>{', '.join(fields) or 'nothing else'}</td></tr>")
    return "".join(rows)


def _errors() -> str:
    return "".join(
        f'<tr id="{row.code}"><td><code>{row.code}</code></td><td>{row.status}</td>'
        f"<td>{'yes' if row.retryable else 'no'}</td>"
        f"<td>{escape(row.message)}<br><small>{_words(row.advice)}</small></td></tr>"
        for row in CODES.values()
    )


_GROUPS = {
    "Documents": "Names are URL-encoded as one segment: `team/notes` is `team%2Fnotes`.",
    "Content": "Read, edit and follow what is in a document. What is edited here reaches everybody who has it open.",
    "Streams": "Events beside a document: kept, in order, each once. Chat, reactions, live data.",
    "Inbox": "What a participant was named in, or answered, in all documents that they may read.",
    "Participants": "People and programs that have the document open, through whatever door.",
    "Webhooks": "What other systems are told; for administrators of all documents.",
    "Versions": "Named versions, automatic checkpoints, and who changed how much.",
}

_STYLE = """
:root {
  color-scheme: light dark;
  --text: #1d1f27;
  --soft: #5c606e;
  --line: #e2e4ea;
  --raised: #f6f7f9;
  --back: #fff;
  --accent: #4f46e5;
  --get: #1d7a48; --put: #9a5b00; --post: #2a5fcb; --patch: #7c3fcf; --delete: #c02634;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e9eaf0; --soft: #a0a4b4; --line: #30333d; --raised: #1f2128; --back: #17181c; --accent: #a5b0ff;
    --get: #5fd38d; --put: #f0b45c; --post: #85b4ff; --patch: #c2a5ff; --delete: #ff8a8e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0;
  font: 15px/1.55 "Inter Variable", system-ui, sans-serif;
  color: var(--text);
  background: var(--back);
}
.all { display: grid; grid-template-columns: 260px minmax(0, 1fr); max-width: 1160px; margin: 0 auto; }
nav {
  position: sticky;
  top: 0;
  align-self: start;
  max-height: 100vh;
  overflow: auto;
  padding: 32px 16px 32px 24px;
  font-size: 13px;
}
nav h2 { font-size: 12px; color: var(--soft); margin: 20px 0 4px; border: 0; padding: 0; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: 3px 8px; border-radius: 6px; color: var(--text); text-decoration: none; }
nav a:hover { background: var(--raised); }
main { padding: 32px 24px 96px; min-width: 0; }
h1 { font-size: 28px; line-height: 1.25; margin: 0 0 8px; }
h2 { font-size: 20px; margin: 56px 0 8px; padding-top: 16px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 0 0 8px; display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
a { color: var(--accent); }
code, pre { font-family: "JetBrains Mono", ui-monospace, monospace; font-size: 13px; }
h3 code, p code, td:last-child code { overflow-wrap: anywhere; }
td code, p code { background: var(--raised); padding: 1px 5px; border-radius: 4px; }
pre { background: var(--raised); padding: 12px 16px; border-radius: 10px; overflow: auto; }
table {
  border-collapse: collapse;
  width: 100%;
  margin: 8px 0;
  font-size: 14px;
  display: block;
  overflow-x: auto;
}
td, th {
  text-align: left;
  vertical-align: top;
  padding: 6px 16px 6px 0;
  border-bottom: 1px solid var(--line);
}
td { white-space: nowrap; }
td:last-child { width: 100%; white-space: normal; }
.route { margin: 24px 0; padding: 16px; border: 1px solid var(--line); border-radius: 10px; }
.route:target, tr:target { outline: 2px solid var(--accent); }
.method { font: 600 12px/20px "JetBrains Mono", ui-monospace, monospace; color: var(--soft); }
.get { color: var(--get); } .put { color: var(--put); } .post { color: var(--post); }
.patch { color: var(--patch); } .delete { color: var(--delete); }
.role {
  margin-left: auto;
  font-weight: 400;
  font-size: 12px;
  color: var(--soft);
  border: 1px solid var(--line);
  border-radius: 999px;
  padding: 0 8px;
}
.codes, small, .soft { color: var(--soft); font-size: 13px; }
@media (max-width: 760px) {
  .all { grid-template-columns: 1fr; }
  nav { position: static; max-height: none; padding: 16px; }
  nav ul { columns: 2; }
  main { padding: 16px; }
}
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>collab: HTTP API</title>
<link rel="icon" href="icon.svg">
<style>{style}</style>
</head>
<body>
<div class="all">
<nav aria-label="Contents"><strong>HTTP API</strong> <span class="soft">{version}</span>
<ul><li><a href="openapi.json">openapi.json</a></li></ul>
{links}
<h2>Reference</h2><ul><li><a href="#operations">Operations</a></li><li><a href="#errors">Errors</a></li></ul>
</nav>
<main>
<h1>HTTP API</h1>
<p>For scripts, services and agents: the same live documents that people have open, and the same promise. Every
route stands below <code>{prefix}</code>. An edit is answered once it is on disk.</p>
<pre>curl -H "Authorization: Bearer $COLLAB_TOKEN" "$COLLAB_URL{prefix}/documents/team%2Fnotes/content?path=/body"

curl -X PATCH -H "Authorization: Bearer $COLLAB_TOKEN" -H "Content-Type: application/json" \\
  -d '{{"operations": [{{"op": "text.insert", "path": "/body", "index": 0, "text": "Hi"}}]}}' \\
  "$COLLAB_URL{prefix}/documents/team%2Fnotes/content"</pre>
<p>The label at the right of a route is the weakest role that may use it. Where the server runs without
authentication, no token is needed. Over the rate of an address, requests are first slowed down, then refused with
<a href="#rate_limited"><code>rate_limited</code></a>.</p>
{sections}
<h2 id="operations">Operations</h2>
<p>Each is an object with <code>op</code>, a <code>path</code> (JSON Pointer; its first segment is the root's name,
as in <code>/board/shapes/s1</code>), and the fields below. Indices and lengths in texts count UTF-16 code units, as
JavaScript does. Missing maps on the way are created.</p>
<table><tbody>{operations}</tbody></table>
<h2 id="errors">Errors</h2>
<p>Every refusal is a problem (RFC 9457, <code>application/problem+json</code>) with <code>type</code>,
<code>title</code>, <code>status</code>, <code>detail</code>, <code>code</code>, <code>retryable</code> and, where a
time is known, <code>retry_after</code> and the header <code>Retry-After</code>.</p>
<table><thead><tr><th>code</th><th>status</th><th>retry</th><th>meaning, and what to do</th></tr></thead>
<tbody>{errors}</tbody></table>
</main>
</div>
</body>
</html>
"""
