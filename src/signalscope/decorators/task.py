"""`@instrument_task` and `@instrument_query`: background tasks and database queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from signalscope.contract._model import OTHER
from signalscope.decorators._call import Probe
from signalscope.decorators._probe import Timed, decorator, name_of
from signalscope.decorators._spans import SpanMode
from signalscope.decorators._values import Value

__all__ = ["instrument_query", "instrument_task"]


@decorator
def instrument_task(
    *,
    task_type: Value[str] | None = None,
    priority: Value[str] = "medium",
    span: SpanMode = "auto",
) -> Callable[[Any], Probe]:
    """Measure background tasks: `signal_service.background_task`, in seconds.

    Args:
        call: The function, when used without arguments.
        task_type: The kind of task; by default the function's name.
        priority: critical, high, medium or low.
        span: ``auto``: a child span when the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """

    def probe(inner: Any) -> Timed:
        options = {"task_type": name_of(inner) if task_type is None else task_type, "priority": priority}
        return Timed(inner, "signal_service.background_task", options, where="decorators.task", span=span)

    return probe


@decorator
def instrument_query(
    *,
    query_type: Value[str] | None = None,
    table: Value[str] = OTHER,
    operation: Value[str] = "select",
    span: SpanMode = "auto",
) -> Callable[[Any], Probe]:
    """Measure database queries: `signal_service.database.query`, in seconds, failed ones included.

    Args:
        call: The function, when used without arguments.
        query_type: The kind of query; by default the function's name.
        table: The main table.
        operation: select, insert, update or delete.
        span: ``auto``: a child span when the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """

    def probe(inner: Any) -> Timed:
        options = {
            "query_type": name_of(inner) if query_type is None else query_type,
            "table": table,
            "operation": operation,
        }
        return Timed(inner, "signal_service.database.query", options, where="decorators.query", span=span)

    return probe
