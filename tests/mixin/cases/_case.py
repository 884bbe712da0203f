"""Data model of a test case of an alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Case", "buckets", "series"]


@dataclass(frozen=True)
class Case:
    """A test case of an alert.

    Attributes:
        alert: The name of the alert.
        title: The situation.
        series: Values by series, in promtool's notation.
        firing: The expected number of firing alerts, by time.
        every: The interval of samples and evaluations.
        reset: If true, counters restart at zero.
        start: The time of the first sample, if the calendar matters; otherwise 1970.
    """

    alert: str
    title: str
    series: Mapping[str, str]
    firing: Mapping[str, int]
    every: str = "15s"
    reset: bool = False
    start: str = ""

    def as_test(self) -> dict[str, Any]:
        """Return the case in promtool's format."""
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
    """Return a series of a process of the service."""
    more = f", {labels}" if labels else ""
    return f'{metric}{{job="{job}", instance="{instance}"{more}}}'


def buckets(metric: str, labels: str, boundaries: str, inside: float, count: str) -> dict[str, str]:
    """Return the buckets of a histogram whose values are all in one bucket.

    Args:
        metric: The name of the histogram.
        labels: The labels.
        boundaries: The bucket boundaries, separated by spaces.
        inside: The upper boundary of the bucket with the values.
        count: The values of this and all higher buckets; lower ones are zero.
    """
    length = sum(int(part.partition("x")[2]) + 1 for part in count.split())
    return {
        series(f"{metric}_bucket", f'{labels}, le="{bound}"'): count
        if float(bound) >= inside
        else f"0x{length - 1}"
        for bound in [*boundaries.split(), "+Inf"]
    }
