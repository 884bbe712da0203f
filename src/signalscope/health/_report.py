"""Reports of the health of components and of external services."""

from __future__ import annotations

import logging
import time

from signalscope.contract import CRITICALITIES
from signalscope.health._result import Result, Status, Verdict
from signalscope.recording import get_instrument, internal_error
from signalscope.recording._process_state import ProcessState

_logger = logging.getLogger("signalscope")

#: The status for each value of a health gauge.
VALUES: dict[float, Status] = {1.0: "healthy", 0.5: "degraded", 0.0: "unhealthy"}
_MOST_COMPONENTS = 50


class _Reported(ProcessState):
    """The latest report of each component: the value, and its time on the monotonic clock."""

    def __init__(self) -> None:
        super().__init__()
        self.components: dict[str, tuple[float, float]] = {}

    def after_fork(self) -> None:
        self.components.clear()


_reported = _Reported()


def report_health(component: str, status: float) -> None:
    """Record the health of a component in `signal_service.health_check.status`.

    Args:
        component: The component, such as ``database``; ``service`` for the status of the whole service.
        status: 1 or True: healthy; 0.5: degraded; 0 or False: unhealthy. Another value is logged, counted in
            `signalscope.internal.errors` and not recorded.

    Examples:
        >>> from signalscope import report_health
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     report_health("market_data", 0.5)
        ...     captured.value("signal_service_health_check_status", component="market_data")
        0.5
    """
    if not isinstance(status, int | float) or status not in VALUES:
        _logger.error("signalscope: health of %r is not 1, 0.5 or 0: %r; ignored [SS517]", component, status)
        internal_error("report_health")
        return
    value = float(status)
    with _reported.lock:
        components = _reported.components
        if component in components or len(components) < _MOST_COMPONENTS:
            components[component] = (value, time.monotonic())
    get_instrument("signal_service.health_check.status").series(component).record(value)


def report_dependency_health(service_name: str, healthy: bool, *, criticality: str) -> None:
    """Record the health of an external service in `signal_service.external_service.health`.

    Args:
        service_name: The external service, such as ``ticker_service``.
        healthy: True if the service is healthy.
        criticality: The importance of the service: critical, mandatory or high. Another value is logged and recorded
            as ``other``.

    Examples:
        >>> from signalscope import report_dependency_health
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     report_dependency_health("ticker_service", True, criticality="critical")
        ...     captured.value("signal_service_external_service_health", service_name="ticker_service")
        1.0
    """
    if criticality not in CRITICALITIES:
        _logger.error(
            "signalscope: criticality of %r is %r; allowed: %s; recorded as other [SS513]",
            service_name, criticality, ", ".join(CRITICALITIES),
        )  # fmt: skip
    get_instrument("signal_service.external_service.health").series(service_name, criticality).record(
        1.0 if healthy else 0.0
    )


def components() -> dict[str, Verdict]:
    """Return the latest report of each component as a result with the duration 0."""
    with _reported.lock:
        return {
            name: Verdict(Result(VALUES[value], "as reported"), at, 0.0)
            for name, (value, at) in _reported.components.items()
        }
