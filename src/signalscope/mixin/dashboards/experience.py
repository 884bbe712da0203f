"""User experience: is it quick and right for everyone?"""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, heat_of, quantile, rate, recorded
from signalscope.mixin.dashboards._model import Board, Line, Panel, Query, Row, bars, heat, series, stat

__all__ = ["board"]

_API = "signal_service.api.request.duration"
_REQUESTS = "signal_service.api.requests"


def board(config: Config) -> Board:
    """The dashboard of whoever speaks for the users."""
    return Board(
        "experience",
        "User experience",
        "Is it quick and right for everyone? For whoever speaks for the users.",
        (
            Row("Verdict: are users satisfied?", (Line(4, _verdict(config)),)),
            Row("Causes: who waits, who gets errors", (Line(8, _tiers(config)), Line(8, _spread(config)))),
            Row("Detail: what they use, and whether they come back", (Line(8, _use()),)),
        ),
    )


def _verdict(config: Config) -> tuple[Panel, ...]:
    return (
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


_HOUR = 'window="1h"'


def _tiers(config: Config) -> tuple[Panel, ...]:
    requests, failed = (rate(_REQUESTS, *where, by=("user_tier",)) for where in ((), ('status_code=~"5.."',)))
    return (
        shared.satisfaction_by_tier(
            "Which tier is less satisfied?",
            "0 to 100: quick answers count whole, tolerable ones half, slow and failed ones not.",
            limits=shared.satisfaction_limits(config),
        ),
        series(
            "Which tier waits longer?",
            "95th percentile of API latency; points lead to traces.",
            "s", shared.NO_REQUESTS, quantile(0.95, _API, by=("user_tier",)),
            exemplars=True, limits=shared.latency_limits(config), alerts=("SignalServiceHighLatency",),
            leads_to="developer",
        ),
        series(
            "Which tier gets errors?",
            "Requests that ended with 5xx, of the tier's own.",
            "percentunit", shared.NO_REQUESTS,
            Query(f"({failed} or 0 * {requests}) / ({requests} > 0)", "{{user_tier}}"), leads_to="operations",
        ),
    )  # fmt: skip


def _spread(config: Config) -> tuple[Panel, ...]:
    return (
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
            quantile(0.95, "signal_service.signal.generation", by=("signal_type",)),
            limits=shared.signal_limits(config),
        ),
    )  # fmt: skip


def _use() -> tuple[Panel, ...]:
    return (
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
