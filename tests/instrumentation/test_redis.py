"""Redis as cache, broker and queue: redis-py, arq and Celery in oldest and newest versions, with a real Redis."""

from __future__ import annotations

import shutil
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.cases import Case, assert_identity, each_version, run
from tests.instrumentation.environments import environment
from tests.instrumentation.programs import launch, parse, variables
from tests.ports import free_port

pytestmark = pytest.mark.timeout(180)

OPERATIONS = ("signal_service_cache_operations_total", "cache_type", "operation", "result")
TASKS = ("signal_service_background_task_seconds_count", "task_type", "priority", "outcome")
ITEMS = ("signal_service_queue_items_total", "queue_type", "priority", "event")
WAITS = ("signal_service_queue_wait_seconds_count", "queue_type", "outcome")
OFFICIAL = "opentelemetry-instrumentation-"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Redis server for the tests and return its URL."""
    program, port = shutil.which("redis-server"), free_port()
    assert program is not None
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    folder = tmp_path_factory.mktemp("redis")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder) as server:
        yield f"redis://127.0.0.1:{port}"
        server.terminate()


REDIS = Case(
    versions=(
        ("redis==4.2.2", f"{OFFICIAL}redis==0.66b2"),
        ("redis==8.0.0", f"{OFFICIAL}redis==0.66b2"),
    ),
    instrumentor="redis:RedisInstrumentor",
    variables={"SIGNALSCOPE_CACHES": "redis:greeks:*=greeks;redis:quote?=quotes;redis:*_book=books"},
    program="""
import asyncio, sys
import redis, redis.asyncio
client = redis.Redis.from_url(sys.argv[1])
client.flushall()
print(client.get("greeks:1"), client.set("greeks:1", b"x"), client.get("greeks:1"), client.get(b"greeks:1"))
print(client.setex("quote1", 60, "y"), client.mget("quote1", "quote2", "unknown", "greeks:1"))
print(client.hset("my_book", mapping={"a": 1}), client.hget("my_book", "a"), client.hmget("my_book", ["a", "b"]))
print(client.get("unknown"), client.delete("greeks:1", "unknown", "greeks:2"))
with client.pipeline() as pipe:
    pipe.get("quote1").set("quote2", 1).get("quote3").incr("counter")
    print(pipe.execute())
with client.pipeline() as pipe:
    pipe.watch("quote2")
    before = pipe.get("quote2")
    pipe.multi()
    pipe.set("quote2", int(before) + 1)
    print(before, pipe.execute())
with client.pipeline() as pipe:
    pipe.watch("quote2")
    client.set("quote2", 5)
    pipe.multi()
    pipe.set("quote2", 6).get("quote2")
    try:
        pipe.execute()
    except redis.WatchError:
        print("conflict")
try:
    client.set("greeks:text", "x")
    client.hget("greeks:text", "field")
except redis.ResponseError as error:
    print(type(error).__name__)
async def main():
    client = redis.asyncio.Redis.from_url(sys.argv[1])
    print(await client.get("quote1"), await client.get("quote9"))
    async with client.pipeline(transaction=True) as pipe:
        print(await pipe.get("quote1").delete("quote1").execute())
    async with client.pipeline() as pipe:
        await pipe.watch("my_book")
        print(await pipe.hget("my_book", "a"))
    async with client.pipeline() as pipe:
        await pipe.watch("quote2")
        await client.set("quote2", 7)
        pipe.multi()
        pipe.set("quote2", 8)
        try:
            await pipe.execute()
        except redis.WatchError:
            print("conflict")
    await (client.aclose if hasattr(client, "aclose") else client.close)()
asyncio.run(main())
""",
    expected={
        OPERATIONS: {
            ("greeks", "get", "miss"): 1,
            ("greeks", "get", "hit"): 3,
            ("greeks", "get", "error"): 1,
            ("greeks", "set", "ok"): 2,
            ("greeks", "delete", "ok"): 2,
            ("quotes", "set", "ok"): 5,
            ("quotes", "get", "hit"): 5,
            ("quotes", "get", "miss"): 3,
            ("quotes", "delete", "ok"): 1,
            ("books", "set", "ok"): 1,
            ("books", "get", "hit"): 3,
            ("books", "get", "miss"): 1,
        }
    },
    names=("redis.client:Redis.execute_command", "redis.client:Pipeline.execute",
           "redis.asyncio.client:Redis.execute_command"),
    call="""
        import redis
        try:
            redis.Redis(port=9).get("greeks:1")
        except redis.ConnectionError:
            pass
    """,
    counted="signal_service.cache.operations",
)  # fmt: skip

ARQ = Case(
    versions=(("arq==0.25.0", "redis==4.6.0"), ("arq==0.28.0", "redis==5.3.1")),
    instrumentor="arq:ArqInstrumentor",
    program="""
import asyncio, sys, logging
from arq import Retry, Worker, create_pool, cron, func
from arq.connections import RedisSettings
async def price(ctx, x):
    return x * 2
async def flaky(ctx):
    if ctx["job_try"] == 1:
        raise Retry()
    return "second try"
async def broken(ctx):
    raise ValueError("no")
async def slow(ctx):
    await asyncio.Event().wait()
async def main():
    settings = RedisSettings.from_dsn(sys.argv[1])
    redis = await create_pool(settings)
    await redis.flushall()
    first = await redis.enqueue_job("price", 21, _job_id="one")
    print(await redis.enqueue_job("price", 21, _job_id="one"))  # it is there already
    for name in ("flaky", "broken", "slow", "unknown"):
        await redis.enqueue_job(name)
    worker = Worker([price, flaky, broken, func(slow, timeout=0.2)], redis_pool=redis, burst=True, poll_delay=0.05,
                    handle_signals=False)
    await worker.main()
    print(await first.result(timeout=1), worker.jobs_complete, worker.jobs_failed, worker.jobs_retried)
    print(worker.functions["price"].coroutine.__name__)
    await worker.close()
logging.disable()
asyncio.run(main())
""",
    expected={
        TASKS: {
            ("price", "medium", "success"): 1,
            ("flaky", "medium", "error"): 1,
            ("flaky", "medium", "success"): 1,
            ("broken", "medium", "error"): 1,
            ("slow", "medium", "error"): 1,
        },
        ITEMS: {
            ("arq:queue", "medium", "enqueued"): 5,
            ("arq:queue", "medium", "rejected"): 1,
            ("arq:queue", "medium", "processed"): 2,
            ("arq:queue", "medium", "failed"): 2,
            ("arq:queue", "medium", "dropped"): 1,
        },
        WAITS: {("arq:queue", "success"): 4},
    },
    names=("arq.worker:Worker.__init__", "arq.worker:Worker.finish_failed_job",
           "arq.connections:ArqRedis.enqueue_job"),
    call="""
        import asyncio
        from arq import worker
        async def job(ctx): pass
        async def main():
            made = worker.Worker([job], redis_pool=object(), handle_signals=False)
            await made.functions["job"].coroutine({})
        asyncio.run(main())
    """,
    counted="signal_service.background_task",
)  # fmt: skip

CASES = {"redis": REDIS, "arq": ARQ}


@pytest.mark.needs("collector", "redis")
@each_version(CASES)
def test_a_program_under_the_launcher(
    case: Case, versions: tuple[str, ...], one_collector: Collector, redis_url: str, tmp_path: Path
) -> None:
    """Every operation counts once, as the library defines it, and the program's output does not change."""
    run(case, versions, one_collector, tmp_path, redis_url)


@each_version(CASES)
def test_uninstrumenting_gives_the_same_objects_back(
    case: Case, versions: tuple[str, ...], tmp_path: Path
) -> None:
    """A second `instrument` changes nothing; `uninstrument` stops the counts and restores the same objects."""
    assert_identity(case, versions, tmp_path)


CELERY_TASKS = """
import os
from celery import Celery
app = Celery("tasks", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.broker_connection_retry_on_startup = True
@app.task
def price(x):
    return x * 2
@app.task(bind=True, max_retries=1, default_retry_delay=0)
def flaky(self):
    if not self.request.retries:
        raise self.retry()
    return "second try"
@app.task
def broken():
    raise ValueError("no")
"""
CELERY_CLIENT = """
import tasks
results = [tasks.price.delay(n) for n in range(3)] + [tasks.flaky.delay()]
print([result.get(timeout=60) for result in results])
try:
    tasks.broken.delay().get(timeout=60)
except ValueError as error:
    print(error)
print(tasks.price(4), tasks.price.apply((5,)).get())  # in no queue
tasks.price.apply_async((6,), countdown=0.3, expires=0.01)  # too late when its time comes
"""


@pytest.mark.needs("collector", "redis")
@pytest.mark.parametrize(
    "versions",
    [
        ("celery==5.2.7", "kombu==5.2.4", "redis==4.6.0", f"{OFFICIAL}celery==0.66b2"),
        ("celery==5.7.0", f"{OFFICIAL}celery==0.66b2"),
    ],
    ids=lambda versions: versions[0],
)
def test_celery_with_a_real_worker(
    versions: tuple[str, ...], one_collector: Collector, redis_url: str, tmp_path: Path
) -> None:
    """Each run of a task in a forked process counts once; the client counts the messages that it sends."""
    (tmp_path / "tasks.py").write_text(textwrap.dedent(CELERY_TASKS), encoding="utf-8")
    (tmp_path / "client.py").write_text(textwrap.dedent(CELERY_CLIENT), encoding="utf-8")
    where, service = environment(*versions), f"celery-{versions[0][8:].replace('.', '-')}"
    own = variables(
        one_collector,
        service,
        BROKER=f"{redis_url}/3",
        PYTHONPATH=str(tmp_path),
        OTEL_METRIC_EXPORT_INTERVAL="500",
    )
    program = where.python.with_name("celery")
    command: list[str | Path] = [where.launcher, program, "-A", "tasks", "worker", "--concurrency", "2"]
    log = tmp_path / "worker.log"
    with log.open("w") as out:
        worker = subprocess.Popen(
            [*command, "--loglevel", "WARNING"], env=own, cwd=tmp_path, stdout=out, stderr=out
        )
        try:
            client = subprocess.run(
                [where.launcher, where.python, "client.py"],
                env=own, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90,
            )  # fmt: skip
            assert client.returncode == 0, client.stderr + log.read_text()
            assert client.stdout == "[0, 2, 4, 'second try']\nno\n8 10\n"
            one_collector.when(
                lambda: parse(one_collector.scrape(), service).sum(ITEMS[0], event="dropped") == 1,
                f"the task that came too late: {log.read_text()}",
            )
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)

    def ended() -> bool:
        return parse(one_collector.scrape(), service).sum(ITEMS[0], event="processed") == 4

    one_collector.when(ended, f"the worker's tasks: {log.read_text()}")
    parsed = parse(one_collector.scrape(), service)
    assert parsed.by(*TASKS) == {
        ("tasks.price", "medium", "success"): 4,  # one of them is eager; a direct call sends no message
        ("tasks.flaky", "medium", "error"): 1,
        ("tasks.flaky", "medium", "success"): 1,
        ("tasks.broken", "medium", "error"): 1,
    }
    assert parsed.by(*ITEMS) == {
        ("celery", "medium", "enqueued"): 7,
        ("celery", "medium", "dropped"): 1,
        ("celery", "medium", "processed"): 4,
        ("celery", "medium", "failed"): 1,
    }


OVERLAPPING = """
import logging, threading
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Retry
from celery.signals import task_postrun
app = Celery("overlapping", broker="memory://", backend="cache+memory://")
@app.task(bind=True, max_retries=1, default_retry_delay=0)
def flaky(self):
    if self.request.retries:
        return "second try"
    try:
        self.retry()
    except Retry:  # the second try, which has the same id, begins and ends meanwhile
        print(ended.wait(20))
        raise
ended = threading.Event()
task_postrun.connect(lambda **_: ended.set(), weak=False)
logging.disable()
with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, loglevel="CRITICAL"):
    print(flaky.delay().get(timeout=30))
"""


@pytest.mark.needs("collector")
def test_tries_of_a_celery_task_may_overlap(one_collector: Collector, tmp_path: Path) -> None:
    """Each try counts, also if it begins in another thread before the last try has ended."""
    ran = launch(
        one_collector, environment("celery==5.7.0", f"{OFFICIAL}celery==0.66b2"), OVERLAPPING, tmp_path
    )
    # the two threads print in any order
    assert (ran.returncode, sorted(ran.stdout.splitlines())) == (0, ["True", "second try"]), ran.stderr
    assert ran.series.by(*TASKS) == {
        ("overlapping.flaky", "medium", "error"): 1,
        ("overlapping.flaky", "medium", "success"): 1,
    }
