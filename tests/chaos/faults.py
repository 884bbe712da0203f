"""The faults of a chaos run: what each does to the running stack, and how long."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.account import Account, balance
from tests.chaos.network import Network, direct, faulty
from tests.chaos.stack import Stack, started
from tests.waiting import DEADLINE, eventually
from tests.webhook import Webhook

__all__ = ["FAULTS", "Fault", "run"]

#: Returns the moments at which it has killed the Collector.
Act = Callable[[Stack, float], Sequence[float] | None]


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: The argument of ``make chaos``.
        title: The row of the table.
        act: Makes the fault, and ends it after some seconds.
        seconds: How long the fault lasts in the long form, and in the short form.
        network: How the service reaches the Collector.
        variables: More variables of the Collector.
        calls: Calls per second.
        padding: Bytes in an attribute of each span.
        small_disk: True for a queue on a disk that is soon full.
    """

    name: str
    title: str
    act: Act
    seconds: tuple[float, float]
    network: Callable[[], AbstractContextManager[Network]] = direct
    variables: dict[str, str] = field(default_factory=dict)
    calls: float = 50
    padding: int = 10
    small_disk: bool = False


def _pause(seconds: float) -> None:
    time.sleep(seconds)  # sleep: the fault lasts that long


def _kill_collector(stack: Stack, seconds: float) -> list[float]:
    moment = stack.collector.kill()
    _pause(seconds)
    stack.collector.start()
    return [moment]


def _stop_collector(stack: Stack, seconds: float) -> None:
    stack.collector.stop()
    _pause(seconds)
    stack.collector.start()


def _kill_prometheus(stack: Stack, seconds: float) -> None:
    stack.prometheus.kill()
    _pause(seconds)
    stack.prometheus.start()


def _stop_backend(stack: Stack, seconds: float) -> None:
    stack.backend.stop()
    _pause(seconds)
    stack.backend.start()


def _end_collector_without_backend(stack: Stack, seconds: float) -> list[float]:
    stack.backend.stop()
    _pause(seconds / 3)
    _stop_collector(stack, 0)
    _pause(seconds / 3)
    moments = _kill_collector(stack, 0)
    _pause(seconds / 3)
    stack.backend.start()
    return moments


def _fill_disk(stack: Stack, seconds: float) -> None:
    """Keep the backend down until the queue has dropped spans, and some seconds more."""
    stack.backend.stop()
    eventually(
        lambda: stack.value("sum(otelcol_exporter_enqueue_failed_spans)"), 2 * DEADLINE, "the queue is full"
    )
    _pause(seconds)
    stack.backend.start()


def _lose(ratio: float) -> Act:
    def lose(stack: Stack, seconds: float) -> None:
        stack.network.lose(ratio)
        _pause(seconds)
        stack.network.lose(0)

    return lose


def _step_clock(*offsets: float) -> Act:
    def step(stack: Stack, seconds: float) -> None:
        for offset in offsets:
            stack.clock.write_text(str(offset), encoding="utf-8")
            _pause(seconds / len(offsets))

    return step


def _stop_alertmanager(stack: Stack, seconds: float) -> None:
    """Keep Alertmanager down while the alert begins to fire: it is notified afterwards."""
    with closing(Webhook()) as webhook:
        alertmanager = stack.start_alertmanager(webhook.url)
        alertmanager.kill()
        eventually(lambda: stack.value('ALERTS{alertstate="firing"}'), DEADLINE, "the alert fires")
        _pause(seconds)
        alertmanager.start()
        eventually(lambda: list(webhook.firing()), DEADLINE, "the webhook is notified")


FAULTS = (
    Fault("collector-kill", "Collector: SIGKILL, down for {seconds} s", _kill_collector, (5, 2)),
    Fault("collector-kill-long", "Collector: SIGKILL, down for {seconds} s", _kill_collector, (60, 12)),
    Fault("collector-term", "Collector: SIGTERM, down for {seconds} s", _stop_collector, (5, 2)),
    Fault("prometheus-kill", "Prometheus: SIGKILL, down for {seconds} s", _kill_prometheus, (10, 2)),
    Fault("backend-down", "Trace backend down for {seconds} s", _stop_backend, (600, 5)),
    Fault("backend-and-collector", "Trace backend down for {seconds} s; meanwhile Collector: SIGTERM, SIGKILL",
          _end_collector_without_backend, (60, 6)),
    Fault("disk-full", "Disk of the queue full for {seconds} s", _fill_disk, (20, 2), padding=6_000, small_disk=True),
    Fault("partition", "Network partition for {seconds} s", _lose(1), (20, 5), network=faulty),
    Fault("packet-loss", "20 % of packets lost for {seconds} s", _lose(0.2), (60, 8), network=faulty),
    Fault("clock-step", "Clock of the service an hour early, then late, for {seconds} s",
          _step_clock(3600, -3600, 0), (30, 6)),
    Fault("clock-shift", "Timestamps of the service 10 minutes late for {seconds} s", _step_clock(-600), (30, 4)),
    Fault("alertmanager-down", "Alertmanager down for {seconds} s while an alert fires", _stop_alertmanager, (30, 3)),
)  # fmt: skip


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A full disk: 3 MiB of memory as a file system where root may mount one."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "chaos", str(folder)], capture_output=True, check=False
    ) if os.geteuid() == 0 else None  # fmt: skip
    try:
        yield folder
    finally:
        if done is not None and done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def run(fault: Fault, *, short: bool) -> tuple[Account, str]:
    """Make a fault on a stack of its own, and return what became of every call and span, and how it was made."""
    with ExitStack() as kept:
        folder = Path(
            kept.enter_context(tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True))
        )
        network = kept.enter_context(fault.network())
        queue = folder / "queue"
        variables = dict(fault.variables)
        if fault.small_disk:
            kept.enter_context(_small_disk(queue))
            if not os.path.ismount(queue):
                variables["TRACES_QUEUE_BYTES"] = str(1 << 20)
        else:
            queue.mkdir()
        stack = kept.enter_context(
            started(Stack(folder, network, queue, variables), fault.calls, fault.padding)
        )
        _pause(2 if short else 5)
        kills = fault.act(stack, fault.seconds[short]) or ()
        _pause(2 if short else 5)
        return balance(stack, kills), network.how
