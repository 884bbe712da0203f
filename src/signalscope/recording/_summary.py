"""Summaries: count, sum, minimum, maximum and bucket counts of some measurements."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from signalscope.recording._numbers import is_plain, plain

#: Count, sum, minimum and maximum of some measurements, and pairs of bucket index and count for buckets that are not
#: empty. A plain tuple, since a collection creates one for every series.
Summary = tuple[int, float, float, float, Sequence[tuple[int, int]]]
#: The summary of zero measurements.
NOTHING: Summary = (0, 0, math.inf, -math.inf, ())


class Rejected:
    """Counts values that an instrument cannot record: not finite, not a number, or negative without `signed`."""

    def __init__(self) -> None:
        self.count = 0


def summarise(
    values: list[float], boundaries: Sequence[float], *, signed: bool, rejected: Rejected
) -> Summary:
    """Return the summary of some values, and sort the list; never raises.

    Args:
        values: The recorded values.
        boundaries: Bucket boundaries of a histogram; empty for a counter.
        signed: Whether negative values are allowed.
        rejected: Counts the values that are left out.
    """
    try:
        summary = _added(values, boundaries)
        _, total, low, high, _ = summary
        if all(map(is_plain, (total, low, high))) and math.isfinite(total) and (low >= 0 or signed):
            return summary
    except Exception:  # noqa: S110  # not all are plain numbers; other types may raise anything, but a fold must end
        pass
    values = _usable(values, signed=signed, rejected=rejected)
    return _added(values, boundaries) if values else NOTHING


def _added(values: list[float], boundaries: Sequence[float]) -> Summary:
    total = sum(values)
    values.sort()
    return len(values), total, values[0], values[-1], _buckets(values, boundaries)


def _buckets(values: list[float], boundaries: Sequence[float]) -> Sequence[tuple[int, int]]:
    """Count the sorted values in each bucket; a value equal to a boundary is in the bucket below the boundary."""
    if not boundaries:
        return ()
    bucket, last = bisect_left(boundaries, values[0]), bisect_left(boundaries, values[-1])
    if bucket == last:
        return ((bucket, len(values)),)
    counts = []
    seen = 0
    while bucket < last:
        reached = bisect_right(values, boundaries[bucket], seen)
        counts.append((bucket, reached - seen))
        seen = reached
        bucket = bisect_left(boundaries, values[seen], bucket + 1)
    counts.append((last, len(values) - seen))
    return counts


def _usable(values: list[float], *, signed: bool, rejected: Rejected) -> list[float]:
    """Return the values that can be recorded, as plain numbers; count the others as rejected."""
    usable = []
    for value in values:
        try:
            usable.append(plain(value, signed=signed))
        except Exception:  # the methods of other types may raise anything
            rejected.count += 1
    return usable


def merge(summaries: Sequence[Summary]) -> Summary:
    """Return the summary of the measurements of several summaries."""
    if len(summaries) == 1:
        return summaries[0]
    counts, totals, lows, highs, _ = zip(*summaries, strict=True)
    buckets: dict[int, int] = {}
    for *_, pairs in summaries:
        for bucket, count in pairs:
            buckets[bucket] = buckets.get(bucket, 0) + count
    return sum(counts), sum(totals), min(lows), max(highs), tuple(buckets.items())
