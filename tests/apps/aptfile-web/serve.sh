mkdir -p /tmp/site
tree /app/.apt >/tmp/site/index.html
exec python3 -m http.server --directory /tmp/site "$PORT"
