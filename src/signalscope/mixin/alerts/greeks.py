"""Alerts about calculations of Greeks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from signalscope import contract
from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert, maker, shown_after, slow

_CALCULATION = "signal_service.greeks.calculation"


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    limits = config.thresholds
    alert = maker(config, "greeks", dashboard="developer", keep_firing_for=config.holds.keep_firing)
    yield alert(
        "GreeksCalculationSystemFailure",
        _none_succeeds,
        severity="critical",
        for_=config.holds.greeks_failure,
        keep_firing_for=0,
        summary="No Greeks calculation of {{ $labels.job }} succeeds",
        shows_after=config.pipeline.export + config.greeks_window,
        description="{{ $value | humanize }} requests per second need a calculation, and none has succeeded for "
        f"{duration(config.greeks_window)}; with few requests, for {duration(config.windows.rate)}.",
        impact="Clients get errors instead of Greeks; signals that need them are missing or wrong.",
        response="See the outcomes and reasons below; switch the data source, or roll back the last release.",
        values={"window": str(config.greeks_window), "page_seconds": str(_page_seconds(config))},
    )
    is_exact = limits.vectorized_p90_seconds in (contract.get(_CALCULATION).buckets or ())
    yield alert(
        "SlowGreeksCalculations",
        lambda ask: slow(
            ask,
            (ask.of("VECTORIZED_P90"), 0.9),
            ask.of("GREEKS_BUCKETS", 'vectorized="true"', le=math.inf),
            limits.vectorized_p90_seconds,
            config.holds.slow_greeks,
        ),
        for_=0,
        # A slow calculation is measured at its end.
        shows_after=shown_after(0.1, "GREEKS_BUCKETS", config, 0) + math.ceil(limits.vectorized_p90_seconds),
        summary="Vectorised Greeks of {{ $labels.job }} are slow",
        description="The 90th percentile of vectorised calculations is {{ $value | humanizeDuration }}, above "
        f"{limits.vectorized_p90_seconds:g} s.",
        impact="Option chains refresh late; features that use them show old Greeks.",
        response="Compare batch sizes and models below. The usual cause is a batch that is calculated one by one.",
        values={"exact_bucket": " A bucket boundary is exactly at the limit." if is_exact else ""},
    )
    yield alert(
        "InvalidGreeksRatioHigh",
        lambda ask: (
            f"{ask.of('GREEKS_INVALID_RATIO')} > {limits.invalid_greeks_ratio:g}"
            f" and {ask.on()} {ask.of('GREEKS_OPTIONS')} >= {limits.min_calls_per_second:g}"
        ),
        for_=config.holds.invalid_greeks,
        shows_after=shown_after(
            limits.invalid_greeks_ratio, "GREEKS_INVALID_RATIO", config, config.holds.invalid_greeks
        ),
        summary="Many Greeks of {{ $labels.job }} are invalid",
        description="{{ $value | humanizePercentage }} of the results are invalid; the limit is "
        f"{100 * limits.invalid_greeks_ratio:g} %.",
        impact="Hedges and signals that need these Greeks are missing or wrong.",
        response="See the reasons below. One reason in all models points to the market data, one model to its code.",
    )
    yield alert(
        "VectorizedWithoutGain",
        _without_gain,
        severity="info",
        for_=config.holds.vectorization,
        summary="Vectorised calculations of {{ $labels.job }} are not faster",
        description="An option takes {{ $value | humanize }} times as long alone as in a large vectorised batch.",
        impact="None at once; the service has less capacity than planned.",
        response="Look for a loop over options in a calculation that is declared with vectorized=True.",
    )


def _page_seconds(config: Config) -> int:
    """Return the most seconds from a total failure to the page, if there are enough requests."""
    pipeline, wait = config.pipeline, config.routes.group_wait_critical
    return pipeline.export + config.greeks_window + pipeline.evaluation + config.holds.greeks_failure + wait


def _none_succeeds(ask: Promql) -> str:
    """Return the condition in a short window, and in a long one for services with few requests."""
    windows = (ask.config.greeks_window, ask.config.windows.rate)
    return " or ".join(_none_succeeds_in(ask, seconds) for seconds in windows)


def _none_succeeds_in(ask: Promql, seconds: int) -> str:
    selectors, least = ask.config.selectors, ask.config.thresholds.failed_greeks_requests
    requests, served = (
        ask.rate(
            "signal_service.api.requests",
            f'endpoint=~"{selectors.greeks_endpoints}"',
            *matchers,
            over=seconds,
        )
        for matchers in ((), ('status_code!~"4.."',))
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
    # A series whose first value is its first success has no rate yet.
    succeeded = f"({rate} > 0 or ({good()} > 0 unless {before}))"
    failed = ask.rate(_CALCULATION, 'outcome=~"error|invalid"', over=seconds, suffix="_count")
    # One request can hit the cache many times: more hits than requests do not prove that all were answered.
    # A rejected request needs neither the cache nor a calculation.
    from_cache = (
        f"({hits} or 0 * {requests}) >= ({served} or 0 * {requests}) unless {failed} > 0 unless {misses} > 0"
    )
    return f"{requests} >= {least:g} / {seconds} unless {ask.on()} {succeeded} unless ({from_cache})"


def _without_gain(ask: Promql) -> str:
    large = ask.of("PER_OPTION_BATCH", 'vectorized="true"', 'batch_size=~"101-1000|1001[+]"')
    single = ask.of("PER_OPTION_BATCH", 'vectorized="false"', 'batch_size="1"')
    limit = ask.config.thresholds.vectorized_speedup
    return f"sum {ask.by()} ({single}) / {ask.on()} min {ask.by()} ({large}) < {limit:g}"
