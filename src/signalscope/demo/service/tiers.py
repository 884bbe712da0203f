"""User tiers: what each may do and how often, and the rate limit that holds them to it."""

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
        name: Its name in the contract.
        requests_per_second: Sustained rate for each user.
        burst: Requests that may come at once.
        premium: Whether premium features are included.
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
    """Return the tier of that name; no name means free.

    Raises:
        UnknownChoiceError: There is no such tier.
    """
    return TIERS[check_choice("tier", (value or "free").strip().lower(), TIERS)]


class RateLimiter:
    """A token bucket for each user; the least recently seen users are forgotten beyond ``capacity``.

    Args:
        capacity: How many users to remember.
        monotonic: The clock, in seconds.
    """

    def __init__(self, capacity: int = 10_000, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._monotonic = monotonic
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def admit(self, user: str, tier: Tier) -> float:
        """Take one token: 0 when there was one, else the seconds until there will be."""
        now = self._monotonic()
        key = (tier.name, user)
        tokens, then = self._buckets.pop(key, (float(tier.burst), now))
        tokens = min(float(tier.burst), tokens + (now - then) * tier.requests_per_second)
        admitted = tokens >= 1.0
        self._buckets[key] = (tokens - 1.0 if admitted else tokens, now)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return 0.0 if admitted else (1.0 - tokens) / tier.requests_per_second
