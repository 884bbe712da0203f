"""Users that ask the service for everything it offers, and record when it harms them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass

import httpx

from signalscope.demo.stack.load import KINDS, Load

#: Seconds from one request of a kind to the next, and the number of bad answers in a row that are harm. A single bad
#: answer can be chance; users repeat such a request.
EVERY, STREAK = 2.5, 3
_TIMEOUT = 20.0
#: The tier of the users: it includes every feature, and its rate limit is never reached.
_TIER = "enterprise"


@dataclass
class Harm:
    """A time during which the service failed the users of one kind of request, in seconds since the epoch.

    Attributes:
        what: The kind of request and the first bad answer.
        since: The moment at which the first user saw it.
        until: The moment of the next good answer; None while it lasts.
    """

    what: str
    since: float
    until: float | None = None


class Probe:
    """Users of a service, a thread for each kind of request; a context manager.

    Args:
        service: The base URL of the service.
        slow: Seconds after which an answer is too late.

    Attributes:
        harms: Every harm so far, in the order in which they were recognised.
    """

    def __init__(self, service: str, slow: float) -> None:
        self.harms: list[Harm] = []
        self._service = service
        self._slow = slow
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._ask_again_and_again, args=(kind,), name=f"probe-{kind}", daemon=True
            )
            for kind in KINDS
        ]

    def __enter__(self) -> Probe:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(_TIMEOUT)

    def _ask_again_and_again(self, kind: str) -> None:
        headers = {"X-User-Id": f"gameday-{kind}", "X-User-Tier": _TIER}
        requests, bad = Load(rate=1.0), list[Harm]()
        with httpx.Client(base_url=self._service, timeout=_TIMEOUT, headers=headers) as client:
            while not self._stop.wait(EVERY):
                asked = time.time()
                problem = self._problem(client, kind, *requests.request(kind, premium=True))
                if problem is None:
                    if len(bad) >= STREAK:
                        bad[0].until = time.time()
                    bad.clear()
                    continue
                # A user who waits notices it after some seconds, even if the answer comes much later.
                bad.append(Harm(f"{kind}: {problem}", min(time.time(), asked + self._slow)))
                if len(bad) == STREAK:
                    self.harms.append(bad[0])

    def _problem(
        self, client: httpx.Client, kind: str, method: str, path: str, body: dict[str, object] | None
    ) -> str | None:
        """Send a request, and return what is wrong with its answer; None if it is good."""
        begun = time.monotonic()
        try:
            answer = client.request(method, path, json=body)
        except httpx.TimeoutException:
            return f"no answer within {_TIMEOUT:g} s"
        except httpx.HTTPError:
            return "no connection"
        seconds = time.monotonic() - begun
        if answer.status_code == 201:  # a subscription or threshold is ended again
            with contextlib.suppress(httpx.HTTPError):
                client.delete(f"{path}/{answer.json()['number']}")
        if answer.status_code >= 400:
            return f"status {answer.status_code}"
        if seconds > self._slow:
            return f"slower than {self._slow:g} s"
        return _unusable(kind, answer.text)


def _unusable(kind: str, text: str) -> str | None:
    """Return why an answer with success is of no use; None if it is."""
    if kind == "option":
        missing = [name for name, value in json.loads(text).items() if value is None and name != "iv"]
        return f"no {', '.join(missing)}" if missing else None
    if kind == "portfolio":
        return "no price" if None in json.loads(text)["prices"] else None
    if kind == "signal" and not json.loads(text)["queued_for_delivery"]:
        return "not delivered"
    return None
