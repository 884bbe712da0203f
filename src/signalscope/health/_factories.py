"""Ready-made checks of common dependencies; the service passes its own clients."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from signalscope.health._check import HealthCheck, Outcome
from signalscope.health._result import Result, Status


def database_check(
    ping: Callable[[], object], *, name: str = "database", critical: bool = True, **options: Any
) -> HealthCheck:
    """Make a check of a database.

    Args:
        ping: A function or coroutine function that runs a cheap query (``SELECT 1``). The database is healthy when
            it returns, whatever it returns.
        name: The component.
        critical: As for `HealthCheck`.
        options: Other arguments of `HealthCheck`.

    Examples:
        >>> from signalscope import health
        >>> async def ping():
        ...     return None  # the `SELECT 1` of your pool
        >>> check = health.database_check(ping, timeout=1.0)
        >>> check.name, check.critical
        ('database', True)
    """
    return HealthCheck(name, _then(ping, _accept), critical=critical, **options)


def redis_check(client: Any, *, name: str = "redis", critical: bool = False, **options: Any) -> HealthCheck:
    """Make a check of Redis.

    Args:
        client: A client of redis-py, plain or asyncio; it sends PING.
        name: As for `database_check`.
        critical: As for `HealthCheck`.
        options: Other arguments of `HealthCheck`.

    Examples:
        >>> from signalscope import health
        >>> class Client:
        ...     def ping(self):
        ...         return True
        >>> health.redis_check(Client()).name
        'redis'
    """
    return HealthCheck(name, _then(client.ping, _accept), critical=critical, **options)


def http_check(name: str, get: Callable[[], Any], *, dependency: str, **options: Any) -> HealthCheck:
    """Make a check of an external service over HTTP.

    Args:
        name: The service's ``service_name``.
        get: Requests its health endpoint: a function or coroutine function that returns a response of httpx, requests
            or aiohttp. Below 400 is healthy, 429 is degraded.
        dependency: critical, mandatory or high.
        options: Other arguments of `HealthCheck`.

    Examples:
        >>> import asyncio
        >>> from types import SimpleNamespace
        >>> from signalscope import health
        >>> answer = SimpleNamespace(status_code=503)
        >>> check = health.http_check("ticker_service", lambda: answer, dependency="critical")
        >>> asyncio.run(check.result()).result.status
        'unhealthy'
    """

    def judge(response: Any) -> Outcome:
        code = getattr(response, "status_code", None) or getattr(response, "status", None)
        if not isinstance(code, int):
            return Result("unhealthy", "the check gave no HTTP response")
        status: Status = "degraded" if code == 429 else "healthy" if code < 400 else "unhealthy"
        return Result(status, f"it answered with status {code}")

    return HealthCheck(name, _then(get, judge), dependency=dependency, **options)


def _then(call: Callable[[], Any], judge: Callable[[Any], Outcome]) -> Callable[[], Any]:
    """Make a check that judges what a function returns; a plain function still runs in the thread of the check."""

    async def judge_awaited(answer: Awaitable[Any]) -> Outcome:
        return judge(await answer)

    def check() -> Any:
        answer = call()
        return judge_awaited(answer) if inspect.isawaitable(answer) else judge(answer)

    async def check_here() -> Outcome:
        return judge(await call())

    return check_here if inspect.iscoroutinefunction(call) else check


def _accept(_: object) -> Outcome:
    return Result("healthy", "it answers")
