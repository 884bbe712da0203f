"""SQLAlchemy: every statement of every engine, synchronous and asynchronous, by SQLAlchemy's own events."""

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
#: Whether SQLAlchemy is executing a statement: what its driver does then is not another query.
in_sqlalchemy: ContextVar[bool] = ContextVar("signalscope_in_sqlalchemy", default=False)


class SqlalchemyInstrumentor(LibraryInstrumentor):
    """Records queries."""

    library = Library(
        name="signalscope_sqlalchemy",
        title="SQLAlchemy",
        kind="database",
        supports=("sqlalchemy >= 1.4, < 3",),
        tested=("1.4.54", "2.1.9"),
        measures=("signal_service.database.query",),
        spans="The official instrumentor's (which supports SQLAlchemy below 2.1).",
        unit=(
            "One execution of a cursor is one query, also with many sets of parameters; failed ones included. "
            "`query_type` is the dialect; `table` the first table that the statement names."
        ),
        not_measured=(
            "Fetching the rows.",
            "The statement's text: it is looked at and not kept in any attribute.",
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

    def _before(  # noqa: PLR0917  # what SQLAlchemy calls listeners with
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
