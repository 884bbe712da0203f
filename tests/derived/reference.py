"""Forecasts and recommendations in plain Python, written independently of the rules, to check the rules."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


def foreseen(candidates: Iterable[float]) -> float | None:
    """Return the forecast: the median of the candidates, or None if there are fewer than two."""
    values = list(candidates)
    return statistics.median(values) if len(values) >= 2 else None


def exhaustion(
    used: float | None, crossings: Iterable[float], forecast: float | None, *, limit: float, within: float
) -> float | None:
    """Return the seconds until a resource is exhausted.

    Args:
        used: The ratio of the resource that is in use now, from 0 to 1.
        crossings: Seconds from now until a forecast reaches the limit; negative values stay negative.
        forecast: The forecast of the ratio for the end of the horizon; None without enough history.
        limit: The ratio at which the resource counts as exhausted.
        within: The horizon in seconds.

    Returns:
        0 if the resource is exhausted, ``within`` if no forecast reaches the limit, None without a forecast.
    """
    if used is not None and used >= limit:
        return 0.0
    first = min(crossings, default=None)
    if first is not None:
        return first
    return None if forecast is None else within


def replica_capacity(
    efficiency: Iterable[float], *, target: float, processes: int, least_samples: int
) -> float | None:
    """Return the measured capacity of a replica in requests per second.

    Args:
        efficiency: Requests per CPU-second, measured while the service was busy enough.
        target: The wanted CPU utilisation of a replica, from 0 to 1.
        processes: The number of processes in a replica.
        least_samples: The least number of measurements.

    Returns:
        The capacity at the lower quartile of the measurements; None if there are too few measurements.
    """
    values = sorted(efficiency)
    if len(values) < max(least_samples, 1):
        return None
    rank = 0.25 * (len(values) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(values) - 1)
    quartile = values[low] * (1 - (rank - low)) + values[high] * (rank - low)
    return quartile * target * processes


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommended number of replicas.

    Attributes:
        replicas: The number.
        reason: The reason for the number: load, forecast, queue, minimum or maximum.
    """

    replicas: float
    reason: str


def scaling(
    *,
    peak: float | None,
    capacity: float | None,
    coming: float | None = None,
    processed: float | None = None,
    backlog: float | None = None,
    queue_rate: float | None = None,
    drain: float,
    least: int,
    most: int,
) -> Recommendation | None:
    """Return the recommended number of replicas: the highest number that load, forecast or queue need.

    Args:
        peak: The highest load of the last minutes, in requests per second.
        capacity: The capacity of one replica, in requests per second.
        coming: The highest load that the forecast has for the near future.
        processed: The queue items that the service processes per second.
        backlog: The number of waiting items.
        queue_rate: The items per second that one replica processes while a backlog exists.
        drain: The number of seconds in which the backlog must be processed.
        least: The least number of replicas.
        most: The highest number of replicas.

    Returns:
        The recommendation; None without a load or a measured capacity.
    """
    wanted: Mapping[str, float | None] = {
        "load": _needed(peak, capacity),
        "forecast": _needed(coming, capacity),
        "queue": None
        if processed is None or backlog is None
        else _needed(processed + backlog / drain, queue_rate),
        "minimum": None if _needed(peak, capacity) is None else float(least),
    }
    known = {reason: value for reason, value in wanted.items() if value is not None}
    if not known:
        return None
    reason = max(known, key=lambda name: known[name])
    if known[reason] > most:
        return Recommendation(float(most), "maximum")
    return Recommendation(known[reason], reason)


def _needed(load: float | None, capacity: float | None) -> float | None:
    return None if load is None or capacity is None or capacity <= 0 else float(math.ceil(load / capacity))
