"""The route table, in Redis: where platform and routers meet. (Long: both sides of the contract are in here.)

Keys, all after `paas:PLATFORM:`

    routes           hash    app id -> Route as JSON
    routes:epoch     string  a random word; written last by whoever fills an empty table. Without it there is no news
    routes:number    string  of the last change
    routes:numbers   hash    app id -> number of its last change; stays after a removal
    routes:fences    hash    app id -> the largest fence that wrote it; stays after a removal
    routes:refused   string  how many writes were refused for a smaller fence
    acks             hash    router -> Ack as JSON. A router writes this, and on another machine than the platform's
    routers:lines    stream  its request lines (request_lines.py); and nothing else

and channels

    routes:changed   `EPOCH PREVIOUS NUMBER APP_ID`; APP_ID is `*` when everything is new
    acks:news        an Ack as JSON

A number is the one before plus one, but never less than the time in microseconds: a Redis that lost its last second of
writes goes on with numbers nobody has seen, so a number names one table, and a router that is ahead waits.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis, RedisError, ResponseError
from redis.client import PubSub

from paas.errors import Conflict, Unavailable
from paas.model.route import Ack, Route, RouteInvalid, RouterStatus, Snapshot, Version

EVERYTHING = "*"
REFUSED = "STALE"
EMPTY = "EMPTY"

NEXT_NUMBER = """
local function next_number(number_key)
  local now = redis.call('TIME')
  local clock = now[1] * 1000000 + now[2]
  local previous = tonumber(redis.call('GET', number_key) or '0')
  local number = math.max(previous + 1, clock)
  return string.format('%.0f', previous), string.format('%.0f', number)
end
"""

WRITE = (
    NEXT_NUMBER
    + """
local routes, epoch_key, number_key, numbers, fences, refused = unpack(KEYS)
local app, fence, channel, route = unpack(ARGV)
local epoch = redis.call('GET', epoch_key)
if not epoch then return redis.error_reply('EMPTY') end
local last = tonumber(redis.call('HGET', fences, app) or '0')
if tonumber(fence) < last then
  redis.call('INCR', refused)
  return redis.error_reply('STALE ' .. string.format('%.0f', last))
end
if tonumber(fence) > last then redis.call('HSET', fences, app, fence) end
local stored = redis.call('HGET', routes, app)
if stored == (route or false) then
  return {epoch, redis.call('HGET', numbers, app) or redis.call('GET', number_key)}
end
local previous, number = next_number(number_key)
if route then redis.call('HSET', routes, app, route) else redis.call('HDEL', routes, app) end
redis.call('SET', number_key, number)
redis.call('HSET', numbers, app, number)
redis.call('PUBLISH', channel, epoch .. ' ' .. previous .. ' ' .. number .. ' ' .. app)
return {epoch, number}
"""
)
"""KEYS as they are unpacked. ARGV: app id, fence, channel, and the route, which is left out to remove it."""

FILL = (
    NEXT_NUMBER
    + """
local routes, epoch_key, number_key, numbers, fences = unpack(KEYS)
local standing = redis.call('GET', epoch_key)
if standing then return {standing, redis.call('GET', number_key)} end
redis.call('DEL', routes, numbers, fences)
local previous, number = next_number(number_key)
local epoch, channel, pairs_of_routes = ARGV[1], ARGV[2], tonumber(ARGV[3])
for i = 4, 3 + 2 * pairs_of_routes, 2 do
  redis.call('HSET', routes, ARGV[i], ARGV[i + 1])
  redis.call('HSET', numbers, ARGV[i], number)
end
for i = 4 + 2 * pairs_of_routes, #ARGV, 2 do redis.call('HSET', fences, ARGV[i], ARGV[i + 1]) end
redis.call('SET', number_key, number)
redis.call('SET', epoch_key, epoch)
redis.call('PUBLISH', channel, epoch .. ' ' .. previous .. ' ' .. number .. ' *')
return {epoch, number}
"""
)
"""KEYS as they are unpacked. ARGV: new epoch, channel, how many routes, routes and fences in pairs with app ids."""


class TableEmpty(Unavailable):
    def __init__(self) -> None:
        super().__init__("The route table is empty: nobody has filled it since Redis came up.")


class StaleFence(Conflict):
    """Somebody else holds the app's lease by now; what was to be written is out of date."""

    def __init__(self, app_id: str, fence: int, last: int) -> None:
        self.app_id, self.fence, self.last = app_id, fence, last
        super().__init__(
            f"The route of {app_id} was written with fence {last}; {fence} is too old."
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One message: `app_id`'s route became number `version.number`; the table was at `previous` before."""

    previous: int
    version: Version
    app_id: str
    """`*`: everything is new."""


class RouteTable:
    """`redis` decodes responses. Every method raises RedisError when Redis does not answer."""

    def __init__(self, redis: Redis, platform: str) -> None:
        self._redis: Any = redis
        """Any: redis-py's types do not know what `decode_responses` makes of an answer."""
        prefix = f"paas:{platform}:"
        self._routes, self._acks = f"{prefix}routes", f"{prefix}acks"
        self._epoch, self._number = f"{prefix}routes:epoch", f"{prefix}routes:number"
        self._numbers, self._fences = f"{prefix}routes:numbers", f"{prefix}routes:fences"
        self._refused = f"{prefix}routes:refused"
        self._changed, self._news = f"{prefix}routes:changed", f"{prefix}acks:news"
        self._write = redis.register_script(WRITE)
        self._fill = redis.register_script(FILL)

    def publish(self, route: Route, fence: int) -> Version:
        """Route, number and message in one step. The version to wait for: the one that brought this very route.

        The same route again is not written. Raises StaleFence or TableEmpty.
        """
        return self._written(route.app_id, fence, route.to_json())

    def remove(self, app_id: str, fence: int) -> Version:
        """As `publish`; the version is the one without the app. Silent when it is not there."""
        return self._written(app_id, fence)

    def fill(self, routes: Iterable[Route], fences: Mapping[str, int]) -> Version:
        """Writes everything into an empty table, its epoch last. A table that is not empty is left as it is."""
        texts = [word for route in routes for word in (route.app_id, route.to_json())]
        ranks = [word for app_id, fence in fences.items() for word in (app_id, str(fence))]
        keys = [self._routes, self._epoch, self._number, self._numbers, self._fences]
        epoch, number = self._fill(
            keys, [secrets.token_hex(8), self._changed, len(texts) // 2, *texts, *ranks]
        )
        return Version(epoch, int(number))

    def snapshot(self) -> Snapshot:
        """The whole table at one moment. Raises RouteInvalid when there is something else in it."""
        with self._redis.pipeline(transaction=True) as tx:
            tx.get(self._epoch).get(self._number).hgetall(self._routes)
            epoch, number, texts = tx.execute()
        routes = {app_id: Route.from_json(text) for app_id, text in texts.items()}
        return Snapshot(epoch, int(number or 0), routes)

    def routes(self, app_ids: Sequence[str]) -> tuple[str | None, Mapping[str, Route | None]]:
        """The epoch, and these apps' routes at the same moment."""
        with self._redis.pipeline(transaction=True) as tx:
            tx.get(self._epoch).hmget(self._routes, list(app_ids))
            epoch, texts = tx.execute()
        return epoch, {
            app_id: None if text is None else Route.from_json(text)
            for app_id, text in zip(app_ids, texts, strict=True)
        }

    def route(self, app_id: str) -> Route | None:
        return self.routes([app_id])[1][app_id]

    def version(self) -> Version | None:
        epoch, number = self._redis.mget([self._epoch, self._number])
        return None if epoch is None else Version(str(epoch), int(number or 0))

    def refused(self) -> int:
        """How many writes were refused for a smaller fence."""
        return int(self._redis.get(self._refused) or 0)

    def changes(self) -> "Changes":
        """A subscription. Read the table after it was made, and again whenever it says `Resubscribed`."""
        return Changes(self._redis.pubsub(), self._changed)

    def acknowledge(
        self,
        router: str,
        version: Version,
        busy: Mapping[str, int],
        status: RouterStatus,
        at: float,
        *,
        is_told: bool = True,
    ) -> None:
        """Keeps what the router has applied. `is_told` False: a sign of life, which wakes nobody."""
        text = Ack(router, version, at, busy, status).to_json()
        with self._redis.pipeline(transaction=True) as tx:
            tx.hset(self._acks, router, text)
            if is_told:
                tx.publish(self._news, text)
            tx.execute()

    def acknowledgements(self) -> dict[str, Ack]:
        """The last of each router; what cannot be read is left out."""
        kept = {}
        for router, text in self._redis.hgetall(self._acks).items():
            try:
                kept[router] = Ack.from_json(text)
            except RouteInvalid:
                continue
        return kept

    def forget(self, router: str) -> None:
        """For a router that is no longer registered."""
        self._redis.hdel(self._acks, router)

    def listen_acks(self, timeout_seconds: float) -> Iterator[Ack | None]:
        """Acknowledgements as they come; None after each `timeout_seconds` of silence and after a reconnection.

        None is the moment to read `acknowledgements`: what was said in between is lost. Raises RedisError.
        """
        with self._redis.pubsub() as heard:
            heard.subscribe(self._news)
            while True:
                message = heard.get_message(timeout=timeout_seconds)
                if message is None or message["type"] != "message":
                    yield None
                    continue
                try:
                    yield Ack.from_json(message["data"])
                except RouteInvalid:
                    continue

    def _written(self, app_id: str, fence: int, *route: str) -> Version:
        keys = [self._routes, self._epoch, self._number, self._numbers, self._fences, self._refused]
        try:
            epoch, number = self._write(keys, [app_id, fence, self._changed, *route])
        except ResponseError as error:
            word, _, rest = str(error).partition(" ")
            if word == EMPTY:
                raise TableEmpty from None
            if word == REFUSED:
                raise StaleFence(app_id, fence, int(rest)) from None
            raise
        return Version(epoch, int(number))


class Resubscribed:
    """The subscription is new; what was said before is lost."""


class Changes:
    """What `routes:changed` says. Use it as a context manager."""

    def __init__(self, heard: PubSub, channel: str) -> None:
        self._heard = heard
        heard.subscribe(channel)

    def __enter__(self) -> "Changes":
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._heard.close()
        except RedisError:
            return

    def next(self, timeout_seconds: float) -> Change | Resubscribed | None:
        """None after `timeout_seconds` of silence. Raises RedisError when the connection is lost."""
        message: Any = self._heard.get_message(timeout=timeout_seconds)
        if message is None:
            return None
        if message["type"] != "message":
            return Resubscribed()
        epoch, previous, number, app_id = str(message["data"]).split(" ")
        return Change(int(previous), Version(epoch, int(number)), app_id)


def lines_key(platform: str) -> str:
    return f"paas:{platform}:routers:lines"


def router_acl(platform: str) -> list[str]:
    """What the Redis user `router` may, as words for ACL SETUSER: reads the table, hears its changes, writes acks, adds
    request lines."""
    prefix = f"paas:{platform}:"
    commands = ("auth hello ping get mget hget hmget hgetall "
                "hset xadd subscribe unsubscribe publish multi exec discard select")  # fmt: skip
    return [
        "resetkeys",
        "resetchannels",
        f"%R~{prefix}routes",
        f"%R~{prefix}routes:epoch",
        f"%R~{prefix}routes:number",
        f"%W~{prefix}acks",
        f"%W~{lines_key(platform)}",
        f"&{prefix}routes:changed",
        f"&{prefix}acks:news",
        "-@all",
        *(f"+{command}" for command in commands.split()),
    ]
