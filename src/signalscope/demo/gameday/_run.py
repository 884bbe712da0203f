"""Run the groups of a game day on a live stack, and record what happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from signalscope import derived
from signalscope.cli._errors import UserError
from signalscope.config import Config
from signalscope.demo import control
from signalscope.demo.faults import Fault, find
from signalscope.demo.gameday import _plan
from signalscope.demo.gameday._measure import (
    WATCHDOG,
    Trial,
    concerns,
    episodes_of,
    false_alarms,
    page_of,
    result,
)
from signalscope.demo.gameday._model import Run
from signalscope.demo.gameday._probe import Probe
from signalscope.demo.gameday._webhook import Webhook, notified
from signalscope.mixin.alerts import alerts

#: Seconds for which a fault is on at least, so that users can see its harm.
LEAST_ON = 60.0
#: The longest wait, in seconds, for alerts to end: before a group those of earlier groups, after the last group all.
PATIENCE = 900.0
TICK = 1.0


class Day:
    """One run of a game day on a running demo.

    Args:
        running: The endpoints of the demo.
        config: The configuration of its rules.
        run: The run to continue; its results are kept up to date.
        seconds: The longest time of the run.
        say: Called with each line of progress.
        show: Called with what the run waits for.
        save: Called when the run has new results.
    """

    def __init__(
        self,
        running: Mapping[str, Any],
        config: Config,
        run: Run,
        seconds: float,
        *,
        say: Callable[[str], None],
        show: Callable[[str], None],
        save: Callable[[], None],
    ) -> None:
        self._running = running
        self._config = config
        self._run = run
        self._end = time.monotonic() + seconds
        self._say = say
        self._show = show
        self._save = save
        self._earlier = [*run.results]
        self._alarms = [*run.false_alarms]
        self._trials: list[Trial] = []
        self._said: set[str] = set()
        self._by_name = {alert.name: alert for alert in alerts(config)}

    def play(self) -> None:
        """Run all groups; in any case switch every fault off at the end, and save what was measured.

        Raises:
            UserError: The system is already alarming, a fault is on, or the demo does not answer.
        """
        running = self._running
        if active := control.active_faults(running):
            raise UserError(
                f"a game day starts without a fault, but {', '.join(active)} is on; "
                f"run `signalscope fault {active[0]} off` first [SS762]"
            )
        with ExitStack() as stack:
            self._watch = stack.enter_context(control.AlertWatch(running["prometheus"]))
            if firing := sorted({episode.name for episode in self._watch.firing()} - {WATCHDOG}):
                raise UserError(
                    f"a game day starts on a healthy system, but {', '.join(firing)} fires; "
                    "wait until it has ended, or repair its cause [SS763]"
                )
            routes = Path(running["logs"]) / "alertmanager.yml"
            self._webhook: Webhook = stack.enter_context(notified(running["alertmanager"], routes))
            slow = self._config.slos.api_latency.seconds
            self._probe = stack.enter_context(Probe(running["service"], slow))
            stack.enter_context(self._kept())
            self._groups()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Switch every fault off at the end of the block, and record how it ended."""
        try:
            yield
        except UserError:
            self._run.state = "failed"
            raise
        except BaseException:
            self._run.state = "interrupted"
            raise
        finally:
            for trial in [trial for trial in self._trials if trial.off is None]:
                trial.off, trial.is_whole = time.time(), False
                self._say(f"{trial.fault.name} is switched off before its end, and is not measured.")
                try:
                    control.switch(trial.fault, False, self._running, lambda _: None)
                except UserError as error:
                    self._say(str(error))
            self._record()

    def _groups(self) -> None:
        plan = _plan.groups(map(find, self._run.left))
        for number, group in enumerate(plan, 1):
            names, title = [fault.name for fault in group], f"group {number} of {len(plan)}"
            last = self._end - max(map(_plan.on_seconds, group))
            self._wait_until_ready(group, title, min(last, time.monotonic() + PATIENCE))
            if time.monotonic() > last:
                self._run.state = "out of time"
                self._say(f"The time is over before {', '.join(names)}; --resume runs what is left.")
                break
            self._say(f"{title}: {', '.join(names)}")
            for fault in group:
                trial = Trial(fault, names, time.time())
                self._trials.append(trial)
                control.switch(fault, True, self._running, lambda _: None)
            while waiting := [text for trial in self._trials if (text := self._step(trial))]:
                self._show(f"{title}: {'; '.join(waiting)}")
                time.sleep(TICK)
            self._record()
        else:
            self._wait_until_resolved()
            self._run.state = "complete"

    def _step(self, trial: Trial) -> str:
        """Switch a fault off if all is measured; return what it waits for, empty if it is off."""
        if trial.off is not None:
            return ""
        now, waits = time.time(), list[str]()
        if (left := trial.on + LEAST_ON - now) > 0:
            waits.append(f"users for {left:.0f} s")
        for alert, promised in _plan.promises(trial.fault).items():
            own = episodes_of(trial, alert, self._watch.episodes)
            if not own:
                if (left := trial.on + promised + _plan.LATE - now) > 0:
                    waits.append(f"{alert} for {left:.0f} s")
                continue
            self._news(
                f"  {trial.fault.name}: {alert} fires after {own[0].fired - trial.on:.0f} s (promised: {promised} s)"
            )
            page = page_of(trial, alert, self._webhook.firing())
            if page is not None:
                self._news(f"  {trial.fault.name}: {alert} is notified after {page[0] - trial.on:.0f} s")
            elif min(own[0].fired, trial.on + promised) + _plan.NOTIFY > now and not self._is_silent(
                trial, alert
            ):
                waits.append(f"the notification of {alert}")
        self._watch.firing()  # it raises if Prometheus is gone
        if waits:
            return f"{trial.fault.name} waits for {', '.join(waits)}"
        control.switch(trial.fault, False, self._running, lambda _: None)
        trial.off = time.time()
        self._news(f"  {trial.fault.name} is off after {trial.off - trial.on:.0f} s")
        return ""

    def _is_silent(self, trial: Trial, alert: str) -> bool:
        """Ask Alertmanager if another alert or a time interval keeps an alert from being notified; note which."""
        rows = control.ask(f"{self._running['alertmanager']}/api/v2/alerts")
        names = {row["fingerprint"]: row["labels"]["alertname"] for row in rows}
        for row in rows:
            if row["labels"]["alertname"] != alert or not concerns(trial.fault, row["labels"]):
                continue
            by = sorted({names.get(other, "another alert") for other in row["status"]["inhibitedBy"]})
            if by:
                trial.silent[alert] = f"inhibited by {', '.join(by)}"
            elif muted := row["status"].get("mutedBy"):
                trial.silent[alert] = f"muted by {', '.join(muted)}"
        return alert in trial.silent

    def _wait_until_ready(self, group: list[Fault], title: str, end: float) -> None:
        """Wait until no promised alert of a group is pending or firing, and error budgets are judged.

        Args:
            group: The faults that run next.
            title: The name of the group in progress lines.
            end: The latest end of the wait, on the monotonic clock.
        """
        waits: list[str] = []
        while time.monotonic() < end:
            busy = [*(episode.labels for episode in self._watch.firing()), *self._watch.waiting]
            active = {
                labels["alertname"]
                for labels in busy
                for fault in group
                if labels["alertname"] in fault.alerts and concerns(fault, labels)
            }
            waits = [f"the end of {', '.join(sorted(active))}"] if active else []
            if harm := next((harm.what for harm in self._probe.harms if harm.until is None), None):
                waits.append(f"users to be served again ({harm})")
            waits += self._young(group)
            if not waits:
                return
            self._show(f"{title} waits for {', '.join(waits)}")
            time.sleep(TICK)
        if waits:
            self._say(f"{title} has waited long enough for {', '.join(waits)}")

    def _young(self, group: list[Fault]) -> list[str]:
        """Return what to wait for before the error budgets that a group exhausts are judged."""
        judged = [
            alert for fault in group for alert in fault.alerts if "SLO_SINCE" in self._by_name[alert].reads
        ]
        if not judged:
            return []
        query = (
            f"{self._running['prometheus']}/api/v1/query?query=time()-max({derived.get('SLO_SINCE').name})"
        )
        rows = control.ask(query)["data"]["result"]
        left = self._config.slos.young_seconds - (float(rows[0]["value"][1]) if rows else 0.0)
        return [f"{left:.0f} s more of history for {', '.join(judged)}"] if left > 0 else []

    def _wait_until_resolved(self) -> None:
        """Wait until every promised alert has ended."""
        end = min(self._end, time.monotonic() + PATIENCE)
        while time.monotonic() < end:
            lasting = {
                episode.name
                for trial in self._trials
                for alert in trial.fault.alerts
                for episode in episodes_of(trial, alert, self._watch.firing())
            }
            if not lasting:
                return
            self._show(f"waiting for the end of {', '.join(sorted(lasting))}")
            time.sleep(TICK)

    def _record(self) -> None:
        episodes, pages = self._watch.episodes, [*self._webhook.firing()]
        measured = [
            result(trial, episodes, pages, self._probe.harms)
            for trial in self._trials
            if trial.off is not None and trial.is_whole
        ]
        self._run.results = self._earlier + measured
        before = [Trial(find(done.fault), (), done.on, done.off) for done in self._earlier]
        self._run.false_alarms = self._alarms + false_alarms(episodes, before + self._trials)
        self._save()

    def _news(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._say(line)
