"""Values with labels, and the few operations on them that Prometheus has too.

A vector holds the values of one metric by their labels. An operation that has nothing to work on gives an empty
vector, never a zero: what is absent stays absent, as in PromQL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

#: Label names and values, sorted by name.
Labels = tuple[tuple[str, str], ...]
#: Values by labels.
Vector = Mapping[Labels, float]


def labels(**values: str) -> Labels:
    """Return labels as vectors have them."""
    return tuple(sorted(values.items()))


def only(vector: Vector, **wanted: str | Iterable[str]) -> dict[Labels, float]:
    """Return the values that have these labels, each one text or one of several; an absent label is empty."""
    allowed = {name: {texts} if isinstance(texts, str) else set(texts) for name, texts in wanted.items()}
    return {
        key: value
        for key, value in vector.items()
        if all(dict(key).get(name, "") in texts for name, texts in allowed.items())
    }


def summed(
    vector: Vector, *by: str, how: Callable[[Iterable[float]], float] = math.fsum
) -> dict[Labels, float]:
    """`sum by (by)`.

    Args:
        vector: What to sum.
        by: The labels to keep.
        how: How values become one: `max` and `min` are Prometheus' of that name.
    """
    groups: dict[Labels, list[float]] = {}
    for key, value in vector.items():
        kept = tuple(pair for pair in key if pair[0] in by)
        groups.setdefault(kept, []).append(value)
    return {key: how(values) for key, values in groups.items()}


def scaled(vector: Vector, factor: float) -> dict[Labels, float]:
    """Return each value times a factor."""
    return {key: value * factor for key, value in vector.items()}


def clamp(vector: Vector, low: float = 0.0, high: float = 1.0) -> dict[Labels, float]:
    """Return each value within limits."""
    return {key: min(max(value, low), high) for key, value in vector.items()}


def labelled(vector: Vector, **more: str) -> dict[Labels, float]:
    """Return the vector with more labels, or with new values of some.

    A value ``$name`` is that of the label ``name``, which is then left out.
    """
    changed = {}
    for key, value in vector.items():
        now = dict(key)
        for name, text in more.items():
            now[name] = now.pop(text[1:], "") if text.startswith("$") else text
        changed[labels(**now)] = value
    return changed


def quantiles(q: float, buckets: Vector) -> dict[Labels, float]:
    """`histogram_quantile(q, …)`: the quantile of each histogram.

    Args:
        q: From 0 to 1.
        buckets: Cumulative counts or rates, with the label ``le``.
    """
    histograms: dict[Labels, dict[float, float]] = {}
    for key, value in buckets.items():
        kept = tuple(pair for pair in key if pair[0] != "le")
        histograms.setdefault(kept, {})[float(dict(key)["le"])] = value
    estimates = {key: quantile(q, histogram) for key, histogram in histograms.items()}
    return {key: value for key, value in estimates.items() if value is not None}


def quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """Return a quantile of a histogram, interpolated within its bucket as Prometheus does.

    Args:
        q: From 0 to 1.
        buckets: Cumulative counts by upper bound; the last boundary is infinite.

    Returns:
        The estimate; the greatest finite boundary when the quantile is above it; None of no measurements.
    """
    boundaries = sorted(buckets)
    if len(boundaries) < 2 or not math.isinf(boundaries[-1]) or buckets[boundaries[-1]] <= 0:
        return None
    rank = q * buckets[boundaries[-1]]
    place = next(number for number, boundary in enumerate(boundaries) if buckets[boundary] >= rank)
    if place == len(boundaries) - 1:
        return boundaries[-2]
    high = boundaries[place]
    if place == 0 and high <= 0:
        return high
    low, below = (boundaries[place - 1], buckets[boundaries[place - 1]]) if place else (0.0, 0.0)
    inside = buckets[high] - below
    return low + (high - low) * ((rank - below) / inside if inside else 0.0)
