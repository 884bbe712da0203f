"""Alerts of SLOs: on how fast the error budget is spent, or on the ratio itself where no rate is fast enough."""

from __future__ import annotations

from dataclasses import dataclass

from signalscope.config import BURN_RATES, Config, Slo
from signalscope.derived._promql import Promql, duration
from signalscope.derived.table.slos import SPECS, Spec, settings
from signalscope.mixin.alerts._model import Alert, Board, Severity

__all__ = ["alerts"]

_KEPT = "job, sloth_id, sloth_service, sloth_slo"
#: The short window beside each long one: it ends the alert soon after the cause has ended.
_SHORT = {"1h": "5m", "6h": "30m", "1d": "2h", "3d": "6h"}


@dataclass(frozen=True, slots=True)
class _Text:
    """What people read about an SLO's alerts."""

    stem: str
    board: Board
    impact: str
    response: str
    causes: dict[str, tuple[str, ...]]
    mitigation: tuple[str, ...]
    threshold_name: str = ""


def _texts(ask: Promql, config: Config) -> dict[str, _Text]:
    greeks, indicators = (
        f'cache_type="{each}"' for each in (config.selectors.greeks_cache, config.selectors.indicators_cache)
    )
    return {
        "availability": _Text(
            "Availability", "executive",
            "The service was away for longer than was promised; clients could not trade on it.",
            "See SignalServiceDown: is it down now, or does it restart again and again?",
            {"Is it up": (ask.of("UP"),), "Processes that began in the last hour": (_began(ask),)},
            ("Stop what restarts it: a release, a probe that is too strict, memory.",
             "Run one instance more, so that one alone is no outage."),
        ),
        "errors": _Text(
            "Error", "experience",
            "Clients get errors instead of signals and Greeks.",
            "Find the endpoint and the status below; roll back if it began with a release.",
            {"By endpoint, in percent": (ask.of("ERROR_RATE", 'endpoint!=""'),),
             "By status": (ask.of("API_REQUESTS_STATUS"),),
             "Dependencies that fail": (ask.of("DEPENDENCY_ERROR_RATIO"),)},
            ("Roll back the last release.", "If a dependency fails, see its alert; let its breaker open."),
        ),
        "api_latency": _Text(
            "ApiLatency", "experience",
            "Clients wait; signals arrive after the move.",
            "Find the slow endpoint below, then the resource that bottleneck_analysis names.",
            {"By endpoint": (ask.of("API_P95_ENDPOINT"),), "Bottleneck": (ask.of("BOTTLENECK"),)},
            ("Add replicas if CPU or the queue is the bottleneck.",
             "Shorten the timeout of a slow dependency."),
        ),
        "signal_latency": _Text(
            "SignalLatency", "experience",
            "Signals are late; some come after the move.",
            "See which kind of signal is slow, and what it waits for.",
            {"By kind": (ask.of("SIGNAL_P95_TYPE"),), "Dependencies": (ask.of("DEPENDENCY_P95"),),
             "Indicators' cache": (ask.of("CACHE_HITS", indicators),)},
            ("A cold cache: wait, or warm it.", "A slow data source: switch it."),
        ),
        "vectorized": _Text(
            "Vectorization", "developer",
            "None at once; calculations need more CPU than they should.",
            "Find the calculation that is made one by one.",
            {"By calculation": (ask.of("VECTORIZED_SHARE", 'calculation_type!=""'),),
             "Time for each option": (ask.of("PER_OPTION"),)},
            ("Send chains to the batch endpoint.", "Replace the loop by an array operation."),
            "VectorizedShareLow",
        ),
        "cache_hits_greeks": _Text(
            "GreeksCache", "developer",
            "Greeks are calculated again instead of read: answers are slower and cost more.",
            "See whether entries are evicted, or were flushed.",
            {"Hits": (ask.of("CACHE_HITS", greeks),), "Evictions": (ask.of("CACHE_EVICTIONS", greeks),),
             "How full": (ask.of("CACHE_FILL", greeks),)},
            ("Evictions by size: make it larger.", "Evictions by ttl: lengthen it, or refresh before it ends.",
             "A flush or restart: it fills again by itself."),
            "GreeksCacheHitRatioLow",
        ),
        "cache_hits_indicators": _Text(
            "IndicatorsCache", "developer",
            "Indicators are calculated again: signals are slower and cost more.",
            "See whether entries are evicted, or were flushed.",
            {"Hits": (ask.of("CACHE_HITS", indicators),), "Evictions": (ask.of("CACHE_EVICTIONS", indicators),),
             "How full": (ask.of("CACHE_FILL", indicators),)},
            ("Evictions by size: make it larger.", "Evictions by ttl: lengthen it, or refresh before it ends.",
             "A flush or restart: it fills again by itself."),
            "IndicatorsCacheHitRatioLow",
        ),
        "dependencies": _Text(
            "DependencyHealth", "operations",
            "Features that need external services were degraded for longer than was planned.",
            "See which services were away, and tell their owners what it costs.",
            {"Health": (ask.of("DEPENDENCY_HEALTH"),), "Errors": (ask.of("DEPENDENCY_ERROR_RATIO"),)},
            ("See the alert of the service that is down.", "Agree on a fallback for what is away often."),
        ),
        "critical_backlog": _Text(
            "CriticalBacklog", "operations",
            "Alerts and signals that clients act on at once have been late.",
            "See whether critical work comes in bursts, or is processed slowly.",
            {"Waiting": (ask.of("QUEUE_SIZE", 'priority="critical"'),),
             "Processed a second": (ask.of("QUEUE_RATE"),),
             "Processing time": (ask.of("QUEUE_PROCESSING_P95"),)},
            ("Add replicas (workers).", "Move work that nobody waits for to a lower priority."),
        ),
    }  # fmt: skip


def _began(ask: Promql) -> str:
    """How many processes are new: one that starts again has another instance, and so another series."""
    cpu = ask.raw("process.cpu")
    return f"count by (job) (count_over_time({cpu}[1h]) unless {cpu} offset 1h)"


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    ask = Promql(config)
    texts = _texts(ask, config)
    found = []
    for spec in SPECS:
        slo, text = settings(config, spec), texts[spec.key]
        if slo.alert == "threshold":
            found.append(_threshold(ask, config, spec, slo, text))
        else:
            found += [_burn(ask, config, spec, slo, text, fast=fast) for fast in (True, False)]
    return found


def _of(ask: Promql, spec: Spec, key: str) -> str:
    return ask.of(key, f'sloth_slo="{spec.name}"')


def _ratio(ask: Promql, spec: Spec, window: str) -> str:
    return f"max by ({_KEPT}) ({_of(ask, spec, f'SLO_ERROR_{window.upper()}')})"


def _burn(ask: Promql, config: Config, spec: Spec, slo: Slo, text: _Text, *, fast: bool) -> Alert:
    name = f"{text.stem}BudgetBurn{'Fast' if fast else 'Slow'}"
    windows = ("1h", "6h") if fast else ("1d", "3d")
    severity: Severity = "critical" if fast and spec.pages else "warning"

    def part(long: str) -> str:
        limit = f"{BURN_RATES[long] * slo.budget:.6g}"
        least = f"{slo.min_bad_events:g}"
        if spec.of_time:
            seconds = max(slo.min_bad_events, BURN_RATES[long] * slo.budget * _SECONDS[long])
            least = f"{seconds:.6g} * max by ({_KEPT}) ({_of(ask, spec, 'SLO_EVENTS')})"
        return (
            f"({_ratio(ask, spec, long)} > {limit} and {_ratio(ask, spec, _SHORT[long])} > {limit}"
            f" and {_counted(ask, spec, config, long, 'SLO_EVENTS')} >= {slo.min_events:g}"
            f" and {_counted(ask, spec, config, long, 'SLO_BAD')} >= {least})"
        )

    rates = " or ".join(f"{BURN_RATES[each]:g} times over {each} and {_SHORT[each]}" for each in windows)
    return Alert(
        name=name,
        severity=severity,
        domain=spec.domain,
        expr=" or ".join(map(part, windows)),
        hold=config.holds.slo_burn,
        keep=config.holds.keep_firing,
        # Of an outage in which every event is bad, after a good time of at least that window.
        window=round(_SECONDS[windows[0]] * BURN_RATES[windows[0]] * slo.budget)
        + 300
        + config.pipeline.slo
        + (0 if fast else config.pipeline.history),
        summary="{{ $labels.job }}: the error budget of {{ $labels.sloth_slo }} is spent too fast",
        description=f"{{{{ $value | humanizePercentage }}}} of the events were bad; {100 * slo.budget:g} % "
        f"are allowed "
        f"over {config.slos.period_days} days. It fires at {rates}.",
        impact=text.impact,
        response=text.response,
        meaning=f"{spec.title}: that is promised of {100 * slo.objective:g} % of the events (an event is "
        f"good when it "
        f"is {spec.good}). At this rate the budget of {config.slos.period_days} days is gone "
        + ("within days or hours." if fast else "before its time."),
        why=f"Fires at {rates} the allowed rate (Site Reliability Workbook, chapter 5): the long window "
        f"shows that it "
        "matters, the short one that it goes on, so no further hold is needed. At least "
        f"{slo.min_events:g} events and {slo.min_bad_events:g} bad ones in the long window: one failed "
        f"request of a "
        f"quiet night pages nobody. Kept on for {duration(config.holds.keep_firing)} against flapping. "
        f"Silent without "
        "data." + (" What was before the first data counts as good." if spec.of_time else ""),
        diagnosis=_diagnosis(ask, spec, text),
        mitigation=text.mitigation,
        dashboard=text.board,
        labels={"sloth_severity": "page" if severity == "critical" else "ticket"},
    )


def _threshold(ask: Promql, config: Config, spec: Spec, slo: Slo, text: _Text) -> Alert:
    name = text.threshold_name or f"{text.stem}ObjectiveMissed"
    hold = config.holds.slo_threshold
    over = _ratio(ask, spec, "5m")
    better = slo.budget * (1 - config.slos.hysteresis)
    firing = f'ALERTS{{job="{ask.job}", alertname="{name}", alertstate="firing"}}'
    enough = f"max by ({_KEPT}) ({_of(ask, spec, 'SLO_EVENTS')}) * 300 >= {slo.min_events:g}"
    return Alert(
        name=name,
        severity="warning",
        domain=spec.domain,
        expr=f"({over} > {slo.budget:.6g} or ({over} > {better:.6g} and on (job, sloth_slo) {firing})) and "
        f"{enough}",
        hold=hold,
        keep=config.holds.keep_firing,
        window=300 + config.pipeline.slo,
        summary=f"{{{{ $labels.job }}}}: {spec.title.lower()} too rarely",
        description=f"{{{{ $value | humanizePercentage }}}} of the events of five minutes were bad; "
        f"{100 * slo.budget:g} % are allowed.",
        impact=text.impact,
        response=text.response,
        meaning=f"{spec.title}: that is wanted of {100 * slo.objective:g} % of the events (an event is good "
        f"when it is "
        f"{spec.good}), and it is fewer.",
        why="The ratio itself over five minutes, because so large a budget cannot be spent many times too "
        "fast. With "
        f"hysteresis: once it fires it goes on until fewer than {100 * better:.3g} % are bad. Held for "
        f"{duration(hold)}, because it is no emergency and a restart passes; kept on for "
        f"{duration(config.holds.keep_firing)}. Silent with fewer than {slo.min_events:g} events in five "
        f"minutes.",
        diagnosis=_diagnosis(ask, spec, text),
        mitigation=text.mitigation,
        dashboard=text.board,
    )


def _counted(ask: Promql, spec: Spec, config: Config, window: str, key: str) -> str:
    """How many there were: a rate a second, every so many seconds, summed up."""
    return f"max by ({_KEPT}) (sum_over_time({_of(ask, spec, key)}[{window}])) * {config.pipeline.slo}"


def _diagnosis(ask: Promql, spec: Spec, text: _Text) -> dict[str, str]:
    return {
        "Bad events over five minutes, an hour, 30 days": " or ".join(
            _of(ask, spec, f"SLO_ERROR_{each}") for each in ("5M", "1H", "30D")
        ),
        "Budget that is left": _of(ask, spec, "SLO_REMAINING"),
        **{title: query for title, (query,) in text.causes.items()},
    }


_SECONDS = {"1h": 3_600, "6h": 21_600, "1d": 86_400, "3d": 259_200}
