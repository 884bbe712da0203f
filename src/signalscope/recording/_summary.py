"""Summaries: what a number of measurements add up to."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from signalscope.recording._numbers import is_plain, plain

#: Count, sum, least and greatest of some measurements, and pairs of a bucket's index and its count, without empty
#: buckets. A plain tuple: a collection makes one for every series.
Summary = tuple[int, float, float, float, Sequence[tuple[int, int]]]
#: No measurement at all.
NOTHING: Summary = (0, 0, math.inf, -math.inf, ())


class Rejected:
    """Counts values that an instrument cannot take: not finite, negative where that is wrong, not a number."""

    def __init__(self) -> None:
        self.count = 0


def summarise(
    values: list[float], boundaries: Sequence[float], *, signed: bool, rejected: Rejected
) -> Summary:
    """The summary of some values, which are sorted on the way; never raises.

    Args:
        values: What was recorded.
        boundaries: Bucket boundaries of a histogram; empty for a counter.
        signed: Whether negative values are allowed.
        rejected: Counts the values that are left out.
    """
    try:
        summary = _added(values, boundaries)
        _, total, low, high, _ = summary
        if all(map(is_plain, (total, low, high))) and math.isfinite(total) and (low >= 0 or signed):
            return summary
    except Exception:  # noqa: S110  # not numbers, then; whatever a foreign type does, it must not stop a fold
        pass
    values = _usable(values, signed=signed, rejected=rejected)
    return _added(values, boundaries) if values else NOTHING


def _added(values: list[float], boundaries: Sequence[float]) -> Summary:
    total = sum(values)
    values.sort()
    return len(values), total, values[0], values[-1], _buckets(values, boundaries)


def _buckets(values: list[float], boundaries: Sequence[float]) -> Sequence[tuple[int, int]]:
    """How many of the sorted values fall into each bucket; a value at a boundary belongs to the bucket below it."""
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
    """The values the SDK would accept, as plain numbers; the others are counted."""
    usable = []
    for value in values:
        try:
            usable.append(plain(value, signed=signed))
        except Exception:  # whatever a foreign type does
            rejected.count += 1
    return usable


def merge(summaries: Sequence[Summary]) -> Summary:
    """The summary of all measurements of several summaries."""
    if len(summaries) == 1:
        return summaries[0]
    counts, totals, lows, highs, _ = zip(*summaries, strict=True)
    buckets: dict[int, int] = {}
    for *_, pairs in summaries:
        for bucket, count in pairs:
            buckets[bucket] = buckets.get(bucket, 0) + count
    return sum(counts), sum(totals), min(lows), max(highs), tuple(buckets.items())
