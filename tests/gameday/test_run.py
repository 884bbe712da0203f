"""A run on a fake demo: what is measured, refused, and left behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.gameday.conftest import LATE, PROMISED
from tests.gameday.fakes import FakeAlert, FakeDemo

from signalscope.cli._errors import UserError
from signalscope.config import Config
from signalscope.demo.gameday._model import Run
from signalscope.demo.gameday._run import Day

pytestmark = pytest.mark.usefixtures("quick")

_CONFIG_DOWN = [
    FakeAlert("ConfigServiceUnavailable", 0.3),
    FakeAlert(
        "CriticalDependencyBreakerOpen", 0.8, {"service_name": "config_service"},
        notified=False, inhibited_by="ConfigServiceUnavailable",
    ),
]  # fmt: skip
_SURGE = [FakeAlert("HighActiveSubscriptions", 0.5)]
#: With so many bad answers, users of each of the ten kinds had three.
_NAN = [
    FakeAlert("GreeksCalculationSystemFailure", after_bad=50),
    FakeAlert("InvalidGreeksRatioHigh", after_bad=50),
]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., FakeDemo]]:
    """A function that makes a fake demo."""
    made: list[FakeDemo] = []

    def make(harmful: frozenset[str] = frozenset(), **script: list[FakeAlert]) -> FakeDemo:
        by_fault = {name.replace("_", "-"): alerts for name, alerts in script.items()}
        made.append(FakeDemo(tmp_path, by_fault, harmful))
        return made[-1]

    yield make
    for demo in made:
        demo.close()


class _Player:
    """A run of some faults, with what it says and how often it saves."""

    def __init__(self, demo: FakeDemo, *faults: str, seconds: float = 1e6) -> None:
        self.run = Run(started=time.time(), version="0", cores=1, faults=[*faults])
        self.said: list[str] = []
        self.shown: list[str] = []
        self.saved = 0
        self.day = Day(
            demo.running, Config(), self.run, seconds, say=self.said.append, show=self.show, save=self.save
        )

    def save(self) -> None:
        """Count."""
        self.saved += 1

    def show(self, text: str) -> None:
        """Keep what the run waits for."""
        self.shown.append(text)


def test_a_run_measures_every_fault_and_leaves_nothing_behind(make: Callable[..., FakeDemo]) -> None:
    """Faults without a common alert are on together; each has its times; the routes are as before."""
    demo = make(config_down=_CONFIG_DOWN, greeks_nan=_NAN, harmful=frozenset({"greeks-nan"}))
    before = demo.config
    player = _Player(demo, "config-down", "greeks-nan")
    player.day.play()
    assert [name for name, on in demo.switched if on] == ["config-down", "greeks-nan"]
    assert demo.on == {}
    assert demo.config == before
    assert player.saved == 2
    run = player.run
    assert (run.state, run.left, run.false_alarms) == ("complete", [], [])
    down, nan = run.results
    assert down.together_with == ["greeks-nan"]
    assert down.is_kept
    assert nan.is_kept
    assert down.detect_seconds is not None
    assert 0.2 <= down.detect_seconds <= PROMISED
    assert down.page_seconds is not None
    assert down.page_seconds >= down.detect_seconds - 0.5
    first, second = down.alerts
    assert first.receiver == "page"
    assert second.reason == "inhibited by ConfigServiceUnavailable"
    assert down.resolve_seconds is not None
    assert (down.harm_seconds, nan.harm_seconds is None) == (None, False)
    assert nan.harm.endswith("status 503")
    assert any(f"promised: {PROMISED} s" in line for line in player.said)


def test_a_missed_promise_is_recorded_and_the_run_goes_on(make: Callable[..., FakeDemo]) -> None:
    """The run waits for the promise and some seconds more, then continues; the reason is in the result."""
    demo = make(subscription_surge=_SURGE)
    player = _Player(demo, "cpu-burn", "subscription-surge")
    player.day.play()
    surge, burn = sorted(player.run.results, key=lambda result: result.fault, reverse=True)
    assert (surge.is_kept, burn.is_kept) == (True, False)
    assert burn.off - burn.on >= PROMISED + LATE
    assert burn.alerts[0].reason is not None
    assert burn.alerts[0].reason.startswith("it did not fire in the ")


def test_an_alert_that_no_fault_explains_is_a_false_alarm(make: Callable[..., FakeDemo]) -> None:
    """It is in the run, with the faults that were on."""
    demo = make(subscription_surge=[*_SURGE, FakeAlert("HighMemoryUsage")])
    player = _Player(demo, "subscription-surge")
    player.day.play()
    (alarm,) = player.run.false_alarms
    assert (alarm.alert, alarm.faults_on) == ("HighMemoryUsage", ["subscription-surge"])


def test_the_next_group_waits_for_the_end_of_its_alerts(make: Callable[..., FakeDemo]) -> None:
    """A group does not begin while one of its promised alerts fires."""
    demo = make(
        greeks_failing=[FakeAlert("GreeksCalculationSystemFailure"), FakeAlert("ErrorBudgetBurnFast")]
    )
    lasting = FakeAlert("GreeksCalculationSystemFailure")
    player = _Player(demo, "greeks-failing")

    def end_later(text: str) -> None:
        player.shown.append(text)
        if len(player.shown) == 5:
            demo.always.remove(lasting)

    player.day._show = end_later
    begin = player.day._groups

    def groups() -> None:
        demo.always.append(lasting)
        player.day._watch.look()
        begin()

    player.day._groups = groups  # type: ignore[method-assign]  # the alert begins after the run has begun
    player.day.play()
    assert player.shown[0] == "group 1 of 1 waits for the end of GreeksCalculationSystemFailure"
    assert [at.fired_seconds is not None for at in player.run.results[0].alerts] == [True, True]


def test_a_budget_is_not_tested_in_a_young_system(make: Callable[..., FakeDemo]) -> None:
    """Only a fault that exhausts an error budget waits until budgets are judged."""
    demo = make(
        greeks_failing=[FakeAlert("GreeksCalculationSystemFailure"), FakeAlert("ErrorBudgetBurnFast")]
    )
    demo.history = 100.0
    player = _Player(demo, "greeks-failing", "subscription-surge")

    def grow(text: str) -> None:
        player.shown.append(text)
        if "more of history" in text:
            demo.history = 1e6

    player.day._show = grow
    player.day.play()
    waits = [text for text in player.shown if "more of history" in text]
    assert waits == ["group 1 of 1 waits for 800 s more of history for ErrorBudgetBurnFast"]
    assert player.run.state == "complete"

    demo.history = 100.0
    other = _Player(demo, "subscription-surge")
    other.day.play()
    assert not [text for text in other.shown if "history" in text]


@pytest.mark.parametrize("error", [KeyboardInterrupt, UserError])
def test_an_end_in_the_middle_switches_every_fault_off(
    make: Callable[..., FakeDemo], error: type[BaseException]
) -> None:
    """The measured results are kept; the fault that was on is left for --resume; the routes are as before."""
    demo = make(config_down=_CONFIG_DOWN)
    before = demo.config
    player = _Player(demo, "config-down", "config-slow")

    def stop(text: str) -> None:
        if "config-slow" in text:
            raise error

    player.day._show = stop
    with pytest.raises(error):
        player.day.play()
    assert demo.on == {}
    assert demo.config == before
    assert [result.fault for result in player.run.results] == ["config-down"]
    assert player.run.left == ["config-slow"]
    assert player.run.state == ("failed" if error is UserError else "interrupted")
    assert "config-slow is switched off before its end, and is not measured." in player.said

    rest = _Player(demo)
    rest.day._run = rest.run = player.run
    rest.day._earlier = [*player.run.results]
    rest.day.play()
    assert [result.fault for result in rest.run.results] == ["config-down", "config-slow"]
    assert rest.run.state == "complete"


def test_a_run_ends_in_time(make: Callable[..., FakeDemo]) -> None:
    """A group that could last longer than the time that is left does not begin."""
    demo = make(subscription_surge=_SURGE)
    player = _Player(demo, "subscription-surge", seconds=PROMISED)
    player.day.play()
    assert (player.run.state, player.run.left, demo.switched) == ("out of time", ["subscription-surge"], [])


def test_a_system_that_is_already_alarming_is_refused(make: Callable[..., FakeDemo]) -> None:
    """The error names the alerts; nothing is switched and no route changed."""
    demo = make()
    demo.always.append(FakeAlert("HighMemoryUsage"))
    before = demo.config
    with pytest.raises(UserError, match=r"healthy system, but HighMemoryUsage fires; .* \[SS763\]$"):
        _Player(demo, "cpu-burn").day.play()
    assert (demo.switched, demo.config) == ([], before)


def test_a_fault_that_is_on_is_refused(make: Callable[..., FakeDemo]) -> None:
    """The error has the command that switches it off."""
    demo = make()
    demo.on["greeks-nan"] = time.time()
    with pytest.raises(UserError, match=r"`signalscope fault greeks-nan off` first \[SS762\]$"):
        _Player(demo, "cpu-burn").day.play()


def test_routes_of_a_killed_game_day_are_repaired(make: Callable[..., FakeDemo], tmp_path: Path) -> None:
    """The configuration from before the killed game day comes back at the end of the next one."""
    demo = make(subscription_surge=_SURGE)
    (tmp_path / "alertmanager.before-gameday.yml").write_text(demo.config, encoding="utf-8")
    (tmp_path / "alertmanager.yml").write_text("of the killed one", encoding="utf-8")
    _Player(demo, "subscription-surge").day.play()
    assert demo.config.startswith("route: ")
    assert not (tmp_path / "alertmanager.before-gameday.yml").exists()
