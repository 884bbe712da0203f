"""The catalogue of faults: the effect of each, where to switch it, the alerts to expect, and the faults it excludes.

This module imports only the standard library, since the command line and both services read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Where = Literal["service", "dependencies", "supervisor"]
Mode = Literal["down", "slow", "failing"]

#: The external services of the reference service, and the criticality of each.
DEPENDENCIES = {
    "ticker_service": "critical",
    "marketplace_service": "mandatory",
    "config_service": "critical",
    "alert_service": "high",
    "comms_service": "high",
}
#: The external services that a request of a user waits for; all others are called in the background. If one of them
#: is down or fails at once, the service answers without it.
_CALLED_FOR_USERS = ("ticker_service", "marketplace_service")

#: The fault that ends the service itself; the supervisor of the demo switches it.
SERVICE_DOWN = "service-down"
#: The fault that makes every call late, so that a fault of an external service looks the same.
LOOP_BLOCKED = "loop-blocked"


class UnknownFaultError(ValueError):
    """The name of a fault is unknown; the message lists the known names."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure that can be switched on.

    Attributes:
        name: The name on the command line.
        effect: What the fault does, in one sentence.
        alerts: The alerts to expect while the fault is on.
        collateral: More alerts that the fault may fire, depending on the load and on how long it lasts.
        dependency: The external service that the fault breaks; None for the reference service itself.
        mode: How the external service breaks; None for the reference service itself.
        harms_users: True if users get errors, late answers or answers without a result while the fault is on.
        onset: Seconds until the fault shows in what is measured: the longest time until the load meets it.
    """

    name: str
    effect: str
    alerts: tuple[str, ...]
    collateral: tuple[str, ...] = ()
    dependency: str | None = None
    mode: Mode | None = None
    harms_users: bool = False
    onset: int = 0

    @property
    def where(self) -> Where:
        """The server whose ``/demo/faults/NAME`` switches the fault."""
        if self.name == SERVICE_DOWN:
            return "supervisor"
        return "service" if self.dependency is None else "dependencies"

    def excludes(self, other: Fault) -> bool:
        """Return True if one of two faults would hide or end the other.

        Example:
            >>> find("config-down").excludes(find("config-slow"))
            True
        """
        if self == other:
            return False
        names, servers = {self.name, other.name}, {self.where, other.where}
        is_same_service = self.dependency is not None and self.dependency == other.dependency
        return (
            is_same_service
            or names == {"greeks-nan", "greeks-failing"}
            or servers == {"supervisor", "service"}
        )


#: Criticality of a service -> the alerts to expect when such a service is down.
_DOWN = {
    "critical": ("CriticalDependencyDown", "CriticalDependencyBreakerOpen"),
    "mandatory": ("MandatoryDependencyDown", "DependencyBreakerOpen"),
    "high": ("DependencyDown", "DependencyBreakerOpen"),
}


#: Alerts that may follow while a service is down.
_DOWN_LATER = (
    "DependencyErrorRateHigh", "DependencyErrorsRising",
    "DependencyHealthBudgetBurnFast", "DependencyHealthBudgetBurnSlow",
)  # fmt: skip
#: Alerts that follow from slow answers, once enough of them have used up the error budgets.
_LATE = tuple(f"{slo}LatencyBudgetBurn{pace}" for slo in ("Api", "Signal") for pace in ("Fast", "Slow"))


def _make_faults(service: str) -> tuple[Fault, Fault, Fault]:
    short = service.removesuffix("_service")
    down = _DOWN[DEPENDENCIES[service]]
    if service == "config_service":
        down = ("ConfigServiceUnavailable", *down[1:])
    return (
        Fault(
            f"{short}-down", f"{service} closes its listening socket: connections are refused.",
            down, _DOWN_LATER, service, "down",
        ),
        Fault(
            f"{short}-slow", f"{service} answers its calls 2.5 s late; its health check stays fast.",
            ("DependencyLatencyHigh",), ("DependencyLatencyRising", *_LATE), service, "slow",
            harms_users=service in _CALLED_FOR_USERS,
        ),
        Fault(
            f"{short}-failing", f"{service} answers its calls with 503; its health check still succeeds.",
            ("DependencyErrorRateHigh", down[1]), ("DependencyErrorsRising",), service, "failing",
        ),
    )  # fmt: skip


FAULTS: dict[str, Fault] = {fault.name: fault for fault in (
    *(fault for service in DEPENDENCIES for fault in _make_faults(service)),
    Fault(
        "greeks-nan", "Every calculation gives NaN.",
        ("GreeksCalculationSystemFailure", "InvalidGreeksRatioHigh"), harms_users=True,
    ),
    Fault(
        "greeks-failing", "Every Greeks calculation raises an error.",
        ("GreeksCalculationSystemFailure", "ErrorBudgetBurnFast"), ("ErrorBudgetBurnSlow",),
        harms_users=True,
    ),
    Fault(
        "greeks-slow-vectorized", "Every array calculation takes 1.7 s.", ("SlowGreeksCalculations",), _LATE,
        harms_users=True,
    ),
    Fault(
        "api-latency", "Every API request takes 6 s longer.", ("SignalServiceHighLatency",), _LATE,
        harms_users=True,
    ),
    Fault(
        "cache-flush", "Both caches are emptied five times a second.",
        ("GreeksCacheHitRatioLow", "IndicatorsCacheHitRatioLow"),
    ),
    Fault(
        "queue-flood", "The work queue is kept full of slow jobs of every priority; it rejects all others.",
        ("CriticalItemsRejected", "CriticalQueueBacklog", "QueueBackpressureHigh"),
        ("CriticalBacklogBudgetBurnFast", "CriticalBacklogBudgetBurnSlow"), harms_users=True, onset=5,
    ),
    Fault(
        "cpu-burn", "A thread of the service keeps one core busy; the service still answers.",
        ("SignalServiceHighCPUUsage",),
    ),
    Fault(
        LOOP_BLOCKED, "The event loop stands still for 2.5 s, again and again; the external services are healthy.",
        ("EventLoopLagHigh",),
        ("SignalServiceHighLatency", "SignalServiceDown", "ExecutorSaturated", "ScrapeTimingOut", *_LATE),
        harms_users=True,
    ),
    Fault("subscription-surge", "12,000 users subscribe at once.", ("HighActiveSubscriptions",)),
    Fault(
        SERVICE_DOWN, "The process of the service is killed; off starts it again.", ("SignalServiceDown",),
        ("AvailabilityBudgetBurnFast", "AvailabilityBudgetBurnSlow"), harms_users=True,
    ),
)}  # fmt: skip


def find(name: str, where: Where | None = None) -> Fault:
    """Return the fault with a name.

    Args:
        name: The name of the fault.
        where: ``service``, ``dependencies`` or ``supervisor`` to accept only the faults of that server; None for all.

    Raises:
        UnknownFaultError: No fault has this name.

    Example:
        >>> find("config-down").alerts[0]
        'ConfigServiceUnavailable'
    """
    fault = FAULTS.get(name)
    if fault is None or (where is not None and fault.where != where):
        names = [known.name for known in FAULTS.values() if where in (None, known.where)]
        meant = "".join(f" (did you mean {near}?)" for near in get_close_matches(name, names, 1, cutoff=0.8))
        raise UnknownFaultError(f"unknown fault {name!r}{meant}; the faults are {', '.join(names)} [SS737]")
    return fault
