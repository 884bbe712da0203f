"""Wrappers around generators, synchronous and asynchronous: timed from their first step to their end."""

from __future__ import annotations

import sys
import types
from collections.abc import AsyncGenerator, Callable, Generator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry.context import get_current

from signalscope.decorators._nesting import Inside, enter, leave, nesting
from signalscope.recording import internal_error
from signalscope.recording._state import live

if TYPE_CHECKING:
    from signalscope.decorators._spans import Under
    from signalscope.decorators._wrap import Arguments, Keywords, Probe

__all__ = ["async_generator_function", "generator_coroutine", "generator_function"]


class _Timing:
    """The recording of one generator, from its first step to its end; its span is nobody's current span.

    Other code runs between a generator's steps, in whatever context, so that a span made current in one step
    could not be taken back in another.
    """

    __slots__ = ("_args", "_begun", "_kwargs", "_own", "_probe")

    def __init__(self, probe: Probe, args: Arguments, kwargs: Keywords) -> None:
        self._probe, self._args, self._kwargs = probe, args, kwargs
        here = get_current()
        self._own = probe.spans.begin(here, current=False) if probe.spans is not None else None
        self._begun = perf_counter()

    def end(self, error: BaseException | None, result: Any = None) -> None:
        """Record the end; never raises."""
        elapsed = perf_counter() - self._begun
        own = self._own
        under: Under = own.span if own else own
        try:
            if error is None:
                self._probe.finish(elapsed, self._args, self._kwargs, result, under)
            else:
                self._probe.fail(elapsed, self._args, self._kwargs, error, under)
        except Exception:  # ours, and not the caller's business
            internal_error(self._probe.where)
        if own:
            own.end(error)


class _Steps:
    """The steps of a generator, each inside of a measured call; what its consumer does between them is not."""

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
        if not live.on and not live.awake():
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
        timing = _Timing(probe, args, kwargs) if probe is not None and (live.on or live.awake()) else None
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
                except BaseException as thrown:  # into the generator it goes
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
    """Begin an asynchronous generator without the event loop's noticing.

    The loop closes, at its end, the generators that it has noticed. The outer one closes the inner one; closing
    both at once would fail.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)
