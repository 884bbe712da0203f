"""What is foreseen and recommended, in plain Python: written apart from the rules, to judge them by."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


def foreseen(candidates: Iterable[float]) -> float | None:
    """The forecast: the median of the candidates; None of fewer than two."""
    found = list(candidates)
    return statistics.median(found) if len(found) >= 2 else None


def exhaustion(
    used: float | None, crossings: Iterable[float], forecast: float | None, *, limit: float, within: float
) -> float | None:
    """Seconds until a resource is exhausted.

    Args:
        used: What is in use now, 0 to 1.
        crossings: Seconds from now at which a forecast reaches the limit; those of the past are taken as they are.
        forecast: What will be in use at the end of what is looked at; None without enough history.
        limit: The share at which the resource counts as exhausted.
        within: How far is looked, in seconds.

    Returns:
        0 when it is exhausted; ``within`` when that is not foreseen; None when nothing is known.
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
    """Requests a second that one replica can take, as measured.

    Args:
        efficiency: Requests for each CPU-second, at moments that were busy enough to tell.
        target: CPU of a replica that is aimed at, 0 to 1.
        processes: Processes in a replica.
        least_samples: Fewer moments tell nothing.

    Returns:
        Of the lower quartile; None of too few moments.
    """
    found = sorted(efficiency)
    if len(found) < max(least_samples, 1):
        return None
    rank = 0.25 * (len(found) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(found) - 1)
    quartile = found[low] * (1 - (rank - low)) + found[high] * (rank - low)
    return quartile * target * processes


@dataclass(frozen=True, slots=True)
class Recommendation:
    """How many replicas are wanted.

    Attributes:
        replicas: The number.
        reason: What asks for that many: load, forecast, queue, minimum or maximum.
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
    """The replicas that are wanted, and why: the greatest of what load, forecast and queue ask for.

    Args:
        peak: The highest load of the last minutes, in requests a second.
        capacity: What one replica can take.
        coming: The highest load that is foreseen for soon.
        processed: Queue items that are processed each second.
        backlog: Items that wait.
        queue_rate: Items a second that one replica processes while there is a backlog.
        drain: Seconds within which a backlog is to be worked off.
        least: Fewer are never recommended.
        most: More are never recommended.

    Returns:
        None without a load and a measured capacity.
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
    reason = max(known, key=lambda each: known[each])
    if known[reason] > most:
        return Recommendation(float(most), "maximum")
    return Recommendation(known[reason], reason)


def _needed(load: float | None, capacity: float | None) -> float | None:
    return None if load is None or capacity is None or capacity <= 0 else float(math.ceil(load / capacity))
