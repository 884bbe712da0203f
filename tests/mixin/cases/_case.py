"""What a case is: input series, and how many alerts of a name fire at which time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Case", "buckets", "series"]


@dataclass(frozen=True)
class Case:
    """One situation of one alert.

    Attributes:
        alert: The alert's name.
        title: What happens.
        series: Values by series, in promtool's notation.
        firing: How many fire, by time.
        every: Between samples, and between evaluations.
        reset: Whether counters begin anew in it.
        start: The moment of the first sample, where the calendar matters; else 1970.
    """

    alert: str
    title: str
    series: Mapping[str, str]
    firing: Mapping[str, int]
    every: str = "15s"
    reset: bool = False
    start: str = ""

    def as_test(self) -> dict[str, Any]:
        """As promtool reads it."""
        query = f'count(ALERTS{{alertname="{self.alert}", alertstate="firing"}}) or vector(0)'
        return {
            "name": f"{self.alert}: {self.title}",
            "interval": self.every,
            **({"start_timestamp": self.start} if self.start else {}),
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "promql_expr_test": [
                {"expr": query, "eval_time": at, "exp_samples": [{"labels": "{}", "value": number}]}
                for at, number in self.firing.items()
            ],
        }


def series(metric: str, labels: str = "", *, job: str = "signal-service", instance: str = "a") -> str:
    """A series of one process of the service."""
    more = f", {labels}" if labels else ""
    return f'{metric}{{job="{job}", instance="{instance}"{more}}}'


def buckets(metric: str, labels: str, boundaries: str, inside: float, count: str) -> dict[str, str]:
    """Buckets that only have values above a bound from there on; others stay at zero.

    Args:
        metric: The histogram's name.
        labels: Its labels.
        boundaries: The boundaries, with spaces.
        inside: The bound from which on everything is counted.
        count: The values of those.
    """
    length = sum(int(part.partition("x")[2]) + 1 for part in count.split())
    return {
        series(f"{metric}_bucket", f'{labels}, le="{bound}"'): count
        if float(bound) >= inside
        else f"0x{length - 1}"
        for bound in [*boundaries.split(), "+Inf"]
    }
