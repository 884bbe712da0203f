"""Alerts about calculations."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

_FIVE_MINUTES = 300


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [_invalid(config), _false_claim(config)]


def _invalid(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    limit, hold = config.thresholds.invalid_greeks_ratio, config.holds.invalid_greeks
    gate = f"{ask.of('GREEKS_OPTIONS')} >= {config.thresholds.min_calls_per_second:g}"
    return Alert(
        name="InvalidGreeksRatioHigh",
        severity="warning",
        domain="greeks",
        expr=f"{ask.of('GREEKS_INVALID_RATIO')} > {limit:g} and on (job) {gate}",
        hold=hold,
        keep=config.holds.keep_firing,
        window=_FIVE_MINUTES + config.pipeline.paced(hold),
        summary="Many Greeks of {{ $labels.job }} cannot be used",
        description="{{ $value | humanizePercentage }} of the results are NaN, infinite, missing, out of "
        "range or "
        f"not converged, more than {100 * limit:g} %.",
        impact="Hedges and signals that need these Greeks are missing or wrong.",
        response="Look at the reasons below: one reason in all models is the market data, one model alone "
        "its code.",
        dashboard="developer",
    )


def _false_claim(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    limit, hold = config.thresholds.vectorized_speedup, config.holds.vectorization
    large = ask.of("PER_OPTION_BATCH", 'vectorized="true"', 'batch_size=~"101-1000|1001[+]"')
    single = ask.of("PER_OPTION_BATCH", 'vectorized="false"', 'batch_size="1"')
    return Alert(
        name="VectorizedWithoutGain",
        severity="info",
        domain="greeks",
        expr=f"sum by (job) ({single}) / on (job) min by (job) ({large}) < {limit:g}",
        hold=hold,
        keep=config.holds.keep_firing,
        window=_FIVE_MINUTES + config.pipeline.paced(hold),
        summary="Vectorised calculations of {{ $labels.job }} gain nothing",
        description="An option costs {{ $value | humanize }} times as much alone as in a large vectorised "
        "batch; it "
        f"should be more than {limit:g}.",
        impact="None at once; capacity that is counted on is not there.",
        response="Look for a loop over options under a call that says vectorized=True.",
        dashboard="developer",
    )
