"""The latest health of the service's own components and of the services it depends on."""

from __future__ import annotations

import logging
import threading
import time

from signalscope.contract import CRITICALITIES
from signalscope.health._result import Status
from signalscope.recording import family, internal_error
from signalscope.recording._fork import in_children

__all__ = ["VALUES", "ages", "components", "report_dependency_health", "report_health"]

_logger = logging.getLogger("signalscope")

#: What a component's health can be, and what it is called.
VALUES: dict[float, Status] = {1.0: "healthy", 0.5: "degraded", 0.0: "unhealthy"}
_MOST_COMPONENTS = 50

#: Value, and when it was reported, on the monotonic clock.
_components: dict[str, tuple[float, float]] = {}
_lock = threading.Lock()


def report_health(component: str, status: float) -> None:
    """Report the result of a component's health check: `signal_service.health_check.status`.

    Args:
        component: What was checked, such as ``database``.
        status: 1 healthy, 0.5 degraded, 0 unhealthy; True and False are 1 and 0. Anything else is
            refused, logged and counted in `signalscope.internal.errors`.
    """
    if not isinstance(status, int | float) or status not in VALUES:
        _logger.error("signalscope: health of %r is 1, 0.5 or 0, not %r; ignored", component, status)
        internal_error("report_health")
        return
    value = float(status)
    with _lock:
        if component in _components or len(_components) < _MOST_COMPONENTS:
            _components[component] = (value, time.monotonic())
    family("signal_service.health_check.status").series(component).record(value)


def report_dependency_health(service_name: str, healthy: bool, *, criticality: str) -> None:
    """Report the result of a probe of an external service: `signal_service.external_service.health`.

    Args:
        service_name: The external service, such as ``ticker_service``.
        healthy: Whether it is.
        criticality: How much depends on it: critical, mandatory or high.
    """
    if criticality not in CRITICALITIES:
        _logger.error(
            "signalscope: criticality of %r is %r; allowed: %s; recorded as other",
            service_name, criticality, ", ".join(CRITICALITIES),
        )  # fmt: skip
    family("signal_service.external_service.health").series(service_name, criticality).record(
        1.0 if healthy else 0.0
    )


def components() -> dict[str, float]:
    """Return the latest status of every component that was reported in this process."""
    with _lock:
        return {name: value for name, (value, _) in _components.items()}


def ages() -> dict[str, float]:
    """Return how many seconds ago every component was last reported in this process."""
    now = time.monotonic()
    with _lock:
        return {name: now - at for name, (_, at) in _components.items()}


def _reset_after_fork() -> None:
    global _lock  # noqa: PLW0603  # another thread of the parent may hold it for ever
    _lock = threading.Lock()
    _components.clear()


in_children(_reset_after_fork)
