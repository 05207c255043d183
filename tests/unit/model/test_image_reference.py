import pytest

from paas.model.image_reference import ImageReference, InvalidImage, NotForDeploys

DIGEST = f"sha256:{'0f' * 32}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("nginx", "nginx:latest"),
        ("nginx:1.27", "nginx:1.27"),
        (f"nginx@{DIGEST}", f"nginx@{DIGEST}"),
        ("me/site_a__b--c.d", "me/site_a__b--c.d:latest"),
        ("ghcr.example:5000/me/site", "ghcr.example:5000/me/site:latest"),
        ("registry:5000/site:v1", "registry:5000/site:v1"),
        (DIGEST, DIGEST),
        ("0f0f0f0f0f0f", "0f0f0f0f0f0f"),
        ("paas", "paas:latest"),
        ("example.com/paas/site", "example.com/paas/site:latest"),
    ],
)
def test_an_image_is_named_as_an_engine_does(text: str, meant: str) -> None:
    assert ImageReference(text) == meant
    assert ImageReference(meant) == meant


def test_only_an_id_is_known_to_no_registry() -> None:
    assert ImageReference(DIGEST).is_id
    assert not ImageReference(f"nginx@{DIGEST}").is_id


@pytest.mark.parametrize(
    "text",
    ["", " ", "-v", "--all", "a b", "nginx:", ":1", "Nginx", "a//b", "/a", "a/", "../a", "a\n", "nginx:1.27\n",
     "nginx@sha256:00", "nginx:-1", "[::1]/a", "http://x/a", "user:pw@host/a", "x" * 500, "a:b:c", "é"],
)  # fmt: skip
def test_what_is_no_name_of_an_image_is_refused(text: str) -> None:
    with pytest.raises(InvalidImage):
        ImageReference(text)


@pytest.mark.parametrize(
    "text",
    ["paas/stack:run", "paas/abcd1234/shop-00000000:v1", "docker.io/paas/p/shop:v1", "index.docker.io/paas/x/y",
     "DOCKER.io/paas/x", "localhost/a", "localhost:5001/paas/x", "127.0.0.1:5001/paas/p/shop", "127.1/a"],
)  # fmt: skip
def test_the_platforms_own_images_cannot_be_named(text: str) -> None:
    with pytest.raises(NotForDeploys):
        ImageReference(text)
