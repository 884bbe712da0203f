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
    """Measure background tasks: their duration in seconds (`signal_service.background_task`).

    Args:
        call: The function, if the decorator is used without arguments.
        task_type: The kind of task; by default the function's name.
        priority: critical, high, medium or low.
        span: ``auto``: a child span if the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: The contract does not allow a constant, or a callable's parameter does not exist.

    Examples:
        >>> from signalscope import instrument_task
        >>> from signalscope.testing import capture
        >>> @instrument_task(task_type="recalibration", priority="low")
        ... def recalibrate():
        ...     return "done"
        >>> with capture() as captured:
        ...     status = recalibrate()
        ...     captured.count("signal_service_background_task_seconds", task_type="recalibration")
        1
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
    """Measure database queries, failed ones too: their duration in seconds (`signal_service.database.query`).

    Args:
        call: The function, if the decorator is used without arguments.
        query_type: The kind of query; by default the function's name.
        table: The main table.
        operation: select, insert, update or delete.
        span: ``auto``: a child span if the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: The contract does not allow a constant, or a callable's parameter does not exist.

    Examples:
        >>> from signalscope import instrument_query
        >>> from signalscope.testing import capture
        >>> @instrument_query(query_type="positions_of_user", table="positions", operation="select")
        ... def read_positions(user):
        ...     return []
        >>> with capture() as captured:
        ...     rows = read_positions("user-17")
        ...     captured.count("signal_service_database_query_seconds", table="positions")
        1
    """

    def probe(inner: Any) -> Timed:
        options = {
            "query_type": name_of(inner) if query_type is None else query_type,
            "table": table,
            "operation": operation,
        }
        return Timed(inner, "signal_service.database.query", options, where="decorators.query", span=span)

    return probe
