"""Service level objectives: what counts as an event, what as a bad one, and the series that follow from that.

Names and labels are those that sloth (github.com/slok/sloth) gives, so that dashboards made for it work. Two things
differ on purpose. Ratios over more than five minutes are sums of events over sums of events, so that a quiet
night does not weigh as much as a busy morning; and each looks at recorded rates, not at every process' counters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from signalscope.config import BURN_RATES, Config, ConfigError, Slo
from signalscope.mixin._domains import Domain
from signalscope.mixin._promql import Promql, le
from signalscope.mixin.rules import Group, Recording
from signalscope.mixin.series import SLO_WINDOWS

__all__ = ["SPECS", "Spec", "groups", "settings"]

_SLOW = ("1d", "3d", "30d")
_LABELS = "job, sloth_id, sloth_service, sloth_slo"


@dataclass(frozen=True, slots=True)
class Spec:
    """One SLO.

    Attributes:
        key: Its name in ``[slos]`` of the configuration.
        title: What is good, in a few words.
        good: What makes an event good; for documents.
        sli: Gives the expressions of events, and of bad events, a second. Those are 0 where events are known and none
            was bad, and absent where it is not known which are.
        pages: Whether burning its budget is felt by users, so that somebody is woken.
        domain: What it is about, which says whose it is.
        of_time: Whether its events are seconds, so that it is known how many a window has: alerts then take what
            was before the first data as good, or a short stop of a service that is new would be much of its history.
    """

    key: str
    title: str
    good: str
    sli: Callable[[Promql, Config], tuple[str, str]]
    pages: bool
    domain: Domain
    of_time: bool = False

    @property
    def name(self) -> str:
        """Its name in labels: the label `sloth_slo`."""
        return self.key.replace("_", "-")


def settings(config: Config, spec: Spec) -> Slo:
    """What the configuration says about an SLO."""
    found: Slo = getattr(config.slos, spec.key)
    return found


def _availability(ask: Promql, _: Config) -> tuple[str, str]:
    up = f"avg_over_time({ask.of('UP')}[5m])"
    return f"0 * {up} + 1", f"1 - {up}"


def _errors(ask: Promql, _: Config) -> tuple[str, str]:
    return ask.of("API_REQUESTS"), ask.of("API_ERRORS")


def _api_latency(ask: Promql, _: Config) -> tuple[str, str]:
    return ask.of("API_TIMED"), ask.of("API_SLOW_RATE")


def _signal_latency(ask: Promql, config: Config) -> tuple[str, str]:
    name = "signal_service.signal.generation"
    every = ask.rate(name, suffix="_count")
    return every, f"{every} - {ask.rate(name, le(config.slos.signal_latency.seconds), suffix='_bucket')}"


def _vectorized(ask: Promql, _: Config) -> tuple[str, str]:
    individual = ask.of("GREEKS_OPTIONS_TYPE", 'vectorized!="true"')
    events = ask.of("GREEKS_OPTIONS")
    return events, f"sum by (job) ({individual}) or 0 * {events}"


def _cache(which: str) -> Callable[[Promql, Config], tuple[str, str]]:
    def sli(ask: Promql, config: Config) -> tuple[str, str]:
        gets = (f'cache_type="{getattr(config.selectors, which)}"', 'operation="get"')
        events = f"sum by (job) ({ask.of('CACHE_OPERATIONS', *gets, _FOUND_OUT)})"
        return events, f"sum by (job) ({ask.of('CACHE_OPERATIONS', *gets, _MISS)}) or 0 * {events}"

    return sli


def _dependencies(ask: Promql, _: Config) -> tuple[str, str]:
    health = ask.of("DEPENDENCY_HEALTH")
    return f"count by (job) ({health})", f"sum by (job) (1 - {health})"


def _critical_backlog(ask: Promql, config: Config) -> tuple[str, str]:
    waiting = f"(sum by (job) ({ask.of('QUEUE_SIZE', _CRITICAL)}) > bool 0)"
    share = f"avg_over_time({waiting}[5m:{config.pipeline.recording}s])"
    return f"0 * {share} + 1", share


_FOUND_OUT, _MISS, _CRITICAL = 'result=~"hit|miss"', 'result="miss"', 'priority="critical"'

SPECS: tuple[Spec, ...] = (
    Spec("availability", "The service answers", "a second in which any instance answers its scrape",
         _availability, True, "service", of_time=True),
    Spec("errors", "Requests succeed", "a request that is not answered with 5xx", _errors, True, "service"),
    Spec("api_latency", "Requests are quick", "a request within the objective's time", _api_latency, True,
         "service"),
    Spec("signal_latency", "Signals are quick", "a generation within the objective's time", _signal_latency, True,
         "signals"),
    Spec("vectorized", "Options are priced in array operations", "an option priced in one", _vectorized, False,
         "greeks"),
    Spec("cache_hits_greeks", "Greeks come from the cache", "a get that hits", _cache("greeks_cache"), False,
         "cache"),
    Spec("cache_hits_indicators", "Indicators come from the cache", "a get that hits",
         _cache("indicators_cache"), False, "cache"),
    Spec("dependencies", "External services are healthy", "a second of a service's good health", _dependencies, False,
         "dependency", of_time=True),
    Spec("critical_backlog", "Nothing critical waits", "a second without critical items waiting",
         _critical_backlog, True, "queue", of_time=True),
)  # fmt: skip


def groups(config: Config) -> list[Group]:
    """The recording rules of every SLO.

    Raises:
        ConfigError: An alert on a burn rate could never fire.
    """
    ask = Promql(config.selectors.job)
    fast = [each for each in SLO_WINDOWS if each not in _SLOW]
    every = [*((spec, settings(config, spec)) for spec in SPECS)]
    for spec, slo in every:
        if slo.alert == "burn-rate" and max(BURN_RATES.values()) * slo.budget >= 1:
            raise ConfigError(f"slos.{spec.key}: an alert on its burn rate could never fire")
    period = f"{config.slos.period_days:d}"
    budget = ask.of("SLO_BUDGET")
    return [
        Group(
            "slos",
            config.pipeline.slo,
            (
                *(rule for spec, slo in every for rule in _of_spec(ask, config, spec, slo, period)),
                Recording("SLO_BUDGET", f"1 - {ask.of('SLO_OBJECTIVE')}"),
                *(_error(ask, window) for window in fast),
                Recording("SLO_BURN", f"{_without_window(ask.of('SLO_ERROR_5M'))} / {budget}"),
            ),
        ),
        Group(
            "slo-history",
            config.pipeline.history,
            (
                *(_error(ask, window) for window in _SLOW),
                Recording("SLO_PERIOD_BURN", f"{_without_window(ask.of('SLO_ERROR_30D'))} / {budget}"),
                Recording("SLO_REMAINING", f"1 - {ask.of('SLO_PERIOD_BURN')}"),
            ),
        ),
    ]


def _of_spec(ask: Promql, config: Config, spec: Spec, slo: Slo, period: str) -> tuple[Recording, ...]:
    job = config.selectors.job
    labels = {"sloth_id": f"{job}-{spec.name}", "sloth_service": job, "sloth_slo": spec.name}
    events, bad = spec.sli(ask, config)
    fixed = labels | {"job": job}
    info = {
        "sloth_mode": "cli-gen-prom",
        "sloth_objective": f"{100 * slo.objective:.10g}",
        "sloth_spec": "prometheus/v1",
        "sloth_version": "signalscope",
    }
    return (
        Recording("SLO_EVENTS", events, labels),
        Recording("SLO_BAD", bad, labels),
        Recording("SLO_OBJECTIVE", f"vector({slo.objective:.10g})", fixed),
        Recording("SLO_PERIOD", f"vector({period})", fixed),
        Recording("SLO_INFO", "vector(1)", fixed | info),
    )


def _error(ask: Promql, window: str) -> Recording:
    bad, events = ask.of("SLO_BAD"), ask.of("SLO_EVENTS")
    if window != "5m":
        bad, events = f"sum_over_time({bad}[{window}])", f"sum_over_time({events}[{window}])"
    return Recording(f"SLO_ERROR_{window.upper()}", f"{bad} / ({events} > 0)", {"sloth_window": window})


def _without_window(expression: str) -> str:
    return f"max by ({_LABELS}) ({expression})"
