"""Generated history: its length, its shape, what it must not reach, and the rules over it in a real Prometheus."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from signalscope import binaries, derived
from signalscope.config import Config, defaults, load
from signalscope.demo.stack import past
from signalscope.demo.stack._backfill import Store
from signalscope.derived import Rule

CONFIG = load(binaries.ROOT / "src" / "signalscope" / "demo" / "service" / "signalscope.toml")
RULES = binaries.ROOT / "deploy" / "demo" / "rules"
#: Friday, 20 November 2026, 11:00 in New York: in a session.
NOW = int(datetime(2026, 11, 20, 16, tzinfo=UTC).timestamp())
_DAY, _HOUR = 86_400, 3_600


@pytest.mark.parametrize(
    ("text", "seconds"), [("1d", _DAY), ("36h", 36 * _HOUR), ("2w", 14 * _DAY), ("30d", 30 * _DAY)]
)
def test_a_length_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    """Hours, days and weeks are accepted."""
    assert past.parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("31d", r"--history 31d: the Prometheus of the demo keeps 30 days; use --history 30d or less \[SS746\]"),
        ("999999w", r"keeps 30 days; use --history 30d or less"),
        ("12h", r"too short for any comparison; use --history 1d or more \[SS746\]"),
        ("0d", r"too short"),
        *((text, r"write a number and h, d or w, such as --history 30d \[SS746\]")
          for text in ("", "30", "d", "30 d", "-3d", "1.5d", "30m", "٣d x", "99999999999999999999d")),
    ],
)  # fmt: skip
def test_another_length_is_refused_in_one_line(text: str, message: str) -> None:
    """The message says what is wrong and what to use."""
    with pytest.raises(past.PastError, match=message) as refused:
        past.parse(text)
    assert "\n" not in str(refused.value)


def _values(lines: list[str], series: str) -> dict[int, float]:
    return {int(line.split()[-1]): float(line.split()[-2]) for line in lines if line.startswith(f"{series} ")}


def test_the_market_trades_on_trading_days_only() -> None:
    """The load is high in sessions only, not at night, at the weekend or on Thanksgiving; a seed repeats it."""
    end = NOW + 10 * _DAY  # Monday, 30 November: the week has a holiday and an early close
    lines = list(past.samples(CONFIG, end - 12 * _DAY, end, 20.0))
    assert lines == list(past.samples(CONFIG, end - 12 * _DAY, end, 20.0))
    requests = _values(lines, f'{derived.get("API_REQUESTS").name}{{job="signal-service"}}')

    def mean(day: int, hour: int) -> float:
        begin = int(datetime(2026, 11, day, hour, tzinfo=UTC).timestamp())
        return float(np.mean([value for at, value in requests.items() if begin <= at < begin + _HOUR]))

    assert all(mean(day, 17) > 8 for day in (19, 20, 23, 24, 25, 27))
    assert all(mean(day, hour) < 3 for day, hour in ((21, 17), (22, 17), (26, 17), (27, 19), (24, 3)))


def test_nothing_measured_reads_the_generated_series() -> None:
    """Only comparisons with earlier days look back into the history; all other windows are shorter than the gap."""
    given = {
        derived.get(line.split()[2]).key
        for line in past.samples(CONFIG, NOW - _HOUR, NOW, 1.0)
        if line.startswith("# TYPE")
    }
    generated = given | {key for _, keys in past._LEVELS for key in keys}
    comparisons = generated | {"SUBSCRIPTION_GROWTH", "RETENTION", "SCALING_CANDIDATE"}
    names = {derived.get(key).name for key in generated}
    far = {
        (rule.key, name)
        for group in derived.groups(CONFIG)
        for rule in group.rules
        if rule.key not in comparisons
        for name, over in re.findall(r"([\w:]+)(?:\{[^}]*\})?(?:\[| offset )(\w+)", rule.expr)
        if name in names and defaults.seconds(over) >= past.GAP
    }
    assert far == set()
    assert not {row.key for row in map(derived.get, generated) if row.section in {"slos", "kpis"}}


@pytest.mark.needs("prometheus")
@pytest.mark.timeout(300)
def test_the_present_has_forecasts_and_usual_levels_at_once(tmp_path: Path) -> None:
    """The rules give values right after the history, each from the series of the history."""
    said: list[str] = []
    end = past.fill(tmp_path, CONFIG, 30 * _DAY, now=NOW, load=20.0, say=said.append)
    assert len(said) == len(past._LEVELS)
    assert NOW - past.GAP - past.STEP <= end <= NOW - past.GAP
    (group,) = yaml.safe_load((tmp_path / "own" / "history.yaml").read_text(encoding="utf-8"))["groups"]
    assert group["rules"] == [{
        "record": "signalscope_generated_history_end_timestamp_seconds", "expr": f"vector({end})",
        "labels": {"job": "signal-service"},
    }]  # fmt: skip
    keys = (
        "SUBSCRIPTION_GROWTH", "RETENTION", "FORECAST", "FORECAST_UPPER", "EXHAUSTION", "ANOMALY_EXPECTED",
        "ANOMALY_LOWER", "CAPACITY_TREND", "FORECAST_MARGIN",
    )  # fmt: skip
    rules = [rule for group in derived.groups(CONFIG) for rule in group.rules if rule.key in keys[:2]]
    at = NOW // past.STEP * past.STEP  # two evaluations, as of a demo that has just started
    with Store(end - past.STEP, at, past.STEP, tmp_path / "data") as store:
        store.record([Rule(rule.key, rule.record, rule.expr, rule.labels) for rule in rules])
        values_by_key = {key: dict(_last(store, derived.get(key).name)) for key in keys}
    assert {"1d", "30d"} <= {labels["period"] for labels in _parsed(values_by_key["SUBSCRIPTION_GROWTH"])}
    assert {"day_over_day", "week_over_week"} <= {
        labels["metric"] for labels in _parsed(values_by_key["RETENTION"])
    }
    assert 0.1 < max(values_by_key["SUBSCRIPTION_GROWTH"].values()) < 0.25
    resources = {labels["resource"] for labels in _parsed(values_by_key["FORECAST"])}
    assert (
        resources
        == {"cpu", "memory", "load"}
        == {labels["resource"] for labels in _parsed(values_by_key["FORECAST_UPPER"])}
    )
    assert min(values_by_key["EXHAUSTION"].values()) < 2 * _DAY == max(values_by_key["EXHAUSTION"].values())
    signals = {"request_rate", "latency", "error_ratio", "greeks_throughput", "signal_rate"}
    assert {labels["signal"] for labels in _parsed(values_by_key["ANOMALY_EXPECTED"])} == signals
    assert all(values_by_key[key] for key in ("ANOMALY_LOWER", "CAPACITY_TREND", "FORECAST_MARGIN"))


def _last(store: Store, name: str) -> list[tuple[str, float]]:
    return [(yaml.safe_dump(labels), [*values.values()][-1]) for labels, values in store.range(name)]


def _parsed(values: dict[str, float]) -> list[dict[str, str]]:
    return [yaml.safe_load(labels) for labels in values]


_GROWTH = 'job:signal_service_active_subscriptions:growth{job="signal-service",period="30d"}'
_EXHAUSTION = 'capacity_exhaustion_prediction{job="signal-service",resource="cpu"}'


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize(
    ("end", "is_left_out"),
    [(0, True), (-15 * _DAY, True), (-32 * _DAY, False), (None, False)],
    ids=["just-now", "weeks-ago", "longer-ago", "none"],
)
def test_kpis_alerts_and_errors_leave_out_what_rests_on_it(
    tmp_path: Path, end: int | None, is_left_out: bool
) -> None:
    """They come back when nothing that they read is generated any more."""
    forecast = 'signal_service_capacity_forecast{{job="signal-service",resource="cpu",horizon="{}"}}'
    series = {
        _GROWTH: 0.2,
        _EXHAUSTION: 50_000,
        'signal_service_anomaly_outside{job="signal-service",signal="latency",direction="above"}': 1,
        forecast.format("24h"): 0.5,
        'signal_service_capacity_used{job="signal-service",resource="cpu"}': 0.6,
        'calendar:session:state{horizon="now"}': 2,
    }
    if end is not None:
        series[CONFIG.selectors.generated_until] = end
    alerts = {"CapacityExhaustedWithin48h", "AnomalyDetected"}
    recorded = {
        "signal_service_kpi_value",
        "signal_service_kpi_attainment",
        "signal_service_capacity_forecast_error",
    }
    rules = [
        rule
        for path in RULES.glob("*.yaml")
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if rule.get("alert") in alerts or rule.get("record") in recorded
    ]
    count = 0 if is_left_out else 1

    def expect(expression: str, number: int) -> dict[str, Any]:
        sample = [{"labels": "{}", "value": number}] if number else []
        return {"expr": f"sum({expression})", "eval_time": "49h", "exp_samples": sample}

    kpis = 'count(signal_service_kpi_{}{{kpi=~"subscription_growth|scaling_lead_time"}})'
    tests = [
        *(expect(kpis.format(name), 2 * count) for name in ("value", "attainment")),
        expect("count(signal_service_capacity_forecast_error)", count),
        *(expect(f'count(ALERTS{{alertname="{name}",alertstate="firing"}})', count) for name in alerts),
    ]
    content: dict[str, Any] = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "5m",
        "tests": [{
            "interval": "5m",
            "input_series": [{"series": name, "values": f"{value}x600"} for name, value in series.items()],
            "promql_expr_test": tests,
        }],
    }  # fmt: skip
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8"
    )
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    done = subprocess.run(
        [binaries.find("promtool"), "test", "rules", "test.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_of_users_know_nothing_of_it() -> None:
    """Without the setting, no rule has the condition."""
    for rule in (rule for group in derived.groups(Config()) for rule in group.rules):
        assert "generated" not in rule.expr
