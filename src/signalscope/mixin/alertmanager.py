"""Configuration of Alertmanager: routes, receivers, time intervals and inhibitions.

Escalation uses a second route for critical alerts, with a long `group_wait`. An alert that is resolved or silenced
before that time is not sent there. A silence therefore acknowledges an alert; Alertmanager has no other way to do so.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from typing import Any

from signalscope.config import Config
from signalscope.config._calendar import Calendar
from signalscope.config._routes import Kind, Routes
from signalscope.derived._promql import duration
from signalscope.mixin.alerts._model import ROUTES

__all__ = [
    "ACTIVE", "CONSEQUENCES", "DOWN", "SECOND_LEVEL", "WATCHDOG", "alertmanager", "inhibitions", "inhibits",
    "null_receivers", "secrets", "teams",
]  # fmt: skip

WATCHDOG, SECOND_LEVEL, _DEFAULT = "watchdog", "second-level", "default"
ACTIVE = "business-hours"
_HOLIDAYS, _EARLY = "holidays", "early-closes"
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
#: Alerts that report an external service as down.
DOWN = ("CriticalDependencyDown", "ConfigServiceUnavailable", "MandatoryDependencyDown", "DependencyDown")
#: Alerts that an outage of the same external service causes.
CONSEQUENCES = (
    "DependencyErrorRateHigh", "DependencyLatencyHigh", "DependencyBreakerOpen", "CriticalDependencyBreakerOpen",
    "CircuitBreakerFlapping", "DependencyLatencyRising", "DependencyErrorsRising",
)  # fmt: skip
#: Alerts about the whole service that the loss of a critical dependency causes.
_SYMPTOMS = "SignalServiceHighLatency|AnomalyDetected|.*BudgetBurnSlow"
#: Two alerts have the same subject if the labels in this list that both have are equal.
_SAME = ("job", "domain", "service_name", "queue_type", "cache_type", "sloth_slo")
#: Domains that fail when the service is down. `dependency`, `capacity` and `process` are not in the list: they may be
#: the cause.
_DOMAINS_OF_SERVICE = "service|greeks|signals|cache|queue|business"
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')


def alertmanager(config: Config) -> dict[str, Any]:
    """Return the content of alertmanager.yml.

    Example:
        >>> from signalscope.config import Config
        >>> alertmanager(Config())["route"]["receiver"]
        'default'
    """
    routes, scope = config.routes, config.scope.labels
    watchdog = {
        "receiver": WATCHDOG,
        "matchers": ['alertname="Watchdog"'],
        "group_wait": "1s",
        "group_interval": duration(routes.watchdog_interval),
        # One second less than group_interval; otherwise every second notification would be skipped as too early.
        "repeat_interval": duration(max(routes.watchdog_interval - 1, 1)),
    }
    escalation = {
        "receiver": SECOND_LEVEL,
        "matchers": ['severity="critical"'],
        # Each alert is a separate group, so that each has its own waiting time.
        "group_by": ["..."],
        "group_wait": duration(routes.escalate_after),
        "repeat_interval": duration(routes.escalate_repeat),
        "continue": True,
    }
    return {
        "route": {
            "receiver": _DEFAULT,
            "group_by": ["alertname", "job", *scope],
            "group_wait": duration(routes.group_wait),
            "group_interval": duration(routes.group_interval),
            "repeat_interval": duration(routes.repeat),
            "routes": [watchdog, escalation, *_by_severity(config)],
        },
        "inhibit_rules": [{**rule, "equal": [*rule["equal"], *scope]} for rule in inhibitions()],
        "time_intervals": list(_intervals(config)),
        "receivers": [_receiver(name, kind, routes) for name, kind in _receivers(config).items()],
    }


def null_receivers(config: Config) -> Config:
    """Return the configuration with receivers that send nothing, for a stack on one machine.

    Example:
        >>> from signalscope.config import Config
        >>> secrets(null_receivers(Config()))
        []
    """
    kinds = dict.fromkeys(("receiver", "page", "ticket", "inform", "second_level", "watchdog"), "none")
    return config.model_copy(update={"routes": config.routes.model_copy(update=kinds)})


def __getattr__(name: str) -> Any:
    """Return `null_receivers` for its old name `quiet`, with a deprecation warning."""
    if name != "quiet":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("quiet is now null_receivers; change the import [SS860]", DeprecationWarning, 2)
    return null_receivers


def secrets(config: Config) -> list[str]:
    """Return the names of the files with receiver addresses or keys, one per receiver, in the secrets folder.

    Example:
        >>> from signalscope.config import Config
        >>> secrets(Config())[:3]
        ['default', 'watchdog', 'second-level']
    """
    return [name for name, kind in _receivers(config).items() if kind != "none"]


def teams(config: Config) -> list[str]:
    """Return the names of the teams that are notified, sorted and without duplicates.

    Example:
        >>> from signalscope.config import Config
        >>> "platform" in teams(Config())
        True
    """
    return sorted(set(config.teams.model_dump().values()))


def inhibitions() -> list[dict[str, Any]]:
    """Return the rules by which an alert inhibits others.

    Alertmanager treats labels that are missing on both sides as equal. Each rule therefore requires its labels.

    Example:
        >>> inhibitions()[0]["equal"]
        ['job']
    """
    job, service, instance = 'job=~".+"', 'service_name=~".+"', 'instance=~".+"'
    late = 'alertname="EventLoopLagHigh"'
    return [
        # The service is down: all other alerts about it are symptoms.
        {
            "source_matchers": ['alertname="SignalServiceDown"', job],
            "target_matchers": ['alertname!="SignalServiceDown"', f'domain=~"{_DOMAINS_OF_SERVICE}"', job],
            "equal": ["job"],
        },
        # A less severe alert with the same subject adds no information, unless it may be the cause. Errors and
        # latency open a breaker. The event loop and the thread pools of a process delay each other.
        {
            "source_matchers": [
                'severity="critical"',
                'alertname!="CriticalDependencyBreakerOpen"',
                job,
                'domain=~".+"',
            ],
            "target_matchers": ['severity=~"warning|info"', job, 'domain=~".+"', 'domain!="process"'],
            "equal": list(_SAME),
        },
        {
            "source_matchers": [late, 'severity="critical"', job, instance],
            "target_matchers": [late, 'severity="warning"', job, instance],
            "equal": ["job", "instance", "process"],
        },
        # An event loop is late: high latency and anomalies of the service follow from it.
        {
            "source_matchers": [late, 'severity="critical"', job],
            "target_matchers": [f'alertname=~"{_SYMPTOMS}"', 'severity=~"warning|info"', job],
            "equal": ["job"],
        },
        # An external service is down: calls to it fail, and its breakers open.
        {
            "source_matchers": [f'alertname=~"{"|".join(DOWN)}"', job, service],
            "target_matchers": [f'alertname=~"{"|".join(CONSEQUENCES)}"', job, service],
            "equal": ["job", "service_name"],
        },
        # A critical dependency is down: high latency and anomalies of the service follow from it.
        {
            "source_matchers": [f'alertname=~"{"|".join(DOWN[:2])}"', job],
            "target_matchers": [f'alertname=~"{_SYMPTOMS}"', 'severity=~"warning|info"', job],
            "equal": ["job"],
        },
    ]


def inhibits(source: Mapping[str, str], target: Mapping[str, str]) -> bool:
    """Return True if Alertmanager does not notify an alert while another one fires.

    Args:
        source: The labels of the alert that fires.
        target: The labels of the alert to notify.

    Example:
        >>> down = {"alertname": "SignalServiceDown", "job": "a"}
        >>> slow = {"alertname": "SignalServiceHighLatency", "job": "a", "domain": "service"}
        >>> inhibits(down, slow), inhibits(slow, down)
        (True, False)
    """
    return any(
        _matches(source, rule["source_matchers"])
        and _matches(target, rule["target_matchers"])
        # An alert that matches both sides is not inhibited by such an alert, and so not by itself.
        and not (_matches(target, rule["source_matchers"]) and _matches(source, rule["target_matchers"]))
        and all(source.get(name, "") == target.get(name, "") for name in rule["equal"])
        for rule in inhibitions()
    )


def _matches(labels: Mapping[str, str], matchers: Iterable[str]) -> bool:
    def holds(matcher: str) -> bool:
        name, operator, value = _MATCHER.fullmatch(matcher).groups()  # type: ignore[union-attr]  # of `inhibitions`
        has = labels.get(name, "")
        is_equal = bool(re.fullmatch(value, has)) if "~" in operator else has == value
        return is_equal != operator.startswith("!")

    return all(map(holds, matchers))


def _by_severity(config: Config) -> Iterator[dict[str, Any]]:
    routes = config.routes
    repeats = {"critical": routes.repeat_critical, "warning": routes.repeat, "info": routes.repeat_info}
    for severity, route in ROUTES.items():
        hours: dict[str, Any] = {}
        if severity in routes.business_hours_only:
            names = (interval["name"] for interval in _intervals(config))
            muted = [name for name in names if name != ACTIVE]
            hours = {"active_time_intervals": [ACTIVE], "mute_time_intervals": muted}
        yield {
            "receiver": _DEFAULT,
            "matchers": [f'severity="{severity}"'],
            **({"group_wait": duration(routes.group_wait_critical)} if severity == "critical" else {}),
            "repeat_interval": duration(repeats[severity]),
            "routes": [
                {"receiver": f"{team}-{route}", "matchers": [f'team="{team}"'], **hours}
                for team in teams(config)
            ],
            **hours,
        }


def _receivers(config: Config) -> dict[str, Kind]:
    routes = config.routes
    return {
        _DEFAULT: routes.receiver,
        WATCHDOG: routes.kind_of(WATCHDOG),
        SECOND_LEVEL: routes.kind_of("second_level"),
        **{f"{team}-{route}": routes.kind_of(route) for route in ROUTES.values() for team in teams(config)},
    }


def _receiver(name: str, kind: Kind, routes: Routes) -> dict[str, Any]:
    file = f"{routes.secrets}/{name}"
    if kind == "webhook":
        return {"name": name, "webhook_configs": [{"url_file": file, "send_resolved": name != WATCHDOG}]}
    if kind == "slack":
        return {"name": name, "slack_configs": [{"api_url_file": file, "send_resolved": True, **_SLACK}]}
    if kind == "pagerduty":
        return {"name": name, "pagerduty_configs": [{"routing_key_file": file, **_PAGERDUTY}]}
    return {"name": name}


_SLACK = {
    "title": "{{ .Status | toUpper }} {{ .CommonLabels.severity }}: {{ .CommonLabels.alertname }}",
    "text": "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.response }}\n"
    "{{ .Annotations.runbook_url }}\n{{ end }}",
}
_PAGERDUTY = {
    "description": "{{ .CommonLabels.alertname }}: {{ .CommonAnnotations.summary }}",
    "severity": "{{ .CommonLabels.severity }}",
    "details": {
        "impact": "{{ .CommonAnnotations.business_impact }}",
        "response": "{{ .CommonAnnotations.response }}",
        "runbook": "{{ .CommonAnnotations.runbook_url }}",
    },
}


def _intervals(config: Config) -> Iterator[dict[str, Any]]:
    """Yield the business hours around a session, the holidays, and the hours after early closes."""
    calendar, lead, lag = config.calendar, config.routes.lead, config.routes.lag
    begins, ends = _clock(calendar.opens, -lead), _clock(calendar.closes, lag)
    hours = {"times": [{"start_time": begins, "end_time": ends}], "weekdays": list(calendar.days)}
    yield {"name": ACTIVE, "time_intervals": [{**hours, "location": calendar.timezone}]}
    if calendar.holidays:
        days = [_day(day, calendar) for day in sorted(set(calendar.holidays))]
        yield {"name": _HOLIDAYS, "time_intervals": days}
    early = [
        {"times": [{"start_time": _clock(closes, lag), "end_time": "24:00"}], **_day(day, calendar)}
        for day, closes in sorted(calendar.early_closes.items())
        if _clock(closes, lag) != "24:00"
    ]
    if early:
        yield {"name": _EARLY, "time_intervals": early}


def _day(day: date, calendar: Calendar) -> dict[str, Any]:
    return {
        "years": [str(day.year)],
        "months": [_MONTHS[day.month - 1]],
        "days_of_month": [str(day.day)],
        "location": calendar.timezone,
    }


def _clock(at: time, minutes: int) -> str:
    """Return a time of day plus some minutes, limited to 00:00 to 24:00."""
    moved = min(max(at.hour * 60 + at.minute + minutes, 0), 24 * 60)
    return f"{moved // 60:02d}:{moved % 60:02d}"
