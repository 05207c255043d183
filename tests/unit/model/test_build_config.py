import pytest

from paas.model.build_config import SETTINGS, BuildConfig, InvalidBuildConfig

WHOLE = BuildConfig("services/api", "deploy/Dockerfile", "web", ("A", "B"), ("C",))


def test_what_is_set_is_kept_and_read_again() -> None:
    changes = {"path": "./services//api/", "dockerfile": "deploy/Dockerfile", "target": "web"}

    made = BuildConfig().changed({**changes, "args": "A,B", "secrets": ["C"]})

    assert made == WHOLE
    assert BuildConfig.load(made.dump()) == made
    assert BuildConfig.load(None) == BuildConfig()


def test_none_unsets_and_what_is_not_named_stays() -> None:
    assert WHOLE.changed({"target": None, "args": []}) == BuildConfig(
        "services/api", "deploy/Dockerfile", None, (), ("C",)
    )
    assert WHOLE.changed(dict.fromkeys(SETTINGS)) == BuildConfig()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("folder", "x", "is none. There are: path, dockerfile, target, args, secrets"),
        ("path", "../up", "without '..'"),
        ("path", "a/../../b", "without '..'"),
        ("path", "/etc", "relative"),
        ("path", ".", "relative"),
        ("path", "", "relative"),
        ("path", "a\nb", "one line"),
        ("path", "a\0b", "one line"),
        ("path", "x" * 2000, "one line"),
        ("path", ["a"], "one line"),
        ("dockerfile", "/Dockerfile", "relative"),
        ("target", "--push", "stands behind AS"),
        ("target", "a b", "stands behind AS"),
        ("target", ["web"], "stands behind AS"),
        ("args", "A B", "no name of a config var"),
        ("args", "A,,B", "no name of a config var"),
        ("args", "A,A", "each of them once"),
        ("args", "PORT", "no name of a config var"),
        ("args", "LD_PRELOAD", "means something to docker itself"),
        ("args", "DOCKER_HOST", "means something to docker itself"),
        ("args", "PATH", "means something to docker itself"),
        ("args", "GODEBUG", "means something to docker itself"),
        ("args", "GIT_DIR", "means something to docker itself"),
        ("args", "SSH_AUTH_SOCK", "means something to docker itself"),
        ("args", "BASH_ENV", "means something to docker itself"),
        ("args", "https_proxy", "means something to docker itself"),
        ("args", "PAAS_SECRET_0", "means something to docker itself"),
        ("args", "BUILDKIT_CACHE_MOUNT_NS", "means something to docker itself"),
        ("secrets", "KEY=value", "no name of a config var"),
        ("secrets", [f"A{number}" for number in range(101)], "at most 100"),
        ("secrets", "A", "A is one of args too"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(InvalidBuildConfig) as refused:
        WHOLE.changed({name: value})

    assert said in str(refused.value)
    assert "Nothing was changed." in str(refused.value)
    assert "\n" not in str(refused.value)
