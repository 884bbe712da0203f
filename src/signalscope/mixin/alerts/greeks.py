"""Alerts about calculations of Greeks."""

from __future__ import annotations

from functools import partial

from signalscope import contract
from signalscope.config import Config
from signalscope.derived._promql import Promql
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

_alert = partial(Alert, domain="greeks", dashboard="developer")

_CALCULATION = "signal_service.greeks.calculation"


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    return [_failure(config), _slow(config), _invalid(config), _without_gain(config)]


def _failure(config: Config) -> Alert:
    ask, selectors, seconds = Promql(config), config.selectors, config.windows.greeks
    requests = ask.rate(
        "signal_service.api.requests", f'endpoint=~"{selectors.greeks_endpoints}"', over=seconds
    )
    gets = (f'cache_type="{selectors.greeks_cache}"', 'operation="get"')
    hits, misses = (
        ask.rate("signal_service.cache.operations", *gets, f'result="{result}"', over=seconds)
        for result in ("hit", "miss")
    )
    over = ask.window(seconds)
    good = partial(ask.raw, _CALCULATION, 'outcome="success"', suffix="_count")
    rate = good(around=lambda text: f"rate({text}[{over}])")
    before = good(around=lambda text: f"{text} offset {over}")
    # A series that begins with its first success has no rate yet.
    succeeded = f"({rate} > 0 or ({good()} > 0 unless {before}))"
    failed = ask.rate(_CALCULATION, 'outcome=~"error|invalid"', over=seconds, suffix="_count")
    # One request may hit the cache many times, so more hits than requests do not prove that all were answered.
    from_cache = f"{hits} >= {requests} unless {failed} > 0 unless {misses} > 0"
    return _alert(
        name="GreeksCalculationSystemFailure",
        severity="critical",
        ask=ask,
        expr=f"{requests} > 0 unless on (job) {succeeded} unless ({from_cache})",
        for_=config.holds.greeks_failure,
        summary="No Greeks calculation of {{ $labels.job }} succeeds",
        description="{{ $value | humanize }} requests a second need a calculation, and none has succeeded for "
        f"{over}.",
        impact="Clients get errors instead of Greeks; signals that need them are missing or wrong.",
        response="Look at the outcomes and reasons below; switch the data source, or roll back.",
    )


def _slow(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.slow_greeks
    limit = config.thresholds.vectorized_p90_seconds
    exact = limit in (contract.get(_CALCULATION).buckets or ())
    return _alert(
        name="SlowGreeksCalculations",
        severity="warning",
        ask=ask,
        expr=f"{ask.of('VECTORIZED_P90')} > {limit:g}",
        for_=for_,
        keep_firing_for=config.holds.keep_firing,
        summary="Vectorised Greeks of {{ $labels.job }} are slow",
        description="The 90th percentile of vectorised calculations is {{ $value | humanizeDuration }}, above "
        f"{limit:g} s.",
        impact="Chains refresh late; what depends on them uses old Greeks.",
        response="Compare batch sizes and models below; a batch that is calculated one by one is the usual cause.",
        values={"exact_bucket": " The histogram has a bound exactly at the limit." if exact else ""},
    )


def _invalid(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.invalid_greeks
    limit = config.thresholds.invalid_greeks_ratio
    enough = f"{ask.of('GREEKS_OPTIONS')} >= {config.thresholds.min_calls_per_second:g}"
    return _alert(
        name="InvalidGreeksRatioHigh",
        severity="warning",
        ask=ask,
        expr=f"{ask.of('GREEKS_INVALID_RATIO')} > {limit:g} and on (job) {enough}",
        for_=for_,
        keep_firing_for=config.holds.keep_firing,
        summary="Many Greeks of {{ $labels.job }} cannot be used",
        description="{{ $value | humanizePercentage }} of the results are unusable, more than "
        f"{100 * limit:g} %.",
        impact="Hedges and signals that need these Greeks are missing or wrong.",
        response="Look at the reasons below: one reason in all models is the market data, one model alone its code.",
    )


def _without_gain(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.vectorization
    limit = config.thresholds.vectorized_speedup
    large = ask.of("PER_OPTION_BATCH", 'vectorized="true"', 'batch_size=~"101-1000|1001[+]"')
    single = ask.of("PER_OPTION_BATCH", 'vectorized="false"', 'batch_size="1"')
    return _alert(
        name="VectorizedWithoutGain",
        severity="info",
        ask=ask,
        expr=f"sum by (job) ({single}) / on (job) min by (job) ({large}) < {limit:g}",
        for_=for_,
        keep_firing_for=config.holds.keep_firing,
        summary="Vectorised calculations of {{ $labels.job }} gain nothing",
        description="An option costs {{ $value | humanize }} times as much alone as in a large vectorised batch.",
        impact="None at once; capacity that is counted on is not there.",
        response="Look for a loop over options under a call that says vectorized=True.",
    )
