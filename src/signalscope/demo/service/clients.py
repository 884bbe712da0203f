"""Clients of the five external services; each has a circuit breaker, and every call is measured."""

from __future__ import annotations

from typing import Any

import httpx
from purgatory import AsyncCircuitBreakerFactory, ContextChanged
from purgatory.domain.model import OpenedState

from signalscope import BreakerMonitor, instrument_dependency
from signalscope.demo.faults import DEPENDENCIES

_SECONDS_OPEN = 5.0
_STATES = {"closed": "closed", "opened": "open", "half-opened": "half_open"}


class DependencyUnavailableError(RuntimeError):
    """An external service gave no valid answer, or its circuit breaker is open."""


class Client:
    """The client of an external service.

    Args:
        name: The ``service_name`` in the metrics, one of `DEPENDENCIES`.
        url: The base URL of the service.
        http: The shared connection pool.
        breakers: The factory of its circuit breaker.
    """

    def __init__(
        self, name: str, url: str, http: httpx.AsyncClient, breakers: AsyncCircuitBreakerFactory
    ) -> None:
        self.name = name
        self.criticality = DEPENDENCIES[name]
        self.monitor = BreakerMonitor(name)
        self._url = url.rstrip("/")
        self._http = http
        self._breakers = breakers

    async def ask(self, operation: str, method: str, path: str, json: object = None) -> dict[str, Any]:
        """Call the service through its breaker.

        Args:
            operation: The name of the operation in the metrics.
            method: The HTTP method.
            path: The path below the base URL of the service.
            json: The body of the request.

        Returns:
            The JSON object of the answer.

        Raises:
            DependencyUnavailableError: The service gave no valid answer, or its circuit breaker is open.
        """
        breaker = await self._breakers.get_breaker(self.name)
        try:
            async with breaker:
                answer = await self._call(operation, method, path, json)
        except OpenedState:
            self.monitor.rejected()
            raise DependencyUnavailableError(f"{self.name}: its circuit breaker is open") from None
        except (httpx.HTTPError, ValueError) as error:  # ValueError: the answer is not JSON
            self.monitor.failure()
            raise DependencyUnavailableError(
                f"{self.name}: {operation}: {type(error).__name__}: {error}"
            ) from error
        self.monitor.success()
        return answer

    async def probe(self) -> bool:
        """Return True if the service is healthy; the probe bypasses the circuit breaker.

        A timeout is raised, because the health check tells a late event loop from a slow service.
        """
        try:
            return (await self._http.get(f"{self._url}/health", timeout=1.0)).is_success
        except httpx.TimeoutException:
            raise
        except httpx.HTTPError:
            return False

    @instrument_dependency(
        service_name=lambda self: self.name,
        operation=lambda operation: operation,
        criticality=lambda self: self.criticality,
    )
    async def _call(self, operation: str, method: str, path: str, json: object) -> dict[str, Any]:
        response = await self._http.request(method, f"{self._url}{path}", json=json)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer


class Clients(dict[str, Client]):
    """The clients of all external services by name.

    Args:
        urls: The base URL of each service by name.

    Raises:
        ValueError: The URLs lack a service, or name an unknown one.
    """

    def __init__(self, urls: dict[str, str]) -> None:
        if set(urls) != set(DEPENDENCIES):
            raise ValueError(
                f"SIGNALSCOPE_DEMO_DEPENDENCIES must give a URL for each of {', '.join(DEPENDENCIES)};"
                f" it gives {', '.join(sorted(urls)) or 'none'}"
            )
        self._http = httpx.AsyncClient(
            timeout=3.0, limits=httpx.Limits(max_connections=200, max_keepalive_connections=50)
        )
        breakers = AsyncCircuitBreakerFactory(default_threshold=5, default_ttl=_SECONDS_OPEN)
        super().__init__({name: Client(name, urls[name], self._http, breakers) for name in DEPENDENCIES})
        breakers.add_listener(self._listen)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _listen(self, name: str, _kind: str, event: object) -> None:
        if isinstance(event, ContextChanged):
            self[name].monitor.transition(_STATES[event.state])
