"""Wrappers for synchronous and asynchronous generators, which are timed from their first step to their end."""

from __future__ import annotations

import dis
import inspect
import sys
import types
from collections.abc import AsyncGenerator, Callable, Generator
from time import perf_counter
from typing import Any

from opentelemetry.context import get_current

from signalscope.decorators._call import Arguments, Keywords, Probe, conclude
from signalscope.decorators._nesting import Inside, enter, leave, nesting
from signalscope.recording._state import live

#: The instructions at which a generator is suspended. The argument of `RESUME` says if it is a `yield`.
_YIELD, _RESUME, _AFTER_YIELD = dis.opmap["YIELD_VALUE"], dis.opmap["RESUME"], 1


class _Timing:
    """The recording of one generator, from its first step to its end.

    The generator's span is never the current span. Other code runs between the steps of a generator, perhaps in
    another context. A span can only be detached in the context in which it was attached.
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
    """The steps of a generator. Each step is inside the measured call; the consumer's code between them is not."""

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
            timing.end(GeneratorExit() if _is_from_consumer(error, inner) else error)
            raise
        timing.end(None, result)
        return result

    return wrapper


def generator_coroutine(call: Callable[..., Any], probe: Probe) -> Callable[..., Any]:
    """Wrap a function made with `types.coroutine`, which returns a generator that can be awaited."""
    return types.coroutine(generator_function(call, probe))


def async_generator_function(call: Callable[..., Any], probe: Probe | None) -> Callable[..., Any]:
    kind = "" if probe is None else probe.contains

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        timing = (
            _Timing(probe, args, kwargs) if probe is not None and (live.on or live.is_enabled()) else None
        )
        inner = call(*args, **kwargs)
        thrown = None
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
                except BaseException as given:  # the consumer has thrown it into the generator
                    thrown = given
                    step = inner.athrow(given)
                else:
                    step = inner.asend(sent)
        except BaseException as error:
            if timing is not None:
                timing.end(GeneratorExit() if error is thrown else error)
            raise
        if timing is not None:
            timing.end(None)

    return wrapper


def _is_from_consumer(error: BaseException, inner: Any) -> bool:
    """Return True if the consumer has thrown an error into a generator, which did not handle it.

    Then the error has entered the frame of the generator, or of one that it delegates to, at a `yield`. An own error
    begins at a call or at a `raise`.
    """
    step, code = error.__traceback__, getattr(inner, "gi_code", None)
    while step is not None and step.tb_frame.f_code is not code:
        step = step.tb_next
    while step is not None and step.tb_frame.f_code.co_flags & inspect.CO_GENERATOR:
        instructions, position = step.tb_frame.f_code.co_code, step.tb_lasti
        if instructions[position] == _YIELD:
            position += 2
        if instructions[position] == _RESUME and instructions[position + 1] & 3 == _AFTER_YIELD:
            return True
        step = step.tb_next
    return False


def _leave(entered: Inside | None) -> None:
    if entered is not None:
        leave(entered)


def _first_step(inner: AsyncGenerator[Any, Any]) -> Any:
    """Start an asynchronous generator without the event loop's hooks.

    When the event loop ends, it closes every generator that has called its hooks. The wrapper closes the wrapped
    generator itself. If the loop closed both, one of the two would fail.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)
