"""The seven alerts that are named with their exact triggers."""

from __future__ import annotations

from signalscope import contract
from signalscope.config import Config
from signalscope.derived._promql import Promql, duration, metric
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
        meaning="No process of the service answers Prometheus, or there is none left to ask.",
        why="`up` is the one thing that a dead service cannot fake. An absent target counts as down: a "
        "service that "
        "has left service discovery serves nobody. One dead instance of several is not an outage. "
        f"{duration(hold)} are {hold // config.pipeline.scrape} scrapes: a restart is quicker. Nothing "
        "keeps it firing: when the service answers, it is back.",
        diagnosis={
            "Which instances answer": f'up{{job="{job}"}}',
            "Seconds since it last answered": f'time() - max_over_time(timestamp(up{{job="{job}"}} == 1)[2h:15s])',
            "Requests in its last minutes": _requests(config, "5m"),
        },
        mitigation=(
            "Start it again where it has stopped: the supervisor (systemd, Kubernetes) says why it did not "
            "do so itself.",
            "If it stops again at once, roll back the last release or configuration.",
            "If it runs and answers by hand, mend the way from Prometheus: targets file, service discovery, "
            "network policy.",
        ),
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
        meaning="Clients ask for Greeks that must be calculated, and not one calculation succeeds.",
        why="Requests without successful calculations, where one was needed: calculations fail, the cache misses, "
        "or there are more requests than hits. What the cache answers altogether needs none. Silent while "
        "nobody asks for Greeks.",
        diagnosis={
            "Outcomes": f'sum by (outcome) (rate({count}{{job="{job}"}}[5m]))',
            "Reasons of unusable results": "sum by (reason) (rate("
            f'{metric("signal_service.greeks.invalid_results", "reason")}{{job="{job}"}}[5m]))',
            "Answers to requests for Greeks": "sum by (endpoint, status_code) (rate("
            f'{requests}{{job="{job}", endpoint=~"{selectors.greeks_endpoints}"}}[5m]))',
        },
        mitigation=(
            "Errors with a new release: roll it back.",
            "Results that are invalid (nan, not_converged) with all models: the market data is bad; switch "
            "the source, or serve the last good chain.",
            "One model only: take it out of service and answer with the default model.",
        ),
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
        meaning="Every instance finds the config service unhealthy.",
        why="The service's own probe. All instances must agree: what one alone sees is a network problem of "
        "its own.",
        diagnosis={
            "What each instance sees": selected,
            "Errors of calls": "sum by (error_type) (rate("
            f"{metric('signal_service.dependency.errors', 'service_name', 'error_type')}"
            f'{{job="{selectors.job}", service_name="{selectors.config_service}"}}[5m]))',
            "Circuit breaker": f"{metric('signal_service.circuit_breaker.state', 'service_name')}"
            f'{{job="{selectors.job}", service_name="{selectors.config_service}"}} == 1',
        },
        mitigation=(
            "Bring the config service back; the signal service follows by itself.",
            "If that takes long, freeze deployments and scaling: new instances may not start without it.",
            "If only the network is at fault, mend that; the service keeps its last settings.",
        ),
    )


def _high_latency(config: Config) -> Alert:
    ask = Promql(config)
    job, limit = config.selectors.job, config.thresholds.api_p95_seconds
    bucket = metric("signal_service.api.request.duration", "endpoint", suffix="_bucket")
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
        meaning="One request in twenty takes longer than the limit.",
        why=f"A quantile over {duration(config.windows.latency)}: long enough not to be one slow request, short "
        "enough for the open.",
        diagnosis={
            "By endpoint": "histogram_quantile(0.95, sum by (endpoint, le) (rate("
            f'{bucket}{{job="{job}"}}[5m])))',
            "Dependencies": "histogram_quantile(0.95, sum by (service_name, le) (rate("
            f"{metric('signal_service.external_service.duration', 'service_name', suffix='_bucket')}"
            f'{{job="{job}"}}[5m])))',
            "Requests in progress": "sum by (endpoint_group) ("
            f'{metric("signal_service.concurrent_requests", "endpoint_group")}{{job="{job}"}})',
        },
        mitigation=(
            "Add replicas when CPU or the queue is the bottleneck (bottleneck_analysis says).",
            "Take load off: lower the rate limit of the free tier, or switch off premium features that "
            "calculate much.",
            "If one dependency is slow, open its breaker or shorten its timeout.",
        ),
        dashboard="developer",
    )


def _slow_greeks(config: Config) -> Alert:
    ask = Promql(config)
    job, limit = config.selectors.job, config.thresholds.vectorized_p90_seconds
    bucket = metric("signal_service.greeks.calculation", "batch_size", "model_type", suffix="_bucket")
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
        meaning="Calculations that price a whole batch in one array operation take longer than the limit in "
        "one case of ten.",
        why="Only calculations declared as vectorised." + exact,
        diagnosis={
            "By batch size and model": "histogram_quantile(0.9, sum by (batch_size, model_type, le) (rate("
            f'{bucket}{{job="{job}", vectorized="true"}}[5m])))',
            "CPU of each process": f'rate({metric("process.cpu")}{{job="{job}"}}[5m])',
        },
        mitigation=(
            "Split batches: the best batch size is recorded, and larger ones may not fit into the "
            "processor's caches.",
            "Add replicas if all models are slow and CPU is used up.",
            "Roll back if it began with a release: a loop in place of an array operation is the usual cause.",
        ),
        dashboard="developer",
    )


def _subscriptions(config: Config) -> Alert:
    ask, hold = Promql(config), config.holds.subscriptions
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
        meaning="More subscriptions are active than the service was sized for.",
        why="Instances share their subscriptions, so each kind counts once: the highest that any instance "
        "reports.",
        diagnosis={
            "By tier": ask.of("SUBSCRIPTIONS"),
            "Queue": f"sum by (priority) ({ask.of('QUEUE_SIZE')})",
        },
        mitigation=(
            "If it is growth, raise the limit in the configuration when capacity has been planned for it.",
            "If it is one client, agree on a limit with them.",
        ),
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
        meaning=f"One process has used most of a core for {duration(config.holds.cpu)}.",
        why="Of one core, for each process: that is what limits a Python process.",
        diagnosis={
            "Of each process": f'100 * rate({name}{{job="{job}"}}[5m])',
            "Calculations by kind": "sum by (calculation_type, vectorized) (rate("
            f'{metric("signal_service.greeks.calculation", "calculation_type", suffix="_sum")}{{job="{job}"}}[5m]))',
        },
        mitigation=(
            "Add replicas; scaling_recommendation says how many.",
            "Move work that nobody waits for out of the session hours.",
            "Vectorise what is calculated one by one.",
        ),
        dashboard="capacity",
    )


def _requests(config: Config, window: str) -> str:
    name = metric("signal_service.api.requests", "status_code")
    return f'sum by (status_code) (rate({name}{{job="{config.selectors.job}"}}[{window}]))'
