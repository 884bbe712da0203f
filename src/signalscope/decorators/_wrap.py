"""The wrapper around a decorated callable: the code that every decorated call runs.

`wrap` returns a wrapper of the same kind as the callable: a function, a coroutine function or a generator function.
The `Probe` decides what is measured, and with which attributes. All look-ups that can be done when the function is
decorated are done then, and not on each call.

A wrapper passes on results, exceptions, and the values and exceptions that a consumer sends into a generator. It is
visible only as a frame in tracebacks.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Generator
from time import perf_counter
from types import FunctionType
from typing import Any

from opentelemetry.context import get_current

from signalscope.decorators._arity import checking_arguments
from signalscope.decorators._call import Probe, conclude
from signalscope.decorators._generators import (
    async_generator_function,
    generator_coroutine,
    generator_function,
)
from signalscope.decorators._nesting import enter, leave, nesting
from signalscope.decorators._proxy import CallableProxy, binding
from signalscope.recording._state import live


def wrap(call: Any, probe: Probe) -> Any:
    """Instrument a callable.

    Args:
        call: A function, coroutine function, generator function, asynchronous generator function, class or
            static method, property, or any other callable object.
        probe: Records the calls.

    Raises:
        TypeError: The object is not callable.
    """
    if isinstance(call, classmethod | staticmethod | functools.cached_property):
        return type(call)(wrap(function_of(call), probe))
    if isinstance(call, property):
        return call if call.fget is None else call.getter(wrap(call.fget, probe))
    if not callable(call):
        raise TypeError(
            f"{call!r} is not callable, so it cannot be decorated; put the decorator on the function itself [SS316]"
        )
    make = _maker_for(call)
    if isinstance(call, FunctionType):
        return functools.wraps(call)(checking_arguments(call, make(call, probe)))
    proxy = CallableProxy(call, lambda wrapped: checking_arguments(wrapped, make(wrapped, probe)))
    proxy._self_recipe = wrap, (call, probe)
    return proxy


def either(original: Any, measured: Any, *, otherwise: Callable[[], bool]) -> Any:
    """Return a callable of the same kind and signature that calls either the original or the measured one.

    Args:
        original: The original callable.
        measured: The original, instrumented by `wrap`.
        otherwise: Called for each call; if it returns True, the original is called.
    """
    if isinstance(original, classmethod | staticmethod):
        return type(original)(either(original.__func__, measured.__func__, otherwise=otherwise))
    if isinstance(original, functools.cached_property):
        cached = type(original)(either(original.func, measured.func, otherwise=otherwise))
        if original.attrname is not None:  # the class has set the name only in the original
            cached.__set_name__(object, original.attrname)
        return cached
    if isinstance(original, property):
        if original.fget is None:
            return original
        return original.getter(either(original.fget, measured.fget, otherwise=otherwise))
    make = _maker_for(original)
    chosen = checking_arguments(original, _choosing(make, original, measured, otherwise))
    if isinstance(original, FunctionType):
        return functools.wraps(original)(chosen)
    return CallableProxy(
        original,
        lambda _: chosen,
        lambda: checking_arguments(
            original, _choosing(make, binding(original), binding(measured), otherwise)
        ),
    )


def _choosing(make: Any, original: Any, measured: Any, otherwise: Callable[[], bool]) -> Callable[..., Any]:
    def choose(*args: Any, **kwargs: Any) -> Any:
        return (original if otherwise() else measured)(*args, **kwargs)

    async def choose_and_await(*args: Any, **kwargs: Any) -> Any:
        return await (original if otherwise() else measured)(*args, **kwargs)

    def choose_and_yield(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        return (yield from (original if otherwise() else measured)(*args, **kwargs))

    if make is _coroutine_function:
        return choose_and_await
    if make is generator_function:
        return choose_and_yield
    if make is generator_coroutine:
        return types.coroutine(choose_and_yield)
    return async_generator_function(choose, None) if make is async_generator_function else choose


def function_of(call: Any) -> Any:
    """Return the function inside a descriptor of the standard library; return other objects unchanged."""
    if isinstance(call, classmethod | staticmethod):
        return call.__func__
    if isinstance(call, functools.cached_property):
        return call.func
    return call.fget if isinstance(call, property) and call.fget is not None else call


def _maker_for(call: Any) -> Callable[[Any, Probe], Callable[..., Any]]:
    """Return the maker of wrappers for a callable: for a plain call, a coroutine or a generator."""
    while isinstance(call, functools.partial):
        call = call.func
    if not inspect.isroutine(call) and not inspect.isclass(call):
        call = getattr(call, "__call__", call)  # noqa: B004  # to find the function that a call runs
    if inspect.iscoroutinefunction(call):
        return _coroutine_function
    if inspect.isasyncgenfunction(call):
        return async_generator_function
    if inspect.isgeneratorfunction(call):
        code = getattr(call, "__code__", None)
        awaited = bool(getattr(code, "co_flags", 0) & inspect.CO_ITERABLE_COROUTINE)
        return generator_coroutine if awaited else generator_function
    return _function


def _function(call: Callable[..., Any], probe: Probe) -> Callable[..., Any]:
    is_enabled, spans, quick, contains = live.is_enabled, probe.spans, probe.quick, probe.contains
    always = spans is not None and spans.always
    # The wrapper reads the variables that `is_enabled` reads: calling it costs as much as the rest of the wrapper.
    metrics_api, trace_api = live.metrics_api, live.trace_api

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not live.on and (
            live.disabled
            or (metrics_api._METER_PROVIDER is None and trace_api._TRACER_PROVIDER is None)
            or not is_enabled()
        ):
            return call(*args, **kwargs)
        here = get_current()
        # Usually the context is empty and root spans are off; then this does not call a function.
        span = (None if spans is None else spans.begin(here)) if here or always else False
        entered = enter(contains) if contains and nesting.on else None
        begun = perf_counter()
        try:
            result = call(*args, **kwargs)
        except BaseException as error:
            elapsed = perf_counter() - begun
            if entered is not None:
                leave(entered)
            conclude(probe, span, args, kwargs, elapsed, None, error)
            raise
        elapsed = perf_counter() - begun
        if entered is not None:
            leave(entered)
        if quick is None or not quick(elapsed, result, span.span if span else span):
            conclude(probe, span, args, kwargs, elapsed, result, None)
        elif span:
            span.end(None)
        return result

    return wrapper


def _coroutine_function(call: Callable[..., Any], probe: Probe) -> Callable[..., Any]:
    # The same lines as `_function`, with `await`: a common function would cost one more call for each call.
    is_enabled, spans, quick, contains = live.is_enabled, probe.spans, probe.quick, probe.contains
    always = spans is not None and spans.always
    metrics_api, trace_api = live.metrics_api, live.trace_api

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not live.on and (
            live.disabled
            or (metrics_api._METER_PROVIDER is None and trace_api._TRACER_PROVIDER is None)
            or not is_enabled()
        ):
            return await call(*args, **kwargs)
        here = get_current()
        span = (None if spans is None else spans.begin(here)) if here or always else False
        entered = enter(contains) if contains and nesting.on else None
        begun = perf_counter()
        try:
            result = await call(*args, **kwargs)
        except BaseException as error:
            elapsed = perf_counter() - begun
            if entered is not None:
                leave(entered)
            conclude(probe, span, args, kwargs, elapsed, None, error)
            raise
        elapsed = perf_counter() - begun
        if entered is not None:
            leave(entered)
        if quick is None or not quick(elapsed, result, span.span if span else span):
            conclude(probe, span, args, kwargs, elapsed, result, None)
        elif span:
            span.end(None)
        return result

    return wrapper
