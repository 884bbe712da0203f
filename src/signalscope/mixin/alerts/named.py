"""The seven alerts that are named with their exact triggers."""

from __future__ import annotations

from signalscope import contract
from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration, metric
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [
        _service_down(config),
        _greeks_failure(config),
        _config_service(config),
        _high_latency(config),
        _slow_greeks(config),
        _subscriptions(config),
        _cpu(config),
    ]


def _service_down(config: Config) -> Alert:
    job, hold = config.selectors.job, config.holds.service_down
    return Alert(
        name="SignalServiceDown",
        severity="critical",
        domain="service",
        expr=f'max by (job) (up{{job="{job}"}}) == 0 or absent(up{{job="{job}"}})',
        hold=config.holds.service_down,
        window=0,
        summary="{{ $labels.job }} is down",
        description="No instance of {{ $labels.job }} has answered a scrape for "
        f"{duration(config.holds.service_down)}, or there is none to scrape.",
        impact="No signals and no Greeks: clients get errors or nothing, and trade on stale numbers.",
        response="See whether its processes run and what they logged last; restart, or roll back the last "
        "release.",
        values={"scrapes": f"{hold // config.pipeline.scrape}"},
    )


def _greeks_failure(config: Config) -> Alert:
    selectors, over = config.selectors, duration(config.windows.greeks)
    job = selectors.job
    requests = metric("signal_service.api.requests", "endpoint")
    asked = (
        f'sum by (job) (rate({requests}{{job="{job}", endpoint=~"{selectors.greeks_endpoints}"}}[{over}]))'
    )
    cache = metric("signal_service.cache.operations", "cache_type", "operation", "result")
    gets = f'job="{job}", cache_type="{selectors.greeks_cache}", operation="get"'
    cached, missed = (
        f'sum by (job) (rate({cache}{{{gets}, result="{result}"}}[{over}]))' for result in ("hit", "miss")
    )
    count = metric("signal_service.greeks.calculation", "outcome", suffix="_count")
    good = f'{count}{{job="{job}", outcome="success"}}'
    # A series that is born with its first success has no rate yet.
    succeeded = f"(rate({good}[{over}]) > 0 or ({good} > 0 unless {good} offset {over}))"
    failed = f'sum by (job) (rate({count}{{job="{job}", outcome=~"error|invalid"}}[{over}]))'
    # Requests alone do not tell where one of them hits the cache many times.
    answered = f"{cached} >= {asked} unless {failed} > 0 unless {missed} > 0"
    return Alert(
        name="GreeksCalculationSystemFailure",
        severity="critical",
        domain="greeks",
        expr=f"{asked} > 0 unless on (job) {succeeded} unless ({answered})",
        hold=config.holds.greeks_failure,
        window=config.windows.greeks,
        summary="No Greeks calculation of {{ $labels.job }} succeeds",
        description="{{ $value | humanize }} requests a second ask {{ $labels.job }} for Greeks that are not "
        f"all in the cache, and no calculation has succeeded for {over}.",
        impact="Clients get errors instead of Greeks; signals that need them are missing or wrong.",
        response="Look at the outcomes and reasons below: errors are the code or a library, invalid results "
        "the "
        "market data. Switch the data source, or roll back.",
        dashboard="developer",
    )


def _config_service(config: Config) -> Alert:
    selectors = config.selectors
    name = metric("signal_service.external_service.health", "service_name")
    selected = f'{name}{{job="{selectors.job}", service_name="{selectors.config_service}"}}'
    return Alert(
        name="ConfigServiceUnavailable",
        severity="critical",
        domain="dependency",
        expr=f"max by (job, service_name) ({selected}) == 0",
        hold=config.holds.config_service,
        window=0,
        summary="{{ $labels.service_name }} is unhealthy",
        description="Every instance of {{ $labels.job }} has found {{ $labels.service_name }} unhealthy for "
        f"{duration(config.holds.config_service)}.",
        impact="Settings are those of the last reload; new instances may not start, and limits cannot be "
        "changed.",
        response="Check the config service, then the network to it; do not restart healthy instances "
        "meanwhile.",
    )


def _high_latency(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    limit = config.thresholds.api_p95_seconds
    return Alert(
        name="SignalServiceHighLatency",
        severity="warning",
        domain="service",
        expr=f"{ask.of('API_P95')} > {limit:g}",
        hold=config.holds.api_latency,
        keep=config.holds.keep_firing,
        window=config.windows.latency + config.pipeline.paced(config.holds.api_latency),
        summary="{{ $labels.job }} answers slowly",
        description=f"The 95th percentile of API latency is {{{{ $value | humanizeDuration }}}}, above "
        f"{limit:g} s.",
        impact="One request in twenty takes longer than clients wait; signals arrive after the move.",
        response="Find the slow endpoint below; see whether a dependency, the queue or the CPU holds it up.",
        dashboard="developer",
    )


def _slow_greeks(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    limit = config.thresholds.vectorized_p90_seconds
    bounds = contract.get("signal_service.greeks.calculation").buckets or ()
    exact = " The histogram has a bound exactly at the limit." if limit in bounds else ""
    return Alert(
        name="SlowGreeksCalculations",
        severity="warning",
        domain="greeks",
        expr=f"{ask.of('VECTORIZED_P90')} > {limit:g}",
        hold=config.holds.slow_greeks,
        keep=config.holds.keep_firing,
        window=config.windows.latency + config.pipeline.paced(config.holds.slow_greeks),
        summary="Vectorised Greeks of {{ $labels.job }} are slow",
        description="The 90th percentile of vectorised calculations is {{ $value | humanizeDuration }}, "
        "above "
        f"{limit:g} s.",
        impact="Chains refresh late; what depends on them uses old Greeks.",
        response="Compare batch sizes and models below; a batch that is calculated one by one is the usual "
        "cause.",
        values={"exact_bucket": exact},
        dashboard="developer",
    )


def _subscriptions(config: Config) -> Alert:
    ask, hold = Promql(config.selectors.job), config.holds.subscriptions
    limit = config.thresholds.active_subscriptions
    return Alert(
        name="HighActiveSubscriptions",
        severity="info",
        domain="business",
        expr=f"{ask.of('SUBSCRIPTIONS_TOTAL')} > {limit:g}",
        hold=hold,
        window=config.pipeline.paced(hold),
        summary="{{ $labels.job }} has many active subscriptions",
        description=f"{{{{ $value | humanize }}}} subscriptions are active, more than {limit:g}.",
        impact="None yet; delivery will take longer when signals are frequent.",
        response="See whether it is growth or one client; check the queue, and plan capacity.",
        dashboard="capacity",
    )


def _cpu(config: Config) -> Alert:
    job, limit = config.selectors.job, config.thresholds.cpu_percent
    name = metric("process.cpu")
    return Alert(
        name="SignalServiceHighCPUUsage",
        severity="info",
        domain="capacity",
        expr=f'100 * rate({name}{{job="{job}"}}[{duration(config.windows.cpu)}]) > {limit:g}',
        hold=config.holds.cpu,
        window=config.windows.cpu,
        summary="{{ $labels.instance }} of {{ $labels.job }} is short of CPU",
        description=f"It has used {{{{ $value | humanize }}}} % of a core for {duration(config.holds.cpu)}, "
        f"more than {limit:g} %.",
        impact="None yet; latency rises next, as a Python process cannot use more than one core for its "
        "code.",
        response="Add replicas before the close of the session; look for a loop that calculates one by one.",
        dashboard="capacity",
    )
