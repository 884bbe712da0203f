"""`@instrument_queue`: events of items, and their waiting times."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from signalscope import ContractError, arg, instrument_queue
from signalscope.testing import Captured

ITEMS = "signal_service_queue_items_total"
WAIT = "signal_service_queue_wait_seconds"


def test_items_go_in_and_come_out(captured: Captured) -> None:
    """Enqueued items are processed, failed or dropped; rejected items were never in the queue."""

    @instrument_queue(queue_type="work", priority=arg("priority"), step="put")
    def put(priority: str, room: bool) -> None:
        if not room:
            raise OverflowError

    @instrument_queue(queue_type="work", priority=arg("priority"), enqueued_at=arg("since"))
    async def process(priority: str, since: float, ending: str) -> None:
        if ending == "failure":
            raise ValueError(ending)
        if ending == "never":
            await asyncio.Event().wait()

    begun = time.monotonic()

    async def work() -> None:
        await process("high", begun - 3, "success")
        with pytest.raises(ValueError, match="failure"):
            await process("high", begun - 3, "failure")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process("high", begun - 3, "never"), 0.01)

    for _ in range(3):
        put("high", True)
    with pytest.raises(OverflowError):
        put("low", False)
    asyncio.run(work())
    longest = 3 + time.monotonic() - begun
    events = {point.labels["event"]: point.value for point in captured.points(ITEMS)}
    assert events == {"enqueued": 3, "rejected": 1, "processed": 1, "failed": 1, "dropped": 1}
    waits = {point.labels["outcome"]: point for point in captured.points(WAIT)}
    assert set(waits) == {"success", "error", "cancelled"}
    assert all(point.count == 1 and 3 <= point.value <= longest for point in waits.values())


def test_waiting_is_also_given_by_another_process_clock(captured: Captured) -> None:
    """A datetime with a time zone works; one in the future, from another machine's clock, means no waiting time."""

    @instrument_queue(queue_type="far", enqueued_at=arg("since"))
    def process(since: datetime | None) -> None:
        assert since is None or since.tzinfo

    begun = datetime.now(UTC)
    process(begun - timedelta(seconds=7))
    process(datetime.now(UTC) + timedelta(seconds=7))
    process(None)
    (point,) = captured.points(WAIT, queue_type="far")
    assert point.count == 2
    assert 7 <= point.value <= 7 + (datetime.now(UTC) - begun).total_seconds()


def test_a_time_that_is_none_is_counted_not_raised(captured: Captured) -> None:
    """`enqueued_at` returns a wrong value: the work is measured, the wait is not, the failure is counted."""

    @instrument_queue(queue_type="odd", enqueued_at=arg("since"))
    def process(since: str) -> str:
        return since

    assert process("yesterday") == "yesterday"
    assert captured.points(WAIT, queue_type="odd") == []
    assert captured.value("signalscope_internal_errors_total", where="decorators.queue.enqueued_at") == 1
    assert captured.value(ITEMS, queue_type="odd", event="processed") == 1


def test_errors_are_reported_at_decoration() -> None:
    """The error names an unknown priority, step or parameter, and the allowed values."""
    with pytest.raises(ContractError, match="priority='urgent' is not allowed; allowed: critical, high"):
        instrument_queue(priority="urgent")(print)
    with pytest.raises(ContractError, match="step='take' is not allowed; allowed: process, put"):
        instrument_queue(step="take")  # type: ignore[call-overload]  # the mistake
    with pytest.raises(ContractError, match="no parameter 'prio'; did you mean 'priority'"):

        @instrument_queue(priority=arg("prio"))
        def process(priority: str) -> None: ...
