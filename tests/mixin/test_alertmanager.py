"""Who is told: routes by amtool, and a real Alertmanager that notifies a real webhook."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.ports import free_port
from tests.waiting import eventually

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
    """Critical ones to the second level too, the watchdog to a receiver of its own; none to the default."""
    labels = {"alertname": alert.name, "job": "signal-service", **alert.all_labels(Config())}
    receivers = f"{labels['team']}-{labels['route']}"
    if alert.name == "Watchdog":
        receivers = WATCHDOG
    elif alert.severity == "critical":
        receivers = f"{SECOND_LEVEL},{receivers}"
    _route(CONFIG, receivers, labels)


@pytest.mark.needs("amtool")
def test_an_alert_of_somebody_else_goes_to_the_default() -> None:
    """Nothing is lost; and the test can fail."""
    _route(CONFIG, "default", {"alertname": "TheirOwn", "severity": "none"})
    with pytest.raises(AssertionError, match="default"):
        _route(CONFIG, WATCHDOG, {"alertname": "TheirOwn"})


@pytest.mark.needs("amtool")
@pytest.mark.parametrize("kind", ["webhook", "slack", "pagerduty", "none"])
def test_each_kind_of_receiver_is_valid(tmp_path: Path, kind: str) -> None:
    """Addresses are in files, one a receiver; no address and no key is in the configuration."""
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
    """And only labels that their alerts can have: one that is missing on both sides would count as equal."""
    known = {alert.name: alert for alert in alerts(Config())}
    for name in (*DOWN, *CONSEQUENCES, "SignalServiceDown"):
        assert name in known, name
        assert name == "SignalServiceDown" or known[name].domain == "dependency"
    for rule in inhibitions():
        for side in ("source_matchers", "target_matchers"):
            assert 'job=~".+"' in rule[side]


def test_business_hours_are_those_of_the_calendar() -> None:
    """From an hour before the open to an hour after the close, in the exchange's time; not on its holidays."""
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


class _Webhook:
    """A server that keeps what it is told, by receiver."""

    def __init__(self) -> None:
        self.notifications: list[tuple[float, str, dict[str, Any]]] = []
        notifications = self.notifications

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server asks for
                body = self.rfile.read(int(self.headers["Content-Length"]))
                notifications.append((time.monotonic(), self.path.strip("/"), json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def names(self, receiver: str, job: str) -> list[str]:
        """The alerts of a job that a receiver was told of as firing, in their order."""
        return [
            alert["labels"]["alertname"]
            for _, own, body in self.notifications
            for alert in body["alerts"]
            if own == receiver and alert["labels"].get("job") == job and alert["status"] == "firing"
        ]


class _Manager:
    """A running Alertmanager with a configuration of ours."""

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

    def tell(self, name: str, job: str, *, resolved: bool = False, **labels: str) -> None:
        """Fire one of our alerts, or end it."""
        (alert,) = (alert for alert in alerts(Config()) if alert.name == name)
        own = {"alertname": name, "job": job, **alert.all_labels(Config()), **labels}
        now = datetime.now(UTC)
        body: dict[str, Any] = {"labels": own, "annotations": {"summary": alert.summary}}
        if resolved:
            body["endsAt"] = now.isoformat()
        httpx.post(f"{self.url}/api/v2/alerts", json=[body]).raise_for_status()

    def acknowledge(self, name: str, job: str) -> None:
        """Silence an alert: what acknowledges it."""
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
    """Where everything is told to."""
    server = _Webhook()
    yield server
    server.close()


#: The routes as they are, only quicker.
_QUICK = {"group_wait": 1, "group_interval": 1, "escalate_after": 5, "watchdog_interval": 2}


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory, webhook: _Webhook) -> Iterator[_Manager]:
    """A real Alertmanager that notifies it."""
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
    """Two instances are one notification, another alert is another; both ends are told."""
    job = "grouping"
    for instance in ("a", "b"):
        manager.tell("HighMemoryUsage", job, instance=instance)
    manager.tell("AnomalyDetected", job, signal="latency", direction="above")

    def own() -> list[dict[str, Any]]:
        bodies = [body for _, name, body in webhook.notifications if name == "platform-ticket"]
        return [body for body in bodies if body["commonLabels"].get("job") == job]

    eventually(lambda: len(own()) >= 2, 20, "two notifications")
    sizes = {body["groupLabels"]["alertname"]: len(body["alerts"]) for body in own()}
    assert sizes == {"HighMemoryUsage": 2, "AnomalyDetected": 1}
    for instance in ("a", "b"):
        manager.tell("HighMemoryUsage", job, resolved=True, instance=instance)
    eventually(lambda: any(body["status"] == "resolved" for body in own()), 20, "the end")


@pytest.mark.needs("alertmanager")
def test_a_cause_inhibits_its_consequences(manager: _Manager, webhook: _Webhook) -> None:
    """Down: symptoms; critical: the warning about the same; a dependency: what follows, of that one only."""
    manager.tell("SignalServiceDown", "down")
    manager.tell("CriticalDependencyDown", "cause", service_name="ticker_service", criticality="critical")
    manager.tell("CriticalQueueBacklog", "queue", queue_type="signals")
    eventually(lambda: webhook.names("platform-page", "down"), 20, "SignalServiceDown")
    eventually(lambda: webhook.names("platform-page", "cause"), 20, "CriticalDependencyDown")
    eventually(lambda: webhook.names("platform-page", "queue"), 20, "CriticalQueueBacklog")
    for name in ("GreeksCalculationSystemFailure", "SignalServiceHighLatency", "HighMemoryUsage"):
        manager.tell(name, "down")
    manager.tell("CriticalDependencyDown", "down", service_name="ticker_service")  # perhaps why it is down
    manager.tell("SignalServiceHighLatency", "up")
    for service in ("ticker_service", "marketplace_service"):
        manager.tell("DependencyErrorRateHigh", "cause", service_name=service)
        manager.tell("DependencyLatencyRising", "cause", service_name=service)
    manager.tell("AnomalyDetected", "cause", signal="latency", direction="above")
    for queue in ("signals", "deliveries"):
        manager.tell("QueueBackpressureHigh", "queue", queue_type=queue)
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
        ("CriticalDependencyDown", "down", "ticker_service", None),
        ("SignalServiceHighLatency", "up", None, None),
        ("CriticalDependencyDown", "cause", "ticker_service", None),
        ("DependencyErrorRateHigh", "cause", "marketplace_service", None),
        ("DependencyLatencyRising", "cause", "marketplace_service", None),
        ("CriticalQueueBacklog", "queue", None, "signals"),
        ("QueueBackpressureHigh", "queue", None, "deliveries"),
    }


@pytest.mark.needs("alertmanager")
def test_what_nobody_acknowledges_goes_to_the_second_level(manager: _Manager, webhook: _Webhook) -> None:
    """After its time, not before; not what was silenced, and not what had ended by then."""
    begun = time.monotonic()
    for job in ("ignored", "seen", "over"):
        manager.tell("SignalServiceDown", job)
    eventually(
        lambda: all(webhook.names("platform-page", job) for job in ("ignored", "seen", "over")), 20, "pages"
    )
    manager.acknowledge("SignalServiceDown", "seen")
    manager.tell("SignalServiceDown", "over", resolved=True)
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
    """To its own receiver, at its interval, and to no other."""
    manager.tell("Watchdog", "")

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
    """It comes in business hours; on a holiday it does not, and what is critical does."""
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
        running.tell("HighActiveSubscriptions", job)
        running.tell("SignalServiceDown", f"{job}-page")
        eventually(lambda: webhook.names("platform-page", f"{job}-page"), 20, "what is critical")
        if holiday:
            _more_rounds(running, webhook, f"{job}-rounds")
            assert not webhook.names("product-inform", job)
        else:
            eventually(lambda: webhook.names("product-inform", job), 20, "the information")
    finally:
        running.part.stop()


def _more_rounds(manager: _Manager, webhook: _Webhook, job: str) -> None:
    """Wait for three messages of a watchdog: each comes two rounds of notifications after the one before."""
    manager.tell("Watchdog", job)
    eventually(lambda: len(webhook.names(WATCHDOG, job)) >= 3, 60, "more rounds of notifications")


def _route(config: Path, receivers: str, labels: dict[str, str]) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    _amtool("config", "routes", "test", f"--config.file={config}", f"--verify.receivers={receivers}", *pairs)


def _amtool(*arguments: str) -> str:
    done = subprocess.run([binaries.find("amtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
