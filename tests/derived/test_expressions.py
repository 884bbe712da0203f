"""Expressions without Prometheus: a missing value stays missing, and no errors among requests are a rate of 0."""

from __future__ import annotations

import math

import pytest
from tests.derived.given import Given

from signalscope import derived
from signalscope.config import Config
from signalscope.contract import ContractError
from signalscope.derived._expressions import Instrument, Rate, Series
from signalscope.derived._operators import Ratio, Sum
from signalscope.derived._promql import Promql
from signalscope.derived._vector import labelled, labels, quantile

_LATENCY = "signal_service.api.request.duration"


def test_a_process_without_measurements_has_no_values() -> None:
    """A process without measurements returns no values and raises no error; only constants have a value."""
    process = Given()
    vectors = {row.key: process.row(row.key) for row in derived.all_series() if row.is_local(process.config)}
    fixed = {"KPI_TARGET", "SLO_OBJECTIVE", "SLO_PERIOD", "SLO_INFO"}
    assert {key for key, vector in vectors.items() if vector} == fixed


def test_an_error_rate_without_errors_is_zero() -> None:
    """The error rate of requests without an error is 0; without requests the ratio is absent."""
    requests = {labels(endpoint="/a", status_code="200", user_tier="free"): 10.0}
    assert Given(API_REQUESTS_ALL=requests).row("ERROR_RATE") == {(): 0, labels(endpoint="/a"): 0}
    ratio = Ratio(Sum(Series("API_REQUESTS_ALL", endpoint="/b")), Sum(Series("API_REQUESTS_ALL")))
    assert ratio.value(Given(API_REQUESTS_ALL=requests)) == {(): 0}
    assert ratio.value(Given(API_REQUESTS_ALL=dict.fromkeys(requests, 0.0))) == {}


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
    """The estimate lies within the bucket or at the last finite boundary; an empty histogram has none."""
    assert quantile(q, buckets) == (None if expected is None else pytest.approx(expected))


def test_satisfaction_counts_failures_as_failures() -> None:
    """A fast request that fails is not satisfied: 5 satisfied, 3 tolerable, 1 slow and 1 failed request give 65."""

    def requests(status: str, *cumulative: float) -> dict[tuple[tuple[str, str], ...], float]:
        return {
            labels(user_tier="free", status_code=status, le=le): value
            for le, value in zip(("0.5", "2.0", "+Inf"), cumulative, strict=True)
        }

    buckets = {**requests("200", 5, 8, 9), **requests("500", 1, 1, 1)}
    counts = {
        labels(user_tier="free", status_code=status): value for status, value in (("200", 9.0), ("500", 1.0))
    }
    process = Given(increases={(_LATENCY, "bucket"): buckets, (_LATENCY, "count"): counts})
    assert process.row("SATISFACTION") == {(): pytest.approx(65), labels(user_tier="free"): pytest.approx(65)}


def test_the_bottleneck_is_the_most_saturated_resource() -> None:
    """Saturation is limited to 0 to 1; that of a dependency is the worst of health, errors and latency."""
    bottleneck = Given(
        CPU={labels(instance="a"): 0.4, labels(instance="b"): 1.7},
        QUEUE_BACKPRESSURE={labels(queue_type="work"): 0.6},
        CACHE_OPERATIONS={labels(cache_type="greeks", operation="set", result="ok"): 4.0},
        DEPENDENCY_HEALTH={labels(service_name="x", criticality="high"): 1.0},
        DEPENDENCY_ERROR_RATIO={labels(service_name="x"): 0.2},
        DEPENDENCY_P95={labels(service_name="x"): 1.0},
    ).row("BOTTLENECK")
    assert {dict(key)["resource"]: value for key, value in bottleneck.items()} == {
        "cpu": 1.0, "work": 0.6, "greeks": 0.0, "x": 0.5
    }  # fmt: skip


def test_a_row_says_what_it_reads_and_how_far_it_looks_back() -> None:
    """A row finds its sources in the tree of nodes, also through other rows."""
    config = Config()
    (rule,) = (rule for group in derived.groups(config) for rule in group.rules if rule.key == "ADOPTION")
    assert rule.reads == {"FEATURE_USES", "ACTIVE_USERS"}
    assert not rule.reads_instruments
    assert derived.get("ADOPTION").lookback(config) == 3_600
    assert derived.get("API_P95").lookback(config) == config.windows.latency
    assert derived.get("QUEUE_SIZE").lookback(config) == 0
    sources = {
        node.name for node in derived.get("PREMIUM_ADOPTION").reads(config) if isinstance(node, Instrument)
    }
    assert sources == {"signal_service.active_users"}


def test_a_label_that_an_instrument_does_not_have_is_refused() -> None:
    """The renderer raises an error that names the instrument and the label."""
    wrong = Sum(Rate(Instrument("signal_service.api.requests", colour="red")))
    with pytest.raises(
        ContractError,
        match=r"signal_service.api.requests has no label colour; it has: .*endpoint.* \[SS251\]",
    ):
        wrong.promql(Promql(Config()))


def test_vectors_are_relabelled() -> None:
    """The value of a label can move to another label."""
    assert labelled({labels(queue_type="work"): 1.0}, resource="$queue_type", kind="queue") == {
        labels(resource="work", kind="queue"): 1.0
    }
