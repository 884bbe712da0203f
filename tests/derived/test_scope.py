"""Labels of the scope: the rules keep the values of two clusters apart; promtool checks them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.derived.comparison import FILES, empty, judge, present, same
from tests.derived.scenario import CONFIG, SECONDS, STEP, Scenario, promtool, series_input

from signalscope import contract, derived
from signalscope.config import Config
from signalscope.config._rules import RULE_LABELS
from signalscope.derived import groups
from signalscope.mixin.alertmanager import alertmanager
from signalscope.mixin.alerts import alerts
from signalscope.mixin.generate import generate

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(180)]

_CLUSTERS = {"a": 1, "b": 3}


def _config(job: str, *labels: str) -> Config:
    changed = {"scope": {"labels": labels}, "selectors": {"job": job}}
    return Config.model_validate(CONFIG.model_dump(exclude_defaults=True) | changed)


_SCOPED = _config("scoped", "cluster")


def _inputs(seed: int, job: str, more: str = "") -> Iterator[dict[str, str]]:
    for series in Scenario(seed).input_series(job):
        yield series | {"series": series["series"].replace("{", f"{{{more}", 1)}
    yield series_input(f'up{{{more}job="{job}",instance="a"}}', 1, 0, SECONDS // STEP)


def test_clusters_have_the_values_that_they_have_alone(tmp_path: Path) -> None:
    """Every recorded series of a cluster has the values of a service that runs in this cluster only."""
    configs, inputs, wanted = [_SCOPED], [], []
    for cluster, seed in _CLUSTERS.items():
        configs.append(_config(cluster, "cluster"))  # the series of this job do not have the label
        inputs += [*_inputs(seed, cluster), *_inputs(seed, "scoped", f'cluster="{cluster}",')]
    recorded = {rule.key: derived.get(rule.key) for group in groups(_SCOPED, *FILES) for rule in group.rules}
    for row in recorded.values():
        wanted.append(empty(f'{row.name}{{job="scoped", cluster=""}}'))
        for cluster in _CLUSTERS:
            wanted += (
                same(f'{row.name}{{job="scoped", cluster="{cluster}"}}', f'{row.name}{{job="{cluster}"}}')
                if "le" not in row.all_labels
                else [present(f'{row.name}{{job="scoped", cluster="{cluster}"}}')]
            )
    for key in _REPRESENTATIVE:
        wanted.append(present(f'{derived.get(key).name}{{job="scoped", cluster="b"}}'))
    judge(tmp_path, configs, inputs, wanted)


def test_series_without_the_label_have_the_values_of_rules_without_a_scope(tmp_path: Path) -> None:
    """A service whose series lack the label has the same values as with rules without a scope."""
    inputs = [*_inputs(1, "scoped"), *_inputs(1, "plain")]
    wanted: list[dict[str, Any]] = []
    for row in {
        rule.key: derived.get(rule.key) for group in groups(CONFIG, *FILES) for rule in group.rules
    }.values():
        scoped, plain = (f'{row.name}{{job="{job}"}}' for job in ("scoped", "plain"))
        wanted += same(scoped, plain) if "le" not in row.all_labels else [present(scoped)]
    judge(tmp_path, [_SCOPED, _config("plain")], inputs, wanted)


#: Rows of each domain that must have values; two empty results would be equal.
_REPRESENTATIVE = (
    "UP", "API_REQUESTS", "ERROR_RATE", "API_P95", "API_SLOW", "GREEKS_OPTIONS", "VECTORIZED_SHARE", "BEST_BATCH",
    "SIGNAL_P95", "SIGNAL_ACCURACY", "CACHE_HITS", "QUEUE_BACKPRESSURE", "DEPENDENCY_SCORE", "BREAKER_OPEN", "CPU",
    "BOTTLENECK", "SATISFACTION", "COST_PER_USER", "TIER_PRICE", "REVENUE", "PROFITABILITY", "KPI_ATTAINMENT",
    "KPI_TARGET", "SLO_EVENTS", "SLO_ERROR_1H", "SLO_BURN", "SLO_REMAINING",
)  # fmt: skip


def test_forecasts_keep_clusters_apart(tmp_path: Path) -> None:
    """Replicas, levels of anomalies and used capacity have one value for each of two clusters."""
    generate(_SCOPED, tmp_path, ["rules"])
    values: dict[str, dict[str, float]] = {
        "API_REQUESTS": {"a": 10.0, "b": 300.0},
        "CPU": {"a": 0.25, "b": 0.5},
        "BOTTLENECK": {"a": 0.2, "b": 0.7},
    }
    labels = {"CPU": ', instance="x"', "BOTTLENECK": ', resource="cpu", kind="cpu"'}
    inputs = [
        series_input(
            f'{derived.get(key).name}{{job="scoped", cluster="{cluster}"{labels.get(key, "")}}}',
            value,
            0,
            180,
        )
        for key, by_cluster in values.items()
        for cluster, value in by_cluster.items()
    ]
    wanted: list[dict[str, Any]] = []
    for cluster in _CLUSTERS:
        known = f'job="scoped", cluster="{cluster}"'
        for key, more, value in (
            ("REPLICAS", "", 1.0),
            ("ANOMALY_LEVEL", ', signal="request_rate"', values["API_REQUESTS"][cluster]),
            ("CAPACITY_USED", ', resource="cpu"', values["BOTTLENECK"][cluster]),
        ):
            name = derived.get(key).name
            sample = {"labels": f"{name}{{{known}{more}}}", "value": value}
            expr = f"{name}{{{known}{more}}}"
            wanted.append({"expr": expr, "eval_time": f"{SECONDS}s", "exp_samples": [sample]})
    promtool(tmp_path, tmp_path / "rules" / "signalscope-insight.yaml", inputs, wanted, evaluation=60)


@pytest.mark.parametrize(
    ("values", "is_down"),
    [("1x180", False), ("0x180", True), ("1x90", True)],
    ids=["answers", "does-not-answer", "left-service-discovery"],
)
def test_an_alert_names_the_cluster(tmp_path: Path, values: str, is_down: bool) -> None:
    """The alert fires for the cluster that is down, also if its targets have left service discovery."""
    (alert,) = (alert for alert in alerts(_SCOPED) if alert.name == "SignalServiceDown")
    inputs = [
        {"series": 'up{job="scoped", cluster="a", instance="x"}', "values": "1x180"},
        {"series": 'up{job="scoped", cluster="b", instance="y"}', "values": values},
    ]
    sample = [{"labels": '{cluster="b"}', "value": 1}] if is_down else []
    claim = {"expr": f"count by (cluster) ({alert.expr})", "eval_time": "5390s", "exp_samples": sample}
    judge(tmp_path, [_SCOPED], inputs, [claim], "UP")


def test_every_clause_of_every_rule_keeps_the_scope() -> None:
    """A clause of a rule or an alert that has the job also has the cluster; without a scope it does not."""
    expressions = [rule.expr for group in groups(_SCOPED) for rule in group.rules]
    expressions += [alert.expr for alert in alerts(_SCOPED)]
    for expr in expressions:
        for clause in ("by (", "on ("):
            assert all(part.startswith(("job, cluster", ")")) for part in expr.split(f" {clause}")[1:]), expr
    plain = {rule.key: rule.expr for group in groups(_config("scoped")) for rule in group.rules}
    assert not any("cluster" in expr for expr in plain.values())


def test_alertmanager_groups_and_inhibits_within_a_cluster() -> None:
    """An outage of one cluster does not inhibit the alerts of another cluster."""
    config = alertmanager(_SCOPED)
    assert config["route"]["group_by"] == ["alertname", "job", "cluster"]
    assert all("cluster" in rule["equal"] for rule in config["inhibit_rules"])


def test_labels_that_rules_add_cannot_be_a_scope() -> None:
    """`RULE_LABELS` contains every label that recorded series and alerts add."""
    of_contract = {name for instrument in contract.instruments() for name in instrument.attribute_names}
    added = {label for row in derived.all_series() for label in row.all_labels}
    added |= {label for alert in alerts(CONFIG) for label in alert.all_labels(CONFIG)}
    assert {label for label in added if not label.startswith("sloth_")} <= of_contract | RULE_LABELS
