"""What the decorators have in common: use without and with arguments, outcomes, spans."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar, get_args, overload

from signalscope.contract._model import ContractError
from signalscope.decorators._call import Probe
from signalscope.decorators._spans import SpanMaker, SpanMode
from signalscope.decorators._wrap import function_of, wrap

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")


class Decorator(Protocol[Q]):
    """A decorator that is used without arguments, or with options."""

    @overload
    def __call__(self, call: Callable[P, R], /) -> Callable[P, R]: ...  # type: ignore[overload-overlap]  # options are given by name
    @overload
    def __call__(self, *args: Q.args, **options: Q.kwargs) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def decorator(make: Callable[Q, Callable[[Any], Probe]]) -> Decorator[Q]:
    """Make a decorator.

    Args:
        make: Takes the options and returns what makes the probe of a function; of a method it gets the function below
            the descriptor.
    """

    @functools.wraps(make)
    def decorate(call: Any = None, /, *args: Q.args, **options: Q.kwargs) -> Any:
        probe = make(*args, **options)

        def instrument(function: Any) -> Any:
            return wrap(function, probe(function_of(function)))

        return instrument if call is None else instrument(call)

    own = inspect.signature(decorate, follow_wrapped=False)
    options = inspect.signature(make).parameters.values()
    decorate.__signature__ = own.replace(parameters=[own.parameters["call"], *options])  # type: ignore[attr-defined]  # it is read
    return decorate


def name_of(call: Any) -> str:
    """The name of a callable: the default of attributes such as ``operation``."""
    return str(getattr(call, "__name__", type(call).__name__))


def outcome_of(error: BaseException | None) -> str:
    """The contract's outcome of a call that raised."""
    return "cancelled" if isinstance(error, asyncio.CancelledError | GeneratorExit) else "error"


def span_maker(call: Any, mode: SpanMode, attributes: Mapping[str, str]) -> SpanMaker | None:
    """Return what makes the spans of a callable; None when it has none.

    Raises:
        ContractError: There is no such mode.
    """
    if mode not in get_args(SpanMode):
        raise ContractError(f"span={mode!r} is not allowed; allowed: {', '.join(get_args(SpanMode))}")
    return None if mode == "never" else SpanMaker(name_of(call), mode, attributes)
