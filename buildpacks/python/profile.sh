# Sourced at every start of the app. What the app's config sets stays as it is.
export PATH="/app/.heroku/python/bin:$PATH"
export PYTHONPATH="${PYTHONPATH:-/app}"
export PYTHONUNBUFFERED="${PYTHONUNBUFFERED:-1}"
# Only the platform's router can reach a container, so its X-Forwarded-Proto is true.
export FORWARDED_ALLOW_IPS="${FORWARDED_ALLOW_IPS:-*}"
# Longer than the router keeps an idle connection: the server must not be the one who closes it.
if [ ! -e /app/gunicorn.conf.py ]; then
    export GUNICORN_CMD_ARGS="${GUNICORN_CMD_ARGS:---keep-alive 75}"
fi
