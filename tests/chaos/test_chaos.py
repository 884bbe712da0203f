"""If a part of the pipeline fails, no call is lost, and each span is stored, sampled out or counted as lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.chaos.faults import FAULTS, run
from tests.waiting import DEADLINE

pytestmark = pytest.mark.needs("collector", "prometheus", "alertmanager")
_BY_NAME = {fault.name: fault for fault in FAULTS}
#: The most telling faults: what the Collector holds in memory and on the disk, and what it does when that is full.
_SHORT = ("backend-and-collector", "disk-full")


@pytest.mark.timeout(10 * DEADLINE)
@pytest.mark.parametrize("name", _SHORT)
def test_nothing_is_lost(name: str) -> None:
    """The short form of a fault."""
    account, _ = run(_BY_NAME[name], short=True)
    account.check()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [fault.name for fault in FAULTS if fault.name != "backend-down"])
def test_nothing_is_lost_for_longer(name: str) -> None:
    """The long form of a fault; `make chaos` also has ten minutes without a trace backend."""
    account, _ = run(_BY_NAME[name], short=False)
    account.check()


@pytest.mark.long
@pytest.mark.timeout(10 * DEADLINE)
def test_a_queue_in_memory_is_sent_at_sigterm() -> None:
    """Without a volume, nothing is lost when the Collector is restarted."""
    memory = {"TRACES_QUEUE_STORAGE": "null", "TRACES_QUEUE_DIRECTORY": ""}
    account, _ = run(replace(_BY_NAME["collector-term"], variables=memory), short=True)
    account.check()
    assert account.lost == 0
