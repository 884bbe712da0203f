"""The visual language: a colour means one thing on every dashboard.

Colours are Grafana's names, so that its light and dark themes both show them well; the console knows the same.
"""

from __future__ import annotations

from dataclasses import dataclass

GOOD, WARN, BAD, INFO, NEUTRAL = "green", "orange", "red", "blue", "text"
#: What is expected rather than measured, and how far it may be off.
FORECAST, BAND = "purple", "super-light-purple"

#: Tell names apart and mean nothing else: no green, orange, red, or purple of a forecast.
_TELLING = ("#5794F2", "#E0559B", "#33B5C9", "#C9A227", "#7E57C2", "#9C6B3F")

#: The colour of a label's value, wherever a series is named after it. Other names get one of the palette, by name.
PALETTE: dict[str, dict[str, str]] = {
    "outcome": {
        "success": GOOD,
        "invalid": WARN,
        "error": BAD,
        "failure": BAD,
        "cancelled": "gray",
        "rejected": "purple",
    },
    "status": {"2xx": GOOD, "3xx": "super-light-green", "4xx": "yellow", "5xx": BAD},
    "severity": {"critical": BAD, "warning": WARN, "info": INFO},
    "priority": {"critical": BAD, "high": WARN, "medium": "yellow", "low": INFO},
    "user_tier": {
        "free": _TELLING[2],
        "basic": "light-blue",
        "professional": "dark-blue",
        "enterprise": "dark-purple",
        "unknown": "gray",
    },
    "vectorized": {"vectorised": "dark-green", "one by one": WARN},
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
    "quantile": {"half": "light-blue", "95 of 100": "blue", "99 of 100": "dark-blue"},
    "direction": {"buy": "blue", "sell": _TELLING[1], "hold": "gray"},
}  # fmt: skip
#: The same for names without a meaning of their own: the colours only tell them apart.
NAMES: dict[str, dict[str, str]] = {
    "service_name": dict(
        zip(
            ("ticker_service", "marketplace_service", "config_service", "alert_service", "comms_service"),
            _TELLING, strict=False,
        )
    ),
    "cache_type": {"greeks": _TELLING[2], "indicators": _TELLING[4]},
    "kind": dict(zip(("cpu", "memory", "queue", "cache", "database", "dependency"), _TELLING, strict=False)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Where values change from one colour to the next.

    Attributes:
        base: The colour of the lowest values.
        steps: From which value on there is which colour, ascending.
        lines: Whether they are drawn in a time series.
    """

    base: str = NEUTRAL
    steps: tuple[tuple[float, str], ...] = ()
    lines: bool = True


NO_LIMITS = Limits()


def above(bad: float, warn: float | None = None) -> Limits:
    """High values are bad: red from ``bad`` on, orange from ``warn`` on."""
    warned = () if warn is None or warn >= bad else ((warn, WARN),)
    return Limits(GOOD, (*warned, (bad, BAD)))


def below(bad: float, warn: float | None = None) -> Limits:
    """Low values are bad: red below ``bad``, orange below ``warn``."""
    if warn is None or warn <= bad:
        return Limits(BAD, ((bad, GOOD),))
    return Limits(BAD, ((bad, WARN), (warn, GOOD)))
