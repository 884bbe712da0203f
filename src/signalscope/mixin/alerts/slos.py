"""Alerts about SLOs: on the burn rate, or on the error ratio if the error budget is too large for burn rates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from signalscope.config import Config, Slo
from signalscope.config.defaults import BURN_RATE_WINDOWS, BurnRate, seconds
from signalscope.derived._promql import Promql, duration
from signalscope.derived.table.slos import SPECS, Spec, settings
from signalscope.mixin.alerts._model import Alert, Board, Maker, Severity, maker

_KEPT = ("sloth_id", "sloth_service", "sloth_slo")


class _Text(NamedTuple):
    """Texts of the alerts of an SLO, and the stem of their names."""

    stem: str
    board: Board
    impact: str
    response: str
    threshold_name: str = ""


_TEXTS = {
    "availability": _Text(
        "Availability", "executive",
        "The service was down for longer than the objective allows; clients could not trade.",
        "See SignalServiceDown; check whether the service is down now, or restarts repeatedly.",
    ),
    "errors": _Text(
        "Error", "experience",
        "Clients get errors instead of signals and Greeks.",
        "Find the endpoint and the status below; roll back if the errors began with a release.",
    ),
    "api_latency": _Text(
        "ApiLatency", "experience",
        "Clients wait; signals arrive too late to trade on.",
        "Find the slow endpoint below, then the resource with the highest bottleneck_analysis.",
    ),
    "signal_latency": _Text(
        "SignalLatency", "experience",
        "Signals are late; some arrive too late to trade on.",
        "Find the slow kind of signal below, and the dependency or cache that it waits for.",
    ),
    "vectorized": _Text(
        "Vectorization", "developer",
        "None at once; calculations use more CPU than necessary.",
        "Find the calculation that is not vectorised.",
        "VectorizedShareLow",
    ),
    "cache_hits_greeks": _Text(
        "GreeksCache", "developer",
        "Greeks are calculated again instead of read from the cache: answers are slower and cost more.",
        "Check whether entries are evicted, or the cache was flushed.",
        "GreeksCacheHitRatioLow",
    ),
    "cache_hits_indicators": _Text(
        "IndicatorsCache", "developer",
        "Indicators are calculated again instead of read from the cache: signals are slower and cost more.",
        "Check whether entries are evicted, or the cache was flushed.",
        "IndicatorsCacheHitRatioLow",
    ),
    "dependencies": _Text(
        "DependencyHealth", "operations",
        "Features that need external services were degraded for longer than the objective allows.",
        "Find the unhealthy services below, and inform their owners.",
    ),
    "critical_backlog": _Text(
        "CriticalBacklog", "operations",
        "Urgent alerts and signals for clients have been late.",
        "Check whether critical items arrive in bursts, or are processed slowly.",
    ),
}  # fmt: skip


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    for spec in SPECS:
        slo, text = settings(config, spec), _TEXTS[spec.key]
        shared = {"impact": text.impact, "response": text.response, "dashboard": text.board}
        alert = maker(config, spec.domain, keep_firing_for=config.holds.keep_firing, **shared)
        if slo.alert == "threshold":
            yield _threshold(config, spec, slo, text, alert)
        else:
            for is_fast in (True, False):
                yield _burn(config, spec, slo, text, alert, is_fast=is_fast)


def _burn(config: Config, spec: Spec, slo: Slo, text: _Text, alert: Maker, *, is_fast: bool) -> Alert:
    windows = [window for window in BURN_RATE_WINDOWS if window.fast == is_fast]
    severity: Severity = "critical" if is_fast and spec.pages else "warning"

    def part(ask: Promql, window: BurnRate) -> str:
        limit = f"{window.rate * slo.budget:.6g}"
        least = f"{slo.min_bad_events:g}"
        if spec.of_time:
            bad_seconds = max(slo.min_bad_events, window.rate * slo.budget * seconds(window.long))
            least = f"{bad_seconds:.6g} * {_highest(ask, spec, 'SLO_EVENTS')}"
        return (
            f"({_ratio(ask, spec, window.long)} > {limit} and {_ratio(ask, spec, window.short)} > {limit}"
            f" and {_counted(ask, spec, window.long, 'SLO_EVENTS')} >= {slo.min_events:g}"
            f" and {_counted(ask, spec, window.long, 'SLO_BAD')} >= {least}"
            f" and time() - {_highest(ask, spec, 'SLO_SINCE')} >= {_judged_after(config, window)})"
        )

    return alert(
        f"{text.stem}BudgetBurn{'Fast' if is_fast else 'Slow'}",
        lambda ask: " or ".join(part(ask, window) for window in windows),
        severity=severity,
        for_=config.holds.slo_burn,
        # For an outage in which every event is bad, after at least one such window without bad events.
        shows_after=round(seconds(windows[0].long) * windows[0].rate * slo.budget)
        + config.windows.rate
        + config.pipeline.slo
        + (0 if is_fast else config.pipeline.history),
        summary="{{ $labels.job }} burns the error budget of {{ $labels.sloth_slo }} too fast",
        description="{{ $value | humanizePercentage }} of the events were bad; "
        f"the objective allows {100 * slo.budget:g} % over {config.slos.period_days} days.",
        labels={"sloth_severity": "page" if severity == "critical" else "ticket"},
        values={
            **_values(spec, slo),
            "rates": " or ".join(
                f"{window.rate:g} (windows {window.long} and {window.short})" for window in windows
            ),
            "judged": ", ".join(
                f"{_judged_after(config, window) / 3600:g} hours for the window {window.long}"
                for window in windows
            ),
            "gone": "within hours or days" if is_fast else "before the end of the period",
            "before_data": " The time before the first data counts as good." if spec.of_time else "",
        },
    )


def _judged_after(config: Config, window: BurnRate) -> int:
    """Return the seconds since the first data after which a burn rate may fire."""
    covered = round(config.slos.covered * seconds(window.long))
    return min(covered, config.slos.young_seconds) if window == BURN_RATE_WINDOWS[0] else covered


def _threshold(config: Config, spec: Spec, slo: Slo, text: _Text, alert: Maker) -> Alert:
    name = text.threshold_name or f"{text.stem}ObjectiveMissed"
    rate, better = config.windows.rate, slo.budget * (1 - config.slos.hysteresis)

    def expr(ask: Promql) -> str:
        over = _ratio(ask, spec, duration(rate))
        firing = f'ALERTS{{job="{ask.job}", alertname="{name}", alertstate="firing"}}'
        missed = f"{over} > {slo.budget:.6g} or ({over} > {better:.6g} and {ask.on('sloth_slo')} {firing})"
        return f"({missed}) and {_highest(ask, spec, 'SLO_EVENTS')} * {rate} >= {slo.min_events:g}"

    return alert(
        name,
        expr,
        for_=config.holds.slo_threshold,
        summary="{{ $labels.job }} misses the objective of {{ $labels.sloth_slo }}",
        description="{{ $value | humanizePercentage }} of the events of five minutes were bad; "
        f"the objective allows {100 * slo.budget:g} %.",
        values={**_values(spec, slo), "better": f"{100 * better:.3g}"},
    )


def _highest(ask: Promql, spec: Spec, key: str, window: str = "") -> str:
    """Return the maximum of the SLO's series, which are all equal. With a window, its values are summed first."""
    series = ask.of(key, f'sloth_slo="{spec.name}"')
    return f"max {ask.by(*_KEPT)} ({f'sum_over_time({series}[{window}])' if window else series})"


def _ratio(ask: Promql, spec: Spec, window: str) -> str:
    return _highest(ask, spec, f"SLO_ERROR_{window.upper()}")


def _counted(ask: Promql, spec: Spec, window: str, key: str) -> str:
    """Return the number of events in a window: the sum of the recorded rates times their interval in seconds."""
    return f"{_highest(ask, spec, key, window)} * {ask.config.pipeline.slo}"


def _values(spec: Spec, slo: Slo) -> dict[str, str]:
    """Return the values for the placeholders in the runbooks of an SLO."""
    return {
        "slo": spec.name,
        "title": spec.title,
        "good": spec.good,
        "objective": f"{100 * slo.objective:g}",
        "min_events": f"{slo.min_events:g}",
        "min_bad_events": f"{slo.min_bad_events:g}",
    }
