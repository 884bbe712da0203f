"""The sketch of the costliest users keeps its promises."""

from __future__ import annotations

import math
import random

from signalscope.testing import FakeClock
from signalscope.users._costs import HeavyHitters


def test_the_costliest_users_are_found_in_bounded_memory() -> None:
    """Among a hundred thousand users the few that cost most, each within its bounds; old costs are forgotten."""
    clock, draw = FakeClock(), random.Random(1)
    sketch, truth = HeavyHitters(clock, size=8), {f"heavy {number}": 10.0 - number for number in range(4)}
    charges = [(user, cost / 100) for user, cost in truth.items() for _ in range(100)]
    charges += [(f"light {number}", 0.0001) for number in range(100_000)]
    draw.shuffle(charges)
    for user, seconds in charges:
        sketch.add(user, seconds)
    found = sketch.heaviest(4)
    assert [each.user for each in found] == list(truth)
    for each in found:
        assert each.at_least <= truth[each.user] + 1e-6
        assert each.at_most >= truth[each.user] - 1e-6
    assert sketch._sketches["", 0].num_active_items <= 2**8
    clock.advance(3_700)
    assert sketch.heaviest() == []


def test_what_costs_nothing_is_not_charged() -> None:
    """Nor what is no number; long ids are cut."""
    sketch = HeavyHitters(FakeClock())
    for seconds in (0.0, -1.0, math.nan, math.inf):
        sketch.add("nobody", seconds)
    sketch.add("x" * 10_000, 1.0)
    assert [len(each.user) for each in sketch.heaviest()] == [200]
    sketch.after_fork()
    assert sketch.heaviest() == []
