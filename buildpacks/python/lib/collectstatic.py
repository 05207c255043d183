"""Django's static files, gathered at build time, so that every dyno has them."""

from collections.abc import Mapping
from pathlib import Path

from pack import ProgramFailed, ask, fail, say, title

UNKNOWN_COMMAND = "Unknown command: 'collectstatic'"


def collect_static(app: Path, venv: Path, environment: Mapping[str, str]) -> None:
    manage = next(
        (path for path in (app / "manage.py", *sorted(app.glob("*/manage.py"))) if path.is_file()),
        None,
    )
    if manage is None or not any(venv.glob("lib/python*/site-packages/django")):
        return
    if environment.get("DISABLE_COLLECTSTATIC", "0") not in ("", "0"):
        title("Django's collectstatic is left out (DISABLE_COLLECTSTATIC is set)")
        return
    title(f"Django: {manage.relative_to(app)} collectstatic --noinput")
    try:
        last_lines = (
            ask(
                [f"{venv / 'bin/python'}", manage.name, "collectstatic", "--noinput"],
                manage.parent,
                environment,
            )
            .strip()
            .splitlines()[-1:]
        )
    except ProgramFailed as error:
        if UNKNOWN_COMMAND in error.output:
            say("django.contrib.staticfiles is not among the installed apps: nothing to collect")
            return
        say(error.output)
        fail(
            "Django's collectstatic failed. Correct what stands above (STATIC_ROOT is often missing), or leave it\n"
            "out: paas config:set DISABLE_COLLECTSTATIC=1"
        )
    say("".join(last_lines))
