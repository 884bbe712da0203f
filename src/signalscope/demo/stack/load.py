"""Load for the reference service: ``python -m signalscope.demo.stack.load --target URL --rate R``.

Many users of all tiers send requests. The rate follows the activity of a trading day, with a session in ten minutes.
The load continues while the service is down, and ends at SIGINT or SIGTERM. It needs the standard library and httpx.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from signalscope.demo.service.session import activity
from signalscope.demo.service.tiers import TIERS
from signalscope.demo.stack._processes import stop_at_signals

_SESSION_SECONDS = 600.0
_START = 0.12  # ratio of the session to start at: after the peak of the opening
_MOST_IN_FLIGHT = 400
_REPORT_SECONDS = 30.0

_SPOTS = {"ALFA": 412.0, "BRAV": 187.5, "CHAR": 64.2, "DELT": 928.0, "ECHO": 33.1, "FOXT": 251.0}
_SIGNALS = ("momentum", "mean_reversion", "volatility_skew", "gamma_exposure")
#: Tier -> (ratio of the requests, number of users).
_TIERS = {"free": (0.30, 200), "basic": (0.30, 120), "professional": (0.30, 60), "enterprise": (0.10, 10)}
#: Kind of request -> ratio of the requests.
KINDS = {
    "chain": 0.26, "signal": 0.34, "option": 0.10, "portfolio": 0.05, "scenario": 0.08,
    "surface": 0.05, "history": 0.05, "subscription": 0.03, "threshold": 0.02, "job": 0.02,
}  # fmt: skip

Ask = tuple[str, str, dict[str, Any] | None]


@dataclass
class Load:
    """A random mix of requests; the same seed gives the same requests.

    Attributes:
        rate: Requests per second, averaged over a session; positive.
        seed: The seed of the random numbers.

    Raises:
        ValueError: The rate is not a positive number.

    Example:
        >>> user, tier, (method, path, body) = Load(rate=20.0).draw()
        >>> method in {"GET", "POST"}
        True
    """

    rate: float
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise ValueError(f"the rate must be a positive number, not {self.rate:g} [SS731]")
        self._random = random.Random(self.seed)  # noqa: S311  # a reproducible mix, no secret
        self.results: Counter[str] = Counter()
        self._in_flight: set[asyncio.Task[None]] = set()

    async def run(self, target: str, stop: asyncio.Event) -> None:
        """Send requests to a service until an event is set.

        Args:
            target: The base URL of the service.
            stop: The event that ends the load.
        """
        limits = httpx.Limits(max_connections=_MOST_IN_FLIGHT, max_keepalive_connections=100)
        async with httpx.AsyncClient(base_url=target, timeout=20.0, limits=limits) as client:
            started = reported = due = time.monotonic()
            while not stop.is_set():
                now = time.monotonic()
                progress = (_START + (now - started) / _SESSION_SECONDS) % 1.0
                due = max(due, now - 1.0) + self._random.expovariate(self.rate * activity(progress))
                if due > now:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), due - now)
                self._send(client)
                if now - reported > _REPORT_SECONDS:
                    reported = now
                    print(self.summary(), flush=True)  # noqa: T201  # a command-line tool
            for task in self._in_flight:
                task.cancel()
            await asyncio.gather(*self._in_flight, return_exceptions=True)
        print(self.summary(), flush=True)  # noqa: T201

    def summary(self) -> str:
        """Return a line with the number of answers so far, for each status."""
        parts = (f"{number} x {result}" for result, number in sorted(self.results.items()))
        return f"load: {', '.join(parts) or 'no answers yet'}"

    def draw(self) -> tuple[str, str, Ask]:
        """Return the next request: the user, the user's tier, and (method, path, body)."""
        tier = self._random.choices([*_TIERS], [ratio for ratio, _ in _TIERS.values()])[0]
        user = f"{tier}-{self._random.randrange(_TIERS[tier][1])}"
        if self._random.random() < 0.15:
            tier, user = "free", "free-impatient"  # sends more requests than the free tier allows
        kind = self._random.choices([*KINDS], [*KINDS.values()])[0]
        return user, tier, self.request(kind, TIERS[tier].premium)

    def _send(self, client: httpx.AsyncClient) -> None:
        if len(self._in_flight) >= _MOST_IN_FLIGHT:
            self.results["not sent"] += 1
            return
        task = asyncio.create_task(self._ask(client, *self.draw()))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _ask(self, client: httpx.AsyncClient, user: str, tier: str, ask: Ask) -> None:
        method, path, body = ask
        headers = {"X-User-Id": user, "X-User-Tier": tier}
        try:
            answer = await client.request(method, path, json=body, headers=headers)
            self.results[str(answer.status_code)] += 1
            if answer.status_code == 201:  # subscriptions and thresholds are ended again
                await client.delete(f"{path}/{answer.json()['number']}", headers=headers)
        except httpx.HTTPError as error:
            self.results[type(error).__name__] += 1

    def request(self, kind: str, premium: bool) -> Ask:
        """Return method, path and body of a request.

        Args:
            kind: A key of `KINDS`.
            premium: True for a user of a tier with premium features; other users do not ask for them.
        """
        choose = self._random.choice
        symbol, signal = self._symbol(), choose(_SIGNALS)
        match kind:
            case "scenario" | "surface" if premium:
                return "GET", f"/api/v1/features/{kind}/{symbol}", None
            case "chain" | "surface":
                query = self._random.choices(("?fresh=true", "?model=black_scholes", ""), (3, 8, 89))[0]
                return "GET", f"/api/v1/greeks/chain/{symbol}{query}", None
            case "signal" | "scenario":
                return "GET", f"/api/v1/signals/{signal}/{symbol}", None
            case "history":
                return "GET", f"/api/v1/signals/{signal}", None
            case "option":
                quote = round(_SPOTS[symbol] * self._random.uniform(0.13, 0.2), 2)
                return "POST", "/api/v1/greeks/option", {**self._option(symbol), "quote": quote}
            case "portfolio":
                options = [self._option(self._symbol()) for _ in range(choose((3, 5, 8, 15)))]
                return "POST", "/api/v1/greeks/portfolio", {"options": options}
            case "subscription":
                body: dict[str, Any] = {
                    "signal_type": signal,
                    "delivery_method": choose(("websocket", "webhook", "email")),
                }
                return "POST", "/api/v1/subscriptions", body
            case "threshold":
                body = {"threshold_type": "price_move", "symbol": symbol, "bound": 0.01, "severity": "info"}
                return "POST", "/api/v1/thresholds", body
            case _:
                body = {"symbol": symbol, "priority": choose(("critical", "high", "medium", "low"))}
                return "POST", "/api/v1/jobs", body

    def _symbol(self) -> str:
        return self._random.choices([*_SPOTS], (30, 20, 15, 15, 10, 10))[0]

    def _option(self, symbol: str) -> dict[str, Any]:
        return {
            "symbol": symbol,
            "flag": self._random.choice("cp"),
            "strike": round(_SPOTS[symbol] * self._random.uniform(0.9, 1.1), 1),
            "days": self._random.choice((9, 30, 58, 121)),
            "volatility": round(self._random.uniform(0.15, 0.6), 3),
        }


async def _run(load: Load, target: str) -> None:
    await load.run(target, stop_at_signals())


def main(arguments: list[str] | None = None) -> None:
    """Send load until SIGINT or SIGTERM.

    Args:
        arguments: Arguments of the command line; None for those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m signalscope.demo.stack.load", description="Load for the reference service."
    )
    parser.add_argument("--target", required=True, help="the base URL of the service")
    parser.add_argument("--rate", type=float, default=20.0, help="requests per second, on average")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the random requests")
    options = parser.parse_args(arguments)
    try:
        load = Load(options.rate, options.seed)
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(_run(load, options.target))


if __name__ == "__main__":
    main()
