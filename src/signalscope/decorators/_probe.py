"""What the decorators have in common: use without and with arguments, outcomes, spans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, get_args

from signalscope.contract._model import ContractError
from signalscope.decorators._call import Probe
from signalscope.decorators._spans import SpanMaker, SpanMode
from signalscope.decorators._wrap import function_of, wrap


def decorated(call: Any, probe: Callable[[Any], Probe]) -> Any:
    """Return the instrumented callable; without a callable, a decorator that instruments one.

    Args:
        call: What the decorator was used on; None when it was used with arguments.
        probe: Makes the probe of a function; of a method it gets the function below the descriptor.
    """

    def decorate(function: Any) -> Any:
        return wrap(function, probe(function_of(function)))

    return decorate if call is None else decorate(call)


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
