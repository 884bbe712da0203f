"""The history of signals in SQLite: what was emitted, and how it was judged later."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from signalscope import instrument_query

__all__ = ["History"]

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


class History:
    """Signals and their outcomes in a database that one thread of its own talks to.

    Args:
        path: The database file; in memory when left out.
        kept: How many of the latest signals to keep.
    """

    def __init__(self, path: Path | None = None, kept: int = 5_000) -> None:
        self._kept = kept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._connection = self._thread.submit(self._open, str(path) if path else ":memory:").result()

    async def add(self, at: str, symbol: str, signal_type: str, direction: str, spot: float) -> int:
        """Store a signal; its number."""
        return await self._run(lambda: self._insert_signal((at, symbol, signal_type, direction, spot)))

    async def judge(self, signal_id: int, horizon: str, correct: bool) -> None:
        """Store whether a signal proved right over a horizon."""
        await self._run(lambda: self._insert_outcome((signal_id, horizon, int(correct))))

    async def accuracy(self, signal_type: str, horizon: str, last: int = 200) -> tuple[int, int]:
        """How many of the last judged signals were right, and how many were judged."""
        return await self._run(lambda: self._select_accuracy(signal_type, horizon, last))

    async def recent(self, signal_type: str, limit: int) -> list[dict[str, object]]:
        """The latest signals of a kind, newest first."""
        return await self._run(lambda: self._select_recent(signal_type, limit))

    async def prune(self) -> int:
        """Delete all but the latest signals and their outcomes; how many signals went."""
        return await self._run(self._delete_old)

    async def ping(self) -> None:
        """Ask the database for nothing, to see whether it answers."""
        await self._run(lambda: self._connection.execute("SELECT 1").fetchone())

    def close(self) -> None:
        """Close the database; later calls fail."""
        with contextlib.suppress(RuntimeError):  # closed twice
            self._thread.submit(self._connection.close).result()
        self._thread.shutdown()

    async def _run(self, query: Callable[[], T]) -> T:
        run = functools.partial(contextvars.copy_context().run, query)  # spans keep their parent
        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    @staticmethod
    def _open(path: str) -> sqlite3.Connection:
        connection = sqlite3.connect(path)
        connection.executescript(_SCHEMA)
        return connection

    @instrument_query(query_type="record_signal", table="signals", operation="insert")
    def _insert_signal(self, row: tuple[str, str, str, str, float]) -> int:
        with self._connection as transaction:
            cursor = transaction.execute(
                "INSERT INTO signals (at, symbol, signal_type, direction, spot) VALUES (?, ?, ?, ?, ?)", row
            )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    @instrument_query(query_type="record_outcome", table="outcomes", operation="insert")
    def _insert_outcome(self, row: tuple[int, str, int]) -> None:
        with self._connection as transaction:
            transaction.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?)", row)

    @instrument_query(query_type="accuracy", table="outcomes", operation="select")
    def _select_accuracy(self, signal_type: str, horizon: str, last: int) -> tuple[int, int]:
        right, judged = self._connection.execute(
            "SELECT COALESCE(SUM(correct), 0), COUNT(*) FROM (SELECT o.correct FROM outcomes o"
            " JOIN signals s ON s.id = o.signal_id WHERE s.signal_type = ? AND o.horizon = ?"
            " ORDER BY s.id DESC LIMIT ?)",
            (signal_type, horizon, last),
        ).fetchone()
        return int(right), int(judged)

    @instrument_query(query_type="recent_signals", table="signals", operation="select")
    def _select_recent(self, signal_type: str, limit: int) -> list[dict[str, object]]:
        rows = self._connection.execute(
            "SELECT id, at, symbol, signal_type, direction, spot FROM signals WHERE signal_type = ?"
            " ORDER BY id DESC LIMIT ?",
            (signal_type, limit),
        )
        return [
            dict(zip(("id", "at", "symbol", "signal_type", "direction", "spot"), row, strict=True))
            for row in rows
        ]

    @instrument_query(query_type="prune", table="signals", operation="delete")
    def _delete_old(self) -> int:
        with self._connection as transaction:
            oldest = "(SELECT COALESCE(MAX(id), 0) - ? FROM signals)"
            gone = transaction.execute(f"DELETE FROM signals WHERE id <= {oldest}", (self._kept,)).rowcount  # noqa: S608  # a constant
            transaction.execute("DELETE FROM outcomes WHERE signal_id NOT IN (SELECT id FROM signals)")
        return gone
