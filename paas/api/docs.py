"""/docs: this API as a page, made of what /openapi.json says; nothing is fetched from anywhere else."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

router = APIRouter(tags=["docs"])
HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>The API</title>
<style>body{font:16px/1.5 system-ui;max-width:60em;margin:2em auto;padding:0 1em}
code{background:#eee;padding:.1em .3em}dt{margin-top:1em}h2{margin-top:2em}</style>
<h1>The API</h1>
<p>Give your token with every request: <code>Authorization: Bearer TOKEN</code>, or as the password of Basic. Bodies
and answers are JSON in the form of the Heroku Platform API v3. An error is <code>{"id": …, "message": …}</code>. A
change is answered with <code>Paas-Version: N</code>; it is live when <code>GET /apps/APP/versions/N</code> says so.
All of it, with every field: <a href="openapi.json">openapi.json</a>.</p>
"""


@router.get("/docs", include_in_schema=False)
async def show_docs(request: Request) -> HTMLResponse:
    page = HEAD + "".join(_sections(request.app.openapi()))
    return HTMLResponse(
        page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    )


def _sections(api: Mapping[str, Any]) -> Iterator[str]:
    tags: dict[str, list[str]] = {}
    for path, methods in api["paths"].items():
        for method, told in methods.items():
            entry = "".join(_entry(method, path, told))
            tags.setdefault(told["tags"][0], []).append(entry)
    for tag, entries in sorted(tags.items()):
        yield f"<h2>{escape(tag)}</h2><dl>{''.join(entries)}</dl>"


def _entry(method: str, path: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"<dt><code>{escape(method.upper())} {escape(path)}</code></dt>"
    text = told.get("description") or told.get("summary", "")
    yield f"<dd>{escape(text)}"
    schema = _body(told)
    if schema:
        yield f" Body: <code>{escape(schema)}</code>"
    yield "</dd>"


def _body(told: Mapping[str, Any]) -> str:
    """The name of what it takes."""
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    refs = [str(part.get("$ref", "")) for part in _parts(content.get("schema", {}))]
    return ", ".join(ref.rpartition("/")[2] for ref in refs if ref)


def _parts(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [schema, *schema.get("anyOf", [])]
