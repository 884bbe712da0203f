"""Values with labels, and operations on them that Prometheus has too.

A vector maps labels to the values of one metric. An operation on an empty vector returns an empty vector, not a zero:
a missing value stays missing, as in PromQL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

#: Label names and values, sorted by name.
Labels = tuple[tuple[str, str], ...]
#: Values by labels.
Vector = Mapping[Labels, float]


def labels(**values: str) -> Labels:
    """Return labels as the key of a vector.

    Example:
        >>> labels(endpoint="/a", code="200")
        (('code', '200'), ('endpoint', '/a'))
    """
    return tuple(sorted(values.items()))


def only(vector: Vector, **wanted: str | Iterable[str]) -> dict[Labels, float]:
    """Return the values with certain labels.

    Args:
        vector: The values.
        wanted: For each label the allowed text, or several allowed texts. The value of an absent label is empty.

    Example:
        >>> only({labels(tier="free"): 1.0, labels(tier="paid"): 2.0}, tier="paid")
        {(('tier', 'paid'),): 2.0}
    """
    allowed = {name: {texts} if isinstance(texts, str) else set(texts) for name, texts in wanted.items()}
    return {
        key: value
        for key, value in vector.items()
        if all(dict(key).get(name, "") in texts for name, texts in allowed.items())
    }


def summed(
    vector: Vector, *by: str, how: Callable[[Iterable[float]], float] = math.fsum
) -> dict[Labels, float]:
    """Return one value for each combination of some labels, as ``sum by (…)`` does in PromQL.

    Args:
        vector: The values.
        by: The labels to keep.
        how: The function that combines values, such as `max`; the sum by default.

    Example:
        >>> summed({labels(tier="free"): 1.0, labels(tier="paid"): 2.0})
        {(): 3.0}
    """
    groups: dict[Labels, list[float]] = {}
    for key, value in vector.items():
        kept = tuple(pair for pair in key if pair[0] in by)
        groups.setdefault(kept, []).append(value)
    return {key: how(values) for key, values in groups.items()}


def scaled(vector: Vector, factor: float) -> dict[Labels, float]:
    """Return each value multiplied by a factor."""
    return {key: value * factor for key, value in vector.items()}


def clamp(vector: Vector, low: float = 0.0, high: float = 1.0) -> dict[Labels, float]:
    """Return each value limited to the range from `low` to `high`."""
    return {key: min(max(value, low), high) for key, value in vector.items()}


def labelled(vector: Vector, **more: str) -> dict[Labels, float]:
    """Return the vector with added or changed labels.

    Args:
        vector: The values.
        more: For each label the text. ``$name`` is the value of the label ``name``, which is then removed.

    Example:
        >>> labelled({labels(queue="work"): 1.0}, resource="$queue")
        {(('resource', 'work'),): 1.0}
    """
    changed = {}
    for key, value in vector.items():
        now = dict(key)
        for name, text in more.items():
            now[name] = now.pop(text[1:], "") if text.startswith("$") else text
        changed[labels(**now)] = value
    return changed


def quantiles(q: float, buckets: Vector) -> dict[Labels, float]:
    """Return the quantile of each histogram, as ``histogram_quantile`` does in PromQL.

    Args:
        q: The quantile, from 0 to 1.
        buckets: Cumulative counts or rates, with the label ``le``.

    Returns:
        The quantile of each histogram that is not empty, without the label ``le``.
    """
    histograms: dict[Labels, dict[float, float]] = {}
    for key, value in buckets.items():
        kept = tuple(pair for pair in key if pair[0] != "le")
        histograms.setdefault(kept, {})[float(dict(key)["le"])] = value
    estimates = {key: quantile(q, histogram) for key, histogram in histograms.items()}
    return {key: value for key, value in estimates.items() if value is not None}


def quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """Return a quantile of a histogram, interpolated linearly within its bucket as Prometheus does.

    Args:
        q: The quantile, from 0 to 1.
        buckets: Cumulative counts by upper boundary; the last boundary is infinite.

    Returns:
        The estimate, or the highest finite boundary if the quantile is above it. None if the histogram is empty or
        the last boundary is finite.

    Example:
        >>> quantile(0.75, {1.0: 5, 2.0: 10, math.inf: 10})
        1.5
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
