from paas.model.config import VALUE_LIMIT
from tests.unit.api.served import Served

VALUES = [
    "",
    " ",
    "a=b",
    "two\nlines\r\n",
    "'\"$(`\\",
    "ünïcödé 🐍",
    "x" * VALUE_LIMIT,
    "\t\x1b[0m",
]


def test_a_value_comes_back_byte_for_byte(served: Served) -> None:
    with served.by("ben") as client:
        for number, value in enumerate(VALUES, start=1):
            changed = client.patch("/apps/blog/config-vars", json={"A": value, "B": "1"})
            found = client.get("/apps/blog/config-vars").json()

            assert changed.json() == found == {"A": value, "B": "1"}
            assert changed.headers["Paas-Release"] == str(number)


def test_null_unsets_and_many_changes_are_one_release(served: Served) -> None:
    with served.by("ben") as client:
        client.patch("/apps/blog/config-vars", json={"A": "1", "B": "2"})
        changed = client.patch("/apps/blog/config-vars", json={"A": None, "C": "3"})

    assert changed.json() == {"B": "2", "C": "3"}
    assert changed.headers["Paas-Release"] == "2"


def test_what_changes_nothing_makes_no_release(served: Served) -> None:
    with served.by("ben") as client:
        client.patch("/apps/blog/config-vars", json={"A": "1"})
        same = client.patch("/apps/blog/config-vars", json={"A": "1"})

    assert same.json() == {"A": "1"}
    assert "Paas-Release" not in same.headers
    assert len(served.platform.releases.all(served.blog.id)) == 1


BODIES = [
    b'{"A": "%s"}' % (b"x" * (VALUE_LIMIT + 1)), b'{"PORT": "1"}', b'{"1A": "1"}', b'{"A": 1}',
    b'{"A": {"b": "c"}}', b'{"A": "secret-value", "B": ["secret-value"]}', b'{"A": "\\u0000"}',
    b'{"A": "\\ud800"}', b'{"\\ud800": "a"}', b'["A"]', b"null", b'"A"', b"1", b'{"HEROKU_X": "1"}',
    b'{"A\\nB": "1"}',
]  # fmt: skip


def test_what_cannot_be_is_refused_in_a_line_that_tells_no_value(served: Served) -> None:
    json = {"Content-Type": "application/json"}
    with served.by("ben") as client:
        for body in BODIES:
            answer = client.patch("/apps/blog/config-vars", content=body, headers=json)

            assert answer.status_code == 422, body
            assert "\n" not in answer.json()["message"]
            assert "secret-value" not in answer.text

    assert served.platform.releases.all(served.blog.id) == []


def test_a_release_keeps_its_config(served: Served) -> None:
    with served.by("ben") as client:
        for value in ("old", "new"):
            client.patch("/apps/blog/config-vars", json={"A": value})

        assert client.get("/apps/blog/releases/1/config-vars").json() == {"A": "old"}
        assert client.get("/apps/blog/releases/v2/config-vars").json() == {"A": "new"}
        assert client.get("/apps/blog/releases/3/config-vars").status_code == 404
