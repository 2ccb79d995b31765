"""The OpenAPI document as one page without scripts, and without anything from a network."""

from __future__ import annotations

import json
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "h2{margin:2rem 0 .3rem}code,pre{font:14px/1.45 ui-monospace,monospace}"
    "pre{padding:.7rem;overflow:auto;border:1px solid #8886;border-radius:6px}"
    "td{padding:.1rem 1rem .1rem 0;vertical-align:top}:root{color-scheme:light dark}"
)


def page(document: dict[str, Any]) -> str:
    """HTML of an OpenAPI document."""
    info, schemas = document["info"], document["components"]["schemas"]
    sections = [
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    shapes = "".join(f"<h3>{escape(name)}</h3>{_code(schema)}" for name, schema in schemas.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])} "
        f'<a href="/openapi.json">openapi.json</a> · <a href="/">try it</a></p>{"".join(sections)}'
        f"<h2>Shapes</h2>{shapes}</html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(status)}</code><td>{escape(response['description'])}"
        for status, response in operation["responses"].items()
    )
    asked = ""
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        shown = _code(content["example"]) if "example" in content else f"<p>{escape(content['schema']['description'])}"
        asked += f"<p>Body, <code>{escape(media)}</code>:</p>{shown}"
    for parameter in operation.get("parameters", []):
        asked += f"<p>Query, <code>{escape(parameter['name'])}</code>: {escape(parameter['description'])}</p>"
    needs = "<p>Needs the token.</p>" if "security" in operation else ""
    head = f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2><p>{escape(operation['summary'])}</p>"
    return f"{head}{needs}{asked}<table>{rows}</table>"


def _code(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=1, ensure_ascii=False))}</pre>"
