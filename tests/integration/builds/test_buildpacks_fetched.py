"""Buildpacks from elsewhere: fetched in a container, from public addresses only, once per commit, and bounded."""

import io
import ipaddress
import re
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paas.leftovers import clear_leftovers
from paas.model.build import BuildState, UsedBuildpack
from paas.model.buildpack import Buildpack
from tests.eventually import eventually
from tests.forge import PASSWORD, Authority, Forge, serving
from tests.integration.builds.building_site import HOST, Builds, Pushed

APP = {"Procfile": "web: sleep 100\n"}


@dataclass(frozen=True)
class Site:
    """A platform that may fetch from a forge on its network's gateway."""

    builds: Builds
    forge: Forge

    def pushed(self, *urls: str, **config: str) -> Pushed:
        platform, app = self.builds.platform, self.builds.app
        self.builds.configured(**config)
        platform.buildpacks.put(app.id, [Buildpack.parse(url) for url in urls])
        return self.builds.pushed(APP)

    def fetched(self) -> int:
        """How many times a repository's objects were asked for."""
        asked, self.forge.asked[:] = list(self.forge.asked), []
        return sum("git-upload-pack" in line for line in asked)


def pack(says: str) -> dict[str, str]:
    return {
        "bin/compile": f"#!/bin/bash\necho {says}\n",
        "bin/release": "#!/bin/sh\necho '--- {}'\n",
    }


def packed(files: Mapping[str, str], mode: str = "w:gz") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:  # type: ignore[call-overload]
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), 0o755
            tar.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


@pytest.fixture
def site(builds: Builds, tmp_path: Path, authority: Authority, trusting: str) -> Iterator[Site]:
    gateway = str(next(ipaddress.ip_network(builds.platform.hosts.get(HOST).subnet).hosts()))
    own = builds.with_settings(stack_build=trusting, fetch_networks=f"{gateway}/32")
    with serving(tmp_path, authority, gateway) as forge:
        yield Site(own, forge)


def test_a_repository_is_fetched_once_per_commit_and_the_commit_recorded(site: Site) -> None:
    first = site.forge.commits("apt", pack("this is the first"), tag="v1")
    url = site.forge.url("apt.git")

    pushed = site.pushed(url)
    assert site.fetched() > 0
    again = site.pushed(url)
    only_asked = site.fetched()
    second = site.forge.commits("apt", pack("this is the second"))
    moved, tagged, pinned = (site.pushed(name) for name in (url, f"{url}#v1", f"{url}#{first}"))
    site.fetched()
    pinned_again = site.pushed(f"{url}#{second}")

    assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
    assert pushed.build.buildpacks == (UsedBuildpack(url, first),)
    assert f"       {url} at {first[:12]}\n" in pushed.output
    assert only_asked == 2  # its refs, and nothing of its content
    assert "this is the first" in again.output
    assert "this is the second" in moved.output
    for older in (tagged, pinned):
        assert "this is the first" in older.output
        assert older.build.buildpacks[0].version == first
    assert "this is the second" in pinned_again.output
    assert site.forge.asked == []  # a commit that is here is nobody's business


def test_a_branch_runs_as_it_was_while_its_forge_is_away(site: Site) -> None:
    site.forge.commits("apt", pack("the one that is kept"))
    site.pushed(site.forge.url("apt.git#main"))
    site.forge.is_down = True

    kept = site.pushed(site.forge.url("apt.git#main"))
    unknown = site.pushed(site.forge.url("apt.git#v2"))

    assert "could not be asked for news" in kept.output
    assert "the one that is kept" in kept.output
    assert unknown.build.state is BuildState.FAILED
    assert "apt.git#v2 cannot be had:" in (unknown.build.reason or "")


def test_an_image_that_was_lost_is_made_again_by_what_made_it(site: Site) -> None:
    site.forge.commits("apt", pack("this is the first"))
    url = site.forge.url("apt.git")
    pushed = site.pushed(url)
    site.forge.commits("apt", pack("this is the second"))
    lost = replace(
        pushed.build, id=str(uuid.uuid4()), state=BuildState.QUEUED, created_at=time.time()
    )
    site.builds.platform.builds.add(lost)

    again = site.builds.build(lost.id)

    assert "The image is there again" in again.output
    assert "this is the first" in again.output
    assert again.build.buildpacks == pushed.build.buildpacks


def test_a_tarball_is_fetched_again_when_it_has_changed(site: Site) -> None:
    inside = {f"apt-1.0/{name}": text for name, text in pack("the first").items()}
    site.forge.tarballs["/apt.tgz"] = packed(pack("the first"))
    site.forge.tarballs["/forge.tar.gz"] = packed(inside)
    url = site.forge.url("apt.tgz")

    pushed, again = site.pushed(url, site.forge.url("forge.tar.gz")), site.pushed(url)
    site.forge.tarballs["/apt.tgz"] = packed(pack("the second"))
    changed = site.pushed(url)

    assert pushed.output.count("the first") == 2
    assert re.fullmatch("sha256:[0-9a-f]{64}", pushed.build.buildpacks[0].version or "")
    assert again.build.buildpacks[0] == pushed.build.buildpacks[0]
    assert "the first" in again.output
    assert "the second" in changed.output


def test_a_private_one_is_opened_by_the_password_of_its_url_which_nobody_sees(site: Site) -> None:
    commit = site.forge.commits("private", pack("the private one"))
    user = f"ana:{PASSWORD.replace('/', '%2F').replace(':', '%3A')}@"
    url = site.forge.url("private.git", user)
    seen: list[str] = []
    looking = threading.Event()

    def look() -> None:
        while not looking.wait(0.01):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.append(path.read_text(errors="replace"))
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    pushed = site.pushed(BUILDPACK_URL=url)
    looking.set()
    thread.join()
    stranger = site.pushed(BUILDPACK_URL=site.forge.url(f"private.git#{commit}"))

    assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
    assert "the private one" in pushed.output
    assert pushed.build.buildpacks == (UsedBuildpack(site.forge.url("private.git"), commit),)
    assert any("fetch.py" in line for line in seen)
    for text in (pushed.output, *seen):
        assert "s3cret" not in text
    assert stranger.build.state is BuildState.FAILED  # what was fetched for it is not for others
    record = site.builds.platform.settings.fetched_buildpacks
    assert all(b"s3cret" not in path.read_bytes() for path in record.iterdir())


def test_what_may_not_be_reached_or_taken_fails_the_build_with_its_reason(site: Site) -> None:
    closed = replace(site, builds=site.builds.with_settings(fetch_networks=""))
    site.forge.redirects = {"/moved.tgz": "https://169.254.169.254/latest/meta-data.tgz"}
    site.forge.tarballs = {"/up.tgz": packed({"../../bin/compile": "x"}), "/none.tgz": packed(APP)}
    address = site.forge.address

    for where, path, said in (
        (closed, "apt.git", f"{address} is at {address}, which is no public address"),
        (site, "moved.tgz", "169.254.169.254 is at 169.254.169.254, which is no public address"),
        (site, "up.tgz", "is not inside the tree"),
        (site, "none.tgz", "is no buildpack: it has no file bin/compile"),
    ):
        pushed = where.pushed(site.forge.url(path))

        assert pushed.build.state is BuildState.FAILED, pushed.output
        assert said in (pushed.build.reason or "")
    assert site.builds.leftovers() == []
    assert site.builds.containers() == []


def test_a_fetch_is_cancelled_with_its_build(site: Site) -> None:
    builds = site.builds
    url = site.forge.url("silent.tgz")
    builds.platform.buildpacks.put(builds.app.id, [Buildpack.parse(url)])
    build_id, thread = builds.begun(APP, "Fetching buildpacks")
    eventually(lambda: site.forge.asked != [])

    builds.platform.builds.end(build_id, BuildState.CANCELLED, time.time(), "cancelled by ana")

    thread.join(8)
    assert not thread.is_alive()
    assert builds.containers() == []
    assert builds.leftovers() == []


def test_what_no_build_has_used_for_a_month_is_removed(site: Site) -> None:
    site.forge.commits("apt", pack("x"))
    site.pushed(site.forge.url("apt.git"))
    platform = site.builds.platform
    folder = platform.settings.fetched_buildpacks

    clear_leftovers(platform, time.time() + 29 * 86400)
    assert len(list(folder.iterdir())) == 2
    clear_leftovers(platform, time.time() + 31 * 86400)

    assert list(folder.iterdir()) == []
