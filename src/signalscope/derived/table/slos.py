"""Service level objectives (SLOs): their events, their bad events, and the series that follow from both.

Names and labels are those of sloth (github.com/slok/sloth), so that dashboards for sloth work. Two things differ on
purpose. Ratios over more than five minutes are sums of bad events over sums of events. So a night with few events
weighs less than a busy morning. And the rules read recorded rates, not the counters of all processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from signalscope.config import Config, Slo
from signalscope.config._rules import Domain
from signalscope.config.defaults import RATE_SECONDS, SLO_PERIOD_DAYS, SLO_WINDOWS, seconds
from signalscope.derived._expressions import Configured, Expr, PromqlOnly
from signalscope.derived._promql import Promql
from signalscope.derived._rows import Row, Variant, group, series


@dataclass(frozen=True, slots=True)
class Spec:
    """One SLO.

    Attributes:
        key: The key in ``[slos]`` of the configuration.
        title: The objective in a few words.
        good: The definition of a good event, for documents.
        sli: Function that returns the expressions of the SLI: events a second, and bad events a second. The second
            expression is 0 if no event was bad, and absent if bad events are unknown.
        pages: True if users notice that the error budget is spent, so that the alert pages.
        domain: The subject of the SLO, which decides the team.
        of_time: True if the events are seconds, so that their number in a window is known. Alerts then count the time
            before the first data as good. Else a short stop of a new service would be a large part of its history.
    """

    key: str
    title: str
    good: str
    sli: Callable[[Promql], tuple[str, str]]
    pages: bool
    domain: Domain
    of_time: bool = False

    @property
    def name(self) -> str:
        """The value of the label `sloth_slo`."""
        return self.key.replace("_", "-")


def settings(config: Config, spec: Spec) -> Slo:
    """Return the settings of an SLO in the configuration.

    Example:
        >>> settings(Config(), SPECS[0]).objective
        0.9995
    """
    slo: Slo = getattr(config.slos, spec.key)
    return slo


def _availability(ask: Promql) -> tuple[str, str]:
    up = f"avg_over_time({ask.of('UP')}[5m])"
    return f"0 * {up} + 1", f"1 - {up}"


def _signal_latency(ask: Promql) -> tuple[str, str]:
    name = "signal_service.signal.generation"
    every = ask.rate(name, suffix="_count")
    slow = ask.rate(name, suffix="_bucket", le=ask.config.slos.signal_latency.seconds)
    return every, f"{every} - {slow}"


def _vectorized(ask: Promql) -> tuple[str, str]:
    individual = ask.of("GREEKS_OPTIONS_TYPE", 'vectorized!="true"')
    events = ask.of("GREEKS_OPTIONS")
    return events, f"sum {ask.by()} ({individual}) or 0 * {events}"


def _cache(ask: Promql, cache_type: str) -> tuple[str, str]:
    gets = (f'cache_type="{cache_type}"', 'operation="get"')
    events = f"sum {ask.by()} ({ask.of('CACHE_OPERATIONS', *gets, _FOUND_OUT)})"
    return events, f"sum {ask.by()} ({ask.of('CACHE_OPERATIONS', *gets, _MISS)}) or 0 * {events}"


def _dependencies(ask: Promql) -> tuple[str, str]:
    health = ask.of("DEPENDENCY_HEALTH")
    return f"count {ask.by()} ({health})", f"sum {ask.by()} (1 - {health})"


def _critical_backlog(ask: Promql) -> tuple[str, str]:
    waiting = f"(sum {ask.by()} ({ask.of('QUEUE_SIZE', _CRITICAL)}) > bool 0)"
    ratio = f"avg_over_time({waiting}[5m:{ask.config.pipeline.recording}s])"
    return f"0 * {ratio} + 1", ratio


_FOUND_OUT, _MISS, _CRITICAL = 'result=~"hit|miss"', 'result="miss"', 'priority="critical"'

SPECS: tuple[Spec, ...] = (
    Spec("availability", "The service answers", "a second in which any instance answers its scrape",
         _availability, True, "service", of_time=True),
    Spec("errors", "Requests succeed", "a request that is not answered with 5xx",
         lambda ask: (ask.of("API_REQUESTS"), ask.of("API_ERRORS")), True, "service"),
    Spec("api_latency", "Requests are quick", "a request within the objective's time",
         lambda ask: (ask.of("API_TIMED"), ask.of("API_SLOW_RATE")), True, "service"),
    Spec("signal_latency", "Signals are quick", "a generation within the objective's time", _signal_latency, True,
         "signals"),
    Spec("vectorized", "Options are priced in array operations", "an option priced in an array operation",
         _vectorized, False, "greeks"),
    Spec("cache_hits_greeks", "Greeks come from the cache", "a get that hits",
         lambda ask: _cache(ask, ask.config.selectors.greeks_cache), False, "cache"),
    Spec("cache_hits_indicators", "Indicators come from the cache", "a get that hits",
         lambda ask: _cache(ask, ask.config.selectors.indicators_cache), False, "cache"),
    Spec("dependencies", "External services are healthy", "a second of a service's good health", _dependencies, False,
         "dependency", of_time=True),
    Spec("critical_backlog", "Nothing critical waits", "a second without critical items waiting",
         _critical_backlog, True, "queue", of_time=True),
)  # fmt: skip


def _for_each_slo(
    expr: Callable[[Spec, Config], Expr], more: Callable[[Slo], dict[str, str]] = lambda _: {}
) -> Callable[[Config], Iterator[Variant]]:
    """Return a function that yields a rule for each SLO, with the labels of the SLO."""

    def variants(config: Config) -> Iterator[Variant]:
        job = config.selectors.job
        for spec in SPECS:
            node = expr(spec, config)
            labels = {"sloth_id": f"{job}-{spec.name}", "sloth_service": job, "sloth_slo": spec.name}
            if isinstance(node, Configured):  # a constant has no labels, so no job
                labels["job"] = job
            yield Variant(node, labels | more(settings(config, spec)))

    return variants


def _sli(place: int) -> Callable[[Config], Iterator[Variant]]:
    """Return a function that yields the rules of the events of each SLO (0), or of its bad events (1)."""
    return _for_each_slo(lambda spec, _: PromqlOnly(lambda ask: spec.sli(ask)[place], over=RATE_SECONDS))


def _error(window: str) -> tuple[str, Row]:
    """Return the key and the row of the error ratio over a window."""

    def build(ask: Promql) -> str:
        bad, events = ask.of("SLO_BAD"), ask.of("SLO_EVENTS")
        if window != "5m":
            bad, events = f"sum_over_time({bad}[{window}])", f"sum_over_time({events}[{window}])"
        return f"{bad} / ({events} > 0)"

    return f"SLO_ERROR_{window.upper()}", series(
        f"slo:sli_error:ratio_rate{window}", unit="", labels=f"{_SLO} sloth_window",
        meaning=f"Ratio of bad events in {window}, weighted by traffic.",
        variants=lambda _: [Variant(PromqlOnly(build, over=seconds(window)), {"sloth_window": window})],
    )  # fmt: skip


def _burn(error: str) -> PromqlOnly:
    """Return the burn rate for the key of an error ratio."""
    return PromqlOnly(lambda ask: f"max {ask.by(*_LABELS)} ({ask.of(error)}) / {ask.of('SLO_BUDGET')}")


def _since(ask: Promql) -> str:
    events = ask.of("SLO_EVENTS")
    # The rule continues its own value, also over an outage of Prometheus. Without one, it searches the older history.
    before = f"last_over_time({ask.of('SLO_SINCE')}[2h]) or min_over_time(timestamp({events})[{SLO_PERIOD_DAYS}d:1h])"
    return f"{before} or timestamp({events})"


def _shown_burn(ask: Promql) -> str:
    age = f"time() - {ask.of('SLO_SINCE')}"
    return f"{_burn('SLO_ERROR_30D').promql(ask)} and {age} >= {ask.config.slos.budget_seconds}"


_LABELS = ("sloth_id", "sloth_service", "sloth_slo")
_SLO = " ".join(("job", *_LABELS))
_SLOW = ("1d", "3d", "30d")

GROUPS = (
    group("slos", "slo", {
        "SLO_EVENTS": series(
            "slo:sli_events:rate5m", unit="{event}/s", labels=_SLO, meaning="Events of an SLO.",
            variants=_sli(0),
        ),
        "SLO_BAD": series(
            "slo:sli_bad_events:rate5m", unit="{event}/s", labels=_SLO,
            meaning="Bad events of an SLO, which spend its error budget.", variants=_sli(1),
        ),
        "SLO_OBJECTIVE": series(
            "slo:objective:ratio", unit="", labels=_SLO, meaning="Objective of an SLO: the ratio of good events.",
            variants=_for_each_slo(lambda spec, config: Configured(settings(config, spec).objective)),
        ),
        "SLO_PERIOD": series(
            "slo:time_period:days", unit="d", labels=_SLO, meaning="Period of the error budget in days.",
            variants=_for_each_slo(lambda _, config: Configured(config.slos.period_days)),
            read_outside="sloth's own dashboards",
        ),
        "SLO_INFO": series(
            "sloth_slo_info", unit="", labels=f"{_SLO} sloth_mode sloth_spec sloth_version sloth_objective",
            meaning="Always 1, for each SLO.", read_outside="sloth's own dashboards",
            variants=_for_each_slo(lambda *_: Configured(1), lambda slo: {
                "sloth_mode": "cli-gen-prom", "sloth_objective": f"{100 * slo.objective:.10g}",
                "sloth_spec": "prometheus/v1", "sloth_version": "signalscope",
            }),
        ),
        "SLO_BUDGET": series(
            "slo:error_budget:ratio", unit="", labels=_SLO, meaning="Error budget: the allowed ratio of bad events.",
            expr=PromqlOnly(lambda ask: f"1 - {ask.of('SLO_OBJECTIVE')}"),
        ),
        "SLO_SINCE": series(
            "slo:first_data:timestamp_seconds", unit="s", labels=_SLO,
            meaning="Time of the first data of an SLO, in Unix seconds; a gap does not change it.",
            expr=PromqlOnly(_since, over=SLO_PERIOD_DAYS * 86_400),
        ),
        **dict(_error(window) for window in SLO_WINDOWS if window not in _SLOW),
        "SLO_BURN": series(
            "slo:current_burn_rate:ratio", unit="{times}", labels=_SLO,
            meaning="Burn rate over five minutes: 1 spends the whole error budget in the period.",
            expr=_burn("SLO_ERROR_5M"),
        ),
    }, together=5),
    group("slo-history", "history", {
        **dict(_error(window) for window in _SLOW),
        "SLO_PERIOD_BURN": series(
            "slo:period_burn_rate:ratio", unit="{times}", labels=_SLO,
            meaning="Burn rate over the period, or since the first data; absent while there is too little history.",
            expr=PromqlOnly(_shown_burn),
        ),
        "SLO_REMAINING": series(
            "slo:period_error_budget_remaining:ratio", unit="", labels=_SLO,
            meaning="Ratio of the error budget that is left in the period; below 0 if it is overspent.",
            expr=PromqlOnly(lambda ask: f"1 - {ask.of('SLO_PERIOD_BURN')}"),
        ),
    }),
)  # fmt: skip
