"""Tiers and the rate limit."""

import pytest

from signalscope.demo.service.choices import UnknownChoiceError
from signalscope.demo.service.tiers import TIERS, RateLimiter, parse_tier


def test_a_tier_is_found_by_name_and_none_means_free() -> None:
    """Names are not case-sensitive; a user without a tier has the free tier."""
    assert parse_tier(" Enterprise ") is TIERS["enterprise"]
    assert parse_tier(None) is TIERS["free"]


def test_unknown_tier_names_the_allowed_ones() -> None:
    """The error lists the allowed tiers."""
    with pytest.raises(
        UnknownChoiceError, match="unknown tier 'gold'; allowed: free, basic, professional, ent"
    ):
        parse_tier("gold")


def test_burst_then_refused_then_refilled() -> None:
    """A user may send a burst, then gets the seconds to wait, and is admitted after that time."""
    now = 0.0
    limiter = RateLimiter(monotonic=lambda: now)
    free = TIERS["free"]
    assert [limiter.admit("ann", free) for _ in range(free.burst)] == [0.0] * free.burst
    wait = limiter.admit("ann", free)
    assert wait == pytest.approx(1 / free.requests_per_second)
    now = wait
    assert limiter.admit("ann", free) == 0.0
    assert limiter.admit("ann", free) > 0.0


def test_users_do_not_use_up_each_others_rate() -> None:
    """Each user has their own bucket."""
    limiter = RateLimiter(monotonic=lambda: 0.0)
    free = TIERS["free"]
    for _ in range(free.burst + 1):
        limiter.admit("ann", free)
    assert limiter.admit("bob", free) == 0.0


def test_remembered_users_are_bounded() -> None:
    """The bucket that was unused for longest is dropped; its user starts with a full bucket."""
    limiter = RateLimiter(capacity=2, monotonic=lambda: 0.0)
    free = TIERS["free"]
    for _ in range(free.burst):
        limiter.admit("ann", free)
    limiter.admit("bob", free)
    limiter.admit("cid", free)
    assert limiter.admit("ann", free) == 0.0
