"""Native histograms: the rows have the same values as with classic histograms; promtool checks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.derived.comparison import FILES, empty, judge, present, same
from tests.derived.scenario import CONFIG, SECONDS, STEP, Scenario, series_input

from signalscope import contract, derived
from signalscope.config import Config
from signalscope.contract import Kind
from signalscope.derived import Rule, groups
from signalscope.derived._expressions import Instrument
from signalscope.derived._promql import native_part
from signalscope.mixin.alerts import alerts
from signalscope.mixin.generate import rendered
from signalscope.mixin.servers import prometheus

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(180)]

#: Rows that record a histogram.
_RECORDED = ("API_BUCKETS", "GREEKS_BUCKETS", "SIGNAL_BUCKETS", "BATCH_BUCKETS")


def _config(kind: str) -> Config:
    """Return the configuration of the scenario for a kind of histogram, which is also the name of the job."""
    changed = {"histograms": {"kind": kind}, "selectors": {"job": kind}}
    return Config.model_validate(CONFIG.model_dump(exclude_defaults=True) | changed)


_KINDS = _CLASSIC, _NATIVE = _config("classic"), _config("native")


def _rules(config: Config) -> list[Rule]:
    return [rule for group in groups(config, *FILES) for rule in group.rules]


def _both(scenario: Scenario) -> list[dict[str, str]]:
    """Return the same series twice, with histograms of each kind."""
    return [*scenario.input_series("classic"), *scenario.input_series("native", native=True)]


def _reads_histograms() -> list[str]:
    """Return the keys of the rows whose expression depends on the kind of histogram."""
    classic, native = ([rule.expr for rule in _rules(config)] for config in (_CLASSIC, _NATIVE))
    return [
        rule.key
        for rule, classic_expr, native_expr in zip(_rules(_CLASSIC), classic, native, strict=True)
        if classic_expr.replace('job="classic"', 'job="native"') != native_expr
    ]


def test_every_row_that_reads_a_histogram_is_written_for_native_ones() -> None:
    """Rules and alerts for native histograms do not read a series that only classic histograms have."""
    keys = set(_reads_histograms())
    names = {
        name
        for instrument in contract.instruments()
        if instrument.kind is Kind.HISTOGRAM
        for name in instrument.series_names
    }
    texts = [
        *(rule.expr for rule in _rules(_NATIVE)),
        *(rule.expr for group in groups(_NATIVE, "insight") for rule in group.rules),
        *(alert.expr for alert in alerts(_NATIVE)),
    ]
    assert not [text for text in texts for name in names if f"{name}{{" in text]
    assert {"API_BUCKETS", "API_P95", "API_MEAN", "API_SLOW_RATE", "SATISFACTION", "BATCH_OPTIONS"} <= keys
    assert {"SLO_EVENTS", "SLO_BAD", "SIGNAL_P95", "QUEUE_WAIT_P95", "DEPENDENCY_P95", "QUERY_P95"} <= keys


def test_panels_and_runbooks_do_not_read_classic_histograms() -> None:
    """The generated rules, dashboards and runbooks read native histograms only."""
    histograms = [instrument for instrument in contract.instruments() if instrument.kind is Kind.HISTOGRAM]
    names = [f"{name}{{" for histogram in histograms for name in histogram.series_names]
    files = rendered(_NATIVE, ["rules", "dashboards", "docs/runbooks"])
    assert not [(path, name) for path, text in files.items() for name in names if name in text]
    assert any("histogram_quantile(0.95, sum by (endpoint) (rate(" in text for text in files.values())


def test_only_the_scrape_of_the_contract_converts_histograms() -> None:
    """The jobs of the pipeline keep classic histograms, which alerts on the pipeline may read."""
    for config, converted in ((_CLASSIC, set()), (_NATIVE, {"otel-collector"})):
        scrapes = prometheus(config)["scrape_configs"]
        key = "convert_classic_histograms_to_nhcb"
        assert {scrape["job_name"] for scrape in scrapes if scrape.get(key)} == converted


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_have_the_values_of_classic_histograms(tmp_path: Path, seed: int) -> None:
    """Every recorded series has the same values, including quantiles and counts up to a bucket boundary."""
    scenario, different = Scenario(seed), _reads_histograms()
    wanted: list[dict[str, Any]] = []
    for row in (derived.get(rule.key) for rule in _rules(_CLASSIC)):
        native, classic = (f'{row.name}{{job="{config.selectors.job}"}}' for config in (_NATIVE, _CLASSIC))
        if "le" not in row.all_labels:
            wanted += same(native, classic)
            if row.key in different:
                wanted.append(present(classic))
    judge(tmp_path, _KINDS, _both(scenario), wanted)


def test_a_histogram_that_is_recorded_has_every_bucket(tmp_path: Path) -> None:
    """The count up to each boundary is that of the classic bucket, except for rounding errors."""
    wanted: list[dict[str, Any]] = []
    for row in map(derived.get, _RECORDED):
        (name,) = {node.name for node in row.reads(CONFIG) if isinstance(node, Instrument)}
        for boundary in contract.get(name).buckets or ():
            native = native_part(f'{row.name}{{job="native"}}', le=boundary)
            classic = f'{row.name}{{job="classic", le=~"{boundary:g}|{boundary:g}[.]0"}}'
            wanted += [*same(native, classic, 1e-14), present(classic)]
    judge(tmp_path, _KINDS, _both(Scenario(3)), wanted, *_RECORDED)


def test_a_wrong_boundary_is_noticed(tmp_path: Path) -> None:
    """The comparison fails for another bucket, so it can find an error."""
    name = derived.get("API_BUCKETS").name
    wrong = native_part(f'{name}{{job="native"}}', le=0.25)
    claims = list(same(wrong, f'{name}{{job="classic", le="0.5"}}'))
    with pytest.raises(AssertionError, match="histogram_fraction"):
        judge(tmp_path, _KINDS, _both(Scenario(3)), claims, "API_BUCKETS")


def test_an_empty_histogram_has_no_quantile_and_a_count_of_zero(tmp_path: Path) -> None:
    """A histogram without a measurement in the window has the same results as classic buckets."""
    labels = 'job="native", instance="a", endpoint="/a", user_tier="free", status_code="200"'
    unchanged = "{{schema:-53 count:7 sum:1 custom_values:[0.5 1] buckets:[3 3 1]}}"
    inputs = [
        {"series": f"signal_service_api_request_duration_seconds{{{labels}}}", "values": f"{unchanged}x180"},
        series_input(f"signal_service_api_requests_total{{{labels}}}", 0, 1, SECONDS // STEP),
    ]
    zero = [{"labels": '{job="native"}', "value": 0}]
    name = f'{derived.get("API_SLOW_RATE").name}{{job="native"}}'
    wanted = [
        empty(f'{derived.get("API_P95").name}{{job="native"}}'),
        empty(f'{derived.get("API_MEAN").name}{{job="native"}}'),
        {"expr": f"{name} + 0", "eval_time": f"{SECONDS}s", "exp_samples": zero},
    ]
    judge(tmp_path, _KINDS, inputs, wanted)


@pytest.mark.parametrize(("outcome", "fires"), [("error", True), ("success", False)])
def test_the_alert_on_calculations_reads_native_histograms(tmp_path: Path, outcome: str, fires: bool) -> None:
    """The alert fires while every calculation fails, and does not fire after the first success."""
    (alert,) = (alert for alert in alerts(_NATIVE) if alert.name == "GreeksCalculationSystemFailure")
    histogram = "{{schema:-53 count:1 sum:1 custom_values:[0.5 1] buckets:[0 1 0]}}"
    steps = SECONDS // STEP
    inputs = [
        series_input(
            'signal_service_api_requests_total{job="native", endpoint="/greeks", status_code="200"}', 0, 5, steps
        ),
        {
            "series": f'signal_service_greeks_calculation_seconds{{job="native", outcome="{outcome}"}}',
            "values": f"_x{steps - 1} {histogram}",
        },
    ]  # fmt: skip
    sample = [{"labels": "{}", "value": 1}] if fires else []
    claim = {"expr": f"count({alert.expr})", "eval_time": f"{SECONDS}s", "exp_samples": sample}
    judge(tmp_path, _KINDS, inputs, [claim], "API_REQUESTS")
