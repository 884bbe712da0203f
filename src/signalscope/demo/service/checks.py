"""The health checks of the reference service: external services, database, Redis and work queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from signalscope import health
from signalscope.demo.service.clients import Client
from signalscope.demo.service.history import History
from signalscope.demo.service.workqueue import WorkQueue
from signalscope.health import HealthCheck, Result, Status

_SECONDS = 2.0


def register(clients: Iterable[Client], history: History, redis: Any, queue: WorkQueue) -> Callable[[], None]:
    """Register the health checks.

    Args:
        clients: The clients of the external services; without one of these the service works in a reduced form.
        history: The database.
        redis: The client of Redis; None if caches and queue are in memory.
        queue: The work queue.

    Returns:
        A function that removes the checks.
    """

    async def check_queue() -> Result:  # async: the queue belongs to the event loop
        full = sum(queue.sizes().values()) / queue.capacity
        status: Status = "healthy" if full < 0.8 else "degraded" if full < 1 else "unhealthy"
        return Result(status, f"{full:.0%} full", {"fill": full})

    checks = [
        *(
            HealthCheck(client.name, client.probe, dependency=client.criticality, cache_seconds=_SECONDS)
            for client in clients
        ),
        health.database_check(history.ping, timeout=1.0, cache_seconds=_SECONDS),
        HealthCheck("work_queue", check_queue, cache_seconds=_SECONDS),
    ]
    if redis is not None:
        checks.append(health.redis_check(redis, critical=True, cache_seconds=_SECONDS))
    for check in checks:
        health.register(check)

    def unregister() -> None:
        for check in checks:
            health.unregister(check.name)

    return unregister
