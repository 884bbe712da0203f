"""redis-py: keys that are caches; the official instrumentor makes the spans.

Redis does not know which of its keys are a cache, so the user names them:
``SIGNALSCOPE_CACHES="redis:greeks:*=greeks;redis:quote:*=quotes"``. Without such an entry nothing is patched.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._caches import CACHE_METRICS, cache_patterns, in_library, metrics_of
from signalscope.instrumentation._base._instrumentor import Hook, IsUndone, LibraryInstrumentor, Method
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._suppression import is_suppressed
from signalscope.recording import internal_error

__all__ = ["RedisInstrumentor"]

_WHERE = "instrumentation.redis"
_PREFIX = "redis:"
#: Commands by what they do, and which of their arguments are keys.
_ONE: Mapping[str, str] = {
    **dict.fromkeys(("GET", "GETEX", "GETDEL", "HGET"), "get"),
    **dict.fromkeys(("SET", "SETEX", "PSETEX", "SETNX", "HSET", "HSETNX"), "set"),
    "HDEL": "delete",
}
_FIELDS = ("HMGET",)
_MANY: Mapping[str, str] = {"MGET": "get", "DEL": "delete", "UNLINK": "delete"}
_PAIRS: Mapping[str, str] = {"MSET": "set", "MSETNX": "set"}


class RedisInstrumentor(LibraryInstrumentor):
    """Measures the keys of Redis that are caches."""

    library = Library(
        name="signalscope_redis",
        title="redis-py",
        kind="cache",
        supports=("redis >= 4.2, < 9",),
        tested=("4.2.2", "8.0.0"),
        measures=CACHE_METRICS,
        spans="The official instrumentor's.",
        unit=(
            "Keys that SIGNALSCOPE_CACHES names with the prefix `redis:`. Each key that GET, MGET, GETEX, "
            "GETDEL, HGET or HMGET (each field) finds is a hit, else a miss; SET and its kin are sets, DEL, "
            "UNLINK and HDEL deletes. In a pipeline each command counts, and the time of the pipeline once "
            "for each."
        ),
        not_measured=(
            "Keys that SIGNALSCOPE_CACHES does not name: Redis does not say which of them are a cache.",
            "Entries, capacity and evictions; scripts; `RedisCluster`.",
            "What aiocache, cashews and dogpile.cache do with Redis: it is counted there.",
        ),
        delegated="opentelemetry-instrumentation-redis",
    )

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of the modules of clients if SIGNALSCOPE_CACHES names keys."""
        wanted = any(pattern.startswith(_PREFIX) for pattern, _ in cache_patterns().pairs)
        names = ("redis.client", "redis.asyncio.client")
        return dict.fromkeys(names, self._patch) if wanted else {}

    def _patch(self, module: ModuleType) -> None:
        awaited = ".asyncio" in module.__name__
        single = functools.partial(_awaited if awaited else _called, commands=_single)
        self.replace(module.Redis, "execute_command", single)
        # What a pipeline sends at once, while it watches keys.
        self.replace(module.Pipeline, "immediate_execute_command", single)
        self.replace(
            module.Pipeline, "execute", functools.partial(_awaited if awaited else _called, commands=_queued)
        )


Command = tuple[Any, ...]
#: Returns the commands that a call is about to send.
Commands = Callable[[Any, tuple[Any, ...]], Sequence[Command]]


def _single(_: Any, args: tuple[Any, ...]) -> Sequence[Command]:
    return [args]


def _queued(pipeline: Any, _: tuple[Any, ...]) -> Sequence[Command]:
    return [
        command[0] if isinstance(command[0], tuple) else command.args for command in pipeline.command_stack
    ]


def _called(original: Method, is_undone: IsUndone, *, commands: Commands) -> Method:
    @functools.wraps(original)
    def execute(client: Any, *args: Any, **kwargs: Any) -> Any:
        sent = _cache_commands(is_undone, commands, client, args)
        if not sent:
            return original(client, *args, **kwargs)
        begun = perf_counter()
        try:
            value = original(client, *args, **kwargs)
        except BaseException:
            _record(sent, None, perf_counter() - begun)
            raise
        _record(sent, [value] if commands is _single else value, perf_counter() - begun)
        return value

    return execute


def _awaited(original: Method, is_undone: IsUndone, *, commands: Commands) -> Method:
    @functools.wraps(original)
    async def execute(client: Any, *args: Any, **kwargs: Any) -> Any:
        sent = _cache_commands(is_undone, commands, client, args)
        if not sent:
            return await original(client, *args, **kwargs)
        begun = perf_counter()
        try:
            value = await original(client, *args, **kwargs)
        except BaseException:
            _record(sent, None, perf_counter() - begun)
            raise
        _record(sent, [value] if commands is _single else value, perf_counter() - begun)
        return value

    return execute


def _cache_commands(
    is_undone: IsUndone, commands: Commands, client: Any, args: Any
) -> list[tuple[int, Command]]:
    """Return the commands that may use caches, each with its index."""
    if in_library.get() or is_suppressed(is_undone, "cache"):
        return []
    try:
        known = (*_ONE, *_MANY, *_PAIRS, *_FIELDS)
        return [
            (index, command)
            for index, command in enumerate(commands(client, args))
            if len(command) > 1 and str(command[0]).upper() in known
        ]
    except Exception:  # must not reach the caller
        internal_error(_WHERE)
        return []


def _record(sent: Sequence[tuple[int, Command]], values: Any, elapsed: float) -> None:
    try:
        for index, command in sent:
            value = values[index] if values is not None and index < len(values) else None
            failed = values is None or isinstance(value, Exception)
            _record_one(str(command[0]).upper(), command[1:], value, elapsed, failed=failed)
    except Exception:  # must not reach the caller
        internal_error(_WHERE)


def _record_one(name: str, args: Sequence[Any], value: Any, elapsed: float, *, failed: bool) -> None:
    keys: Sequence[Any]
    if name in _MANY:
        keys, operation = [key for each in args for key in _flat(each)], _MANY[name]
    elif name in _PAIRS:
        keys, operation = args[::2], _PAIRS[name]
    else:
        fields = sum(len(_flat(each)) for each in args[1:]) if name in _FIELDS else 1
        keys, operation = [args[0]] * fields, _ONE.get(name, "get")
    values = list(value) if name in ("MGET", *_FIELDS) and not failed else [value] * len(keys)
    counted: dict[str, list[Any]] = {}
    for key, found in zip(keys, values, strict=False):
        cache_type = cache_patterns().find([_PREFIX + _text(key)])
        if cache_type is not None:
            counted.setdefault(cache_type, []).append(found)
    for cache_type, found_values in counted.items():
        to, number = metrics_of(cache_type), len(found_values)
        if failed:
            to.done(operation, elapsed, "error")
        elif operation == "get":
            misses = sum(each is None for each in found_values)
            to.gets(elapsed, number - misses, misses)
        else:
            to.done(operation, elapsed, times=number)


def _flat(value: Any) -> Sequence[Any]:
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _text(key: Any) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
