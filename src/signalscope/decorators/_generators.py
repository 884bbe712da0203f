"""Wrappers around generators, synchronous and asynchronous. They are timed from their first step to their end."""

from __future__ import annotations

import sys
import types
from collections.abc import AsyncGenerator, Callable, Generator
from time import perf_counter
from typing import Any

from opentelemetry.context import get_current

from signalscope.decorators._call import Arguments, Keywords, Probe, conclude
from signalscope.decorators._nesting import Inside, enter, leave, nesting
from signalscope.recording._state import live


class _Timing:
    """The recording of one generator, from its first step to its end. Its span is never the current span.

    Other code runs between a generator's steps, perhaps in other contexts: a span that one step makes current could
    not be detached in another.
    """

    __slots__ = ("_args", "_begun", "_kwargs", "_probe", "_span")

    def __init__(self, probe: Probe, args: Arguments, kwargs: Keywords) -> None:
        self._probe, self._args, self._kwargs = probe, args, kwargs
        spans = probe.spans
        self._span = None if spans is None else spans.begin(get_current(), current=False)
        self._begun = perf_counter()

    def end(self, error: BaseException | None, result: Any = None) -> None:
        """Record the end; never raises."""
        elapsed = perf_counter() - self._begun
        conclude(self._probe, self._span, self._args, self._kwargs, elapsed, result, error)


class _Steps:
    """The steps of a generator. Each is inside of the measured call; what the consumer does between them is not."""

    __slots__ = ("_inner", "_kind")

    def __init__(self, inner: Generator[Any, Any, Any], kind: str) -> None:
        self._inner = inner
        self._kind = kind

    def __iter__(self) -> _Steps:
        return self

    def __next__(self) -> Any:
        return self._step(self._inner.__next__)

    def send(self, value: Any) -> Any:
        return self._step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._inner.throw, *error)

    def close(self) -> None:
        self._step(self._inner.close)

    def _step(self, act: Callable[..., Any], *args: Any) -> Any:
        entered = enter(self._kind)
        try:
            return act(*args)
        finally:
            leave(entered)


def generator_function(call: Callable[..., Any], probe: Probe) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if not live.on and not live.is_enabled():
            return (yield from call(*args, **kwargs))
        timing = _Timing(probe, args, kwargs)
        inner = call(*args, **kwargs)
        try:
            result = yield from _Steps(inner, probe.contains) if probe.contains and nesting.on else inner
        except BaseException as error:
            timing.end(error)
            raise
        timing.end(None, result)
        return result

    return wrapper


def generator_coroutine(call: Callable[..., Any], probe: Probe) -> Callable[..., Any]:
    """For functions made with `types.coroutine`: generators that can be awaited."""
    return types.coroutine(generator_function(call, probe))


def async_generator_function(call: Callable[..., Any], probe: Probe | None) -> Callable[..., Any]:
    kind = "" if probe is None else probe.contains

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        timing = (
            _Timing(probe, args, kwargs) if probe is not None and (live.on or live.is_enabled()) else None
        )
        inner = call(*args, **kwargs)
        try:
            step = _first_step(inner)
            while True:
                entered = enter(kind) if kind and nesting.on else None
                try:
                    value = await step
                except StopAsyncIteration:
                    break
                finally:
                    _leave(entered)
                try:
                    sent = yield value
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as thrown:  # by the consumer, into the generator
                    step = inner.athrow(thrown)
                else:
                    step = inner.asend(sent)
        except BaseException as error:
            if timing is not None:
                timing.end(error)
            raise
        if timing is not None:
            timing.end(None)

    return wrapper


def _leave(entered: Inside | None) -> None:
    if entered is not None:
        leave(entered)


def _first_step(inner: AsyncGenerator[Any, Any]) -> Any:
    """Start an asynchronous generator without the event loop's hooks.

    At its end the loop closes the generators that called its hooks. The outer one closes the inner one; closing both
    at once would fail.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)
