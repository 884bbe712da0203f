"""Dashboard for user experience: satisfaction, latency and errors by tier."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import ratio
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, heat_of, quantile, rate, recorded
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, heat, line, row, series, stat

_API = "signal_service.api.request.duration"
_REQUESTS = "signal_service.api.requests"
_HOUR = 'window="1h"'


@dashboard(
    "experience", "User experience", "Is the service fast and correct for all users? For product owners."
)
def board(config: Config) -> Iterator[Line]:
    """Yield the panels for product owners."""
    limits = shared.limits(config)
    yield row(
        "Verdict: are users satisfied?", 4,
        shared.satisfaction(config),
        shared.latency(config, "developer"),
        shared.error_rate(config, "operations"),
        stat(
            "What percentage of requests is too slow?",
            "Requests slower than the objective for API latency.",
            recorded("API_SLOW"), "percent", shared.NO_REQUESTS, decimals=1, leads_to="developer",
        ),
        stat(
            "How many users are active?",
            "Distinct users of the last hour; with several processes, a lower limit.",
            f"sum({recorded('ACTIVE_USERS', _HOUR)})", "short", "no active users", decimals=0,
        ),
    )  # fmt: skip
    requests, failed = (rate(_REQUESTS, *where, by=("user_tier",)) for where in ((), ('status_code=~"5.."',)))
    yield row(
        "Causes: latency and errors by tier", 8,
        shared.satisfaction_by_tier(
            "How satisfied are users by tier?",
            "Apdex score from 0 to 100: fast requests count 1, tolerable ones 0.5, slow and failed ones 0.",
            limits=limits["satisfaction"],
        ),
        series(
            "What is the p95 latency by tier?",
            "95th percentile of API latency by tier; exemplars link to traces.",
            "s", shared.NO_REQUESTS, quantile(0.95, _API, by=("user_tier",)),
            exemplars=True, limits=limits["latency"], alerts=("SignalServiceHighLatency",),
            leads_to="developer",
        ),
        series(
            "What is the error ratio by tier?",
            "Requests with status 5xx as a percentage of the tier's requests.",
            "percentunit", shared.NO_REQUESTS,
            Query(ratio(failed, requests), "{{user_tier}}"), leads_to="operations",
        ),
    )  # fmt: skip
    yield line(
        heat(
            "What is the distribution of API latency?",
            "Requests by duration; the slowest are at the top.",
            heat_of(_API), "s", shared.NO_REQUESTS,
        ),
        series(
            "How many requests are rate limited?",
            "Requests rejected by a rate limit per second, by limit.",
            "reqps", "no request was rate limited",
            rate("signal_service.rate_limit.hits", by=("limit_type",)),
        ),
        series(
            "What is the p95 of signal generation?",
            "95th percentile of the time to generate a signal by signal type.",
            "s", "no signal in this time range",
            quantile(0.95, "signal_service.signal.generation", by=("signal_type",)), limits=limits["signal"],
        ),
    )  # fmt: skip
    yield row(
        "Detail: features, active users and retention", 8,
        bars(
            "What is the feature adoption?",
            "Uses of each feature in the last hour per active user.",
            "none", "no feature was used", Query(f"sort_desc({recorded('ADOPTION')})", "{{feature}}"), low=0.0,
            leads_to="revenue",
        ),
        series(
            "How many users are active by tier?",
            "Distinct users of the last hour by tier.",
            "short", "no active users",
            gauge_of("signal_service.active_users", _HOUR, by=("user_tier",), how="max"),
            stacked=True,
        ),
        shared.retention("What is the user retention?"),
        series(
            "What is the signal accuracy?",
            "Percentage of correct signals by signal type.",
            "percentunit", "no signal was evaluated yet",
            f"avg by (signal_type) ({recorded('SIGNAL_ACCURACY')})", low=0.0, high=1.0,
        ),
    )  # fmt: skip
