"""Every command: where it is found, and what the overview says of it.

A table, so that `paas --help` imports no command, and `paas ps` imports one.
"""

from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Apps": {
        "apps": ("apps:list_apps", "List your apps."),
        "create": ("apps:create", "Create an app, and the git remote to push to it."),
        "destroy": ("apps:destroy", "Destroy an app and free its name."),
        "info": ("apps:info", "Show an app."),
        "open": ("apps:open_app", "Print an app's URL, and open it in a browser."),
        "git:remote": ("git:git_remote", "Make a git remote push to an app."),
        "git:credentials": ("git:git_credentials", "Tell git your token; git itself types this."),
    },
    "Config vars": {
        "config": ("config:list_config", "List an app's config vars."),
        "config:get": ("config:get", "Print one config var."),
        "config:set": ("config:set_vars", "Set config vars, all in one release."),
        "config:unset": ("config:unset", "Unset config vars, all in one release."),
    },
    "Dynos": {
        "ps": ("ps:list_dynos", "List an app's dynos."),
        "explain": ("explain:explain", "Explain why a dyno is where it is, or nowhere."),
        "scale": ("scale:scale", "Change how many dynos of each process type run."),
        "restart": ("restart:restart", "Restart an app's dynos, without a gap."),
        "stop": ("restart:stop", "Stop an app and keep its formation."),
        "start": ("restart:start", "Start a stopped app."),
        "run": ("run:run", "Run a one-off command in a dyno of its own."),
        "logs": ("logs:logs", "Print an app's log."),
    },
    "Releases and builds": {
        "deploy": ("deploy:deploy", "Deploy without a push."),
        "releases": ("releases:list_releases", "List an app's releases."),
        "releases:output": ("releases:output", "Print what a release process has printed."),
        "rollback": ("releases:rollback", "Go back to an earlier release."),
        "builds": ("builds:list_builds", "List an app's builds."),
        "builds:output": ("builds:output", "Print a build's output."),
        "builds:cancel": ("builds:cancel", "Cancel a build."),
        "builds:retry": ("deploy:retry", "Build the same source once more."),
        "builds:cache:purge": ("builds:purge_cache", "Forget what an app's builds have kept."),
        "builds:config": ("build_config:build_config", "Show or change how an app is built."),
        "builds:config:unset": ("build_config:unset", "Unset how an app is built."),
    },
    "Buildpacks": {
        "buildpacks": ("buildpacks:list_buildpacks", "List an app's buildpacks."),
        "buildpacks:add": ("buildpacks:add", "Add a buildpack."),
        "buildpacks:set": ("buildpacks:put", "Set a buildpack."),
        "buildpacks:remove": ("buildpacks:remove", "Remove a buildpack."),
        "buildpacks:clear": ("buildpacks:clear", "Remove all buildpacks."),
    },
    "Domains": {
        "domains": ("domains:list_domains", "List an app's domains."),
        "domains:add": ("domains:add", "Add a domain to an app."),
        "domains:remove": ("domains:remove", "Remove a domain from an app."),
    },
    "You and other people": {
        "login": ("login:login", "Log in to a platform."),
        "whoami": ("login:whoami", "Print who you are logged in as."),
        "keys": ("keys:list_keys", "List your SSH keys."),
        "keys:add": ("keys:add", "Add an SSH key, so that you can push with it."),
        "keys:remove": ("keys:remove", "Remove an SSH key."),
        "people": ("people:list_people", "List the people."),
        "people:add": ("people:add", "Add a person, and print the line that logs them in."),
        "people:remove": ("people:remove", "Remove a person."),
    },
    "The platform": {
        "hosts": ("hosts:list_hosts", "List the hosts that dynos run on."),
        "hosts:add": ("hosts:add", "Register another machine's Docker engine."),
        "hosts:drain": ("hosts:drain", "Move everything off a host."),
        "hosts:undrain": ("hosts:undrain", "Let a drained host take containers again."),
        "hosts:remove": ("hosts:remove", "Forget a host that is empty."),
        "hosts:key": ("hosts:key", "Print the key with which the platform logs in to hosts."),
        "routers": ("routers:list_routers", "List the routers and what they have acknowledged."),
        "routers:add": (
            "routers:add",
            "Register a router on another machine, and print the line to type there.",
        ),
        "routers:line": ("routers:line", "Print what makes a machine that router."),
        "routers:remove": ("routers:remove", "Forget a router, and stop waiting for it."),
        "doctor": ("doctor:doctor", "Examine the platform; fail if anything is red."),
    },
}
ALIASES: Mapping[str, str] = {
    "apps:create": "create",
    "apps:destroy": "destroy",
    "apps:info": "info",
    "apps:open": "open",
    "auth:login": "login",
    "auth:whoami": "whoami",
    "ps:restart": "restart",
    "ps:scale": "scale",
    "ps:start": "start",
    "ps:stop": "stop",
    "releases:rollback": "rollback",
}
"""The longer names that people's fingers know from Heroku."""

PLACES: Mapping[str, str] = {
    name: place for section in SECTIONS.values() for name, (place, _) in section.items()
}


def aliases_of(name: str) -> list[str]:
    return [alias for alias, meant in ALIASES.items() if meant == name]
