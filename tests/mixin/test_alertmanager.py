"""Routes and notifications: checks with amtool, and a real Alertmanager that notifies a webhook."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.ports import free_port
from tests.waiting import eventually
from tests.webhook import Webhook as _Webhook

from signalscope import binaries
from signalscope.config import Config
from signalscope.config._calendar import WEEKDAYS
from signalscope.demo.stack._processes import Part, answers, wait_until
from signalscope.mixin.alertmanager import (
    ACTIVE,
    CONSEQUENCES,
    DOWN,
    SECOND_LEVEL,
    WATCHDOG,
    alertmanager,
    inhibitions,
    null_receivers,
    secrets,
)
from signalscope.mixin.alerts import alerts

CONFIG = binaries.ROOT / "rules" / "alertmanager" / "alertmanager.yml"


@pytest.mark.needs("amtool")
@pytest.mark.parametrize("alert", alerts(Config()), ids=lambda alert: alert.name)
def test_every_alert_goes_to_its_team_by_its_severity(alert: Any) -> None:
    """Critical alerts also go to the second level, the watchdog to a separate receiver, and none to the default."""
    labels = {"alertname": alert.name, "job": "signal-service", **alert.all_labels(Config())}
    receivers = f"{labels['team']}-{labels['route']}"
    if alert.name == "Watchdog":
        receivers = WATCHDOG
    elif alert.severity == "critical":
        receivers = f"{SECOND_LEVEL},{receivers}"
    _route(CONFIG, receivers, labels)


@pytest.mark.needs("amtool")
def test_an_unknown_alert_goes_to_the_default() -> None:
    """An unknown alert goes to the default receiver; the check fails for another receiver."""
    _route(CONFIG, "default", {"alertname": "OwnAlert", "severity": "none"})
    with pytest.raises(AssertionError, match="default"):
        _route(CONFIG, WATCHDOG, {"alertname": "OwnAlert"})


@pytest.mark.needs("amtool")
@pytest.mark.parametrize("kind", ["webhook", "slack", "pagerduty", "none"])
def test_each_kind_of_receiver_is_valid(tmp_path: Path, kind: str) -> None:
    """Each receiver has a file for its address; the configuration contains no address or key."""
    config = Config.model_validate({"routes": {"receiver": kind, "page": "pagerduty"}})
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump(alertmanager(config)), encoding="utf-8")
    _amtool("check-config", str(path))
    text = path.read_text(encoding="utf-8")
    assert "http" not in text
    files = set(re.findall(r"_file: /etc/alertmanager/secrets/(\S+)", text))
    assert files == set(secrets(config))
    assert {name for name in files if name.endswith("-page")} >= {"platform-page", "quant-page"}
    assert (kind == "none") == ("platform-ticket" not in files)
    assert secrets(null_receivers(config)) == []


def test_inhibitions_name_alerts_that_exist() -> None:
    """Inhibitions name existing alerts, and require a job: labels missing on both sides would be equal."""
    known = {alert.name: alert for alert in alerts(Config())}
    for name in (*DOWN, *CONSEQUENCES, "SignalServiceDown"):
        assert name in known, name
        assert name == "SignalServiceDown" or known[name].domain == "dependency"
    for rule in inhibitions():
        for side in ("source_matchers", "target_matchers"):
            assert 'job=~".+"' in rule[side]


def test_business_hours_are_those_of_the_calendar() -> None:
    """Business hours start one hour before the open and end one hour after the close, except on holidays."""
    hours, holidays, early = alertmanager(Config())["time_intervals"]
    assert hours == {
        "name": ACTIVE,
        "time_intervals": [
            {
                "times": [{"start_time": "08:30", "end_time": "17:00"}],
                "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "location": "America/New_York",
            }
        ],
    }
    thanksgiving = {"years": ["2026"], "months": ["november"], "days_of_month": ["26"]}
    assert {**thanksgiving, "location": "America/New_York"} in holidays["time_intervals"]
    assert early["time_intervals"][0]["times"] == [{"start_time": "14:00", "end_time": "24:00"}]
    all_day = Config.model_validate({"routes": {"lead": 720, "lag": 720}})
    assert alertmanager(all_day)["time_intervals"][0]["time_intervals"][0]["times"] == [
        {"start_time": "00:00", "end_time": "24:00"}
    ]


class _Manager:
    """A running Alertmanager with the generated configuration."""

    def __init__(self, folder: Path, config: Config, webhook: _Webhook) -> None:
        (folder / "secrets").mkdir()
        own = config.routes.model_copy(update={"secrets": str(folder / "secrets")})
        config = config.model_copy(update={"routes": own})
        for name in secrets(config):
            (folder / "secrets" / name).write_text(f"{webhook.url}/{name}", encoding="utf-8")
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(alertmanager(config)), encoding="utf-8")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.part = Part(
            "alertmanager",
            [
                binaries.find("alertmanager"), f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'data'}", "--cluster.listen-address=",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            folder / "alertmanager.log",
        )  # fmt: skip
        wait_until(lambda: answers(f"{self.url}/-/ready"), "Alertmanager", 30, [self.part])

    def send(self, name: str, job: str, *, resolved: bool = False, **labels: str) -> None:
        """Send an alert of the configuration, as firing or resolved."""
        (alert,) = (alert for alert in alerts(Config()) if alert.name == name)
        own = {"alertname": name, "job": job, **alert.all_labels(Config()), **labels}
        now = datetime.now(UTC)
        body: dict[str, Any] = {"labels": own, "annotations": {"summary": alert.summary}}
        if resolved:
            body["endsAt"] = now.isoformat()
        httpx.post(f"{self.url}/api/v2/alerts", json=[body]).raise_for_status()

    def acknowledge(self, name: str, job: str) -> None:
        """Acknowledge an alert with a silence."""
        now = datetime.now(UTC)
        matchers = [
            {"name": key, "value": value, "isRegex": False, "isEqual": True}
            for key, value in (("alertname", name), ("job", job))
        ]
        body = {
            "matchers": matchers, "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "on-call", "comment": "seen",
        }  # fmt: skip
        httpx.post(f"{self.url}/api/v2/silences", json=body).raise_for_status()


@pytest.fixture(scope="module")
def webhook() -> Iterator[_Webhook]:
    """Start the webhook that receives all notifications."""
    server = _Webhook()
    yield server
    server.close()


#: Short intervals for the default routes.
_QUICK = {"group_wait": 1, "group_interval": 1, "escalate_after": 5, "watchdog_interval": 2}


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory, webhook: _Webhook) -> Iterator[_Manager]:
    """Start a real Alertmanager that notifies the webhook."""
    folder = tmp_path_factory.mktemp("alertmanager")
    running = _Manager(
        folder, Config.model_validate({"routes": {**_QUICK, "business_hours_only": []}}), webhook
    )
    yield running
    running.part.stop()


@pytest.mark.needs("alertmanager")
def test_alerts_of_a_kind_come_together_and_their_end_is_notified(
    manager: _Manager, webhook: _Webhook
) -> None:
    """Two instances are in one notification, another alert in a second one; resolved alerts are notified too."""
    job = "grouping"
    for instance in ("a", "b"):
        manager.send("HighMemoryUsage", job, instance=instance)
    manager.send("AnomalyDetected", job, signal="latency", direction="above")

    def own() -> list[dict[str, Any]]:
        bodies = [body for _, name, body in webhook.notifications if name == "platform-ticket"]
        return [body for body in bodies if body["commonLabels"].get("job") == job]

    eventually(lambda: len(own()) >= 2, 20, "two notifications")
    sizes = {body["groupLabels"]["alertname"]: len(body["alerts"]) for body in own()}
    assert sizes == {"HighMemoryUsage": 2, "AnomalyDetected": 1}
    for instance in ("a", "b"):
        manager.send("HighMemoryUsage", job, resolved=True, instance=instance)
    eventually(lambda: any(body["status"] == "resolved" for body in own()), 20, "the end")


@pytest.mark.needs("alertmanager")
def test_a_cause_inhibits_its_consequences(manager: _Manager, webhook: _Webhook) -> None:
    """An outage inhibits symptoms, a critical alert the warning, and a dependency only its own consequences."""
    manager.send("SignalServiceDown", "down")
    manager.send("CriticalDependencyDown", "cause", service_name="ticker_service", criticality="critical")
    manager.send("CriticalQueueBacklog", "queue", queue_type="signals")
    eventually(lambda: webhook.names("platform-page", "down"), 20, "SignalServiceDown")
    eventually(lambda: webhook.names("platform-page", "cause"), 20, "CriticalDependencyDown")
    eventually(lambda: webhook.names("platform-page", "queue"), 20, "CriticalQueueBacklog")
    for name in ("GreeksCalculationSystemFailure", "SignalServiceHighLatency", "HighMemoryUsage"):
        manager.send(name, "down")
    manager.send("CriticalDependencyDown", "down", service_name="ticker_service")  # it may be the cause
    manager.send("SignalServiceHighLatency", "up")
    for service in ("ticker_service", "marketplace_service"):
        manager.send("DependencyErrorRateHigh", "cause", service_name=service)
        manager.send("DependencyLatencyRising", "cause", service_name=service)
    manager.send("AnomalyDetected", "cause", signal="latency", direction="above")
    for queue in ("signals", "deliveries"):
        manager.send("QueueBackpressureHigh", "queue", queue_type=queue)
    eventually(lambda: webhook.names("platform-ticket", "up"), 20, "another job's alert")
    eventually(lambda: len(webhook.names("platform-ticket", "cause")) >= 2, 20, "another dependency's alerts")
    eventually(lambda: webhook.names("platform-ticket", "queue"), 20, "another queue's alert")
    eventually(lambda: len(webhook.names("platform-page", "down")) >= 2, 20, "a dependency's alert")
    _more_rounds(manager, webhook, "inhibition")
    notified = {
        tuple(alert["labels"].get(name) for name in ("alertname", "job", "service_name", "queue_type"))
        for _, _, body in webhook.notifications for alert in body["alerts"]
        if alert["labels"].get("job") in {"down", "up", "cause", "queue"}
    }  # fmt: skip
    assert notified == {
        ("SignalServiceDown", "down", None, None),
        ("HighMemoryUsage", "down", None, None),  # it may be the cause
        ("CriticalDependencyDown", "down", "ticker_service", None),
        ("SignalServiceHighLatency", "up", None, None),
        ("CriticalDependencyDown", "cause", "ticker_service", None),
        ("DependencyErrorRateHigh", "cause", "marketplace_service", None),
        ("DependencyLatencyRising", "cause", "marketplace_service", None),
        ("CriticalQueueBacklog", "queue", None, "signals"),
        ("QueueBackpressureHigh", "queue", None, "deliveries"),
    }


@pytest.mark.needs("alertmanager")
def test_an_alert_without_acknowledgement_goes_to_the_second_level(
    manager: _Manager, webhook: _Webhook
) -> None:
    """A page escalates after its time, except if it was silenced or resolved before."""
    begun = time.time()
    for job in ("ignored", "seen", "over"):
        manager.send("SignalServiceDown", job)
    eventually(
        lambda: all(webhook.names("platform-page", job) for job in ("ignored", "seen", "over")), 20, "pages"
    )
    manager.acknowledge("SignalServiceDown", "seen")
    manager.send("SignalServiceDown", "over", resolved=True)
    eventually(lambda: webhook.names(SECOND_LEVEL, "ignored"), 20, "the escalation")
    (at,) = [
        moment
        for moment, name, body in webhook.notifications
        if name == SECOND_LEVEL and body["commonLabels"]["job"] == "ignored"
    ]
    assert at - begun >= _QUICK["escalate_after"]
    _more_rounds(manager, webhook, "escalation")
    assert not webhook.names(SECOND_LEVEL, "seen")
    assert not webhook.names(SECOND_LEVEL, "over")


@pytest.mark.needs("alertmanager")
def test_the_watchdog_comes_again_and_again(manager: _Manager, webhook: _Webhook) -> None:
    """The watchdog goes only to its receiver, at its interval."""
    manager.send("Watchdog", "")

    def came() -> list[str]:
        return [
            name
            for _, name, body in webhook.notifications
            if body["commonLabels"].get("alertname") == "Watchdog"
        ]

    eventually(lambda: len(came()) >= 3, 30, "three messages")
    assert set(came()) == {WATCHDOG}


@pytest.mark.needs("alertmanager")
@pytest.mark.parametrize("holiday", [False, True])
def test_information_waits_for_business_hours(tmp_path: Path, webhook: _Webhook, holiday: bool) -> None:
    """Information is sent in business hours, but not on a holiday; critical alerts are always sent."""
    today = datetime.now(UTC).date()
    nearby = [today + timedelta(days=days) for days in (-1, 0, 1)]
    calendar = {
        "timezone": "UTC", "opens": "11:00", "closes": "13:00", "days": list(WEEKDAYS),
        "holidays": [str(day) for day in nearby] if holiday else [], "early_closes": {},
    }  # fmt: skip
    config = Config.model_validate({"routes": {**_QUICK, "lead": 720, "lag": 720}, "calendar": calendar})
    job = f"holiday-{holiday}"
    running = _Manager(tmp_path, config, webhook)
    try:
        running.send("HighActiveSubscriptions", job)
        running.send("SignalServiceDown", f"{job}-page")
        eventually(lambda: webhook.names("platform-page", f"{job}-page"), 20, "what is critical")
        if holiday:
            _more_rounds(running, webhook, f"{job}-rounds")
            assert not webhook.names("product-inform", job)
        else:
            eventually(lambda: webhook.names("product-inform", job), 20, "the information")
    finally:
        running.part.stop()


def _more_rounds(manager: _Manager, webhook: _Webhook, job: str) -> None:
    """Wait for three notifications of a watchdog, which are two group intervals apart."""
    manager.send("Watchdog", job)
    eventually(lambda: len(webhook.names(WATCHDOG, job)) >= 3, 60, "more rounds of notifications")


def _route(config: Path, receivers: str, labels: dict[str, str]) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    _amtool("config", "routes", "test", f"--config.file={config}", f"--verify.receivers={receivers}", *pairs)


def _amtool(*arguments: str) -> str:
    done = subprocess.run([binaries.find("amtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
