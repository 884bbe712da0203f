"""Which faults run together, and the bound of 90 minutes."""

from __future__ import annotations

import itertools

import pytest

from signalscope.demo.faults import FAULTS, UnknownFaultError
from signalscope.demo.gameday._plan import choose, groups, on_seconds


def test_every_fault_has_one_place() -> None:
    """The groups have every fault once."""
    planned = [fault.name for group in groups(FAULTS.values()) for fault in group]
    assert sorted(planned) == sorted(FAULTS)


def test_faults_of_a_group_do_not_disturb_each_other() -> None:
    """No alert could belong to two faults of a group, and no harm; none excludes another; some do run together."""
    plan = groups(FAULTS.values())
    assert max(map(len, plan)) >= 3
    for group in plan:
        assert sum(fault.harms_users for fault in group) <= 1
        for one, other in itertools.combinations(group, 2):
            assert not one.excludes(other)
            assert not {*one.alerts, *one.collateral} & {*other.alerts, *other.collateral}, (
                one.name,
                other.name,
            )
    assert plan[-2:] == [[FAULTS["loop-blocked"]], [FAULTS["service-down"]]]


def test_no_fault_of_a_group_silences_another() -> None:
    """An outage of a critical dependency inhibits alerts about the latency of the service; others do not."""
    together = {
        frozenset(fault.name for fault in group) for group in groups(choose(["config-down,api-latency"]))
    }
    assert together == {frozenset({"config-down"}), frozenset({"api-latency"})}
    assert len(groups(choose(["comms-down,api-latency"]))) == 1


def test_a_whole_run_fits_into_ninety_minutes() -> None:
    """Even if every alert comes at its last moment."""
    assert sum(max(map(on_seconds, group)) for group in groups(FAULTS.values())) <= 90 * 60


def test_error_budgets_are_judged_late() -> None:
    """A young system does not judge budgets, so the fault that exhausts one comes in the last groups."""
    order = [fault.name for group in groups(FAULTS.values()) for fault in group]
    assert order.index("greeks-failing") > len(order) / 2


def test_faults_are_chosen_by_name() -> None:
    """Commas and repeated options, each fault once; without a name all; an unknown name is an error."""
    assert [fault.name for fault in choose(["cpu-burn, config-down", "cpu-burn"])] == [
        "cpu-burn",
        "config-down",
    ]
    assert choose([]) == [*FAULTS.values()]
    with pytest.raises(UnknownFaultError, match=r"unknown fault 'cpu-brun' \(did you mean cpu-burn\?\)"):
        choose(["config-down,cpu-brun"])
