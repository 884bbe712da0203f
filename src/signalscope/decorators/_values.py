"""Options of decorators: constants, or values from a call's arguments or result.

An option may be a callable. The names of its parameters are parameters of the decorated function, or `result`. They
are converted to positions when the function is decorated, so a call does not need to bind a signature.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

from signalscope.contract._model import ContractError
from signalscope.decorators._call import Call

T = TypeVar("T")
#: A constant, or a callable whose parameter names are parameters of the decorated function, or `result`.
Value: TypeAlias = T | Callable[..., T]
#: Returns a value from a call.
Getter = Callable[[Call], Any]

_RESULT = "result"


class Field:
    """A path into an argument or the result; created with `arg` and `result`."""

    __slots__ = ("_attributes", "path", "root")

    def __init__(self, root: str, path: str) -> None:
        self.root = root
        self.path = path
        self._attributes = attrgetter(path) if path else None

    def __reduce__(self) -> tuple[object, ...]:  # for the protocols 0 and 1 of pickle
        return type(self), (self.root, self.path)

    def follow(self, value: Any) -> Any:
        """Return the value at the end of the path; each part is an attribute or else an item.

        Args:
            value: The argument or the result. None has the value None for every path.

        Raises:
            AttributeError, LookupError, TypeError: A part of the path does not exist.
        """
        if self._attributes is None:
            return value
        try:
            return self._attributes(value)
        except AttributeError:
            for part in self.path.split("."):
                if value is None:
                    return None
                value = value[part] if isinstance(value, Mapping) else getattr(value, part)
            return value


def arg(path: str) -> Any:
    """Return an option of a decorator that is the value of an argument, or one of the argument's attributes or items.

    Args:
        path: A parameter's name, and attributes or keys separated by dots: ``strikes``, ``order.priority``.

    Examples:
        >>> from signalscope import arg, instrument_task
        >>> from signalscope.testing import capture
        >>> @instrument_task(task_type=arg("job.kind"))
        ... def run(job):
        ...     return job["id"]
        >>> with capture() as captured:
        ...     number = run({"id": 7, "kind": "report"})
        ...     captured.count("signal_service_background_task_seconds", task_type="report")
        1
    """
    root, _, rest = path.partition(".")
    return Field(root, rest)


def result(path: str = "") -> Any:
    """Return an option of a decorator that is the call's result, or one of the result's attributes or items.

    Args:
        path: Attributes or keys separated by dots: ``summary.confidence``. Empty for the result itself.

    Examples:
        >>> from signalscope import instrument_signal, result
        >>> from signalscope.testing import capture
        >>> @instrument_signal(signal_type="trend", emitted=result("direction"))
        ... def generate():
        ...     return {"direction": "sell"}
        >>> with capture() as captured:
        ...     signal = generate()
        ...     captured.value("signal_service_signals_emitted_total", direction="sell")
        1
    """
    return Field(_RESULT, path)


def compile_value(value: Any, function: Any, option: str) -> Getter | None:
    """Return a getter for a decorator's option; None when the option is a constant.

    Args:
        value: The value of the option.
        function: The decorated callable.
        option: The option's name, for the message.

    Raises:
        ContractError: The decorated callable does not have a parameter of this name.
    """
    if isinstance(value, Field):
        return _parameter(value.root, function, option, value.follow if value.path else None)
    if not is_taken(value):
        return None
    try:
        parameters = inspect.signature(value).parameters
    except (TypeError, ValueError):
        raise ContractError(
            f"{option}: the parameters of {value!r} cannot be read; use a lambda [SS312]"
        ) from None
    if any(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values()):
        raise ContractError(
            f"{option}: {value!r} has keyword-only parameters; use positional parameters [SS313]"
        )
    names = list(parameters)
    if len(names) == 1:
        return _parameter(names[0], function, option, value)
    getters = [_parameter(name, function, option) for name in names]
    return lambda call: value(*[get(call) for get in getters])


def is_taken(value: Any) -> bool:
    """Return True for an option that is evaluated for each call, False for a constant."""
    return isinstance(value, Field) or callable(value)


def needs_result(value: Any) -> bool:
    """Return True for an option that needs the result, which a call that raised does not have."""
    if isinstance(value, Field):
        return value.root == _RESULT
    if not callable(value):
        return False
    try:
        return _RESULT in inspect.signature(value).parameters
    except (TypeError, ValueError):  # `compile_value` raises an error for it
        return False


def _parameter(name: str, function: Any, option: str, convert: Callable[[Any], Any] | None = None) -> Getter:
    """Return a getter for one parameter of the decorated callable, or for the result.

    Args:
        name: The parameter.
        function: The decorated callable.
        option: The option's name, for the message.
        convert: A function that is applied to the value.
    """
    if name == _RESULT:
        return _converted(attrgetter("result"), convert)
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise ContractError(
            f"{option}: the parameters of {function!r} cannot be read; use a constant [SS312]"
        ) from None
    parameter = parameters.get(name)
    if parameter is None:
        near = difflib.get_close_matches(name, [*parameters, _RESULT], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has: {', '.join(parameters) or 'none'}"
        raise ContractError(
            f"{option}: {getattr(function, '__qualname__', function)!s} has no parameter {name!r}{hint} [SS314]"
        )
    position = list(parameters).index(name)
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return _converted(lambda call: call.args[position:], convert)
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        named = {
            key for key, parameter in parameters.items() if parameter.kind is not parameter.POSITIONAL_ONLY
        }
        return _converted(
            lambda call: {key: value for key, value in call.kwargs.items() if key not in named}, convert
        )

    is_positional = parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    is_named = parameter.kind is not inspect.Parameter.POSITIONAL_ONLY
    default = parameter.default

    def get(call: Call) -> Any:
        args = call.args
        if is_positional and len(args) > position:
            value = args[position]
        else:
            value = call.kwargs.get(name, default) if is_named else default
            if value is inspect.Parameter.empty:  # the function accepts other calls than its signature says
                raise LookupError(f"the call has no argument {name!r} [SS315]")
        # Converted here, because another function around this one would cost 40 ns per call.
        return value if convert is None else convert(value)

    return get


def _converted(get: Getter, convert: Callable[[Any], Any] | None) -> Getter:
    return get if convert is None else lambda call: convert(get(call))
