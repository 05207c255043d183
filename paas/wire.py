"""The wire: RQ's queues, and the word that something about an app is new.

Redis is not the record. What goes over the wire is a name; whoever hears it looks into the record. A word that is lost
costs at most one sweep of `watch` (15 s), so a Redis that does not answer is told and not raised.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from secrets import token_hex
from typing import Any

from redis import Redis, RedisError, ResponseError
from rq import Queue
from rq.serializers import JSONSerializer

BUILDS, CONVERGE, UPKEEP = "builds", "converge", "upkeep"
BESIDE_SECONDS = 300
"""What a build's job has beside what the build itself may take."""
FAILURE_SECONDS = 3600
"""How long Redis keeps what RQ knows of a failed job."""
TOLD_SECONDS = 3600
SILENT = "Redis does not answer"


class Wire:
    """`redis` decodes responses, `raw` does not: RQ needs bytes."""

    def __init__(self, redis: Redis, raw: Redis, platform: str) -> None:
        self._redis, self._raw, self._platform = redis, raw, platform
        self._channel = f"paas:{platform}:news"

    def queue(self, name: str) -> Queue:
        """RQ's own. A worker serves one queue: several per worker are not crash-safe."""
        return Queue(self.queue_name(name), connection=self._raw, serializer=JSONSerializer)

    def queue_name(self, name: str) -> str:
        return f"{self._platform}-{name}"

    def converge(self, app_id: str) -> bool:
        """False: Redis does not answer; the sweep will queue it."""
        return self._enqueue(CONVERGE, "paas.jobs.converge_app", app_id, timeout=300)

    def build(self, build_id: str, seconds: float) -> bool:
        """`seconds` is how long the build itself may take."""
        timeout = int(seconds) + BESIDE_SECONDS
        return self._enqueue(BUILDS, "paas.jobs.build_source", build_id, timeout=timeout)

    def upkeep(self, job: str, *arguments: str) -> bool:
        """`job` is the name of a function in `paas.jobs`."""
        return self._enqueue(UPKEEP, f"paas.jobs.{job}", *arguments, timeout=900)

    def waiting(self, queue: str) -> frozenset[str]:
        """What nobody has begun to work on: apps, builds, or names of upkeep's jobs. Nothing, if Redis does not answer.

        Whoever queues again and again looks here first, or a queue that nobody serves would grow for ever.
        """
        try:
            return frozenset(job_id.rpartition("-")[0] for job_id in self.queue(queue).job_ids)
        except RedisError:
            return frozenset()

    def trouble(self) -> str | None:
        """Why nothing is queued now; None: it is. Asked by a write: what is full is read as ever."""
        try:
            self._redis.set(self._told("writable"), "yes", ex=TOLD_SECONDS)
        except ResponseError as error:
            return f"Redis takes no writes ({error})"
        except RedisError:
            return SILENT
        return None

    def why_not(self) -> str:
        """Something was not queued just now: why, also where it would be by now."""
        return self.trouble() or SILENT

    def announce(self, app_id: str) -> None:
        """Something about this app is new in the record."""
        try:
            self._redis.publish(self._channel, app_id)
        except RedisError:
            return

    def news(self, timeout_seconds: float) -> Iterator[str | None]:
        """App ids as they are announced; None after each `timeout_seconds` of silence. Raises RedisError."""
        with self._redis.pubsub(ignore_subscribe_messages=True) as heard:  # type: ignore[no-untyped-call]
            heard.subscribe(self._channel)
            while True:
                message = heard.get_message(timeout=timeout_seconds)
                yield None if message is None else str(message["data"])

    def tell(self, subject: str, words: Mapping[str, object]) -> None:
        """How far something has come, for whoever asks within the hour. It takes the place of what was told before."""
        with suppress(RedisError):
            self._redis.set(self._told(subject), json.dumps(words), ex=TOLD_SECONDS)

    def told(self, subject: str) -> Mapping[str, Any]:
        """Empty: nothing, or Redis does not answer."""
        try:
            told: Mapping[str, Any] = json.loads(str(self._redis.get(self._told(subject)) or "{}"))
        except RedisError:
            return {}
        return told

    def _told(self, subject: str) -> str:
        return f"paas:{self._platform}:told:{subject}"

    def _enqueue(self, name: str, job: str, *arguments: str, timeout: int) -> bool:
        try:
            self.queue(name).enqueue(
                job,
                args=arguments,
                job_id=f"{arguments[0] if arguments else job.rpartition('.')[2]}-{token_hex(8)}",
                job_timeout=timeout,
                result_ttl=0,
                failure_ttl=FAILURE_SECONDS,
            )
        except RedisError:
            return False
        return True
