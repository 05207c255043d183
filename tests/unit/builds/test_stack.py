from pathlib import Path

import pytest

from paas.builds.stack import (
    StackFailed,
    bootstrap_command,
    docker_command,
    ensure_stack,
    stack_digest,
    stack_tag,
)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    folder = tmp_path / "stack"
    (folder / "etc").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "etc/setting").write_text("on\n")
    return folder


def certificate(tmp_path: Path, name: str, content: str) -> Path:
    path = tmp_path / name
    path.write_text(content)
    return path


def test_a_tag_names_the_suite_and_twelve_digits_of_the_definition(definition: Path) -> None:
    digest = stack_digest(definition, "trixie", [])

    tag = stack_tag(definition, "trixie", [])

    assert tag == f"trixie-{digest[:12]}"


def test_an_unchanged_definition_keeps_its_tag_wherever_it_lies(
    definition: Path, tmp_path: Path
) -> None:
    before = stack_tag(definition, "trixie", [])

    moved = definition.rename(tmp_path / "elsewhere")

    assert stack_tag(moved, "trixie", []) == before


@pytest.mark.parametrize("change", ["content", "name", "mode", "file", "suite", "certificate"])
def test_whatever_changes_the_images_changes_the_tag(
    definition: Path, tmp_path: Path, change: str
) -> None:
    before = stack_digest(definition, "trixie", [])
    suite, certificates = "trixie", []

    match change:
        case "content":
            (definition / "etc/setting").write_text("off\n")
        case "name":
            (definition / "etc/setting").rename(definition / "etc/other")
        case "mode":
            (definition / "etc/setting").chmod(0o755)
        case "file":
            (definition / "more").write_text("")
        case "suite":
            suite = "forky"
        case "certificate":
            certificates = [certificate(tmp_path, "ca.crt", "one")]

    assert stack_digest(definition, suite, certificates) != before


def test_order_and_names_of_certificates_do_not_matter(definition: Path, tmp_path: Path) -> None:
    one = certificate(tmp_path, "one.crt", "first")
    two = certificate(tmp_path, "two.crt", "second")
    renamed = certificate(tmp_path, "three.crt", "first")

    digests = {
        stack_digest(definition, "trixie", [one, two]),
        stack_digest(definition, "trixie", [two, one]),
        stack_digest(definition, "trixie", [two, renamed]),
    }

    assert len(digests) == 1


def test_the_docker_client_is_told_which_engine() -> None:
    command = docker_command("unix:///somewhere.sock")

    assert command[1:] == ["--host", "unix:///somewhere.sock"]


def test_the_base_is_checked_against_debians_keys_and_taken_from_the_mirror(tmp_path: Path) -> None:
    command = bootstrap_command("trixie", tmp_path / "base", "http://mirror.test/debian")

    assert any(part.startswith("--keyring=") for part in command)
    assert command[-3:] == ["trixie", f"{tmp_path / 'base'}", "http://mirror.test/debian"]


def test_a_suite_that_the_program_does_not_know_is_installed_like_sid(tmp_path: Path) -> None:
    command = bootstrap_command("suite-of-tomorrow", tmp_path / "base", None)

    is_mmdebstrap = any(part.endswith("mmdebstrap") for part in command)
    assert is_mmdebstrap or command[-2:] == ["", "/usr/share/debootstrap/scripts/sid"]


def test_an_engine_that_does_not_run_is_named(definition: Path, tmp_path: Path) -> None:
    url = f"unix://{tmp_path / 'no.sock'}"

    with pytest.raises(StackFailed, match=r"engine.*no\.sock"):
        ensure_stack(definition, "trixie", [], [].append, engine_url=url)


def test_a_failure_names_the_stage_and_shows_the_last_lines() -> None:
    error = StackFailed("base", "exit code 1", ["E: no such suite", "E: giving up"])

    assert f"{error}".splitlines() == [
        "The stack could not be built (base): exit code 1",
        "       E: no such suite",
        "       E: giving up",
    ]
