"""Colours and limits: a colour has the same meaning on every dashboard.

Colours are Grafana's names, which suit its light and dark themes; the console uses the same names.
"""

from __future__ import annotations

from dataclasses import dataclass

GOOD, WARN, BAD, INFO, NEUTRAL = "green", "orange", "red", "blue", "text"
#: A forecast, and its prediction interval.
FORECAST, BAND = "purple", "super-light-purple"

#: Colours without a meaning: they are different from green, orange, red and the purple of a forecast.
_DISTINCT = ("#5794F2", "#E0559B", "#33B5C9", "#C9A227", "#7E57C2", "#9C6B3F")

#: The colour of a series that is named after a label value. Grafana assigns the colours of other names.
PALETTE: dict[str, dict[str, str]] = {
    "outcome": {
        "success": GOOD,
        "invalid": WARN,
        "error": BAD,
        "failure": BAD,
        "cancelled": "gray",
        "late_loop": "semi-dark-yellow",
        "rejected": "purple",
    },
    "status": {"2xx": GOOD, "3xx": "super-light-green", "4xx": "yellow", "5xx": BAD},
    "severity": {"critical": BAD, "warning": WARN, "info": INFO},
    "priority": {"critical": BAD, "high": WARN, "medium": "yellow", "low": INFO},
    "user_tier": {
        "free": _DISTINCT[2],
        "basic": "light-blue",
        "professional": "dark-blue",
        "enterprise": "dark-purple",
        "unknown": "gray",
    },
    "vectorized": {"vectorised": "dark-green", "not vectorised": WARN},
    "result": {"hit": GOOD, "miss": WARN, "ok": "light-blue", "error": BAD},
    "event": {
        "enqueued": INFO,
        "processed": GOOD,
        "failed": BAD,
        "rejected": "purple",
        "dropped": "dark-red",
    },
    "reason": {
        "nan": BAD,
        "none": "dark-orange",
        "infinite": "dark-purple",
        "out_of_range": "yellow",
        "not_converged": "purple",
    },
    "quantile": {"p50": _DISTINCT[2], "p95": "dark-blue", "p99": _DISTINCT[1]},
    "direction": {"buy": "blue", "sell": _DISTINCT[1], "hold": "gray"},
}  # fmt: skip
#: Colours of names that only need to be distinguished.
NAMES: dict[str, dict[str, str]] = {
    "service_name": dict(
        zip(
            ("ticker_service", "marketplace_service", "config_service", "alert_service", "comms_service"),
            _DISTINCT, strict=False,
        )
    ),
    "cache_type": {"greeks": _DISTINCT[2], "indicators": _DISTINCT[4]},
    "kind": dict(zip(("cpu", "memory", "queue", "cache", "database", "dependency"), _DISTINCT, strict=False)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds at which the colour of a value changes.

    Attributes:
        base: The colour of the lowest values.
        steps: Pairs of a value and the colour from this value up, in ascending order.
        lines: If true, time series show the thresholds as lines.
    """

    base: str = NEUTRAL
    steps: tuple[tuple[float, str], ...] = ()
    lines: bool = True


NO_LIMITS = Limits()


def above(bad: float, warn: float | None = None) -> Limits:
    """Return limits for values that must be low: red from ``bad`` up, orange from ``warn`` up."""
    warned = () if warn is None or warn >= bad else ((warn, WARN),)
    return Limits(GOOD, (*warned, (bad, BAD)))


def below(bad: float, warn: float | None = None) -> Limits:
    """Return limits for values that must be high: red below ``bad``, orange below ``warn``."""
    if warn is None or warn <= bad:
        return Limits(BAD, ((bad, GOOD),))
    return Limits(BAD, ((bad, WARN), (warn, GOOD)))
