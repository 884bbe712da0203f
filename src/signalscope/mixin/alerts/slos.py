"""Alerts of SLOs: on how fast the error budget is spent, or on the ratio itself where no rate is fast enough."""

from __future__ import annotations

from dataclasses import dataclass

from signalscope.config import Config, Slo
from signalscope.config.defaults import BURN_RATE_WINDOWS, BurnRate, seconds
from signalscope.derived._promql import Promql, duration
from signalscope.derived.table.slos import SPECS, Spec, settings
from signalscope.mixin.alerts._model import Alert, Board, Severity

__all__ = ["alerts"]

_KEPT = "job, sloth_id, sloth_service, sloth_slo"


@dataclass(frozen=True, slots=True)
class _Text:
    """The texts of an SLO's alerts."""

    stem: str
    board: Board
    impact: str
    response: str
    threshold_name: str = ""


_TEXTS = {
    "availability": _Text(
        "Availability", "executive",
        "The service was away for longer than was promised; clients could not trade on it.",
        "See SignalServiceDown: is it down now, or does it restart again and again?",
    ),
    "errors": _Text(
        "Error", "experience",
        "Clients get errors instead of signals and Greeks.",
        "Find the endpoint and the status below; roll back if it began with a release.",
    ),
    "api_latency": _Text(
        "ApiLatency", "experience",
        "Clients wait; signals arrive after the move.",
        "Find the slow endpoint below, then the resource that bottleneck_analysis names.",
    ),
    "signal_latency": _Text(
        "SignalLatency", "experience",
        "Signals are late; some come after the move.",
        "See which kind of signal is slow, and what it waits for.",
    ),
    "vectorized": _Text(
        "Vectorization", "developer",
        "None at once; calculations need more CPU than they should.",
        "Find the calculation that is made one by one.",
        "VectorizedShareLow",
    ),
    "cache_hits_greeks": _Text(
        "GreeksCache", "developer",
        "Greeks are calculated again instead of read: answers are slower and cost more.",
        "See whether entries are evicted, or were flushed.",
        "GreeksCacheHitRatioLow",
    ),
    "cache_hits_indicators": _Text(
        "IndicatorsCache", "developer",
        "Indicators are calculated again: signals are slower and cost more.",
        "See whether entries are evicted, or were flushed.",
        "IndicatorsCacheHitRatioLow",
    ),
    "dependencies": _Text(
        "DependencyHealth", "operations",
        "Features that need external services were degraded for longer than was planned.",
        "See which services were away, and tell their owners what it costs.",
    ),
    "critical_backlog": _Text(
        "CriticalBacklog", "operations",
        "Alerts and signals that clients act on at once have been late.",
        "See whether critical work comes in bursts, or is processed slowly.",
    ),
}  # fmt: skip


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    every = []
    for spec in SPECS:
        slo, text = settings(config, spec), _TEXTS[spec.key]
        if slo.alert == "threshold":
            every.append(_threshold(config, spec, slo, text))
        else:
            every += [_burn(config, spec, slo, text, fast=fast) for fast in (True, False)]
    return every


def _of(ask: Promql, spec: Spec, key: str) -> str:
    return ask.of(key, f'sloth_slo="{spec.name}"')


def _ratio(ask: Promql, spec: Spec, window: str) -> str:
    return f"max by ({_KEPT}) ({_of(ask, spec, f'SLO_ERROR_{window.upper()}')})"


def _burn(config: Config, spec: Spec, slo: Slo, text: _Text, *, fast: bool) -> Alert:
    ask = Promql(config)
    name = f"{text.stem}BudgetBurn{'Fast' if fast else 'Slow'}"
    windows = [window for window in BURN_RATE_WINDOWS if window.fast == fast]
    severity: Severity = "critical" if fast and spec.pages else "warning"

    def part(window: BurnRate) -> str:
        limit = f"{window.rate * slo.budget:.6g}"
        least = f"{slo.min_bad_events:g}"
        if spec.of_time:
            bad_seconds = max(slo.min_bad_events, window.rate * slo.budget * seconds(window.long))
            least = f"{bad_seconds:.6g} * max by ({_KEPT}) ({_of(ask, spec, 'SLO_EVENTS')})"
        return (
            f"({_ratio(ask, spec, window.long)} > {limit} and {_ratio(ask, spec, window.short)} > {limit}"
            f" and {_counted(ask, spec, config, window.long, 'SLO_EVENTS')} >= {slo.min_events:g}"
            f" and {_counted(ask, spec, config, window.long, 'SLO_BAD')} >= {least})"
        )

    rates = " or ".join(f"{window.rate:g} times over {window.long} and {window.short}" for window in windows)
    return Alert(
        name=name,
        severity=severity,
        domain=spec.domain,
        ask=ask,
        expr=" or ".join(map(part, windows)),
        for_=config.holds.slo_burn,
        keep_firing_for=config.holds.keep_firing,
        # Of an outage in which every event is bad, after a good time of at least that window.
        shows_after=round(seconds(windows[0].long) * windows[0].rate * slo.budget)
        + config.windows.rate
        + config.pipeline.slo
        + (0 if fast else config.pipeline.history),
        summary="{{ $labels.job }}: the error budget of {{ $labels.sloth_slo }} is spent too fast",
        description="{{ $value | humanizePercentage }} of the events were bad; "
        f"{100 * slo.budget:g} % are allowed over {config.slos.period_days} days.",
        impact=text.impact,
        response=text.response,
        dashboard=text.board,
        labels={"sloth_severity": "page" if severity == "critical" else "ticket"},
        values=_values(spec, slo)
        | {
            "rates": rates,
            "gone": "within days or hours" if fast else "before its time",
            "before_data": " What was before the first data counts as good." if spec.of_time else "",
        },
    )


def _threshold(config: Config, spec: Spec, slo: Slo, text: _Text) -> Alert:
    ask = Promql(config)
    name = text.threshold_name or f"{text.stem}ObjectiveMissed"
    rate = config.windows.rate
    over = _ratio(ask, spec, duration(rate))
    better = slo.budget * (1 - config.slos.hysteresis)
    firing = f'ALERTS{{job="{ask.job}", alertname="{name}", alertstate="firing"}}'
    enough = f"max by ({_KEPT}) ({_of(ask, spec, 'SLO_EVENTS')}) * {rate} >= {slo.min_events:g}"
    return Alert(
        name=name,
        severity="warning",
        domain=spec.domain,
        ask=ask,
        expr=f"({over} > {slo.budget:.6g} or ({over} > {better:.6g} and on (job, sloth_slo) {firing})) and "
        f"{enough}",
        for_=config.holds.slo_threshold,
        keep_firing_for=config.holds.keep_firing,
        summary=f"{{{{ $labels.job }}}}: {spec.title.lower()} too rarely",
        description=f"{{{{ $value | humanizePercentage }}}} of the events of five minutes were bad; "
        f"{100 * slo.budget:g} % are allowed.",
        impact=text.impact,
        response=text.response,
        dashboard=text.board,
        values=_values(spec, slo) | {"better": f"{100 * better:.3g}"},
    )


def _counted(ask: Promql, spec: Spec, config: Config, window: str, key: str) -> str:
    """Return how many there were: recorded rates, times the seconds between two of them, summed up."""
    return f"max by ({_KEPT}) (sum_over_time({_of(ask, spec, key)}[{window}])) * {config.pipeline.slo}"


def _values(spec: Spec, slo: Slo) -> dict[str, str]:
    """Return what the runbooks of an SLO's alerts say about it."""
    return {
        "slo": spec.name,
        "title": spec.title,
        "good": spec.good,
        "objective": f"{100 * slo.objective:g}",
        "min_events": f"{slo.min_events:g}",
        "min_bad_events": f"{slo.min_bad_events:g}",
    }
