"""Values of recording rules, compared with values calculated by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.mixin.cases._case import buckets, series
from tests.mixin.promtool import run

from signalscope import derived

pytestmark = pytest.mark.needs("promtool")

_BATCH_BOUNDS = "1 2 5 10 25 50 100 250 500 1000 2500 5000 10000 100000"
_JOB = 'job="signal-service"'


def _check(
    tmp_path: Path, inputs: dict[str, str], expected: dict[str, dict[str, float]], at: str = "10m"
) -> None:
    """Assert that the recorded series have exactly these values, by their labels without the job."""
    tests: list[dict[str, Any]] = [
        {
            "expr": derived.get(key).name,
            "eval_time": at,
            "exp_samples": [
                {
                    "labels": f"{derived.get(key).name}{{{', '.join(filter(None, (_JOB, labels)))}}}",
                    "value": value,
                }
                for labels, value in values.items()
            ],
        }
        for key, values in expected.items()
    ]
    content = {
        "evaluation_interval": "30s",
        "fuzzy_compare": True,  # ignore rounding of binary fractions
        "tests": [
            {
                "interval": "30s",
                "input_series": [{"series": name, "values": values} for name, values in inputs.items()],
                "promql_expr_test": tests,
            }
        ],
    }
    run(tmp_path, content, {derived.get(key).name for key in expected})


def _requests(code: int, endpoint: str = "/a", instance: str = "a", tier: str = "free") -> str:
    labels = f'endpoint="{endpoint}", status_code="{code}", user_tier="{tier}"'
    return series("signal_service_api_requests_total", labels, instance=instance)


def _price(tier: str) -> str:
    """Return the series of a tier's monthly price, which the configuration of a user records."""
    return f'{derived.get("TIER_PRICE").name}{{{_JOB}, user_tier="{tier}"}}'


def test_processes_add_up_and_one_may_restart(tmp_path: Path) -> None:
    """Rates are summed, so that the restart of one of two processes does not change the sum."""
    _check(
        tmp_path,
        {_requests(200, instance="a"): "0+30x40", _requests(200, instance="b"): "0+60x8 0+60x40"},
        {"API_REQUESTS": {"": 3.0}, "API_ERRORS": {"": 0}, "ERROR_RATE": {"": 0, 'endpoint="/a"': 0}},
    )


def test_errors_in_percent_of_the_service_and_of_endpoints(tmp_path: Path) -> None:
    """The rate of the service is weighted by traffic; an endpoint without requests is absent."""
    _check(
        tmp_path,
        {
            _requests(200): "0+90x40",
            _requests(404): "0+5x40",
            _requests(503): "0+5x40",
            _requests(200, "/b"): "0+900x40",
            _requests(200, "/idle"): "7x40",
        },
        {"ERROR_RATE": {"": 0.5, 'endpoint="/a"': 5, 'endpoint="/b"': 0}},
    )


def test_a_share_of_array_operations_and_none_at_all(tmp_path: Path) -> None:
    """The ratio is recorded by calculation and in total; it is 0, not absent, if no option is vectorised."""

    def options(calculation: str, vectorized: str) -> str:
        labels = f'calculation_type="{calculation}", vectorized="{vectorized}", model_type="black"'
        return series("signal_service_greeks_options_total", labels)

    _check(
        tmp_path,
        {
            options("delta", "true"): "0+60x40",
            options("delta", "false"): "0+20x40",
            options("iv", "false"): "0+20x40",
        },
        {
            "VECTORIZED_SHARE": {
                "": 0.6, 'calculation_type="delta"': 0.75, 'calculation_type="iv"': 0
            }
        },
    )  # fmt: skip


def test_time_for_each_option_by_class_of_batch(tmp_path: Path) -> None:
    """Times are exact for single options and one other class; the best class is the fastest vectorised one."""
    seconds, batch = "signal_service_greeks_calculation_seconds_sum", "signal_service_greeks_batch_options"
    single, array = (
        'calculation_type="delta", vectorized="false"',
        'calculation_type="chain", vectorized="true"',
    )
    failed = f'{array}, model_type="black", batch_size="11-100", outcome="error"'
    _check(
        tmp_path,
        {
            series(seconds, f'{single}, model_type="black", batch_size="1", outcome="success"'): "0+6x40",
            series(seconds, f'{array}, model_type="black", batch_size="101-1000", outcome="success"'): "0+3x40",
            series(seconds, failed): "0+900x40",
            series("signal_service_greeks_options_total", f'{single}, model_type="black"'): "0+600x40",
            series("signal_service_greeks_options_total", f'{array}, model_type="black"'): "0+3000x40",
            **buckets(batch, single, _BATCH_BOUNDS, 1, "0+600x40"),
            series(f"{batch}_sum", single): "0+600x40",
            # Ten batches of 300.
            **buckets(batch, array, _BATCH_BOUNDS, 500, "0+10x40"),
            series(f"{batch}_sum", array): "0+3000x40",
        },
        {
            "PER_OPTION": {'vectorized="false"': 0.01, 'vectorized="true"': 0.001},
            "PER_OPTION_BATCH": {
                'vectorized="false", batch_size="1"': 0.01, 'vectorized="true", batch_size="101-1000"': 0.001
            },
            "BEST_BATCH": {'batch_size="101-1000"': 0.001},
            "VECTORIZED_SPEEDUP": {"": 10},
        },
    )  # fmt: skip


def test_satisfaction_counts_slow_and_failed_requests(tmp_path: Path) -> None:
    """Of 100 requests, 60 are within 0.5 s, 20 within 2 s, 10 slower and 10 failed: 60 + 20 / 2."""
    name = "signal_service_api_request_duration_seconds"
    good = 'endpoint="/a", user_tier="basic", status_code="200"'
    bad = 'endpoint="/a", user_tier="basic", status_code="500"'
    free = 'endpoint="/a", user_tier="free", status_code="200"'
    _check(
        tmp_path,
        {
            series(f"{name}_bucket", f'{good}, le="0.5"'): "0+60x40",
            series(f"{name}_bucket", f'{good}, le="2"'): "0+80x40",
            series(f"{name}_count", good): "0+90x40",
            series(f"{name}_bucket", f'{bad}, le="0.5"'): "0+10x40",
            series(f"{name}_bucket", f'{bad}, le="2"'): "0+10x40",
            series(f"{name}_count", bad): "0+10x40",
            series(f"{name}_bucket", f'{free}, le="0.5"'): "0+100x40",
            series(f"{name}_bucket", f'{free}, le="2"'): "0+100x40",
            series(f"{name}_count", free): "0+100x40",
        },
        {"SATISFACTION": {"": 85, 'user_tier="basic"': 70, 'user_tier="free"': 100}},
    )


def test_only_failures_are_a_satisfaction_of_zero(tmp_path: Path) -> None:
    """The score is 0, not absent, if all requests fail."""
    labels = 'endpoint="/a", user_tier="basic", status_code="500"'
    name = "signal_service_api_request_duration_seconds"
    _check(
        tmp_path,
        {series(f"{name}_count", labels): "0+10x40"},
        {"SATISFACTION": {"": 0, 'user_tier="basic"': 0}},
    )


def test_subscriptions_and_users_count_once_whoever_reports_them(tmp_path: Path) -> None:
    """Subscriptions that two processes report count once; premium adoption is by tier."""

    def subscriptions(tier: str, instance: str) -> str:
        labels = f'user_tier="{tier}", signal_type="momentum", delivery_method="email"'
        return series("signal_service_active_subscriptions", labels, instance=instance)

    def users(window: str, tier: str) -> str:
        return series("signal_service_active_users", f'window="{window}", user_tier="{tier}"')

    _check(
        tmp_path,
        {
            subscriptions("free", "a"): "100x40",
            subscriptions("free", "b"): "100x40",
            subscriptions("basic", "a"): "10x40",
            _price("free"): "0x40",
            _price("basic"): "29x40",
            users("24h", "free"): "60x40",
            users("24h", "professional"): "15x40",
            users("24h", "enterprise"): "5x40",
            users("1h", "free"): "20x40",
        },
        {
            "SUBSCRIPTIONS": {'user_tier="free"': 100, 'user_tier="basic"': 10},
            "SUBSCRIPTIONS_TOTAL": {"": 110},
            "PREMIUM_ADOPTION": {"": 0.25},
            "RETENTION": {'metric="stickiness"': 0.25},
            "REVENUE": {'user_tier="free"': 0, 'user_tier="basic"': 290},
        },
    )


def test_revenue_is_shared_by_uses_and_pays_for_work(tmp_path: Path) -> None:
    """Profit is the tier's hourly revenue times the ratio of the feature's uses, minus the cost of its work."""
    # 720 subscriptions at 29 per month of 720 hours earn 29 per hour.
    basic = 'user_tier="basic", signal_type="momentum", delivery_method="email"'

    def uses(feature: str) -> str:
        return series("signal_service_feature_usage_total", f'feature="{feature}", user_tier="basic"')

    labels = 'operation_type="signal", user_tier="basic", complexity="simple"'
    seconds = "signal_service_api_request_duration_seconds"
    served = 'endpoint="/a", user_tier="basic", status_code="200"'
    _check(
        tmp_path,
        {
            series("signal_service_active_subscriptions", basic): "720x130",
            _price("basic"): "29x130",
            uses("signals"): "0+30x130",
            uses("signal_history"): "0+10x130",
            series("signal_service_calculation_cost_total", labels): "0+0.25x130",
            series(f"{seconds}_bucket", f'{served}, le="0.5"'): "0+5x130",
            series(f"{seconds}_bucket", f'{served}, le="2"'): "0+5x130",
            series(f"{seconds}_count", served): "0+10x130",
        },
        {
            "COST": {'operation_type="signal"': 30},
            # 75 % of 29, minus 30; the cost of signal_history is unknown.
            "PROFITABILITY": {'feature="signals"': -8.25},
            "REVENUE_IMPACT": {"": 720 * 29 * 0.5},
        },
        at="62m",
    )


def test_cost_for_each_calculation_and_user(tmp_path: Path) -> None:
    """Costs are those of the last hour; they are absent without a price or a calculation."""
    labels = 'operation_type="chain", user_tier="basic", complexity="simple"'
    calls = 'calculation_type="chain", vectorized="true", batch_size="1001+", outcome="success"'
    _check(
        tmp_path,
        {
            series("signal_service_calculation_cost_total", labels): "0+2x130",
            series("signal_service_greeks_calculation_seconds_count", calls): "0+8x130",
            series("signal_service_active_users", 'window="1h", user_tier="basic"'): "12x130",
            series("signal_service_active_users", 'window="1h", user_tier="free"'): "12x130",
        },
        {
            "COST_PER_CALCULATION": {"": 0.25},
            "COST_PER_USER": {"": 10, 'user_tier="basic"': 20},
        },
        at="62m",
    )


def test_the_bottleneck_is_the_highest_saturation(tmp_path: Path) -> None:
    """Saturation is between 0 and 1: a process at 90 % of a core, a queue at 50 %, a service that is down."""
    health = 'service_name="ticker_service", criticality="critical"'
    queue = 'queue_type="work", priority="low"'
    cache = 'cache_type="greeks"'
    _check(
        tmp_path,
        {
            series("process_cpu_seconds_total", instance="a"): "0+27x40",
            series("process_cpu_seconds_total", instance="b"): "0+3x40",
            series("process_resident_memory_bytes"): "1073741824x40",
            series("signal_service_queue_size", queue): "50x40",
            series("signal_service_queue_capacity", 'queue_type="work"'): "100x40",
            series("signal_service_external_service_health", health): "0x40",
            series(
                "signal_service_cache_operations_total", f'{cache}, operation="set", result="ok"'
            ): "0+100x40",
            series("signal_service_cache_evictions_total", f'{cache}, reason="size"'): "0+20x40",
            series("signal_service_cache_evictions_total", f'{cache}, reason="ttl"'): "0+80x40",
        },
        {
            "BOTTLENECK": {
                'resource="cpu", kind="cpu"': 0.9,
                'resource="memory", kind="memory"': 0.25,
                'resource="work", kind="queue"': 0.5,
                'resource="greeks", kind="cache"': 0.2,
                'resource="ticker_service", kind="dependency"': 1,
            }
        },
    )


def test_a_shared_queue_is_not_counted_twice(tmp_path: Path) -> None:
    """By default each process has a separate queue; sizes and capacities are summed."""
    size = 'queue_type="work", priority="low"'
    _check(
        tmp_path,
        {
            series("signal_service_queue_size", size, instance="a"): "50x40",
            series("signal_service_queue_size", size, instance="b"): "10x40",
            series("signal_service_queue_capacity", 'queue_type="work"', instance="a"): "100x40",
            series("signal_service_queue_capacity", 'queue_type="work"', instance="b"): "100x40",
        },
        {"QUEUE_SIZE": {'queue_type="work", priority="low"': 60}, "QUEUE_FILL": {'queue_type="work"': 0.3}},
    )


def test_kpis_have_value_target_and_attainment(tmp_path: Path) -> None:
    """Twice the target latency is an attainment of 0.5; any backlog is an attainment of 0."""
    name = "signal_service_api_request_duration_seconds_bucket"
    labels = 'endpoint="/a", user_tier="free", status_code="200"'
    backlog = series("signal_service_queue_size", 'queue_type="work", priority="critical"')
    _check(
        tmp_path,
        {
            # All requests are in the bucket from 0.75 s to 1 s, so the p95 is 0.9875 s.
            series(name, f'{labels}, le="0.75"'): "0x40",
            series(name, f'{labels}, le="1"'): "0+100x40",
            series(name, f'{labels}, le="+Inf"'): "0+100x40",
            backlog: "3x40",
        },
        {
            "KPI_VALUE": {
                'kpi="api_p95", category="technical"': 0.9875,
                'kpi="critical_backlog", category="operational"': 3,
            },
            "KPI_ATTAINMENT": {
                'kpi="api_p95", category="technical"': 0.5 / 0.9875,
                'kpi="critical_backlog", category="operational"': 0,
            },
        },
    )


def test_a_budget_is_weighted_by_traffic(tmp_path: Path) -> None:
    """The ratio is over requests, not over hours: a busy time without errors counts more than a quiet one."""
    # 180,000 good requests, then 1,620 good and 180 bad ones: 0.1 % of all requests, 10 % of the latter.
    content = {
        "evaluation_interval": "30s",
        "fuzzy_compare": True,  # ignore rounding of binary fractions
        "tests": [
            {
                "interval": "30s",
                "input_series": [
                    {"series": _requests(200), "values": "0+3000x60 180000+27x60"},
                    {"series": _requests(500), "values": "0x60 0+3x60"},
                ],
                "promql_expr_test": [
                    {
                        "expr": f'{derived.get("SLO_ERROR_30D").name}{{sloth_slo="errors"}} > bool 0.0008 < bool 1.5',
                        "eval_time": "59m",
                        "exp_samples": [
                            {
                                "labels": f'{{{_JOB}, sloth_id="signal-service-errors", '
                                'sloth_service="signal-service", '
                                'sloth_slo="errors", sloth_window="30d"}',
                                "value": 1,
                            }
                        ],
                    }
                ],
            }
        ],
    }
    run(tmp_path, content, {"ErrorBudgetBurnFast", derived.get("SLO_ERROR_30D").name})


def test_a_budget_is_shown_after_a_day_also_if_the_data_has_a_gap(tmp_path: Path) -> None:
    """Before, it is absent; 0.05 % of bad requests then leave half of the budget."""
    series = derived.get("SLO_REMAINING").name
    labels = (
        f'{{{_JOB}, sloth_id="signal-service-errors", sloth_service="signal-service", sloth_slo="errors"}}'
    )
    content = {
        "evaluation_interval": "2m",
        "fuzzy_compare": True,
        "tests": [
            {
                "interval": "2m",
                "input_series": [
                    {"series": _requests(200), "values": "0+9995x360 _x240 3608195+9995x180"},
                    {"series": _requests(500), "values": "0+5x360 _x240 1805+5x180"},
                ],
                "promql_expr_test": [
                    {
                        "expr": f'count({series}{{sloth_slo="errors"}})',
                        "eval_time": "23h50m",
                        "exp_samples": [],
                    },
                    {
                        "expr": f'round({series}{{sloth_slo="errors"}}, 0.01)',
                        "eval_time": "24h30m",
                        "exp_samples": [{"labels": labels, "value": 0.5}],
                    },
                ],
            }
        ],
    }
    run(tmp_path, content, {series, "ErrorBudgetBurnFast"})


def test_a_quantile_of_nothing_is_absent(tmp_path: Path) -> None:
    """A histogram without new measurements has no quantile; NaN would make means and medians NaN."""
    idle = {
        "API_P95 API_P95_ENDPOINT": ("signal_service_api_request_duration_seconds", 'endpoint="/a"'),
        "VECTORIZED_P90 GREEKS_P90": ("signal_service_greeks_calculation_seconds", 'vectorized="true"'),
        "SIGNAL_P95 SIGNAL_P95_TYPE": ("signal_service_signal_generation_seconds", 'signal_type="x"'),
        "QUEUE_WAIT_P95": ("signal_service_queue_wait_seconds", 'queue_type="q", priority="high"'),
        "QUEUE_PROCESSING_P95": (
            "signal_service_queue_processing_seconds",
            'queue_type="q", priority="high"',
        ),
        "QUERY_P95": ("signal_service_database_query_seconds", 'query_type="read"'),
        "DEPENDENCY_P95": ("signal_service_external_service_duration_seconds", 'service_name="x"'),
    }
    inputs = {
        series(f"{name}_bucket", f'{labels}, le="{bound}"'): "7x40"
        for name, labels in idle.values()
        for bound in ("1", "+Inf")
    }
    keys = [*" ".join(idle).split(), "BOTTLENECK", "KPI_VALUE"]
    _check(tmp_path, inputs, {key: {} for key in keys})


def test_satisfaction_without_its_buckets_is_unknown(tmp_path: Path) -> None:
    """The score is absent, not 0, if a View has removed the bucket boundaries that it needs."""
    name = "signal_service_api_request_duration_seconds"
    labels = 'endpoint="/a", user_tier="free", status_code="{}"'
    inputs = {series(f"{name}_count", labels.format(code)): "0+60x40" for code in (200, 500)}
    inputs[series(f"{name}_bucket", labels.format(200) + ', le="0.4"')] = "0+60x40"
    _check(tmp_path, inputs, {"SATISFACTION": {}})


def test_an_objective_without_its_bucket_is_unknown(tmp_path: Path) -> None:
    """The number of bad events is absent, not 0, if a View has removed the bucket of the objective."""
    latency, signals = (
        "signal_service_api_request_duration_seconds",
        "signal_service_signal_generation_seconds",
    )
    inputs = {
        series(f"{latency}_count", 'endpoint="/a", user_tier="free"'): "0+60x40",
        series(f"{latency}_bucket", 'endpoint="/a", user_tier="free", le="0.4"'): "0+6x40",
        series(f"{latency}_bucket", 'endpoint="/a", user_tier="free", le="+Inf"'): "0+60x40",
        series(f"{signals}_count", 'signal_type="x"'): "0+60x40",
        series(f"{signals}_bucket", 'signal_type="x", le="+Inf"'): "0+60x40",
        # A cache that always hits, and only vectorised options: the number of bad events is 0.
        series(
            "signal_service_cache_operations_total", 'cache_type="greeks", operation="get", result="hit"'
        ): "0+60x40",
        series(
            "signal_service_greeks_options_total", 'calculation_type="delta", vectorized="true"'
        ): "0+60x40",
    }
    known = {
        f'sloth_id="signal-service-{name}", sloth_service="signal-service", sloth_slo="{name}"': 0.0
        for name in ("cache-hits-greeks", "vectorized")
    }
    _check(tmp_path, inputs, {"SLO_BAD": known})
