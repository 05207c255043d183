"""A site as nginx's configuration. Its port is filled in at start; all else stands."""

import re
from collections.abc import Iterator
from pathlib import Path

from static_site import Site

PORT = "PAAS_PORT"
"""What serve replaces."""

SOURCES = (
    r"Procfile|static\.json|app\.json|package\.json|package-lock\.json|yarn\.lock|pnpm-lock\.yaml"
)
"""Files of the app that nobody means to publish, though they lie beside an index.html."""

HTTP = r"""
worker_processes 1;
pid /tmp/nginx/pid;
error_log stderr warn;
events { worker_connections 2048; }
http {
    include /etc/nginx/mime.types;
    types { text/javascript mjs; application/manifest+json webmanifest; }
    default_type application/octet-stream;
    charset utf-8;
    access_log off;
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 90s;
    client_body_temp_path /tmp/nginx/body;
    proxy_temp_path /tmp/nginx/proxy;
    fastcgi_temp_path /tmp/nginx/fastcgi;
    uwsgi_temp_path /tmp/nginx/uwsgi;
    scgi_temp_path /tmp/nginx/scgi;

    gzip on;
    gzip_static on;
    gzip_vary on;
    gzip_proxied any;
    gzip_min_length 256;
    gzip_types text/css text/plain text/xml text/javascript application/javascript application/json
        application/manifest+json application/xml application/rss+xml application/wasm image/svg+xml;

    # A name that bears the hash of its content never changes. Of any other, browsers ask whether it has.
    map $uri $paas_cache {
        default "no-cache";
        "~[.-][0-9a-f]{8,}\.[0-9a-z.]+$" "public, max-age=31536000, immutable";
        "~^/assets/.*-(?=[^./]*[A-Z0-9])[A-Za-z0-9_-]{8}\.[0-9a-z.]+$" "public, max-age=31536000, immutable";
    }
    # As it was asked for, still encoded: a decoded line break would end the header of a redirect.
    map $request_uri $paas_path { "~^(?<paas_asked>[^?]*)" $paas_asked; }
"""


def render(site: Site, app: Path) -> str:
    body = [*_maps(site), "server {", *(f"    {line}" for line in _server(site, app)), "}"]
    return HTTP.lstrip() + "".join(f"    {line}\n" for line in body) + "}\n"


def _maps(site: Site) -> Iterator[str]:
    """For each request: the file that answers where there is none, and the headers of its path."""
    yield 'map $uri $paas_fallback { default "";'
    yield from (f'    "~{_regex(pattern)}" "{file}";' for pattern, file in site.routes.items())
    if site.is_single_page:
        yield '    "~/[^./]*$" "/index.html";'
    yield "}"
    for number, (pattern, _, value) in enumerate(_headers(site)):
        yield f'map $uri $paas_header_{number} {{ default ""; "~{_regex(pattern)}" "{value}"; }}'


def _server(site: Site, app: Path) -> Iterator[str]:
    yield f"listen 0.0.0.0:{PORT} backlog=511;"
    yield f'root "{app / site.root}";'
    yield "absolute_redirect off;"
    yield "add_header Cache-Control $paas_cache;"
    for number, (_, name, _) in enumerate(_headers(site)):
        yield f"add_header {name} $paas_header_{number} always;"
    page = site.error_page
    if page is None and (app / site.root / "404.html").is_file():
        page = "/404.html"
    if page:
        yield f'error_page 404 "{page}";'
    if site.https_only:
        yield 'if ($http_x_forwarded_proto = "http") { return 301 "https://$host$request_uri"; }'
    for pattern, to in site.redirects.items():
        yield f'location ~ "{_regex(pattern)}" {{ return {to.status} "{to.url}"; }}'
    yield r'location ~ "/\.(?!well-known/)" { return 404; }'
    if site.root == ".":
        yield f'location ~ "^/({SOURCES})$" {{ return 404; }}'
    yield 'location ~ "/$" { try_files $uri/index.html $paas_fallback =404; }'
    clean = " $uri.html" if site.clean_urls else ""
    yield "location / {"
    yield "    if (-f $request_filename/index.html) { return 301 $paas_path/$is_args$args; }"
    yield f"    try_files $uri{clean} $paas_fallback =404;"
    yield "}"


def _headers(site: Site) -> Iterator[tuple[str, str, str]]:
    for pattern, headers in site.headers.items():
        for name, value in headers.items():
            yield pattern, name, value


def _regex(pattern: str) -> str:
    """`**` is any path, `*` any part of a name."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return "^" + "".join({"**": ".*", "*": "[^/]*"}.get(p) or re.escape(p) for p in parts) + "$"
