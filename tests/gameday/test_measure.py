"""The results of recorded times."""

from __future__ import annotations

from signalscope.demo.control import Episode
from signalscope.demo.faults import find
from signalscope.demo.gameday._measure import Trial, false_alarms, result
from signalscope.demo.gameday._probe import Harm
from signalscope.mixin.alerts import expected_seconds

ON, OFF = 1_000.0, 1_100.0


def _trial(name: str, *others: str) -> Trial:
    return Trial(find(name), (name, *others), ON, OFF)


def _episode(name: str, fired: float, ended: float | None = None, **labels: str) -> Episode:
    return Episode({"alertname": name, **labels}, fired, ended)


def test_times_count_from_the_fault_and_from_its_end() -> None:
    """Detection and notification count from the fault, the resolution from its end, the lead from the page."""
    trial = _trial("config-down")
    episodes = [
        _episode("ConfigServiceUnavailable", ON + 15, OFF + 20),
        _episode("CriticalDependencyBreakerOpen", ON + 40, OFF + 50, service_name="config_service"),
        _episode("DependencyErrorRateHigh", OFF + 10, None, service_name="config_service"),
    ]
    pages = [(ON + 17, "platform-page", {"alertname": "ConfigServiceUnavailable"})]
    trial.silent["CriticalDependencyBreakerOpen"] = "inhibited by ConfigServiceUnavailable"
    measured = result(trial, episodes, pages, [Harm("signal: status 503", ON + 47.0)])
    assert (measured.detect_seconds, measured.page_seconds, measured.resolve_seconds) == (15.0, 17.0, 50.0)
    assert (measured.harm_seconds, measured.lead_seconds) == (47.0, 30.0)
    assert measured.is_kept
    first, second = measured.alerts
    assert (first.receiver, first.reason) == ("platform-page", None)
    assert (second.paged_seconds, second.reason) == (None, "inhibited by ConfigServiceUnavailable")
    assert [(other.alert, other.fired_seconds) for other in measured.collateral] == [
        ("DependencyErrorRateHigh", 110.0)
    ]


def test_an_alert_of_another_service_or_of_another_time_is_not_the_promised_one() -> None:
    """The label of the external service and the time of the fault decide; a missing time has its reason."""
    episodes = [
        _episode("CriticalDependencyDown", ON + 5, OFF, service_name="config_service"),
        _episode("CriticalDependencyBreakerOpen", ON - 5, OFF, service_name="ticker_service"),
    ]
    measured = result(_trial("ticker-down"), episodes, [], [])
    down, breaker = measured.alerts
    assert (down.fired_seconds, down.reason) == (None, "it did not fire in the 100 s that the fault was on")
    assert (breaker.fired_seconds, breaker.reason) == (None, "it was already firing")
    assert not measured.is_kept
    assert (
        measured.detect_seconds,
        measured.page_seconds,
        measured.resolve_seconds,
        measured.lead_seconds,
    ) == (None,) * 4
    assert (measured.harm_seconds, measured.harm) == (None, "no user was harmed in 100 s")


def test_a_late_alert_breaks_the_promise() -> None:
    """An alert within its promised time keeps it; one that comes later does not."""
    promised = expected_seconds("HighActiveSubscriptions")
    for late, is_kept in ((0.0, True), (2.0, False)):
        episode = _episode("HighActiveSubscriptions", ON + promised + late, OFF)
        assert result(_trial("subscription-surge"), [episode], [], []).is_kept is is_kept


def test_an_alert_that_fires_again_has_ended_when_it_ends_for_good() -> None:
    """The number of episodes is recorded; an alert that lasts has no time to resolve, with the reason."""
    first = _episode("SignalServiceHighLatency", ON + 30, ON + 60)
    second = _episode("SignalServiceHighLatency", ON + 80, None)
    (at,) = result(_trial("api-latency"), [first, second], [], []).alerts
    assert (at.fired_seconds, at.episodes, at.resolved_seconds) == (30.0, 2, None)
    assert at.reason == "no notification came while the fault was on; it still fired at the end of the run"
    second.ended = OFF + 70
    (at,) = result(_trial("api-latency"), [first, second], [], []).alerts
    assert at.resolved_seconds == 70.0


def test_harm_belongs_to_the_fault_that_harms_users() -> None:
    """Of a group, that is the fault with this mark; without one, the harm is shown for each fault."""
    harm = [Harm("option: no delta", ON + 3)]
    assert result(_trial("config-down", "greeks-nan"), [], [], harm).harm_seconds is None
    assert result(_trial("greeks-nan", "config-down"), [], [], harm).harm_seconds == 3.0
    assert result(_trial("config-down", "cpu-burn"), [], [], harm).harm_seconds == 3.0
    before = [Harm("option: status 503", ON - 50, ON - 40)]
    assert result(_trial("greeks-nan"), [], [], before).harm_seconds is None
    begun_before = [Harm("option: status 503", ON - 1, None)]
    assert result(_trial("greeks-nan"), [], [], begun_before).harm_seconds == 0.0


def test_a_false_alarm_is_an_alert_that_no_fault_explains() -> None:
    """Promised and collateral alerts of a fault are explained, as long as their windows reach back to it."""
    trials = [_trial("config-down")]
    reach = expected_seconds("DependencyErrorRateHigh")
    explained = [
        _episode("Watchdog", ON - 10),
        _episode("ConfigServiceUnavailable", ON + 10),
        _episode("DependencyErrorRateHigh", OFF + reach - 1, service_name="config_service"),
    ]
    false = [
        _episode("ConfigServiceUnavailable", ON - 1),
        _episode("DependencyErrorRateHigh", OFF + reach + 1, service_name="config_service"),
        _episode("DependencyErrorRateHigh", ON + 20, service_name="ticker_service"),
        _episode("HighMemoryUsage", ON + 30),
        _episode("AlertOfUser", OFF + 1),
    ]
    measured = false_alarms([*explained, *false], trials)
    assert [(alarm.alert, alarm.fired) for alarm in measured] == [(e.name, e.fired) for e in false]
    assert [alarm.faults_on for alarm in measured] == [[], [], ["config-down"], ["config-down"], []]


def test_several_outages_of_one_service_explain_a_flapping_breaker() -> None:
    """The breaker opens and closes for each outage. One outage, or outages of several services, do not explain it."""
    flapping = [_episode("CircuitBreakerFlapping", OFF + 1, service_name="config_service")]
    assert false_alarms(flapping, [_trial("config-down"), _trial("config-slow")]) == []
    assert len(false_alarms(flapping, [_trial("config-down"), _trial("ticker-down")])) == 1
    assert len(false_alarms(flapping, [_trial("config-down"), _trial("cpu-burn")])) == 1
