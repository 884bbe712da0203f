"""Account for every call and span of a run, from the ledger of the service and from what the backend stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.service import SPANS
from tests.chaos.stack import COUNTER, DECISION_WAIT, Stack
from tests.waiting import DEADLINE, eventually

__all__ = ["Account", "balance"]

#: Seconds before a SIGKILL of which the Collector may hold spans: the decision window, its tick, and one batch.
_HELD = DECISION_WAIT + 2
#: Seconds: the Collector's longest pause between two attempts is 7.5 s.
_QUIET = 9
_GIVEN_UP = 'sum(signalscope_spans_given_up_total{job="chaos"})'
_DROPPED = "sum(max_over_time(otelcol_exporter_enqueue_failed_spans[1h]))"


@dataclass(frozen=True)
class Account:
    """The numbers of a run.

    Attributes:
        calls: Calls of the service.
        counted: Increase of the counter in Prometheus.
        resets: Resets of counters in Prometheus.
        accepted: Spans that the service ended: each one was exported or given up.
        stored: Spans in the backend.
        sampled_out: Exported spans of traces that the tail sampling does not keep.
        given_up: Spans that the SDK gave up; its metric in Prometheus.
        dropped: Spans that the Collector's queue did not take; its metric in Prometheus.
        lost: All other spans.
        most: The largest number that may be lost.
    """

    calls: int
    counted: float
    resets: float
    accepted: int
    stored: int
    sampled_out: int
    given_up: int
    dropped: int
    lost: int
    most: int

    def check(self) -> None:
        """Check what must hold after every fault.

        Raises:
            AssertionError: Something was lost that is not counted.
        """
        assert self.counted == self.calls, self
        assert self.resets == 0, self
        assert self.accepted == SPANS * self.calls, self
        parts = self.stored + self.sampled_out + self.given_up + self.dropped + self.lost
        assert self.accepted == parts, self
        assert 0 <= self.lost <= self.most, self


def _entries(stack: Stack) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stack.ledger.read_text(encoding="utf-8").splitlines()]


def _stored(path: Path) -> Iterator[str]:
    """Yield the ids of the spans in the backend's file; a line that is being written is left out."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            for resource in json.loads(line)["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    yield from (span["spanId"] for span in scope["spans"])


def balance(stack: Stack, kills: Sequence[float]) -> Account:
    """End the calls and the processes, and return what became of every call and span.

    Args:
        stack: The running stack, without a fault.
        kills: The moments of each SIGKILL of the Collector.
    """
    stack.end_calls()
    entries = _entries(stack)
    end = entries[-1]
    calls, errors = int(end["calls"]), set(end["errors"])
    exports = [entry for entry in entries if "ok" in entry]
    exported = {span for entry in exports if entry["ok"] for span in entry["spans"]}
    given_up = {span for entry in exports if not entry["ok"] for span in entry["spans"]}
    eventually(lambda: stack.value(COUNTER) == calls, DEADLINE, f"Prometheus has {calls} calls")
    counted = stack.value(COUNTER) or 0
    lost_by_sdk = SPANS * calls - len(exported)
    eventually(lambda: stack.value(_GIVEN_UP) == lost_by_sdk, DEADLINE, f"{lost_by_sdk} spans are counted")
    resets = stack.value(f"sum(resets({COUNTER}[1h]))")
    # The SDK's timeout may hide that the Collector had accepted a batch.
    wanted = (exported & errors) | (given_up & errors)
    _wait_for_quiet(stack, wanted)
    dropped = int(stack.value(_DROPPED) or 0)
    stack.stop()
    stored = set(_stored(stack.stored))
    assert stored <= errors, "the tail sampling kept a trace that it must not keep"
    late = stored & given_up
    held = {
        span
        for entry in exports
        if entry["ok"] and any(0 <= kill - entry["at"] <= _HELD for kill in kills)
        for span in entry["spans"]
    }
    return Account(
        calls=calls,
        counted=counted,
        resets=resets or 0,
        accepted=len(exported) + lost_by_sdk,
        stored=len(stored - late),
        sampled_out=len(exported - errors),
        given_up=lost_by_sdk,
        dropped=dropped,
        lost=len((exported & errors) - stored) - dropped,
        most=len(held & errors),
    )


def _wait_for_quiet(stack: Stack, wanted: set[str]) -> None:
    """Wait until every span is stored or dropped, or until the backend gets nothing for a while."""
    number, unchanged = -1, 0

    def is_quiet() -> bool:
        nonlocal number, unchanged
        stored = set(_stored(stack.stored))
        unchanged = unchanged + 1 if len(stored) == number else 0
        number = len(stored)
        missing, dropped = len(wanted - stored), stack.value(_DROPPED) or 0
        return missing == dropped or unchanged >= _QUIET

    eventually(is_quiet, 5 * DEADLINE, "the backend has everything", every=1)
