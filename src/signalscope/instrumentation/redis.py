"""redis-py: keys that are caches; the official instrumentor makes the spans.

Redis has no information about which keys are a cache, so the user names them:
``SIGNALSCOPE_CACHES="redis:greeks:*=greeks;redis:quote:*=quotes"``. Without such an entry nothing is patched.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._caches import CACHE_METRICS, cache_patterns, in_library, metrics_of
from signalscope.instrumentation._base._import_hooks import Hook
from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor
from signalscope.instrumentation._base._suppression import IsUndone, is_suppressed_in_cache

__all__ = ["RedisInstrumentor"]

_PREFIX = "redis:"
Command = tuple[Any, ...]
#: Returns the commands that a call will send.
Commands = Callable[[Any, tuple[Any, ...]], Sequence[Command]]


def _every_key(args: Sequence[Any]) -> Sequence[Any]:
    groups = [argument if isinstance(argument, list | tuple | set) else [argument] for argument in args]
    return [key for keys in groups for key in keys]


def _key_for_each_field(args: Sequence[Any]) -> Sequence[Any]:
    return [args[0]] * len(_every_key(args[1:]))


_one_key = itemgetter(slice(1))
_keys_of_pairs = itemgetter(slice(None, None, 2))
#: For each command: its operation, and a function that returns the keys from its arguments.
_COMMANDS: Mapping[str, tuple[str, Callable[[Sequence[Any]], Sequence[Any]]]] = {
    **dict.fromkeys(("GET", "GETEX", "GETDEL", "HGET"), ("get", _one_key)),
    **dict.fromkeys(("SET", "SETEX", "PSETEX", "SETNX", "HSET", "HSETNX"), ("set", _one_key)),
    "HDEL": ("delete", _one_key),
    "HMGET": ("get", _key_for_each_field),
    "MGET": ("get", _every_key),
    **dict.fromkeys(("DEL", "UNLINK"), ("delete", _every_key)),
    **dict.fromkeys(("MSET", "MSETNX"), ("set", _keys_of_pairs)),
}
_MANY_VALUES = ("MGET", "HMGET")


class RedisInstrumentor(LibraryInstrumentor):
    """Instrumentor for the keys of Redis that are caches.

    Example:
        >>> RedisInstrumentor().instrument()
        >>> RedisInstrumentor().uninstrument()
    """

    library = Library(
        name="signalscope_redis",
        title="redis-py",
        kind="cache",
        supports=("redis >= 4.2, < 9",),
        tested=("4.2.2", "8.0.0"),
        measures=CACHE_METRICS,
        spans="The official instrumentor's.",
        unit=(
            "An operation on a key that SIGNALSCOPE_CACHES names with the prefix `redis:`. GET, MGET, GETEX, "
            "GETDEL, HGET and HMGET (each field) count a hit or a miss for each key. SET and its variants are sets; "
            "DEL, UNLINK and HDEL are deletes. Each command of a pipeline counts, with the duration of the pipeline. "
            "A pipeline that ends with a conflict of WATCH has done nothing, and counts nothing."
        ),
        not_measured=(
            "Keys that SIGNALSCOPE_CACHES does not name.",
            "Entries, capacity and evictions; scripts; `RedisCluster`.",
            "Commands of aiocache, cashews and dogpile.cache: their own instrumentors count them.",
        ),
        delegated="opentelemetry-instrumentation-redis",
    )

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of the client modules if SIGNALSCOPE_CACHES names keys."""
        has_keys = any(pattern.startswith(_PREFIX) for pattern, _ in cache_patterns.pairs)
        modules = ("redis.client", "redis.asyncio.client")
        return dict.fromkeys(modules, self._patch) if has_keys else {}

    def _patch(self, module: ModuleType) -> None:
        is_async = ".asyncio" in module.__name__
        for cls, name, commands in (
            (module.Redis, "execute_command", _single),
            # Commands that a pipeline sends at once, while it watches keys.
            (module.Pipeline, "immediate_execute_command", _single),
            (module.Pipeline, "execute", _queued),
        ):
            context = functools.partial(self._recorded, commands)
            self.surround(cls, name, context, is_async=is_async, unless=_is_part_of_operation)

    @contextmanager
    def _recorded(self, commands: Commands, client: Any, /, *args: Any, **_: Any) -> Iterator[list[Any]]:
        """Record the commands that the block sends; the block appends the client's answer to the list."""
        sent: list[Command] = []
        self.safely(lambda: sent.extend(commands(client, args)))
        results: list[Any] = []
        begun = perf_counter()
        try:
            yield results
        except BaseException as error:
            # A conflict of WATCH is the expected answer that another client was first; a cancelled call has none.
            if type(error).__name__ not in {"WatchError", "CancelledError", "GeneratorExit"}:
                self.safely(_record, sent, None, perf_counter() - begun)
            raise
        values = results if commands is _single else results[0]
        self.safely(_record, sent, values, perf_counter() - begun)


def _is_part_of_operation(is_undone: IsUndone) -> bool:
    return in_library.get() or is_suppressed_in_cache(is_undone)


def _single(_: Any, args: tuple[Any, ...]) -> Sequence[Command]:
    return [args]


def _queued(pipeline: Any, _: tuple[Any, ...]) -> Sequence[Command]:
    return [
        command[0] if isinstance(command[0], tuple) else command.args for command in pipeline.command_stack
    ]


def _record(sent: Sequence[Command], values: Sequence[Any] | None, elapsed: float) -> None:
    for index, command in enumerate(sent):
        name = str(command[0]).upper() if len(command) > 1 else ""
        if name in _COMMANDS:
            value = values[index] if values is not None and index < len(values) else None
            has_failed = values is None or isinstance(value, Exception)
            _record_one(name, command[1:], value, elapsed, has_failed=has_failed)


def _record_one(name: str, args: Sequence[Any], value: Any, elapsed: float, *, has_failed: bool) -> None:
    operation, keys_of = _COMMANDS[name]
    keys = keys_of(args)
    values = list(value) if name in _MANY_VALUES and not has_failed else [value] * len(keys)
    by_type: dict[str, list[Any]] = {}
    for key, result in zip(keys, values, strict=False):
        text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
        cache_type = cache_patterns.find([_PREFIX + text])
        if cache_type is not None:
            by_type.setdefault(cache_type, []).append(result)
    for cache_type, results in by_type.items():
        metrics = metrics_of(cache_type)
        if has_failed:
            metrics.done(operation, elapsed, "error")
        elif operation == "get":
            misses = sum(result is None for result in results)
            metrics.gets(elapsed, len(results) - misses, misses)
        else:
            metrics.done(operation, elapsed, times=len(results))
