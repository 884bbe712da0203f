"""User tiers with their limits, and the rate limiter."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from signalscope.demo.service.choices import check_choice


@dataclass(frozen=True, slots=True)
class Tier:
    """A subscription tier and its limits.

    Attributes:
        name: The name in the contract.
        requests_per_second: The sustained rate for each user.
        burst: The number of requests that may come at once.
        premium: True if the tier includes premium features.
    """

    name: str
    requests_per_second: float
    burst: int
    premium: bool


TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier("free", 2.0, 5, premium=False),
        Tier("basic", 10.0, 20, premium=False),
        Tier("professional", 40.0, 80, premium=True),
        Tier("enterprise", 200.0, 400, premium=True),
    )
}


def parse_tier(value: str | None) -> Tier:
    """Return the tier with a name; None or an empty name stands for free.

    Raises:
        UnknownChoiceError: The tier is unknown.

    Example:
        >>> parse_tier("Basic").requests_per_second
        10.0
    """
    return TIERS[check_choice("tier", (value or "free").strip().lower(), TIERS)]


class RateLimiter:
    """A token bucket for each user.

    Args:
        capacity: The number of users to keep a bucket for; the bucket that was unused for longest is dropped.
        monotonic: The clock, in seconds.

    Example:
        >>> limiter = RateLimiter(monotonic=lambda: 0.0)
        >>> [limiter.admit("anna", TIERS["free"]) for _ in range(6)]
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.5]
    """

    def __init__(self, capacity: int = 10_000, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._monotonic = monotonic
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def admit(self, user: str, tier: Tier) -> float:
        """Take a token; return 0, or the seconds until the next token if none is left."""
        now = self._monotonic()
        key = (tier.name, user)
        tokens, then = self._buckets.pop(key, (float(tier.burst), now))
        tokens = min(float(tier.burst), tokens + (now - then) * tier.requests_per_second)
        admitted = tokens >= 1.0
        self._buckets[key] = (tokens - 1.0 if admitted else tokens, now)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return 0.0 if admitted else (1.0 - tokens) / tier.requests_per_second
