"""Make results of what was recorded: the times of faults, alerts, notifications and harms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from signalscope.demo.control import Episode
from signalscope.demo.faults import FAULTS, Fault
from signalscope.demo.gameday import _plan
from signalscope.demo.gameday._model import AlertTimes, Collateral, FalseAlarm, Result
from signalscope.demo.gameday._probe import Harm
from signalscope.mixin.alerts import expected_seconds

#: The alert that always fires, so that its absence shows a broken pipeline.
WATCHDOG = "Watchdog"
#: A plain outage opens a breaker once. Several outages of one service in a game day look like flapping.
_FLAPPING = "CircuitBreakerFlapping"
_ESCALATION = "second-level"
#: The moment, the receiver and the labels of an alert of a notification.
Page = tuple[float, str, dict[str, str]]


@dataclass
class Trial:
    """A fault that is or was on.

    Attributes:
        fault: The fault.
        group: The names of all faults that run together.
        on: When it was switched on.
        off: When it was switched off; None while it is on.
        silent: Alert -> why it was not notified.
        is_whole: False if the run ended before the fault was on for long enough to judge its promises.
    """

    fault: Fault
    group: Sequence[str]
    on: float
    off: float | None = None
    silent: dict[str, str] = field(default_factory=dict)
    is_whole: bool = True


def concerns(fault: Fault, labels: Mapping[str, str]) -> bool:
    """Return True if an alert is about the external service that a fault breaks, or about no external service.

    Example:
        >>> from signalscope.demo.faults import find
        >>> concerns(find("config-down"), {"service_name": "ticker_service"})
        False
    """
    return labels.get("service_name", fault.dependency) == fault.dependency or fault.dependency is None


def episodes_of(trial: Trial, alert: str, episodes: Iterable[Episode]) -> list[Episode]:
    """Return the episodes of an alert that began while a fault was on."""
    return [
        episode
        for episode in episodes
        if episode.name == alert
        and concerns(trial.fault, episode.labels)
        and trial.on <= episode.fired <= (trial.off or episode.fired)
    ]


def page_of(trial: Trial, alert: str, pages: Iterable[Page]) -> Page | None:
    """Return the first notification of an alert since a fault was switched on."""
    return next(
        (
            (moment, receiver, labels)
            for moment, receiver, labels in pages
            if labels["alertname"] == alert
            and receiver != _ESCALATION
            and concerns(trial.fault, labels)
            and trial.on <= moment <= (trial.off or moment)
        ),
        None,
    )


def result(trial: Trial, episodes: Sequence[Episode], pages: Sequence[Page], harms: Sequence[Harm]) -> Result:
    """Return what was measured for a fault that is off again."""
    assert trial.off is not None
    harm = _harm(trial, harms)
    fault = trial.fault
    after = [
        (alert, episode.fired - trial.on)
        for alert in fault.collateral
        for episode in episodes
        if episode.name == alert and concerns(fault, episode.labels) and _may_follow(trial, episode)
    ]
    return Result(
        fault=fault.name,
        together_with=[name for name in trial.group if name != fault.name],
        on=trial.on,
        off=trial.off,
        alerts=[
            _times(trial, alert, promised, episodes, pages)
            for alert, promised in _plan.promises(fault).items()
        ],
        collateral=[Collateral(alert=alert, fired_seconds=round(seconds, 1)) for alert, seconds in after],
        harm_seconds=None if harm is None else max(0.0, round(harm.since - trial.on, 1)),
        harm=f"no user was harmed in {trial.off - trial.on:.0f} s" if harm is None else harm.what,
    )


def _times(
    trial: Trial, alert: str, promised: int, episodes: Sequence[Episode], pages: Sequence[Page]
) -> AlertTimes:
    assert trial.off is not None
    own, page = episodes_of(trial, alert, episodes), page_of(trial, alert, pages)
    times = AlertTimes(alert=alert, promised_seconds=promised, episodes=len(own))
    if not own:
        before = [
            episode
            for episode in episodes
            if episode.name == alert
            and concerns(trial.fault, episode.labels)
            and episode.fired < trial.on < (episode.ended or trial.off)
        ]
        times.reason = (
            "it was already firing"
            if before
            else f"it did not fire in the {trial.off - trial.on:.0f} s that the fault was on"
        )
        return times
    # The notification may come before the watch sees the alert.
    fired = own[0].fired if page is None else min(own[0].fired, page[0])
    times.fired_seconds = round(fired - trial.on, 1)
    if page is None:
        times.reason = trial.silent.get(alert, "no notification came while the fault was on")
    else:
        times.paged_seconds, times.receiver = round(page[0] - trial.on, 1), page[1]
    if own[-1].ended is None:
        times.reason = "; ".join(filter(None, (times.reason, "it still fired at the end of the run")))
    else:
        times.resolved_seconds = round(max(0.0, own[-1].ended - trial.off), 1)
    return times


def _harm(trial: Trial, harms: Iterable[Harm]) -> Harm | None:
    """Return the first harm while a fault was on, unless the harm belongs to another fault of its group.

    A single bad answer before the fault may have begun the harm.
    """
    if not trial.fault.harms_users and any(FAULTS[name].harms_users for name in trial.group):
        return None
    assert trial.off is not None
    during = [harm for harm in harms if harm.since <= trial.off and (harm.until or trial.off) > trial.on]
    return min(during, key=lambda harm: harm.since, default=None)


def _may_follow(trial: Trial, episode: Episode) -> bool:
    """Return True if an alert fired while a fault was on, or while its window still had the time of the fault."""
    until = trial.off or episode.fired
    return trial.on <= episode.fired <= until + _reach(episode.name)


def _reach(alert: str) -> float:
    try:
        return expected_seconds(alert)
    except KeyError:  # an alert of the user's own rules
        return 0.0


def false_alarms(episodes: Iterable[Episode], trials: Sequence[Trial]) -> list[FalseAlarm]:
    """Return the alerts that no fault explains.

    A fault explains its promised alerts and its collateral, while it is on and as long afterwards as the windows of
    the alert reach back. Several faults of one service within the window of CircuitBreakerFlapping explain it: the
    breaker opens and closes for each.
    """
    return [
        FalseAlarm(
            alert=episode.name,
            labels=episode.labels,
            fired=episode.fired,
            faults_on=[
                trial.fault.name
                for trial in trials
                if trial.on <= episode.fired <= (trial.off or episode.fired)
            ],
        )
        for episode in episodes
        if episode.name != WATCHDOG
        and not any(_explains(trial, episode) for trial in trials)
        and not _is_flapping(episode, trials)
    ]


def _is_flapping(episode: Episode, trials: Sequence[Trial]) -> bool:
    same = [trial for trial in trials if trial.fault.dependency and concerns(trial.fault, episode.labels)]
    return episode.name == _FLAPPING and sum(_may_follow(trial, episode) for trial in same) > 1


def _explains(trial: Trial, episode: Episode) -> bool:
    return (
        episode.name in (*trial.fault.alerts, *trial.fault.collateral)
        and concerns(trial.fault, episode.labels)
        and _may_follow(trial, episode)
    )
