"""The contract table: names, bucket boundaries, extension and checks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import signalscope.demo.service.instruments  # noqa: F401  # adds instruments to the contract
from signalscope import contract
from signalscope.contract import Attribute, ContractError, Instrument, Kind, _registry

# The agreed names, written again independently of the table, so that a rename in the table fails here.
FIXED = {
    "signal_service_api_request_duration_seconds": "endpoint method status_code user_tier operation_type",
    "signal_service_api_requests_total": "endpoint method status_code user_tier",
    "signal_service_concurrent_requests": "endpoint_group",
    "signal_service_rate_limit_hits_total": "endpoint limit_type",
    "signal_service_health_check_status": "component",
    "signal_service_greeks_calculation_seconds": "calculation_type vectorized model_type batch_size outcome",
    "signal_service_greeks_options_total": "calculation_type vectorized model_type",
    "signal_service_greeks_invalid_results_total": "reason calculation_type model_type",
    "signal_service_greeks_checked_results_total": "calculation_type model_type",
    "signal_service_greeks_batch_options": "calculation_type vectorized",
    "signal_service_signal_generation_seconds": "signal_type complexity data_source outcome",
    "signal_service_signals_emitted_total": "signal_type direction",
    "signal_service_signal_accuracy_ratio": "signal_type time_horizon",
    "signal_service_cache_operations_total": "cache_type operation result",
    "signal_service_cache_hit_ratio": "cache_type",
    "signal_service_cache_operation_seconds": "cache_type operation",
    "signal_service_cache_entries": "cache_type",
    "signal_service_cache_capacity": "cache_type",
    "signal_service_cache_size_bytes": "cache_type",
    "signal_service_cache_evictions_total": "cache_type reason",
    "signal_service_queue_size": "queue_type priority",
    "signal_service_queue_capacity": "queue_type",
    "signal_service_queue_wait_seconds": "queue_type priority outcome",
    "signal_service_queue_processing_seconds": "queue_type priority outcome",
    "signal_service_queue_items_total": "queue_type priority event",
    "signal_service_memory_usage_bytes": "operation_type",
    "signal_service_database_query_seconds": "query_type table operation",
    "signal_service_background_task_seconds": "task_type priority outcome",
    "process_cpu_seconds_total": "",
    "process_resident_memory_bytes": "",
    "signal_service_event_loop_lag_seconds": "",
    "signal_service_executor_threads": "executor state",
    "signal_service_executor_queued_tasks": "executor",
    "signal_service_gc_pause_seconds": "generation",
    "signal_service_external_service_health": "service_name criticality",
    "signal_service_external_service_duration_seconds": "service_name operation outcome",
    "signal_service_dependency_errors_total": "service_name error_type impact_level",
    "signal_service_circuit_breaker_state": "service_name operation state",
    "signal_service_circuit_breaker_transitions_total": "service_name operation to",
    "signal_service_circuit_breaker_calls_total": "service_name operation outcome",
    "signal_service_active_subscriptions": "user_tier signal_type delivery_method",
    "signal_service_calculation_cost_total": "operation_type user_tier complexity",
    "signal_service_premium_feature_usage_total": "feature user_tier",
    "signal_service_feature_usage_total": "feature user_tier",
    "signal_service_active_users": "window user_tier",
    "signal_service_thresholds_active": "threshold_type severity",
    "signal_service_threshold_checks_total": "threshold_type",
    "signal_service_threshold_breaches_total": "threshold_type severity",
    "signal_service_threshold_check_duration_seconds": "threshold_type",
    "signal_service_alerts_sent_total": "channel severity",
    "signal_service_alert_delivery_duration_seconds": "channel outcome",
    "signalscope_attribute_overflow_total": "instrument attribute",
    "signalscope_internal_errors_total": "where",
    "signalscope_spans_given_up_total": "reason",
}


@pytest.fixture
def own_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a test its own copy of the contract, so that its changes do not affect other tests."""
    monkeypatch.setattr(_registry, "_by_name", dict(_registry._by_name))


def test_the_table_has_the_fixed_names_with_their_labels_and_nothing_else() -> None:
    """Every agreed Prometheus name is declared once with its labels in order, and no other name is."""
    declared = {row.prometheus_name: " ".join(row.attribute_names) for row in contract.instruments()}
    built_in = {name: labels for name, labels in declared.items() if name in FIXED}

    assert built_in == FIXED
    assert not [
        row
        for row in contract.instruments()
        if row.section != "Extended" and row.prometheus_name not in FIXED
    ]


@pytest.mark.parametrize(
    ("name", "boundaries"),
    [
        ("signal_service.api.request.duration", (0.5, 5.0)),
        ("signal_service.greeks.calculation", (1.0,)),
        ("signal_service.signal.generation", (2.0,)),
        ("signal_service.event_loop.lag", (0.5, 2.0)),
    ],
)
def test_buckets_include_the_thresholds_that_rules_compare_with(
    name: str, boundaries: tuple[float, ...]
) -> None:
    """A rule on a quantile is exact at its threshold only if the threshold is a bucket boundary."""
    assert set(boundaries) <= set(contract.get(name).buckets or ())


def test_an_unknown_instrument_is_refused_with_the_way_out() -> None:
    """The error names the instrument, and the function that adds one."""
    with pytest.raises(ContractError, match=r"no instrument 'nothing'.*contract\.extend.*\[SS208\]$"):
        contract.get("nothing")


@pytest.mark.usefixtures("own_contract")
def test_extend_adds_once_and_repeating_it_changes_nothing() -> None:
    """An extension is a row like the built-in rows; adding the same row again changes nothing."""
    mine = Instrument(
        "desk.orders.placed", Kind.COUNTER, "{order}", "Orders.", "the desk", (Attribute("venue", "Where."),)
    )

    contract.extend(mine)
    contract.extend(mine)

    assert contract.get("desk.orders.placed").prometheus_name == "desk_orders_placed_total"
    assert [row for row in contract.instruments() if row.name == mine.name] == [mine]


@pytest.mark.usefixtures("own_contract")
def test_extend_refuses_two_instruments_that_are_one_series_in_prometheus() -> None:
    """``a.b`` and ``a_b`` would be duplicate series; the error names both."""
    with pytest.raises(ContractError, match=r"signal_service_api\.requests.*rename one of them \[SS207\]$"):
        contract.extend(Instrument("signal_service_api.requests", Kind.COUNTER, "", "Clash.", "me"))


@pytest.mark.usefixtures("own_contract")
def test_extend_refuses_to_change_a_row() -> None:
    """Users cannot change the meaning of an existing name."""
    with pytest.raises(ContractError, match="rename one of them"):
        contract.extend(Instrument("process.cpu", Kind.COUNTER, "s", "Something else.", "me"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Bad Name", Kind.COUNTER, "", "x", "me"), "dotted lower-case"),
        (("a.ratio", Kind.GAUGE, "1", "x", "me"), "leave the unit of a ratio empty"),
        (("a.time", Kind.HISTOGRAM, "s", "x", "me"), "each histogram needs buckets"),
        (("a.time", Kind.GAUGE, "s", "x", "me", (), (1.0,)), "no other kind has them"),
        (("a.time", Kind.HISTOGRAM, "s", "x", "me", (), (2.0, 1.0)), "ascend"),
        (("a.b", Kind.COUNTER, "", "x", "me", (Attribute("k", "x"), Attribute("k", "y"))), "listed twice"),
    ],
)
def test_a_row_with_an_error_is_refused(arguments: tuple[object, ...], message: str) -> None:
    """The error says what to change, and ends with its code."""
    with pytest.raises(ContractError, match=rf"{message}.*\[SS20\d\]$"):
        Instrument(*arguments)  # type: ignore[arg-type]  # deliberately of many shapes


@pytest.mark.usefixtures("own_contract")
def test_allow_widens_every_closed_attribute_of_that_name() -> None:
    """A new tier is allowed in every instrument that has user_tier."""
    contract.allow("user_tier", "gold")

    tiers = [key for row in contract.instruments() for key in row.attributes if key.name == "user_tier"]
    assert len(tiers) > 3
    assert all("gold" in (tier.values or ()) for tier in tiers)


@pytest.mark.usefixtures("own_contract")
def test_allow_refuses_an_attribute_that_is_not_closed() -> None:
    """The error lists the closed attributes."""
    with pytest.raises(ContractError, match=r"no closed attribute 'endpoint'.*user_tier.*\[SS209\]$"):
        contract.allow("endpoint", "/x")


def test_the_environment_widens_closed_attributes_and_its_errors_do_not_stop_the_program() -> None:
    """Valid parts of SIGNALSCOPE_ALLOW apply; each part with an error is one log line that names it."""
    program = (
        "import logging; logging.basicConfig(format='%(message)s')\n"
        "from signalscope import contract\n"
        "i = contract.get('signal_service.active_subscriptions')\n"
        "print(i.attributes[0].values)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "SIGNALSCOPE_ALLOW": "user_tier=gold; nonsense; venue=x"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert "gold" in done.stdout
    assert "'nonsense' is ignored" in done.stderr
    assert "'venue=x' is ignored" in done.stderr
    assert done.stderr.count("[SS210]\n") == 2
