"""A build of a commit that was pushed before. What a push checks is checked again: limits change."""

import re
from pathlib import Path

from paas.errors import Invalid, Unavailable, Unknown
from paas.git.ask import Api, ApiRefused, printable
from paas.git.receive import FILE_LIMIT, check_tree, send_tree
from paas.git.repos import Repo, ensure_repository, environment
from paas.model.git_request import GitRequest

REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


class InvalidRef(Invalid):
    def __init__(self, ref: str) -> None:
        super().__init__(
            f"'{printable(ref[:60])}' cannot be a commit. Name a commit, a branch or a tag that was pushed."
        )


class UnknownCommit(Unknown):
    def __init__(self, app: str, ref: str) -> None:
        super().__init__(
            f"{app} has no commit '{ref[:60]}' here, or more than one that begins so. "
            "What was never pushed: git push paas main"
        )


def build_stored(request: GitRequest, directory: Path) -> str:
    """The build's id. Raises InvalidRef, UnknownCommit, PushRefused, and what the API says."""
    if not REF.fullmatch(request.ref):
        raise InvalidRef(request.ref)
    repo = Repo(ensure_repository(directory, request.app_id), environment(directory))
    commit = repo.commit(request.ref)
    tree = commit and repo.tree(commit)
    if not commit or not tree:
        raise UnknownCommit(request.app, request.ref)
    check_tree(repo.entries(tree, FILE_LIMIT), repo, request.source_mb)
    try:
        api = Api(directory, "", request.person)
        return str(send_tree(api, request.app_id, repo, commit, request.purpose)["id"])
    except ApiRefused as refused:
        if refused.status >= 500:
            raise Unavailable(str(refused)) from None
        raise
