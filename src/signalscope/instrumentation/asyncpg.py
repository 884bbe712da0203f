"""asyncpg: queries of connections and prepared statements; the official instrumentor makes the spans."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor, Method, on_import
from signalscope.instrumentation._base._sql import record_query
from signalscope.instrumentation._base._suppression import IsUndone, is_suppressed
from signalscope.instrumentation.sqlalchemy import in_sqlalchemy

__all__ = ["AsyncpgInstrumentor"]

_CONNECTION = ("execute", "executemany", "fetch", "fetchrow", "fetchval", "fetchmany")
_STATEMENT = ("fetch", "fetchrow", "fetchval", "fetchmany", "executemany")
_querying: ContextVar[bool] = ContextVar("signalscope_asyncpg", default=False)


class AsyncpgInstrumentor(LibraryInstrumentor):
    """Instrumentor for queries of asyncpg.

    Example:
        >>> AsyncpgInstrumentor().instrument()
        >>> AsyncpgInstrumentor().uninstrument()
    """

    library = Library(
        name="signalscope_asyncpg",
        title="asyncpg",
        kind="database",
        supports=("asyncpg >= 0.27, < 1",),
        tested=("0.29.0", "0.32.0"),
        measures=("signal_service.database.query",),
        spans="The official instrumentor's.",
        unit=(
            "One query is one call of `execute`, `executemany` or `fetch*`, of a connection, a pool or a prepared "
            "statement. Failed queries count too. The `query_type` is `postgresql`. The `table` is the first table "
            "in the statement."
        ),
        not_measured=(
            "Cursors and `copy_*`.",
            "Statements of SQLAlchemy: its own instrumentor counts them.",
        ),
        notes=("BEGIN, COMMIT and the statements that reset a connection of a pool have the table `other`.",),
        delegated="opentelemetry-instrumentation-asyncpg",
    )

    @on_import("asyncpg.connection")
    def _patch_connection(self, module: ModuleType) -> None:
        self._patch(module.Connection, _CONNECTION, lambda _, query: query)

    @on_import("asyncpg.prepared_stmt")
    def _patch_statement(self, module: ModuleType) -> None:
        self._patch(module.PreparedStatement, _STATEMENT, lambda statement, _: statement.get_query())

    def _patch(self, cls: type, names: Sequence[str], text: Callable[[Any, Any], Any]) -> None:
        for name in names:
            if name in vars(cls):
                self.intercept(cls, name, functools.partial(_query, text), unless=_is_part_of_query)


def _is_part_of_query(is_undone: IsUndone) -> bool:
    return _querying.get() or in_sqlalchemy.get() or is_suppressed(is_undone)


async def _query(
    text: Callable[[Any, Any], Any], original: Method, owner: Any, /, *args: Any, **kwargs: Any
) -> Any:
    statement = text(owner, args[0] if args else kwargs.get("query", kwargs.get("command")))
    token = _querying.set(True)
    begun = perf_counter()
    try:
        return await original(owner, *args, **kwargs)
    finally:
        _querying.reset(token)
        record_query("postgresql", statement, begun)
