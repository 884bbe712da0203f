"""Safety of instrumented caches, breakers and queues: values, memory, threads, forks and the user's own code."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cachetools
import purgatory
import pytest
import wrapt
from opentelemetry.instrumentation.utils import suppress_instrumentation, unwrap

from signalscope import BreakerMonitor, instrument_cache
from signalscope.instrumentation._base import _caches
from signalscope.instrumentation._base._settings import Patterns
from signalscope.instrumentation.cachetools import CachetoolsInstrumentor
from signalscope.instrumentation.purgatory import PurgatoryInstrumentor
from signalscope.testing import Captured, capture

OPERATIONS = "signal_service.cache.operations"
CALLS = "signal_service.circuit_breaker.calls"


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the recorded metrics of cachetools and purgatory."""
    instrumentors = (CachetoolsInstrumentor(), PurgatoryInstrumentor())
    for instrumentor in instrumentors:
        instrumentor.instrument()
    with capture() as captured:
        yield captured
    for instrumentor in instrumentors:
        instrumentor.uninstrument()


def _call(name: str) -> None:
    with purgatory.SyncCircuitBreakerFactory().get_breaker(name):
        pass


def test_suppression_is_respected(captured: Captured) -> None:
    """Inside of `suppress_instrumentation` nothing is counted, and the libraries work."""
    cache: Any = cachetools.LRUCache(2)
    with suppress_instrumentation():
        cache["a"] = 1
        assert cache.get("a") == 1
        _call("suppressed")
    assert captured.points(OPERATIONS) == []
    assert captured.points(CALLS) == []
    assert cache.get("a") == 1
    assert captured.value(OPERATIONS) == 1


def test_a_decorated_cache_is_not_counted_again(captured: Captured) -> None:
    """Operations of cachetools inside a function with `@instrument_cache` are not counted."""
    inner: Any = cachetools.LRUCache(2)

    @instrument_cache(cache_type="decorated")
    def quote(key: str) -> Any:
        return inner.get(key)

    @instrument_cache(cache_type="decorated")
    async def look_later(key: str) -> Any:
        await asyncio.sleep(0)
        return inner.get(key)

    quote("a")
    asyncio.run(look_later("a"))
    inner.get("a")  # only its decorators measure it
    assert {point.labels["cache_type"] for point in captured.points(OPERATIONS)} == {"decorated"}
    second: Any = cachetools.LRUCache(2)
    second.get("a")
    assert captured.value(OPERATIONS) == 3


def test_a_breaker_that_the_program_reports_is_not_counted_again(captured: Captured) -> None:
    """A breaker is not counted if its service has a `BreakerMonitor`; a monitor of another service has no effect."""
    monitor = BreakerMonitor("reported")
    _call("reported")
    monitor.success()
    _call("unreported")
    assert captured.value(CALLS, service_name="reported") == 1
    assert captured.value(CALLS, service_name="unreported") == 1
    states = captured.points("signal_service.circuit_breaker.state", service_name="reported", state="closed")
    assert [point.value for point in states] == [1]


class _Slotted:
    __slots__ = ("__weakref__", "surface_cache")

    def __init__(self) -> None:
        self.surface_cache: Any = cachetools.LRUCache(2)


class _Unknowable:
    __slots__ = ("hidden",)

    def __init__(self) -> None:
        self.hidden: Any = cachetools.LRUCache(2)


_SHARDS: list[Any] = []


def test_caches_in_slots_and_lists_have_names(captured: Captured) -> None:
    """The name is the attribute or the list, else the class; it is never the constructor."""
    objects = _Slotted(), _Unknowable()
    _SHARDS.append(cachetools.LRUCache(2))
    for cache in (objects[0].surface_cache, objects[1].hidden, _SHARDS[0]):
        cache.get("x")
    _SHARDS.clear()
    assert {point.labels["cache_type"] for point in captured.points(OPERATIONS)} == {
        "surface",
        "unknowable",
        "shards",
    }


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("*:CACHES[quotes]", True), ("my:CACHES[quotes]", True), ("my:CACHES[[]quotes]", True), ("*[qx]uotes]", True),
     ("*:CACHES[orders]", False)],
)  # fmt: skip
def test_brackets_are_a_key_or_a_choice(pattern: str, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern such as ``my:CACHES[quotes]`` matches literally, also with wildcards."""
    monkeypatch.setenv("SIGNALSCOPE_CACHES", f"{pattern}=found")
    patterns = Patterns("SIGNALSCOPE_CACHES", "")
    assert patterns.find(["my:CACHES[quotes]"]) == ("found" if fits else None)


def test_caches_are_not_kept_alive(captured: Captured) -> None:
    """A deleted cache is released with its values, and its table entry is removed."""

    class Value:
        pass

    instrumentor = CachetoolsInstrumentor()
    before = len(instrumentor.caches)
    for _ in range(100):
        cache: Any = cachetools.TTLCache(10, 60)
        value = Value()
        cache["a"] = value
        cache.get("a")
    gone, of_value = weakref.ref(cache), weakref.ref(value)
    del cache, value
    gc.collect()
    assert (gone(), of_value()) == (None, None)
    assert len(instrumentor.caches) == before


def test_objects_of_the_standard_library_give_no_name(captured: Captured) -> None:
    """A cache that is first used in a view, or made in a thread of a pool, is not named after these."""
    before: Any = cachetools.LRUCache(5)
    before["a"] = 1
    instrumentor = CachetoolsInstrumentor()
    instrumentor.instrument(skip_dep_check=True)
    try:
        assert list(before.items()) == [("a", 1)]
        with ThreadPoolExecutor(1) as pool:
            made: Any = pool.submit(cachetools.LRUCache, 4).result()
        made["b"] = 1
        operations = captured.points("signal_service_cache_operations_total")
        assert not {"items_view", "run"} & {p.labels["cache_type"] for p in operations if p.value}
    finally:
        instrumentor.uninstrument()


def test_local_variables_are_not_kept_alive(captured: Captured) -> None:
    """The search for the creation site keeps no variable alive, and `locals()` stays correct."""

    class Big:
        pass

    def maker(big: Any, keeps: bool) -> Any:
        mine = locals() if keeps else {}
        assert cachetools.LRUCache(2) is not None
        gone = weakref.ref(big)
        del big
        return gone, mine

    gone, _ = maker(Big(), False)
    assert gone() is None
    _, mine = maker(Big(), True)
    assert mine["keeps"] is True


def test_names_from_data_stay_bounded() -> None:
    """Thousands of circuits and cache types have a limited number of recorders and label values."""
    program = """
        import logging
        logging.disable()
        import purgatory
        from signalscope.instrumentation._base import _caches
        from signalscope.instrumentation.purgatory import PurgatoryInstrumentor
        from signalscope.testing import capture
        PurgatoryInstrumentor().instrument()
        with capture() as captured:
            factory = purgatory.SyncCircuitBreakerFactory()
            for number in range(1_000):
                with factory.get_breaker(f"user-{number}"):
                    pass
                _caches.metrics_of(f"user-{number}").get(0.001, hit=True)
            assert len(PurgatoryInstrumentor().circuits) <= 501
            assert len(_caches._metrics) <= 201
            for name, label, most in (
                ("signal_service.circuit_breaker.calls", "service_name", 51),
                ("signal_service.cache.operations", "cache_type", 21),
            ):
                assert len({point.labels[label] for point in captured.points(name)}) <= most
                assert captured.value(name) == 1_000
    """
    # In its own process: the values of an attribute are counted for the whole process.
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_the_order_among_instrumentors_does_not_matter(first: str) -> None:
    """The wrapper of another instrumentor gets every call, in both orders; both can be removed."""
    calls = []

    def counting(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append(args)
        return wrapped(*args, **kwargs)

    original = cachetools.Cache.get
    instrumentor = CachetoolsInstrumentor()
    if first == "theirs":
        wrapt.wrap_function_wrapper("cachetools", "Cache.get", counting)
    instrumentor.instrument()
    if first == "ours":
        wrapt.wrap_function_wrapper("cachetools", "Cache.get", counting)
    with capture() as captured:
        cache: Any = cachetools.LRUCache(2)
        assert cache.get("a", "default") == "default"
        assert len(calls) == 1
        assert captured.value(OPERATIONS) == 1
        instrumentor.uninstrument()
        assert cache.get("a") is None
        assert captured.value(OPERATIONS) == 1
    assert len(calls) == 2
    unwrap(cachetools.Cache, "get")
    assert cachetools.Cache.get is original


def test_a_cache_in_many_threads_loses_no_count(captured: Captured) -> None:
    """All operations are counted; the program uses its own lock, as cachetools requires."""
    cache: Any = cachetools.LRUCache(16)
    lock = threading.Lock()

    @cachetools.cached(cache, lock=lock)
    def work(number: int) -> int:
        return number

    threads = [threading.Thread(target=lambda: [work(number % 8) for number in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert captured.value(OPERATIONS, operation="get") == 4_000
    assert (captured.value(OPERATIONS, result="miss") or 0) >= 8


def test_a_failure_of_ours_is_counted_and_changes_nothing(
    captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program still gets its values and exceptions."""
    monkeypatch.setattr(_caches.TrackedCache, "metrics", lambda *_: 1 / 0)
    cache: Any = cachetools.LRUCache(2)
    cache["a"] = 1
    assert cache.get("a") == 1
    with pytest.raises(KeyError):
        cache["b"]
    assert captured.value("signalscope.internal.errors", where="instrumentation.cachetools") == 3


def test_forked_children_count_their_own(tmp_path: Path) -> None:
    """A forked child with breakers and caches still records, and starts without its parent's counts."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import os
            import cachetools, purgatory
            from signalscope.exposition import _reader as _pull
            cache = cachetools.LRUCache(4)
            factory = purgatory.SyncCircuitBreakerFactory(default_threshold=1)
            def work():
                cache.get("a")
                with factory.get_breaker("ticker_service"):
                    pass
            for _ in range(5): work()
            def page():
                lines = _pull.render("text/plain")[0].decode().splitlines()
                return sorted(line for line in lines if line.startswith(
                    ("signal_service_cache_operations_total", "signal_service_circuit_breaker_calls_total")
                ) and not line.endswith(" 0.0"))
            child = os.fork()
            if not child:
                work()
                print("child", *page(), sep="\\n", flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            print("parent", *page(), sep="\\n", flush=True)
            """
        ),
        encoding="utf-8",
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    own |= {"OTEL_PYTHON_DISTRO": "signalscope", "OTEL_PYTHON_CONFIGURATOR": "signalscope"}
    done = subprocess.run(
        [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, program],
        env=own, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    of_child, _, of_parent = done.stdout.partition("parent")
    assert 'cache_type="other",operation="get"' not in done.stdout
    for page, number in ((of_child, "1.0"), (of_parent, "5.0")):
        values = [line.rpartition(" ")[2] for line in page.splitlines() if line.startswith("signal")]
        assert values == [number, number], done.stdout
