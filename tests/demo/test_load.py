"""The load generator: reproducible, varied, and running on while the service is down."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from tests.waiting import DEADLINE, eventually_async

from signalscope.demo.service.market import SYMBOLS
from signalscope.demo.service.signals import SIGNAL_TYPES
from signalscope.demo.service.tiers import TIERS
from signalscope.demo.stack.load import Load


def test_same_seed_same_requests() -> None:
    """The same seed gives the same requests."""
    first, second = Load(10, seed=4), Load(10, seed=4)
    assert [first.draw() for _ in range(200)] == [second.draw() for _ in range(200)]


def test_mix_has_all_tiers_symbols_signals_and_endpoints() -> None:
    """Every tier, symbol and signal occurs; chains and signals are the most frequent requests."""
    load = Load(10, seed=4)
    drawn = [load.draw() for _ in range(3000)]
    assert {tier for _, tier, _ in drawn} == set(TIERS)
    paths = Counter(path.split("?")[0] for _, _, (_, path, _) in drawn)
    for symbol in SYMBOLS:
        assert paths[f"/api/v1/greeks/chain/{symbol}"] > 0
    for signal_type in SIGNAL_TYPES:
        assert any(path.startswith(f"/api/v1/signals/{signal_type}/") for path in paths)
    for path in (
        "/api/v1/greeks/option",
        "/api/v1/greeks/portfolio",
        "/api/v1/subscriptions",
        "/api/v1/jobs",
    ):
        assert paths[path] > 0


def test_one_user_asks_too_often() -> None:
    """One user exceeds the rate limit."""
    load = Load(20, seed=1)
    users = Counter(user for user, _, _ in (load.draw() for _ in range(1000)))
    assert users.most_common(1)[0][0] == "free-impatient"
    assert users["free-impatient"] / 1000 * 20 > TIERS["free"].requests_per_second


async def test_goes_on_while_the_service_is_away() -> None:
    """Connection errors are counted, and the load continues."""
    load = Load(200, seed=1)
    stop = asyncio.Event()
    running = asyncio.create_task(load.run("http://127.0.0.1:9", stop))
    await eventually_async(lambda: load.results["ConnectError"] > 10, "refused connections")
    stop.set()
    await running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly_at_a_signal(number: signal.Signals) -> None:
    """A signal ends the load with a last summary, status 0 and no traceback."""
    program = "from signalscope.demo.stack import load; load._REPORT_SECONDS = 0.1; load.main()"
    command = [sys.executable, "-c", program, "--target", "http://127.0.0.1:9", "--rate", "50"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": "src"},
    ) as process:
        assert process.stdout is not None
        while "ConnectError" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert "ConnectError" in out.splitlines()[-1]
    assert err == ""


def test_impossible_rate_is_refused() -> None:
    """A rate that is not positive gets a clear error."""
    with pytest.raises(ValueError, match="the rate must be a positive number, not 0"):
        Load(0)
