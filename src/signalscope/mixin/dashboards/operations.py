"""Dashboard for on-call engineers: alerts, errors, latency, dependencies, queues and resources."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import BURN_RATES, Config
from signalscope.derived.table import PROCESS
from signalscope.mixin.alerts.watchdog import NAME as WATCHDOG
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, quantile, rate, recorded, short_instance
from signalscope.mixin.dashboards._model import (
    Line,
    Query,
    bars,
    dashboard,
    line,
    row,
    series,
    stat,
    states,
    table,
)
from signalscope.mixin.dashboards._style import BAD, GOOD, PALETTE, WARN, above

_CALLS = "no calls in this time range"
#: All alerts except the watchdog, which always fires.
_FIRING, _PENDING = (
    f'ALERTS{{alertstate="{state}", alertname!="{WATCHDOG}"}}' for state in ("firing", "pending")
)
#: The severities with their colours, by rank; the highest is the worst.
_SEVERITIES = {
    float(rank): (name, colour)
    for rank, (name, colour) in enumerate(reversed(PALETTE["severity"].items()), 1)
}


@dashboard("operations", "Operations", "Is the service healthy, and if not, why? For on-call engineers.")
def board(config: Config) -> Iterator[Line]:
    """Yield the panels for on-call engineers."""
    limits = shared.limits(config)
    yield row(
        "Verdict: is the service healthy?", 4,
        shared.up(config),
        stat(
            "How many alerts are firing?",
            "Firing alerts of all severities.",
            f'count({_FIRING}) or 0 * count(ALERTS{{alertname="{WATCHDOG}"}})', "short",
            "Prometheus does not evaluate the rules",
            limits=above(1.0), decimals=0, leads_to="operations",
        ),
        shared.error_rate(config, "developer"),
        shared.latency(config, "developer"),
        shared.budget(config),
        shared.bottleneck(config),
    )  # fmt: skip
    by_alert = "max by (alertname, service_name, instance)"
    yield line(
        table(
            "Which alerts are firing?",
            "The worst first. Each alert links to its runbook: impact, first response, diagnosis.",
            "no alert is firing, or Prometheus does not evaluate the rules",
            Query(short_instance(f"{by_alert} ({_ranked()})"), "Severity", unit="none", states=_SEVERITIES),
            Query(
                short_instance(f"{by_alert} (time() - ALERTS_FOR_STATE and ignoring(alertstate) {_FIRING})"),
                "Active for", unit="dtdhms",
            ),
            columns={"alertname": "Alert", "service_name": "Service", "instance": "Instance"},
            links={"Alert": f"{config.runbooks.rstrip('/')}/${{__data.fields.Alert}}.md"}, weight=5,
        ),
        states(
            "When did alerts fire?",
            "State of each alert over time: firing, or pending until its `for` time has passed.",
            "no alert fired in this time range",
            f"max by (alertname) ({_FIRING} * 2 or {_PENDING})",
            states={1.0: ("pending", WARN), 2.0: ("firing", BAD)}, weight=4,
        ),
        series(
            "What is the burn rate by SLO?",
            "Over five minutes: at 1 the error budget lasts exactly for its period. Alerts also use longer windows.",
            "none", "no SLO has events yet",
            f"max by (sloth_slo) ({recorded('SLO_BURN')})",
            limits=above(max(BURN_RATES.values()), BURN_RATES["6h"]), weight=3, leads_to="executive",
            alerts=("AvailabilityBudgetBurnFast", "ErrorBudgetBurnFast", "ApiLatencyBudgetBurnFast"),
        ),
        height=7,
    )  # fmt: skip
    requests, latency = "signal_service.api.requests", "signal_service.api.request.duration"
    yield row(
        "Causes: load, dependencies, circuit breakers, queues, resources", 8,
        series(
            "What is the request rate by status?",
            "Requests per second by status class. An unexpected drop is as important as an increase of 5xx.",
            "reqps", shared.NO_REQUESTS,
            *(Query(rate(requests, f'status_code=~"{digit}.."'), f"{digit}xx") for digit in "2345"),
            stacked=True, leads_to="developer",
        ),
        series(
            "What is the API latency?",
            "Percentiles of API latency. Exemplars are single requests; they link to traces.",
            "s", shared.NO_REQUESTS,
            *shared.quantiles(latency),
            limits=limits["latency"], alerts=("SignalServiceHighLatency",), leads_to="developer",
            exemplars=True,
        ),
    )  # fmt: skip
    half_open, is_open = (
        gauge_of("signal_service.circuit_breaker.state", f'state="{state}"', by=("service_name",), how="max")
        for state in ("half_open", "open")
    )
    yield line(
        states(
            "Which external service is unhealthy?",
            "Health checks of the service; unhealthy only if the check fails in every instance.",
            "no dependency has a health check",
            gauge_of("signal_service.external_service.health", by=("service_name",), how="max"),
            states={0.0: ("unhealthy", BAD), 1.0: ("healthy", GOOD)},
            alerts=(
                "ConfigServiceUnavailable", "CriticalDependencyDown", "MandatoryDependencyDown", "DependencyDown",
            ),
        ),
        states(
            "Which circuit breaker is not closed?",
            "Open: calls are rejected. Half open: a trial call is allowed.",
            "no circuit breaker is observed",
            Query(f"clamp_max({half_open} + 2 * {is_open}, 2)", "{{service_name}}"),
            states={0.0: ("closed", GOOD), 1.0: ("half open", WARN), 2.0: ("open", BAD)},
            alerts=("CriticalDependencyBreakerOpen", "DependencyBreakerOpen", "CircuitBreakerFlapping"),
        ),
        series(
            "What is the p95 latency by dependency?",
            "95th percentile of the duration of calls by external service.",
            "s", _CALLS,
            quantile(0.95, "signal_service.external_service.duration", by=("service_name",)),
            exemplars=True, leads_to="developer", alerts=("DependencyLatencyHigh", "DependencyLatencyRising"),
            limits=above(config.thresholds.dependency_p95_seconds),
        ),
    )  # fmt: skip
    yield line(
        series(
            "How many items wait by priority?",
            "Items in the queues by priority. Waiting critical items have a separate alert.",
            "short", "no queue is observed",
            gauge_of("signal_service.queue.size", by=("priority",)),
            stacked=True, alerts=("CriticalQueueBacklog", "CriticalItemsRejected"),
        ),
        series(
            "What is the p95 waiting time by priority?",
            "95th percentile from enqueue to the start of processing by priority.",
            "s", "no item was processed in this time range",
            quantile(0.95, "signal_service.queue.wait", by=("priority",)),
        ),
        series(
            "What is the queue backpressure?",
            "Backpressure by queue: 0 is empty, 1 is full or rejects items.",
            "percentunit", "no queue is observed", Query(recorded("QUEUE_BACKPRESSURE"), "{{queue_type}}"),
            low=0.0, high=1.0, limits=above(config.thresholds.queue_backpressure), alerts=("QueueBackpressureHigh",),
        ),
        shared.cache_hits(
            config, "Cache hits as a percentage of reads, by cache, over the last five minutes.",
            leads_to="developer",
        ),
    )  # fmt: skip
    yield line(
        series(
            "What is the CPU usage by process?",
            "CPU time by process as a percentage of one core. A Python process can hardly use more than 100 %.",
            "percentunit", "no process metrics",
            Query(short_instance(rate("process.cpu", by=PROCESS)), "{{instance}} {{process}}"),
            limits=above(config.thresholds.cpu_percent / 100), alerts=("SignalServiceHighCPUUsage",),
            leads_to="capacity",
        ),
        series(
            "How much memory does each process use?",
            "Resident memory by process.",
            "bytes", "no process metrics",
            Query(short_instance(gauge_of("process.resident_memory", by=PROCESS)), "{{instance}} {{process}}"),
            leads_to="capacity", limits=above(config.thresholds.memory_bytes), alerts=("HighMemoryUsage",),
        ),
        bars(
            "Which resource is the bottleneck?",
            "Saturation of each resource now; the highest is the bottleneck.",
            "percentunit", "no saturation is reported",
            Query(f"sort_desc({recorded('BOTTLENECK')})", "{{resource}}"),
            low=0.0, high=1.0, limits=limits["saturation"], leads_to="capacity",
        ),
    )  # fmt: skip
    yield row(
        "Detail", 8,
        states(
            "Which component is degraded?",
            "Latest health check of each component; the worst result of all instances.",
            "no health check has run",
            gauge_of("signal_service.health_check.status", by=("component",), how="min"),
            states={0.0: ("unhealthy", BAD), 0.5: ("degraded", WARN), 1.0: ("healthy", GOOD)},
        ),
        series(
            "How many requests are in progress?",
            "Requests in progress by endpoint group. An increase at constant load means that requests are blocked.",
            "short", shared.NO_REQUESTS,
            gauge_of("signal_service.concurrent_requests", by=("endpoint_group",)),
            stacked=True,
        ),
        series(
            "How many requests are rate limited?",
            "Requests rejected by a rate limit per second, by limit.",
            "reqps", "no request was rate limited",
            rate("signal_service.rate_limit.hits", by=("limit_type",)),
        ),
    )  # fmt: skip
    yield line(
        series(
            "Why do calls to dependencies fail?",
            "Failed calls per second by service and error type.",
            "cps", "no call failed",
            rate("signal_service.dependency.errors", by=("service_name", "error_type")),
            alerts=("DependencyErrorRateHigh", "DependencyErrorsRising"),
        ),
        series(
            "How many calls do circuit breakers reject?",
            "Calls rejected by an open circuit breaker per second.",
            "cps", "no call was rejected",
            rate("signal_service.circuit_breaker.calls", 'outcome="rejected"', by=("service_name",)),
        ),
        series(
            "What happens to queue items?",
            "Items per second by event.",
            "cps", "no queue events",
            rate("signal_service.queue.items", by=("event",)),
        ),
        shared.normal(
            "Is the request rate normal?",
            "Requests per second, with the prediction interval.",
            "reqps", "request_rate",
        ),
    )  # fmt: skip


def _ranked() -> str:
    """Return PromQL for the firing alerts, each with the rank of its severity."""
    firing = _FIRING.removesuffix("}")
    return " or ".join(f'{firing}, severity="{name}"}} * {rank:g}' for rank, (name, _) in _SEVERITIES.items())
