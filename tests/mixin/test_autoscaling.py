"""Autoscalers: they use the recommendation, and missing data never scales to zero."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from signalscope import binaries
from signalscope.config import Config
from signalscope.derived import groups
from signalscope.derived.table.scaling import REASONS
from signalscope.mixin.autoscaling import adapter_rule, hpa, keda, query

FOLDER = binaries.ROOT / "deploy" / "kubernetes"


def _spec(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))["spec"]
    return spec


def test_keda_never_scales_to_zero() -> None:
    """The minimum is at least one, with an idle service, an empty answer, or without Prometheus."""
    spec = _spec("keda-scaledobject.yaml")
    assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
    assert "idleReplicaCount" not in spec
    assert spec["fallback"]["replicas"] >= spec["minReplicaCount"]
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    (trigger,) = spec["triggers"]
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    # The fallback of KEDA needs AverageValue; with threshold 1 the value is the number of replicas.
    assert (trigger["metricType"], trigger["metadata"]["threshold"]) == ("AverageValue", "1")
    # KEDA requires strings in the metadata of triggers.
    assert all(isinstance(value, str) for value in trigger["metadata"].values())


def test_the_hpa_has_a_least_and_goes_down_slowly() -> None:
    """The HPA uses the metric of the adapter, has a minimum, and scales down slowly."""
    spec = _spec("hpa.yaml")
    assert 1 <= spec["minReplicas"] <= spec["maxReplicas"]
    (metric,) = spec["metrics"]
    values = yaml.safe_load((FOLDER / "prometheus-adapter-values.yaml").read_text(encoding="utf-8"))
    (rule,) = values["rules"]["external"]
    assert rule["seriesQuery"].startswith(metric["external"]["metric"]["name"])
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "1"}
    keda = _spec("keda-scaledobject.yaml")["advanced"]["horizontalPodAutoscalerConfig"]
    for behavior in (spec["behavior"], keda["behavior"]):
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300
        assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0


@pytest.mark.parametrize(
    ("job", "name", "selected"),
    [
        ("signal-service", "signal-service", True),
        ("Desk_7.eu", "desk-7-eu", True),
        ("signals & greeks (v2)", "signals-greeks-v2", False),
        ("x" * 70, "x" * 63, False),
        ("信号", "signal-service", False),
    ],
)
def test_manifests_of_any_job_are_what_kubernetes_allows(job: str, name: str, *, selected: bool) -> None:
    """Names follow RFC 1123, label values are valid, and the adapter selects only the configured job."""
    config = Config.model_validate({"selectors": {"job": job}})
    for manifest in (keda(config), hpa(config)):
        assert manifest["metadata"]["name"] == manifest["spec"]["scaleTargetRef"]["name"] == name
    (metric,) = hpa(config)["spec"]["metrics"]
    assert metric["external"]["metric"].get("selector") == (
        {"matchLabels": {"job": job}} if selected else None
    )
    (rule,) = adapter_rule(config)["rules"]["external"]
    assert f'job="{job}"' in rule["seriesQuery"]
    assert f'{{job="{job}", <<.LabelMatchers>>}}' in rule["metricsQuery"]


_CASES = {
    # Requests per second, used cores, replicas, queue size, recommended replicas, reason. The capacity of a replica
    # is 0.6 cores times the requests per core-second.
    "load": (120.0, 4.0, 8, 0, 7, "load"),
    "minimum": (2.0, 0.4, 2, 0, 2, "minimum"),
    "maximum": (2_000.0, 50.0, 90, 0, 50, "maximum"),
    "queue": (30.0, 1.0, 4, 6_000, 12, "queue"),
    "idle": (0.0, 0.01, 2, 0, None, None),
}


def _promtool(
    folder: Path, config: Config, series: Mapping[str, str], checks: Sequence[Mapping[str, Any]]
) -> None:
    """Run promtool checks of the scaling rules on these series, with one value per minute."""
    (group,) = (group for group in groups(config) if group.name == "scaling")
    rules = [{"record": rule.record, "expr": rule.expr} for rule in group.rules]
    content = {"groups": [{"name": "scaling", "interval": "1m", "rules": rules}]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": checks,
    }
    (folder / "tests.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]})
    )
    done = subprocess.run(
        [binaries.find("promtool"), "test", "rules", folder / "tests.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("case", _CASES)
def test_the_query_gives_replicas_from_measured_capacity(tmp_path: Path, case: str) -> None:
    """The query returns one number for load, backlog and limits, and is empty without a measured capacity."""
    requests, cores, replicas, waiting, wanted, reason = _CASES[case]
    config = Config()
    job = 'job="signal-service"'
    series = {
        f"job:signal_service_api_requests:rate5m{{{job}}}": requests,
        f"job:process_cpu_seconds:rate5m{{{job}}}": cores,
        f'signal_service_queue_processing_rate_per_second{{{job}, queue_type="q", priority="high"}}': 10.0,
        f'job_queue_type_priority:signal_service_queue_size:sum{{{job}, queue_type="q", priority="high"}}': waiting,
    } | {
        f'instance:process_cpu_utilization:ratio{{{job}, instance="{n}"}}': cores / replicas
        for n in range(replicas)
    }
    expected = [] if wanted is None else [{"labels": "{}", "value": wanted}]
    reasons = [] if reason is None else [{"labels": f'{{reason="{reason}"}}', "value": 1}]
    checks: list[dict[str, Any]] = [
        # Eleven of twelve evaluations are not sufficient for a recommendation.
        {"expr": query(config), "eval_time": "10m", "exp_samples": []},
        {"expr": query(config), "eval_time": "60m", "exp_samples": expected},
        {
            "expr": "count by (reason) (scaling_recommendation)",
            "eval_time": "60m",
            "exp_samples": reasons,
        },
        # Without data, the recommendation is absent, not 0.
        {"expr": query(config), "eval_time": "120m", "exp_samples": []},
    ]
    _promtool(tmp_path, config, {name: f"{value}x90" for name, value in series.items()}, checks)
    assert reason is None or reason in REASONS


@pytest.mark.needs("promtool")
def test_work_without_requests_measures_no_capacity(tmp_path: Path) -> None:
    """Background work and a blocked queue do not count as capacity; later requests do not scale to the maximum."""
    config = Config()
    job = 'job="signal-service"'
    series = {
        f"job:signal_service_api_requests:rate5m{{{job}}}": "0x60 100x60",
        f"job:process_cpu_seconds:rate5m{{{job}}}": "1x121",
        f'instance:process_cpu_utilization:ratio{{{job}, instance="a"}}': "1x121",
        f'signal_service_queue_processing_rate_per_second{{{job}, queue_type="q", priority="high"}}': "0x121",
        f'job_queue_type_priority:signal_service_queue_size:sum{{{job}, queue_type="q", priority="high"}}': (
            "50x121"
        ),
    }
    checks: list[dict[str, Any]] = [
        {"expr": query(config), "eval_time": "60m", "exp_samples": []},
        # Eleven samples with requests are not sufficient; then one core serves 100 per second, with a target of 60 %.
        {"expr": query(config), "eval_time": "71m", "exp_samples": []},
        {"expr": query(config), "eval_time": "90m", "exp_samples": [{"labels": "{}", "value": 2}]},
    ]
    _promtool(tmp_path, config, series, checks)
