"""How well the service works: errors, latency, vectorisation, caches, queues, dependencies.

Counts and rates may be given alike, as long as all arguments of a call are of the same kind and window.
"""

from __future__ import annotations

from signalscope.derived._vector import Labels, Vector, clamp, divided, only, ratio, scaled, summed, worst

__all__ = [
    "backpressure",
    "dependency_errors",
    "error_rate",
    "fill",
    "hit_ratio",
    "mean",
    "slow_percentage",
    "vectorized_share",
]


def error_rate(requests: Vector) -> dict[Labels, float]:
    """Requests that failed (5xx), in percent: of the service, and of each endpoint.

    Args:
        requests: By ``endpoint`` and ``status_code``.
    """
    failed = {each: value for each, value in requests.items() if dict(each)["status_code"].startswith("5")}
    return {
        found: value
        for by in ((), ("endpoint",))
        for found, value in scaled(ratio(summed(failed, *by), summed(requests, *by)), 100).items()
    }


def slow_percentage(buckets: Vector, seconds: float) -> dict[Labels, float]:
    """Measurements of more than so many seconds, in percent.

    Args:
        buckets: Cumulative, with the label ``le``; all of them are one histogram.
        seconds: One of the bounds.
    """
    by_bound = summed(buckets, "le")
    everything = max(by_bound.values(), default=0.0)
    if everything <= 0:
        return {}
    quick = sum(value for found, value in by_bound.items() if float(dict(found)["le"]) == seconds)
    return {(): 100 * (everything - quick) / everything}


def mean(total: Vector, count: Vector, *by: str) -> dict[Labels, float]:
    """The mean of each histogram: its sum by its count."""
    return divided(summed(total, *by), summed(count, *by))


def vectorized_share(options: Vector) -> dict[Labels, float]:
    """Options priced in array operations, of all: of the service, and of each calculation.

    Args:
        options: By ``calculation_type`` and ``vectorized``.
    """
    array = only(options, vectorized="true")
    return {
        found: value
        for by in ((), ("calculation_type",))
        for found, value in ratio(summed(array, *by), summed(options, *by)).items()
    }


def hit_ratio(operations: Vector) -> dict[Labels, float]:
    """Hits, of the gets that found out whether there was an entry, by ``cache_type``.

    Args:
        operations: By ``cache_type``, ``operation`` and ``result``.
    """
    gets = only(operations, operation="get", result=("hit", "miss"))
    return ratio(summed(only(gets, result="hit"), "cache_type"), summed(gets, "cache_type"))


def fill(sizes: Vector, capacities: Vector, by: str) -> dict[Labels, float]:
    """What is in a queue or cache, of what it can hold."""
    return divided(summed(sizes, by), summed(capacities, by))


def backpressure(filled: Vector, events: Vector) -> dict[Labels, float]:
    """How far each queue is from keeping up, 0 to 1: the worse of how full it is and how much it refuses.

    Args:
        filled: By ``queue_type``, 0 to 1.
        events: Items by ``queue_type``, ``priority`` and ``event``.
    """
    offered = summed(only(events, event=("enqueued", "rejected")), "queue_type")
    refused = ratio(summed(only(events, event="rejected"), "queue_type"), offered)
    return clamp(worst(filled, refused))


def dependency_errors(calls: Vector) -> dict[Labels, float]:
    """Calls that failed, of those that ended by themselves, by ``service_name``.

    Args:
        calls: By ``service_name`` and ``outcome``.
    """
    ended = {each: value for each, value in calls.items() if dict(each)["outcome"] != "cancelled"}
    return ratio(summed(only(ended, outcome="error"), "service_name"), summed(ended, "service_name"))
