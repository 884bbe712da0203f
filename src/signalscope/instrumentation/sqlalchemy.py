"""SQLAlchemy: every statement of every engine, synchronous or asynchronous, with SQLAlchemy's own events."""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor, on_import
from signalscope.instrumentation._base._sql import record_query
from signalscope.instrumentation._base._suppression import is_suppressed

__all__ = ["SqlalchemyInstrumentor", "in_sqlalchemy"]

_BEGUN = "_signalscope_begun"
#: True while SQLAlchemy executes a statement: calls of its driver are not further queries.
in_sqlalchemy: ContextVar[bool] = ContextVar("signalscope_in_sqlalchemy", default=False)


class SqlalchemyInstrumentor(LibraryInstrumentor):
    """Instrumentor for queries of SQLAlchemy.

    Example:
        >>> SqlalchemyInstrumentor().instrument()
        >>> SqlalchemyInstrumentor().uninstrument()
    """

    library = Library(
        name="signalscope_sqlalchemy",
        title="SQLAlchemy",
        kind="database",
        supports=("sqlalchemy >= 1.4, < 3",),
        tested=("1.4.54", "2.1.9"),
        measures=("signal_service.database.query",),
        spans="The official instrumentor's (which supports SQLAlchemy below 2.1).",
        unit=(
            "One execution of a cursor is one query, also with many sets of parameters. Failed queries count too. "
            "The `query_type` is the dialect. The `table` is the first table in the statement."
        ),
        not_measured=(
            "Fetching the rows.",
            "The statement's text: it is read, but it does not become an attribute.",
        ),
        delegated="opentelemetry-instrumentation-sqlalchemy",
    )

    @on_import("sqlalchemy")
    def _listen(self, module: ModuleType) -> None:
        engine, event = module.engine.Engine, module.event
        for name, listener in (
            ("before_cursor_execute", self._before),
            ("after_cursor_execute", self._after),
            ("handle_error", self._failed),
        ):
            event.listen(engine, name, listener)
            self.cleanup.callback(event.remove, engine, name, listener)

    def _before(  # noqa: PLR0917  # the arguments that SQLAlchemy passes to listeners
        self, connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, many: bool
    ) -> None:
        if context is not None and not is_suppressed(lambda: not self.active):
            setattr(context, _BEGUN, perf_counter())
            in_sqlalchemy.set(True)

    def _after(  # noqa: PLR0917  # see above
        self, connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, many: bool
    ) -> None:
        self._record(context, connection.dialect.name, statement)

    def _failed(self, failure: Any) -> None:
        context = failure.execution_context
        if context is not None:
            self._record(context, context.dialect.name, failure.statement)

    def _record(self, context: Any, dialect: str, statement: Any) -> None:
        begun = vars(context).pop(_BEGUN, None) if hasattr(context, "__dict__") else None
        if begun is not None:
            in_sqlalchemy.set(False)
            record_query(dialect, statement, begun)
