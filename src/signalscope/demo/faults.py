"""The catalogue of faults: what each breaks, where it is switched, and what should then be seen.

Standard library only at import: the command line and the services read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Where = Literal["service", "dependencies"]
Mode = Literal["down", "slow", "failing"]

#: The external services of the reference service, and how much depends on each.
DEPENDENCIES = {
    "ticker_service": "critical",
    "marketplace_service": "mandatory",
    "config_service": "critical",
    "alert_service": "high",
    "comms_service": "high",
}


class UnknownFaultError(ValueError):
    """No such fault; the message names the ones there are."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that can be broken on purpose.

    Attributes:
        name: How it is called on the command line.
        effect: What it does, in one sentence.
        alerts: The alerts to expect while it is on.
        dependency: The external service concerned, if one is.
        mode: How that service is broken.
    """

    name: str
    effect: str
    alerts: tuple[str, ...]
    dependency: str | None = None
    mode: Mode | None = None

    @property
    def where(self) -> Where:
        """Whose ``/demo/faults/NAME`` switches it."""
        return "service" if self.dependency is None else "dependencies"


#: What it means that a service of that criticality is down.
_DOWN = {
    "critical": ("CriticalDependencyDown", "CriticalDependencyBreakerOpen"),
    "mandatory": ("MandatoryDependencyDown", "DependencyBreakerOpen"),
    "high": ("DependencyDown", "DependencyBreakerOpen"),
}


def _make_faults(service: str) -> tuple[Fault, Fault, Fault]:
    short = service.removesuffix("_service")
    down = _DOWN[DEPENDENCIES[service]]
    if service == "config_service":
        down = ("ConfigServiceUnavailable", *down[1:])
    return (
        Fault(
            f"{short}-down", f"{service} closes its listening socket: connections are refused.",
            down, service, "down",
        ),
        Fault(
            f"{short}-slow", f"{service} answers its calls 2.5 s late; its health check stays quick.",
            ("DependencyLatencyHigh",), service, "slow",
        ),
        Fault(
            f"{short}-failing", f"{service} answers its calls with 503; its health check stays good.",
            ("DependencyErrorRateHigh", down[1]), service, "failing",
        ),
    )  # fmt: skip


FAULTS: dict[str, Fault] = {fault.name: fault for fault in (
    *(fault for service in DEPENDENCIES for fault in _make_faults(service)),
    Fault(
        "greeks-nan", "Every calculation gives NaN.",
        ("GreeksCalculationSystemFailure", "InvalidGreeksRatioHigh"),
    ),
    Fault(
        "greeks-failing", "Every Greeks calculation raises an error.",
        ("GreeksCalculationSystemFailure", "ErrorBudgetBurnFast"),
    ),
    Fault("greeks-slow-vectorized", "Every array calculation takes 1.7 s.", ("SlowGreeksCalculations",)),
    Fault("api-latency", "Every API request takes 6 s longer.", ("SignalServiceHighLatency",)),
    Fault(
        "cache-flush", "Both caches are emptied five times a second.",
        ("GreeksCacheHitRatioLow", "IndicatorsCacheHitRatioLow"),
    ),
    Fault(
        "queue-flood", "The work queue is kept full of slow jobs of every priority.",
        ("CriticalQueueBacklog", "QueueBackpressureHigh"),
    ),
    Fault(
        "cpu-burn", "A thread of the service keeps one core busy; the service goes on answering.",
        ("SignalServiceHighCPUUsage",),
    ),
    Fault("subscription-surge", "12,000 users subscribe at once.", ("HighActiveSubscriptions",)),
)}  # fmt: skip


def find(name: str, where: Where | None = None) -> Fault:
    """Return the fault of that name.

    Args:
        name: The fault's name.
        where: Only faults that are switched there.

    Raises:
        UnknownFaultError: There is no such fault.
    """
    fault = FAULTS.get(name)
    if fault is None or (where is not None and fault.where != where):
        names = [known.name for known in FAULTS.values() if where in (None, known.where)]
        meant = "".join(f" (did you mean {near}?)" for near in get_close_matches(name, names, 1, cutoff=0.8))
        raise UnknownFaultError(f"unknown fault {name!r}{meant}; there are: {', '.join(names)}")
    return fault
