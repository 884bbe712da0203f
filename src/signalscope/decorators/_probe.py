"""Common parts of the decorators: use with and without arguments, outcomes, spans, durations."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, ParamSpec, Protocol, TypeVar, get_args, overload
from weakref import WeakKeyDictionary

from signalscope.contract._model import ContractError
from signalscope.decorators._attributes import Attributes, Values
from signalscope.decorators._call import Call, Probe, Quick
from signalscope.decorators._spans import SpanMaker, SpanMode
from signalscope.decorators._wrap import function_of, wrap

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")


#: The decorator of each decorated function, with its arguments and options.
_decorated: WeakKeyDictionary[FunctionType, tuple[Any, ...]] = WeakKeyDictionary()


class Decorator(Protocol[Q]):
    """A decorator that is used without arguments or with options."""

    @overload
    def __call__(self, call: Callable[P, R], /) -> Callable[P, R]: ...  # type: ignore[overload-overlap]  # options are passed by name
    @overload
    def __call__(self, *args: Q.args, **options: Q.kwargs) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def decorator(make: Callable[Q, Callable[[Any], Probe]]) -> Decorator[Q]:
    """Make a decorator from a function of its options.

    Args:
        make: Takes the options, and returns a function that makes the probe for a decorated function. For a class
            method, static method or property, that function gets the function inside the descriptor.
    """

    @functools.wraps(make)
    def decorate(call: Any = None, /, *args: Q.args, **options: Q.kwargs) -> Any:
        make_probe = make(*args, **options)
        used = decorate, args, options

        def instrument(function: Any) -> Any:
            if isinstance(function, FunctionType) and _is_same(_decorated.get(function), used):
                return function  # a cell of a notebook that decorates an existing function has run again
            probe = make_probe(function_of(function))
            if isinstance(probe, Remade):
                probe.recipe = decorate, function_of(function), args, options
            wrapper = wrap(function, probe)
            if isinstance(wrapper, FunctionType):
                _decorated[wrapper] = used
            return wrapper

        return instrument if call is None else instrument(call)

    own = inspect.signature(decorate, follow_wrapped=False)
    options = inspect.signature(make).parameters.values()
    decorate.__signature__ = own.replace(parameters=[own.parameters["call"], *options])  # type: ignore[attr-defined]  # for `inspect`
    return decorate


def _is_same(before: tuple[Any, ...] | None, used: tuple[Any, ...]) -> bool:
    """Return True if a decorator was used with equal options; False if they cannot be compared."""
    try:
        return before == used
    except Exception:  # options of the user, such as arrays
        return False


class Remade:
    """A probe that is pickled as the way to make it again, in another process with series of its own.

    cloudpickle and dill pickle a lambda or a local function by value, and with it the probe of its wrapper.
    """

    recipe: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, self.recipe


def _made_again(decorate: Any, function: Any, args: Any, options: Any) -> Any:
    probe = decorate.__wrapped__(*args, **options)(function)
    probe.recipe = decorate, function, args, options
    return probe


def name_of(call: Any) -> str:
    """Return the name of a callable, which is the default of attributes such as ``operation``."""
    return str(getattr(call, "__name__", type(call).__name__))


def outcome_of(error: BaseException | None) -> str:
    """Return the contract's outcome of a call that raised: ``cancelled`` or ``error``."""
    return "cancelled" if isinstance(error, asyncio.CancelledError | GeneratorExit) else "error"


def span_maker(call: Any, mode: SpanMode, attributes: Mapping[str, str]) -> SpanMaker | None:
    """Return the maker of a callable's spans; None for the mode ``never``.

    Raises:
        ContractError: The mode is not one of `SpanMode`.
    """
    if mode not in get_args(SpanMode):
        raise ContractError(f"span={mode!r} is not allowed; allowed: {', '.join(get_args(SpanMode))} [SS311]")
    return None if mode == "never" else SpanMaker(name_of(call), mode, attributes)


class Timed(Remade):
    """A probe that records the duration of calls, by attributes and, if the histogram has this attribute, outcome.

    A subclass that records more overrides `finish` and `fail`, and calls `measure` in them.

    Args:
        function: The decorated callable.
        instrument: The OpenTelemetry name of the histogram of durations.
        options: The decorator's options, by attribute.
        where: The name of the decorator in internal errors.
        span: When to start a span.
    """

    contains = ""
    quick: Quick | None = None

    def __init__(
        self, function: Any, instrument: str, options: Mapping[str, Any], *, where: str, span: SpanMode
    ) -> None:
        self.where = where
        self.attributes = Attributes(instrument, function, options, where)
        self.spans = span_maker(function, span, self.attributes.constants)
        self._duration = self.attributes.series_of(instrument, "outcome")
        if self.attributes.all_constant is not None:
            # Create the series now, so that it is exported at zero before the first call.
            self._duration(self.attributes.all_constant, "success")

    def finish(self, call: Call) -> None:
        """Record a call that returned."""
        self.measure(call, "success")

    def fail(self, call: Call) -> None:
        """Record a call that raised, was cancelled or closed."""
        self.measure(call, outcome_of(call.error))

    def measure(self, call: Call, outcome: str) -> Values:
        """Record the duration, and return the attribute values of the call."""
        values = self.attributes.read(call)
        call.record(self._duration(values, outcome), call.elapsed)
        return values
