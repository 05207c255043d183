from tests.unit.api.served import Served


def test_a_domain_is_claimed_and_given_up(served: Served) -> None:
    with served.by("ben") as client:
        made = client.post("/apps/blog/domains", json={"hostname": "WWW.Example.com."})
        listed = client.get("/apps/blog/domains").json()
        shown = client.get("/apps/blog/domains/www.example.com").json()
        gone = client.delete("/apps/blog/domains/www.example.com")

        assert made.status_code == 201
        assert listed == [made.json()] == [shown]
        assert made.json()["hostname"] == "www.example.com"
        assert made.json()["cname"] == "blog.localhost"
        assert int(made.headers["Paas-Version"]) < int(gone.headers["Paas-Version"])
        assert client.get("/apps/blog/domains").json() == []


def test_a_domain_belongs_to_one_app(served: Served) -> None:
    with served.by("ben") as client, served.by("ana") as other:
        client.post("/apps/blog/domains", json={"hostname": "*.example.com"})
        again = client.post("/apps/blog/domains", json={"hostname": "*.example.com"})
        elsewhere = other.post("/apps/shop/domains", json={"hostname": "*.example.com"})
        not_mine = other.delete("/apps/shop/domains/*.example.com")

    assert (again.status_code, elsewhere.status_code, not_mine.status_code) == (409, 409, 404)
    assert again.json()["message"] == (
        "*.example.com is a domain of blog already. Nothing was changed. See: paas domains -a blog"
    )
    assert "*.example.com belongs to another app." in elsewhere.json()["message"]


HOSTILE = [
    "", "x", "-a.example.com", "a b.example.com", "http://a.example.com", "a" * 300 + ".com", "a..b", "*.*.com",
    "\x00.com", "exämple.com", "localhost", "blog.localhost", "1\n.example.com",
]  # fmt: skip


def test_a_hostname_that_cannot_be_is_refused(served: Served) -> None:
    with served.by("ben") as client:
        for hostname in HOSTILE:
            answer = client.post("/apps/blog/domains", json={"hostname": hostname})
            assert answer.status_code in (409, 422), hostname
            assert "\n" not in answer.json()["message"]

        assert client.get("/apps/blog/domains").json() == []
