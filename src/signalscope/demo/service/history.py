"""The history of signals and of their outcomes, in SQLite."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import sqlite3
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

from signalscope import instrument_query

P = ParamSpec("P")
T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS signals (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    symbol TEXT NOT NULL,
    signal_type TEXT NOT NULL,
    direction TEXT NOT NULL,
    spot REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS outcomes (
    signal_id INTEGER NOT NULL,
    horizon TEXT NOT NULL,
    correct INTEGER NOT NULL,
    PRIMARY KEY (signal_id, horizon)
);
CREATE INDEX IF NOT EXISTS signals_by_type ON signals (signal_type, id);
"""


def _on_its_thread(
    query: Callable[Concatenate[History, P], T],
) -> Callable[Concatenate[History, P], Coroutine[Any, Any, T]]:
    """Run a method in the thread of the history, and await its result."""

    @functools.wraps(query)
    async def run(self: History, /, *args: P.args, **kwargs: P.kwargs) -> T:
        context = contextvars.copy_context()  # without it, spans would lose their parent
        call = functools.partial(context.run, query, self, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    return run


class History:
    """Signals and their outcomes in a database in memory, which only one thread uses.

    Args:
        kept: The number of latest signals to keep.
    """

    def __init__(self, kept: int = 5_000) -> None:
        self._kept = kept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._connection = self._thread.submit(sqlite3.connect, ":memory:").result()
        self._connection.row_factory = sqlite3.Row
        self._thread.submit(self._connection.executescript, _SCHEMA).result()

    @_on_its_thread
    @instrument_query(query_type="record_signal", table="signals", operation="insert")
    def add(self, at: str, symbol: str, signal_type: str, direction: str, spot: float) -> int:
        """Store a signal; return its number."""
        with self._connection as transaction:
            cursor = transaction.execute(
                "INSERT INTO signals (at, symbol, signal_type, direction, spot) VALUES (?, ?, ?, ?, ?)",
                (at, symbol, signal_type, direction, spot),
            )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    @_on_its_thread
    @instrument_query(query_type="record_outcome", table="outcomes", operation="insert")
    def judge(self, signal_id: int, horizon: str, correct: bool) -> None:
        """Record that a signal was right or wrong over a horizon."""
        with self._connection as transaction:
            transaction.execute(
                "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?)", (signal_id, horizon, correct)
            )

    @_on_its_thread
    @instrument_query(query_type="accuracy", table="outcomes", operation="select")
    def accuracy(self, signal_type: str, horizon: str, last: int = 200) -> tuple[int, int]:
        """Return the number of right signals among the last judged ones, and the number of those."""
        right, judged = self._connection.execute(
            "SELECT COALESCE(SUM(correct), 0), COUNT(*) FROM (SELECT o.correct FROM outcomes o"
            " JOIN signals s ON s.id = o.signal_id WHERE s.signal_type = ? AND o.horizon = ?"
            " ORDER BY s.id DESC LIMIT ?)",
            (signal_type, horizon, last),
        ).fetchone()
        return int(right), int(judged)

    @_on_its_thread
    @instrument_query(query_type="recent_signals", table="signals", operation="select")
    def recent(self, signal_type: str, limit: int) -> list[dict[str, object]]:
        """Return the latest signals of a kind, newest first."""
        cursor = self._connection.execute(
            "SELECT id, at, symbol, signal_type, direction, spot FROM signals WHERE signal_type = ?"
            " ORDER BY id DESC LIMIT ?",
            (signal_type, limit),
        )
        return [dict(row) for row in cursor]

    @_on_its_thread
    @instrument_query(query_type="prune", table="signals", operation="delete")
    def prune(self) -> int:
        """Delete all but the latest signals and their outcomes; return the number of deleted signals."""
        with self._connection as transaction:
            oldest = "(SELECT COALESCE(MAX(id), 0) - ? FROM signals)"
            gone = transaction.execute(f"DELETE FROM signals WHERE id <= {oldest}", (self._kept,)).rowcount  # noqa: S608  # a constant
            transaction.execute("DELETE FROM outcomes WHERE signal_id NOT IN (SELECT id FROM signals)")
        return gone

    @_on_its_thread
    def ping(self) -> None:
        """Run a trivial query, to check that the database answers."""
        self._connection.execute("SELECT 1").fetchone()

    def close(self) -> None:
        """Close the database; later calls fail."""
        with contextlib.suppress(RuntimeError):  # closed twice
            self._thread.submit(self._connection.close).result()
        self._thread.shutdown()
