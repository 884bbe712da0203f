"""Control a running demo: switch faults, and watch which alerts fire."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.error import HTTPError

from signalscope.cli._errors import UserError
from signalscope.demo.faults import FAULTS, SERVICE_DOWN, Fault, Where

#: Seconds to wait for an answer and for the new state; the service needs longer to start again.
_PATIENCE, _PATIENCE_TO_START = 30.0, 100.0
#: Seconds between two looks at the alerts.
POLL_SECONDS = 1.0


def switch(fault: Fault, on: bool, running: Mapping[str, Any], say: Callable[[str], None]) -> bool:
    """Switch a fault, wait until its server reports the new state, and return True if the state has changed.

    Args:
        fault: The fault.
        on: The new state.
        running: The endpoints of the demo.
        say: Called with each line of progress.

    Raises:
        UserError: The fault cannot be switched now, or the server does not report the new state in time.
    """
    known = states(fault, running)
    active = [name for name, is_on in known.items() if is_on]
    if not on and not known[fault.name]:
        others = f"; on: {', '.join(active)}" if active else "; no other fault is on there either"
        raise UserError(f"{fault.name} is not on, so it cannot be switched off{others} [SS743]")
    if on and known[fault.name]:
        say(f"{fault.name} was already on.")
        return False
    for other in active:
        if on and fault.excludes(FAULTS[other]):
            raise UserError(
                f"{fault.name} and {other} exclude each other, and {other} is on; "
                f"run `signalscope fault {other} off` first [SS744]"
            )
    begun = time.monotonic()
    base, patience = _base(fault.where, running), _PATIENCE
    if fault.name == SERVICE_DOWN and not on:
        say("The service starts again …")
        patience = _PATIENCE_TO_START
    ask(f"{base}/demo/faults/{fault.name}", {"on": on})
    while ask(f"{base}/demo/faults")[fault.name] is not on:
        if time.monotonic() - begun > patience:
            raise UserError(
                f"{fault.name} is still {'off' if on else 'on'} after {patience:.0f} s; "
                f"see the logs in {running['logs']} [SS736]"
            )
        time.sleep(0.2)
    seconds = time.monotonic() - begun
    late = f" (the demo needed {seconds:.0f} s)" if seconds > 2 else ""
    say(f"{fault.name} is {'on' if on else 'off'}{late}." + (f" {fault.effect}" if on else ""))
    return True


def states(fault: Fault, running: Mapping[str, Any]) -> dict[str, bool]:
    """Return which faults are on, of those that a fault may exclude."""
    if fault.where == "dependencies":
        of_services: dict[str, bool] = ask(f"{_base('dependencies', running)}/demo/faults")
        return of_services
    known: dict[str, bool] = ask(f"{_base('supervisor', running)}/demo/faults")
    if not known[SERVICE_DOWN]:  # otherwise the service does not answer
        known |= ask(f"{_base('service', running)}/demo/faults")
    elif fault.where == "service":
        known |= {fault.name: False}
    return known


def active_faults(running: Mapping[str, Any]) -> list[str]:
    """Return the names of all faults that are on."""
    known = states(FAULTS[SERVICE_DOWN], running) | ask(f"{_base('dependencies', running)}/demo/faults")
    return [name for name, is_on in known.items() if is_on]


def _base(where: Where, running: Mapping[str, Any]) -> str:
    base: str = running["dependencies"]["control"] if where == "dependencies" else running[where]
    return base


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    """Return the answer of a server of the demo; repeat the request while the server does not answer.

    Args:
        url: The URL to read.
        body: Put this to the URL, as JSON; None to read.

    Raises:
        UserError: The server has not answered in time, or has refused the request.
    """
    headers, method = {"Content-Type": "application/json"}, "GET" if body is None else "PUT"
    data = None if body is None else json.dumps(body).encode()
    request = partial(urllib.request.Request, url, data, headers, method=method)
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request(), timeout=10) as answer:  # noqa: S310  # an http URL of the demo
                return json.load(answer)
        except HTTPError as error:
            with error:
                detail = error.read().decode(errors="replace")
            if error.code < 500:
                raise UserError(f"{url}: {detail} [SS736]") from None
            reason: object = error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
        if time.monotonic() > end:
            raise UserError(
                f"the demo has not answered for {_PATIENCE:.0f} s at {url}: {reason}; "
                "repeat the command: it says if the fault is on [SS736]"
            )
        time.sleep(0.5)


@dataclass
class Episode:
    """A time during which an alert fired, in seconds since the epoch.

    Attributes:
        labels: The labels of the alert; ``alertname`` is its name.
        fired: When the alert was first seen firing.
        ended: When it was first seen not firing any more; None while it fires.
    """

    labels: dict[str, str]
    fired: float
    ended: float | None = None

    @property
    def name(self) -> str:
        """The name of the alert."""
        return self.labels["alertname"]


class AlertWatch:
    """A thread that asks Prometheus every second which alerts fire; a context manager.

    Args:
        prometheus: The base URL of Prometheus.

    Attributes:
        episodes: Every episode since the start of the watch, in order.
        waiting: The labels of the alerts that are pending now.
        error: The error that ended the watch; None while it watches.
    """

    def __init__(self, prometheus: str) -> None:
        self.episodes: list[Episode] = []
        self.waiting: list[dict[str, str]] = []
        self.error: UserError | None = None
        self._url = f"{prometheus}/api/v1/alerts"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="alert-watch", daemon=True)

    def __enter__(self) -> AlertWatch:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def firing(self) -> list[Episode]:
        """Return the episodes that last.

        Raises:
            UserError: Prometheus does not answer any more.
        """
        if self.error:
            raise self.error
        return [episode for episode in self.episodes if episode.ended is None]

    def look(self) -> None:
        """Ask Prometheus once."""
        rows, now = ask(self._url)["data"]["alerts"], time.time()
        firing = [row["labels"] for row in rows if row["state"] == "firing"]
        self.waiting = [row["labels"] for row in rows if row["state"] == "pending"]
        for episode in self.firing():
            if episode.labels in firing:
                firing.remove(episode.labels)
            else:
                episode.ended = now
        self.episodes += [Episode(labels, now) for labels in firing]

    def _watch(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                self.look()
            except UserError as error:
                self.error = error
                return
