"""Alerts about calculations."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

_FIVE_MINUTES = 300


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [_invalid(config), _false_claim(config)]


def _invalid(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="Calculations return, but what they return is no Greek. The calls do not fail, so nothing "
        "else tells.",
        why="Unusable results for each option priced, over five minutes. Large arrays are sampled, so the "
        "ratio is at "
        f"least this high. Held for {duration(hold)}, so that one bad quote is no alert, and kept on for "
        f"{duration(config.holds.keep_firing)}, so that a ratio around the limit does not come and go. "
        f"Silent below "
        f"{config.thresholds.min_calls_per_second:g} options a second, where one result is a large share.",
        diagnosis={
            "By reason": ask.of("GREEKS_INVALID"),
            "By model": ask.rate(
                "signal_service.greeks.invalid_results", by="model_type, calculation_type, reason"
            ),
            "Outcomes of calls": ask.of("GREEKS_CALLS"),
        },
        mitigation=(
            "nan or infinite everywhere: the market data; switch the source, or hold the last good snapshot.",
            "not_converged: quotes below intrinsic value; filter them before the implied volatility.",
            "out_of_range after a release: roll it back.",
        ),
        dashboard="developer",
    )


def _false_claim(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="A call that claims to handle its batch in one array operation costs as much for each "
        "option as single "
        "calculations do: it probably loops.",
        why="The time for each option of the best large class of batch size, against single calculations. "
        "Batches of up "
        f"to 100 options are left out, because setting up an array costs more than it saves there. "
        f"{duration(hold)} are "
        "long enough for a warm-up to pass.",
        diagnosis={
            "Time for each option by class of batch size": ask.of("PER_OPTION_BATCH"),
            "Best class": ask.of("BEST_BATCH"),
            "Time by calculation and class": ask.rate(
                "signal_service.greeks.calculation",
                'vectorized="true"',
                by="calculation_type, batch_size",
                suffix="_sum",
            ),
        },
        mitigation=(
            "Replace the loop by an array operation.",
            "Where it must loop, say vectorized=False: the share of vectorised options is then true.",
        ),
        dashboard="developer",
    )
