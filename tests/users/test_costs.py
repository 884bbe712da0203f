"""The sketch of the users with the highest cost keeps its error bounds."""

from __future__ import annotations

import math
import random

from signalscope.testing import FakeClock
from signalscope.users._costs import HeavyHitters


def test_the_costliest_users_are_found_in_bounded_memory() -> None:
    """The users with the highest cost among 100,000 are found within their bounds; old costs are dropped."""
    clock, draw = FakeClock(), random.Random(1)
    sketch, truth = HeavyHitters(clock, size=8), {f"heavy {number}": 10.0 - number for number in range(4)}
    charges = [(user, cost / 100) for user, cost in truth.items() for _ in range(100)]
    charges += [(f"light {number}", 0.0001) for number in range(100_000)]
    draw.shuffle(charges)
    for user, seconds in charges:
        sketch.add(user, seconds)
    heaviest = sketch.heaviest(4)
    assert [cost.user for cost in heaviest] == list(truth)
    for cost in heaviest:
        assert cost.at_least <= truth[cost.user] + 1e-6
        assert cost.at_most >= truth[cost.user] - 1e-6
    assert sketch._sketches["", 0].num_active_items <= 2**8
    clock.advance(3_700)
    assert sketch.heaviest() == []


def test_what_costs_nothing_is_not_charged() -> None:
    """A cost of zero, and a value that is not a number, are not charged; long ids are cut."""
    sketch = HeavyHitters(FakeClock())
    for seconds in (0.0, -1.0, math.nan, math.inf):
        sketch.add("nobody", seconds)
    sketch.add("x" * 10_000, 1.0)
    assert [len(cost.user) for cost in sketch.heaviest()] == [200]
    sketch.after_fork()
    assert sketch.heaviest() == []
