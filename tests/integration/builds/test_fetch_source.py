"""A source that is named by a URL: fetched in a container of its own, checked, and built."""

import gzip
import hashlib
import io
import ipaddress
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paas.model.build import BuildState
from tests.eventually import eventually
from tests.forge import Authority, Forge, serving
from tests.integration.builds.building_site import HOST, Builds, Pushed

APP = {"shop-1.0/Dockerfile": 'FROM paas/stack:run\nCMD ["true"]\n', "shop-1.0/lib/a": "x"}


def packed(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


@dataclass(frozen=True)
class Site:
    builds: Builds
    forge: Forge

    def pushed(self, path: str, user: str = "", checksum: str | None = None) -> Pushed:
        url = self.builds.platform.cipher.seal(self.forge.url(path, user))
        return self.builds.build(self.builds.queued_of(url=url, checksum=checksum))


@pytest.fixture
def site(builds: Builds, tmp_path: Path, authority: Authority, trusting: str) -> Iterator[Site]:
    gateway = str(next(ipaddress.ip_network(builds.platform.hosts.get(HOST).subnet).hosts()))
    own = builds.with_settings(stack_build=trusting, fetch_networks=f"{gateway}/32", source_mb=1)
    with serving(tmp_path, authority, gateway) as forge:
        yield Site(own, forge)


def test_a_tar_is_fetched_once_and_its_only_folder_is_the_tree(site: Site) -> None:
    content = packed(APP)
    site.forge.tarballs["/shop.tgz"] = content

    pushed = site.pushed("shop.tgz?token=s3cret", checksum=hashlib.sha256(content).hexdigest())
    site.forge.asked.clear()
    builds = site.builds.platform.builds
    builds.add(again := replace(pushed.build, id="again", state=BuildState.QUEUED, image=None))
    repeated = site.builds.build(again.id)

    assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
    assert f"-----> Fetching {site.forge.url('shop.tgz')}\n" in pushed.output
    assert "s3cret" not in pushed.output
    assert repeated.build.state is BuildState.SUCCEEDED, repeated.output
    assert site.forge.asked == []
    with tarfile.open(site.builds.platform.sources.path(pushed.build.source)) as tar:
        assert tar.getnames() == ["Dockerfile", "lib/a"]


def test_what_cannot_be_had_or_taken_fails_the_build_in_one_line(site: Site) -> None:
    closed = replace(site, builds=site.builds.with_settings(fetch_networks=""))
    forge = site.forge
    forge.redirects = {
        "/meta.tgz": "https://169.254.169.254/latest.tgz",
        "/clear.tgz": "http://example.com/a.tgz",
    }
    forge.tarballs = {
        "/good.tgz": packed(APP),
        "/up.tgz": packed({"a/../../x": "x"}),
        "/page.tgz": b"<html>Log in</html>" * 100,
        "/bomb.tgz": gzip.compress(bytes(400 << 20), 1),
        "/large.tgz": bytes(3 << 20),
    }

    for where, path, checksum, said in (
        (closed, "good.tgz", None, "which is no public address (setting fetch_networks)"),
        (site, "meta.tgz", None, "169.254.169.254, which is no public address"),
        (site, "clear.tgz", None, "it leads to a URL without https"),
        (site, "none.tgz", None, "the server answered 404"),
        (site, "good.tgz", "0" * 64, "the source is not what was named: its SHA-256 is "),
        (site, "up.tgz", None, "is not inside the tree"),
        (site, "page.tgz", None, "it is not a whole tar archive"),
        (site, "bomb.tgz", None, "it is larger than 1 MB"),
        (site, "large.tgz", None, "(setting source_mb)"),
    ):
        pushed = where.pushed(path, checksum=checksum)

        assert pushed.build.state is BuildState.FAILED, pushed.output
        assert said in (pushed.build.reason or ""), pushed.build.reason
        assert "\n" not in (pushed.build.reason or "")
    assert list(site.builds.platform.settings.sources.iterdir()) == []
    assert site.builds.leftovers() == []
    assert site.builds.containers() == []


def test_an_upload_that_is_not_what_was_named_is_not_built(builds: Builds) -> None:
    content = packed({"Dockerfile": 'FROM paas/stack:run\nCMD ["true"]\n'})
    states, reasons = [], []
    for checksum in ("0" * 64, hashlib.sha256(content).hexdigest()):
        build = builds.platform.builds.get(builds.queued(content))
        assert build is not None
        builds.platform.builds.note_source(build.source, checksum=checksum)
        built = builds.build(build.id).build
        builds.platform.builds.add(replace(built, id=f"{built.id}-again", state=BuildState.QUEUED))
        again = builds.build(f"{built.id}-again").build
        states += [built.state, again.state]
        reasons.append(built.reason or "")

    assert states == [BuildState.FAILED] * 2 + [BuildState.SUCCEEDED] * 2
    assert reasons[0].startswith("the source is not what was named: its SHA-256 is ")


def test_a_fetch_is_cancelled_with_its_build(site: Site) -> None:
    builds = site.builds
    url = builds.platform.cipher.seal(site.forge.url("silent.tgz"))
    build_id, thread = builds.begun_as(builds.queued_of(url=url), "Fetching")
    eventually(lambda: site.forge.asked != [])

    builds.platform.builds.end(build_id, BuildState.CANCELLED, time.time(), "cancelled by ana")

    thread.join(5)
    assert not thread.is_alive()
    assert builds.containers() == []
    assert builds.leftovers() == []
