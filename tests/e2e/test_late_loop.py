"""A blocked event loop on the running stack: EventLoopLagHigh fires, and no alert accuses a dependency."""

from __future__ import annotations

import pytest
from tests.ports import free_ports
from tests.waiting import eventually, put

from signalscope.demo.faults import find
from signalscope.demo.stack._stack import Stack

_FAULT = find("loop-blocked")
_FIRED = (
    'count by (alertname, domain) (count_over_time(ALERTS{alertstate="firing", alertname!="Watchdog"}[15m]))'
)
_LATE = 'ALERTS{alertname="EventLoopLagHigh", severity="critical", alertstate="firing"}'
#: The fault lasts longer than it takes until DependencyDown fires, with its `for` of two minutes.
_SECONDS = 180
_CALLS = "signal_service_external_service_duration_seconds_count"


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.needs("collector", "prometheus", "alertmanager")
@pytest.mark.timeout(900)
def test_a_blocked_loop_accuses_no_dependency() -> None:
    """Within three minutes EventLoopLagHigh fires and no alert about a dependency; it ends after the fault."""
    with Stack(free_ports(), say=print) as stack:
        stack.wait_for_data()
        eventually(
            lambda: stack.query(f'rate({_CALLS}{{outcome="success"}}[1m]) > 0'), 120, "calls that succeed"
        )
        fault = f"{stack.url('service')}/demo/faults/{_FAULT.name}"
        put(fault, {"on": True})
        end = _now(stack) + _SECONDS
        eventually(lambda: stack.query(_LATE), 240, "EventLoopLagHigh")
        eventually(lambda: _now(stack) > end, 2 * _SECONDS, "three minutes of the fault", every=1)
        fired = {result["metric"]["alertname"]: result["metric"]["domain"] for result in stack.query(_FIRED)}
        print(f"fired: {fired}")
        assert stack.query(f'{_CALLS}{{outcome="late_loop"}} > 0')
        assert "dependency" not in fired.values()
        eventually(lambda: _is_off(fault), 120, "the end of the fault")
        eventually(lambda: not stack.query(_LATE), 240, "the end of EventLoopLagHigh")


def _now(stack: Stack) -> float:
    """Return the time of Prometheus."""
    return float(stack.query("vector(time())")[0]["value"][1])


def _is_off(fault: str) -> bool:
    """Switch the fault off; the service may answer too late for one request."""
    try:
        put(fault, {"on": False})
    except OSError:
        return False
    return True
