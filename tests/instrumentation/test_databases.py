"""Queries of SQLAlchemy and asyncpg in their oldest and newest versions; tables and operations of statements."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.cases import Case, assert_identity, run
from tests.ports import free_port
from tests.waiting import DEADLINE, eventually

from signalscope.instrumentation._base._sql import table_and_operation

QUERIES = ("signal_service_database_query_seconds_count", "query_type", "table", "operation")
OFFICIAL = "opentelemetry-instrumentation-"

SQLALCHEMY = Case(
    versions=(
        ("sqlalchemy==1.4.54", "greenlet==3.2.4", "aiosqlite==0.20.0", f"{OFFICIAL}sqlalchemy==0.66b1"),
        ("sqlalchemy==2.1.9", "greenlet==3.2.4", "aiosqlite==0.20.0"),
    ),
    instrumentor="sqlalchemy:SqlalchemyInstrumentor",
    program="""
import asyncio
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, exc, insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine
engine = create_engine("sqlite://")
metadata = MetaData()
quotes = Table("quotes", metadata, Column("id", Integer, primary_key=True), Column("symbol", String))
seen = []
event.listen(engine, "after_cursor_execute", lambda *args: seen.append(args[2].split()[0]))
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE quotes (id INTEGER PRIMARY KEY, symbol TEXT)"))
    connection.execute(insert(quotes), [{"symbol": "A"}, {"symbol": "B"}])
    print(connection.execute(select(quotes.c.symbol)).all())
    print(connection.execute(text("WITH a AS (SELECT * FROM quotes) SELECT count(*) FROM a")).scalar())
    connection.execute(text("UPDATE quotes SET symbol = 'secret FROM passwords' WHERE id = 1"))
    connection.execute(quotes.delete().where(quotes.c.id == 2))
    try:
        connection.execute(text("SELECT * FROM nowhere"))
    except exc.OperationalError as error:
        print(type(error).__name__)
print(seen)
async def main():
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.connect() as connection:
        print((await connection.execute(text("SELECT 1"))).scalar())
    await engine.dispose()
asyncio.run(main())
""",
    expected={
        QUERIES: {
            ("sqlite", "other", "other"): 1,
            ("sqlite", "quotes", "insert"): 1,
            ("sqlite", "quotes", "select"): 2,
            ("sqlite", "quotes", "update"): 1,
            ("sqlite", "quotes", "delete"): 1,
            ("sqlite", "nowhere", "select"): 1,
            ("sqlite", "other", "select"): 1,
        }
    },
    names=(),
    call="""
        from sqlalchemy import create_engine, text
        with create_engine("sqlite://").connect() as connection:
            connection.execute(text("SELECT 1"))
    """,
    counted="signal_service.database.query",
)

ASYNCPG = Case(
    versions=(
        ("asyncpg==0.29.0", f"{OFFICIAL}asyncpg==0.66b1"),
        ("asyncpg==0.32.0", "sqlalchemy==2.1.9", "greenlet==3.2.4", f"{OFFICIAL}asyncpg==0.66b1"),
    ),
    instrumentor="asyncpg:AsyncpgInstrumentor",
    program="""
import asyncio, sys
import asyncpg
try:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine
except ImportError:
    create_async_engine = None
async def main():
    pool = await asyncpg.create_pool(sys.argv[1], min_size=1, max_size=2)
    print(await pool.execute("CREATE TEMPORARY TABLE IF NOT EXISTS unused (id int)"))
    async with pool.acquire() as connection:
        await connection.execute("CREATE TEMPORARY TABLE quotes (id int, symbol text)")
        await connection.executemany("INSERT INTO quotes VALUES ($1, $2)", [(1, "A"), (2, "B")])
        print([tuple(row) for row in await connection.fetch("SELECT * FROM quotes ORDER BY id")])
        print(await connection.fetchval("SELECT count(*) FROM quotes"))
        print(tuple(await connection.fetchrow("SELECT symbol FROM quotes WHERE id = $1", 2)))
        statement = await connection.prepare("SELECT symbol FROM quotes WHERE id = $1")
        print(await statement.fetchval(1), tuple(await statement.fetchrow(2)))
        async with connection.transaction():
            print(await connection.execute("DELETE FROM quotes"))
        try:
            await connection.fetch("SELECT * FROM nowhere")
        except asyncpg.UndefinedTableError as error:
            print(type(error).__name__)
    await pool.close()
    if create_async_engine is not None:
        engine = create_async_engine(sys.argv[1].replace("postgresql", "postgresql+asyncpg"))
        async with engine.connect() as connection:
            (await connection.execute(text("SELECT relname FROM pg_class LIMIT 1"))).all()
        await engine.dispose()
asyncio.run(main())
""",
    expected={},
    names=("asyncpg.connection:Connection.fetch", "asyncpg.connection:Connection.execute",
           "asyncpg.prepared_stmt:PreparedStatement.fetchval"),
    call="",
    counted="",
)  # fmt: skip
OF_ASYNCPG = {
    ("postgresql", "other", "other"): 4,  # two tables are made; BEGIN and COMMIT
    ("postgresql", "other", "select"): 2,  # the pool resets its connections
    ("postgresql", "quotes", "insert"): 1,
    ("postgresql", "quotes", "select"): 5,
    ("postgresql", "quotes", "delete"): 1,
    ("postgresql", "nowhere", "select"): 1,
}


@pytest.mark.needs("collector")
@pytest.mark.parametrize("versions", SQLALCHEMY.versions, ids=lambda versions: versions[0])
def test_sqlalchemy_under_the_launcher(
    versions: tuple[str, ...], one_collector: Collector, tmp_path: Path
) -> None:
    """Each execution of a cursor is one query, also if it fails or is asynchronous; no text becomes a label."""
    ran = run(SQLALCHEMY, versions, one_collector, tmp_path)
    assert "secret" not in str(ran.series)


@pytest.mark.parametrize("versions", SQLALCHEMY.versions, ids=lambda versions: versions[0])
def test_uninstrumenting_sqlalchemy(versions: tuple[str, ...], tmp_path: Path) -> None:
    """A second `instrument` changes nothing; after `uninstrument` nothing is counted."""
    assert_identity(SQLALCHEMY, versions, tmp_path)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL server for the test and return its URL.

    Its data is not in pytest's folder, since other users cannot enter that folder.
    """
    with tempfile.TemporaryDirectory(prefix="signalscope-postgresql-") as folder:
        yield from _serving(Path(folder), free_port())


def _serving(folder: Path, port: int) -> Iterator[str]:
    binaries, data = _installed().parent, folder / "data"
    data.mkdir()
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL does not run as root
        user = pwd.getpwnam("postgres")
        as_user = {"user": user.pw_uid, "group": user.pw_gid}
        for path in (folder, data):
            os.chown(path, user.pw_uid, user.pw_gid)
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-N"],
        check=True, capture_output=True, cwd=folder, **as_user,
    )  # fmt: skip
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **as_user,
    )  # fmt: skip
    try:
        is_ready: list[str | Path] = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "2"]
        eventually(
            lambda: subprocess.run(is_ready, check=False, capture_output=True).returncode == 0,
            DEADLINE,
            "PostgreSQL",
        )
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)


def _installed() -> Path:
    """Return the path of a program, in the folder of Debian's packages or on the search path."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return programs[-1] if programs else Path(str(shutil.which("postgres"))).resolve()


@pytest.mark.needs("collector", "postgresql")
@pytest.mark.parametrize("versions", ASYNCPG.versions, ids=lambda versions: versions[0])
def test_asyncpg_under_the_launcher(
    versions: tuple[str, ...], one_collector: Collector, postgresql: str, tmp_path: Path
) -> None:
    """Each query of a connection, a pool or a statement counts once, also a query by SQLAlchemy."""
    ran = run(ASYNCPG, versions, one_collector, tmp_path, postgresql)
    queries = ran.series.by(*QUERIES)
    if any(package.startswith("sqlalchemy") for package in versions):
        assert queries.pop(("postgresql", "pg_class", "select")) == 1
        # SQLAlchemy's own queries when it connects.
        queries = {key: number for key, number in queries.items() if key[1] in {"quotes", "nowhere"}}
        assert queries == {
            key: number for key, number in OF_ASYNCPG.items() if key[1] in {"quotes", "nowhere"}
        }
    else:
        assert queries == OF_ASYNCPG


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM quotes", ("quotes", "select")),
        ("  select a, b from Market.Quotes q where q.x = 'FROM secrets'", ("market.quotes", "select")),
        ('SELECT 1 FROM "Big Table"', ("bigtable", "select")),
        ("SELECT 1", ("other", "select")),
        ("(SELECT a FROM one) UNION (SELECT b FROM two)", ("one", "select")),
        ("SELECT * FROM (SELECT * FROM inner_one) AS x", ("inner_one", "select")),
        ("INSERT INTO orders (a) SELECT a FROM quotes", ("orders", "insert")),
        ("REPLACE INTO `orders` VALUES (1)", ("orders", "insert")),
        ("UPDATE ONLY positions SET a = 1 FROM quotes", ("positions", "update")),
        ("DELETE FROM [dbo].[positions]", ("dbo.positions", "delete")),
        ("/* hint */ -- comment\nSELECT x FROM y", ("y", "select")),
        ("WITH a AS (SELECT * FROM b) INSERT INTO c SELECT * FROM a", ("c", "insert")),
        ("WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT n FROM t) SELECT * FROM t", ("other", "select")),
        ("WITH q AS (SELECT * FROM b), r AS (SELECT * FROM q) SELECT count(*) FROM r", ("b", "select")),
        ("WITH q AS (SELECT * FROM b) SELECT * FROM c JOIN q USING (id)", ("c", "select")),
        ("SELECT EXTRACT(epoch FROM (a - b)), trim(both from c) FROM ticks", ("ticks", "select")),
        ("SELECT a IS NOT DISTINCT FROM b FROM ticks", ("ticks", "select")),
        ("CREATE TABLE x (a int)", ("other", "other")),
        ("BEGIN", ("other", "other")),
        ("EXPLAIN SELECT * FROM x", ("other", "other")),
        ("SELECT * FROM " + "x" * 100, ("other", "select")),
        ("", ("other", "other")),
        (b"SELECT 1", ("other", "other")),
        (None, ("other", "other")),
    ],
)
def test_what_a_statement_is_about(statement: object, expected: tuple[str, str]) -> None:
    """A statement has its first table and its operation; literals and comments are not used."""
    assert table_and_operation(statement) == expected
