"""Operations: is it well now, and if not, where?"""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import BURN_RATES, Config
from signalscope.mixin.alerts.watchdog import NAME as WATCHDOG
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, quantile, rate, recorded
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
from signalscope.mixin.dashboards._style import BAD, GOOD, WARN, above

_CALLS = "no calls in this time"
#: Alerts that mean something is wrong: the watchdog always fires.
_FIRING, _PENDING = (
    f'ALERTS{{alertstate="{state}", alertname!="{WATCHDOG}"}}' for state in ("firing", "pending")
)


@dashboard("operations", "Operations", "Is the service well now, and if not, where? For whoever is on call.")
def board(config: Config) -> Iterator[Line]:
    """The dashboard of whoever is on call."""
    limits = shared.limits(config)
    yield row(
        "Verdict: is the service well?", 4,
        shared.up(config),
        stat(
            "How many alerts fire?",
            "Of all severities, now.",
            f"count({_FIRING}) or vector(0)", "short", "Prometheus evaluates no rules",
            limits=above(1.0), decimals=0, leads_to="operations",
        ),
        shared.error_rate(config, "developer"),
        shared.latency(config, "developer"),
        shared.budget(config),
        shared.bottleneck(config),
    )  # fmt: skip
    yield line(
        table(
            "Which alerts fire, and what is to be done?",
            "Each leads to its runbook: impact, first response, queries that tell more.",
            "no alert fires",
            Query(
                "max by (alertname, severity, service_name, instance) (time() - ALERTS_FOR_STATE"
                f" and ignoring(alertstate) {_FIRING})",
                "For", unit="dtdhms",
            ),
            columns={
                "alertname": "Alert", "severity": "Severity", "service_name": "Service", "instance": "Instance",
            },
            links={"Alert": f"{config.runbooks.rstrip('/')}/${{__data.fields.Alert}}.md"}, weight=5,
        ),
        states(
            "Since when do they fire?",
            "Each alert over time: firing, or still waiting for its hold to pass.",
            "no alert fired in this time",
            f"max by (alertname) ({_FIRING} * 2 or {_PENDING})",
            states={1.0: ("pending", WARN), 2.0: ("firing", BAD)}, weight=4,
        ),
        series(
            "How fast is error budget spent?",
            "By SLO, over five minutes: at 1 the budget lasts exactly its period. Alerts look at longer windows too.",
            "none", "no SLO has seen traffic yet",
            f"max by (sloth_slo) ({recorded('SLO_BURN')})",
            limits=above(max(BURN_RATES.values()), BURN_RATES["6h"]), weight=3, leads_to="executive",
            alerts=("AvailabilityBudgetBurnFast", "ErrorBudgetBurnFast", "ApiLatencyBudgetBurnFast"),
        ),
        height=7,
    )  # fmt: skip
    requests, latency = "signal_service.api.requests", "signal_service.api.request.duration"
    yield row(
        "Causes: load, dependencies, breakers, queues, resources", 8,
        series(
            "How many requests arrive, and how do they end?",
            "Requests per second by class of status. A drop without a deploy is as telling as a rise of 5xx.",
            "reqps", shared.NO_REQUESTS,
            *(Query(rate(requests, f'status_code=~"{digit}.."'), f"{digit}xx") for digit in "2345"),
            stacked=True, leads_to="developer",
        ),
        series(
            "How long do clients wait?",
            "Quantiles of API latency. Points are single requests: each leads to its trace.",
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
            "The service's own probes; unhealthy only when every instance finds it so.",
            "no dependency is probed",
            gauge_of("signal_service.external_service.health", by=("service_name",), how="max"),
            states={0.0: ("unhealthy", BAD), 1.0: ("healthy", GOOD)},
            alerts=(
                "ConfigServiceUnavailable", "CriticalDependencyDown", "MandatoryDependencyDown", "DependencyDown",
            ),
        ),
        states(
            "Which circuit breaker is not closed?",
            "Open: calls are refused without being tried. Half open: one is tried.",
            "no circuit breaker is watched",
            Query(f"clamp_max({half_open} + 2 * {is_open}, 2)", "{{service_name}}"),
            states={0.0: ("closed", GOOD), 1.0: ("half open", WARN), 2.0: ("open", BAD)},
            alerts=("CriticalDependencyBreakerOpen", "DependencyBreakerOpen", "CircuitBreakerFlapping"),
        ),
        series(
            "Which dependency makes us wait?",
            "95th percentile of the time of a call to each external service.",
            "s", _CALLS,
            quantile(0.95, "signal_service.external_service.duration", by=("service_name",)),
            exemplars=True, leads_to="developer", alerts=("DependencyLatencyHigh", "DependencyLatencyRising"),
            limits=above(config.thresholds.dependency_p95_seconds),
        ),
    )  # fmt: skip
    yield line(
        series(
            "What is waiting in the queues?",
            "Items waiting, by priority. Critical items waiting are a problem of their own.",
            "short", "no queue is observed",
            gauge_of("signal_service.queue.size", by=("priority",)),
            stacked=True, alerts=("CriticalQueueBacklog",),
        ),
        series(
            "How long does work wait before it is begun?",
            "95th percentile from enqueue to the start of processing, by priority.",
            "s", "nothing was taken from a queue in this time",
            quantile(0.95, "signal_service.queue.wait", by=("priority",)),
        ),
        series(
            "Do the queues keep up?",
            "Backpressure: 0 is empty, 1 full or refusing items.",
            "percentunit", "no queue is observed", Query(recorded("QUEUE_BACKPRESSURE"), "{{queue_type}}"),
            low=0.0, high=1.0, limits=above(config.thresholds.queue_backpressure), alerts=("QueueBackpressureHigh",),
        ),
        shared.cache_hits(
            config, "Hits, of all gets, by cache: what the service's instances saw in their last five minutes.",
            leads_to="developer",
        ),
    )  # fmt: skip
    yield line(
        series(
            "Which process is short of CPU?",
            "CPU time of each process, of one core: a Python process can hardly use more.",
            "percentunit", "no process reports",
            rate("process.cpu", by=("instance",)),
            limits=above(config.thresholds.cpu_percent / 100), alerts=("SignalServiceHighCPUUsage",),
            leads_to="capacity",
        ),
        series(
            "How much memory does each process hold?",
            "Resident memory.",
            "bytes", "no process reports",
            gauge_of("process.resident_memory", by=("instance",)),
            leads_to="capacity", limits=above(config.thresholds.memory_bytes), alerts=("HighMemoryUsage",),
        ),
        bars(
            "Which resource is nearest its limit?",
            "Saturation of each resource, now; the highest is the bottleneck.",
            "percentunit", "no resource reports",
            Query(f"sort_desc({recorded('BOTTLENECK')})", "{{resource}}"),
            low=0.0, high=1.0, limits=limits["saturation"], leads_to="capacity",
        ),
    )  # fmt: skip
    yield row(
        "Detail", 8,
        states(
            "Which component is degraded?",
            "The latest health check of each component, the worst of all instances.",
            "no health check has run",
            gauge_of("signal_service.health_check.status", by=("component",), how="min"),
            states={0.0: ("unhealthy", BAD), 0.5: ("degraded", WARN), 1.0: ("healthy", GOOD)},
        ),
        series(
            "What is being served now?",
            "Requests in progress, by group of endpoints. A rise with an even load: something holds them up.",
            "short", shared.NO_REQUESTS,
            gauge_of("signal_service.concurrent_requests", by=("endpoint_group",)),
            stacked=True,
        ),
        series(
            "Whom does a rate limit turn away?",
            "Requests refused per second, by limit.",
            "reqps", "no rate limit was hit",
            rate("signal_service.rate_limit.hits", by=("limit_type",)),
        ),
    )  # fmt: skip
    yield line(
        series(
            "Why do calls to dependencies fail?",
            "Failed calls per second, by service and type of error.",
            "cps", "no call failed",
            rate("signal_service.dependency.errors", by=("service_name", "error_type")),
            alerts=("DependencyErrorRateHigh", "DependencyErrorsRising"),
        ),
        series(
            "What do breakers refuse?",
            "Calls that an open breaker refused, per second.",
            "cps", "no breaker refused a call",
            rate("signal_service.circuit_breaker.calls", 'outcome="rejected"', by=("service_name",)),
        ),
        series(
            "How does work in the queues end?",
            "Items per second, by what happened to them.",
            "cps", "nothing happened in a queue",
            rate("signal_service.queue.items", by=("event",)),
        ),
        shared.normal(
            "Is what we see unusual?",
            "Requests per second, and what is normal for now by the last hours.",
            "reqps", "request_rate",
        ),
    )  # fmt: skip
