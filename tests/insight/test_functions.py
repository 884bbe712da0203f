"""The pure functions by themselves: what is absent stays absent, and the sketch of costs keeps its promises."""

from __future__ import annotations

import math
import random

import pytest

from signalscope.derived._vector import labelled, labels, quantile, ratio, single, worst
from signalscope.insight import business, capacity, performance
from signalscope.testing import FakeClock
from signalscope.users._costs import HeavyHitters


def test_nothing_gives_nothing() -> None:
    """No requests, calls, users or costs: no values, not zeros."""
    assert performance.error_rate({}) == {}
    assert performance.mean({}, {}) == {}
    assert performance.slow_percentage({}, 0.5) == {}
    assert performance.hit_ratio({}) == {}
    assert performance.backpressure({}, {}) == {}
    assert business.satisfaction({}, satisfied=0.5, tolerated=2.0) == {}
    assert business.adoption({labels(feature="a", user_tier="b"): 3}, {}) == {}
    assert business.cost_per_user({labels(user_tier="free"): 3}, {}) == {}
    assert business.revenue_impact({}, {(): 90}) == {}
    assert business.growth(5, 0) is None
    assert business.growth(5, None) is None
    assert capacity.scaling(peak=5, capacity=None, drain=300, least=2, most=50) is None
    assert capacity.exhaustion(None, [], None, limit=0.9, within=10) is None
    assert capacity.foreseen([0.5]) is None
    assert capacity.replica_capacity([], target=0.6, processes=1, least_samples=0) is None


def test_none_of_something_is_zero() -> None:
    """Requests without an error are an error rate of 0, not an absent one."""
    requests = {labels(endpoint="/a", status_code="200"): 10.0}
    assert performance.error_rate(requests) == {(): 0, labels(endpoint="/a"): 0}
    assert ratio({}, {(): 4.0}) == {(): 0}
    assert ratio({(): 1.0}, {(): 0.0}) == {}


@pytest.mark.parametrize(
    ("q", "buckets", "expected"),
    [
        (0.5, {1.0: 5, 2.0: 10, math.inf: 10}, 1.0),
        (0.75, {1.0: 5, 2.0: 10, math.inf: 10}, 1.5),
        (0.99, {1.0: 5, 2.0: 5, math.inf: 10}, 2.0),
        (0.5, {1.0: 0, math.inf: 0}, None),
        (0.5, {math.inf: 3}, None),
        (0.5, {1.0: 3}, None),
        (0.0, {1.0: 0, 2.0: 4, math.inf: 4}, 0.0),
    ],
)
def test_quantiles_are_interpolated_as_prometheus_does(
    q: float, buckets: dict[float, float], expected: float | None
) -> None:
    """Within the bucket; above the last finite bound it is that bound; nothing of nothing."""
    assert quantile(q, buckets) == (None if expected is None else pytest.approx(expected))


def test_satisfaction_counts_failures_as_failures() -> None:
    """However quick: 5 satisfied, 3 tolerable, 1 slow and 1 failed of ten are 65."""

    def requests(status: str, *cumulative: float) -> dict[tuple[tuple[str, str], ...], float]:
        return {
            labels(user_tier="free", status_code=status, le=le): value
            for le, value in zip(("0.5", "2.0", "inf"), cumulative, strict=True)
        }

    found = business.satisfaction(
        {**requests("200", 5, 8, 9), **requests("500", 1, 1, 1)}, satisfied=0.5, tolerated=2.0
    )
    assert found == {(): pytest.approx(65), labels(user_tier="free"): pytest.approx(65)}


def test_the_bottleneck_is_the_most_saturated_resource() -> None:
    """Each within 0 to 1; a dependency's is the worst of health, errors and latency."""
    found = capacity.bottleneck(
        cpu={labels(instance="a"): 0.4, labels(instance="b"): 1.7}, memory={}, database_p95={}, database_limit=0.5,
        backpressure={labels(queue_type="work"): 0.6}, evicted={}, stored={labels(cache_type="greeks"): 4.0},
        unhealthy={labels(service_name="x"): 0.0}, failing={labels(service_name="x"): 0.2},
        slow={labels(service_name="x"): 1.0}, slow_limit=2.0,
    )  # fmt: skip
    assert {dict(each)["resource"]: value for each, value in found.items()} == {
        "cpu": 1.0, "work": 0.6, "greeks": 0.0, "x": 0.5
    }  # fmt: skip


def test_vectors_are_relabelled_and_merged() -> None:
    """A label may become another one; of the same labels the greatest value stays."""
    assert labelled({labels(queue_type="work"): 1.0}, resource="$queue_type", kind="queue") == {
        labels(resource="work", kind="queue"): 1.0
    }
    assert worst({(): 1.0}, {(): 3.0}, {}) == {(): 3.0}
    assert single(math.nan) == single(None) == {}


def test_recommendations_say_what_asks_for_them() -> None:
    """Load, forecast, queue, minimum or maximum."""
    usual = {"capacity": 10.0, "drain": 100.0, "least": 2, "most": 9}

    def wanted(**given: float) -> tuple[float, str]:
        found = capacity.scaling(**{**usual, "peak": 5.0, **given})  # type: ignore[arg-type]  # all are numbers
        assert found is not None
        return found.replicas, found.reason

    assert wanted() == (2, "minimum")
    assert wanted(peak=45.0) == (5, "load")
    assert wanted(coming=61.0) == (7, "forecast")
    assert wanted(processed=10.0, backlog=2000.0, queue_rate=5.0) == (6, "queue")
    assert wanted(peak=500.0) == (9, "maximum")


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
