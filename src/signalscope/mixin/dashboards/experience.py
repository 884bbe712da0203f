"""User experience: is it quick and right for everyone?"""

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
    "experience", "User experience", "Is it quick and right for everyone? For whoever speaks for the users."
)
def board(config: Config) -> Iterator[Line]:
    """The dashboard of whoever speaks for the users."""
    limits = shared.limits(config)
    yield row(
        "Verdict: are users satisfied?", 4,
        shared.satisfaction(config),
        shared.latency(config, "developer"),
        shared.error_rate(config, "operations"),
        stat(
            "How many requests are too slow?",
            "Slower than the objective for API latency, of all.",
            recorded("API_SLOW"), "percent", shared.NO_REQUESTS, decimals=1, leads_to="developer",
        ),
        stat(
            "Who is here?",
            "Distinct users of the last hour: a lower bound where several processes serve.",
            f"sum({recorded('ACTIVE_USERS', _HOUR)})", "short", "no users were seen", decimals=0,
        ),
    )  # fmt: skip
    requests, failed = (rate(_REQUESTS, *where, by=("user_tier",)) for where in ((), ('status_code=~"5.."',)))
    yield row(
        "Causes: who waits, who gets errors", 8,
        shared.satisfaction_by_tier(
            "Which tier is less satisfied?",
            "0 to 100: quick answers count whole, tolerable ones half, slow and failed ones not.",
            limits=limits["satisfaction"],
        ),
        series(
            "Which tier waits longer?",
            "95th percentile of API latency; points lead to traces.",
            "s", shared.NO_REQUESTS, quantile(0.95, _API, by=("user_tier",)),
            exemplars=True, limits=limits["latency"], alerts=("SignalServiceHighLatency",),
            leads_to="developer",
        ),
        series(
            "Which tier gets errors?",
            "Requests that ended with 5xx, of the tier's own.",
            "percentunit", shared.NO_REQUESTS,
            Query(ratio(failed, requests), "{{user_tier}}"), leads_to="operations",
        ),
    )  # fmt: skip
    yield line(
        heat(
            "How are waiting times spread?",
            "Requests by duration: what the slowest see is at the top.",
            heat_of(_API), "s", shared.NO_REQUESTS,
        ),
        series(
            "Whom do we turn away?",
            "Requests refused by a rate limit, per second, by limit.",
            "reqps", "no rate limit was hit",
            rate("signal_service.rate_limit.hits", by=("limit_type",)),
        ),
        series(
            "How fresh are signals?",
            "95th percentile of the time to generate a signal, by kind.",
            "s", "no signal in this time",
            quantile(0.95, "signal_service.signal.generation", by=("signal_type",)), limits=limits["signal"],
        ),
    )  # fmt: skip
    yield row(
        "Detail: what they use, and whether they come back", 8,
        bars(
            "Which features are adopted?",
            "Uses in the last hour for each active user.",
            "none", "no feature was used", Query(f"sort_desc({recorded('ADOPTION')})", "{{feature}}"), low=0.0,
            leads_to="revenue",
        ),
        series(
            "Who is active?",
            "Distinct users of the last hour, by tier.",
            "short", "no users were seen",
            gauge_of("signal_service.active_users", _HOUR, by=("user_tier",), how="max"),
            stacked=True,
        ),
        shared.retention("Do they come back?"),
        series(
            "Which signals prove right?",
            "Share of signals that proved right, by kind.",
            "percentunit", "no signal was judged yet",
            f"avg by (signal_type) ({recorded('SIGNAL_ACCURACY')})", low=0.0, high=1.0,
        ),
    )  # fmt: skip
