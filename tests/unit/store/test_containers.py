"""Container rows: what is counted of them without reading each."""

from paas.model.container import RETIRING, STARTING, ContainerState, Kind
from paas.store.containers import ContainerStore
from paas.store.database import Database
from tests.make import make_container, make_dyno


def test_what_fills_a_host_is_counted_over_all_apps_and_kinds(record: Database) -> None:
    containers = ContainerStore(record)
    other = make_dyno("web.1", app_id="other")
    containers.add(
        [
            make_container("web.1", 1, host="a"),
            make_container(other, 2, host="a", state=STARTING),
            make_container("run.1234", 3, host="a", kind=Kind.RUN),
            make_container("web.2", 4, host="b"),
            make_container("web.3", 5, host="c", state=RETIRING),
            make_container("web.4", 6, host="c", state=ContainerState.GONE),
        ]
    )

    assert containers.filling() == {"a": 3, "b": 1}
