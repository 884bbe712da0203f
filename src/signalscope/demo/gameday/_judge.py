"""Judge the runs of a report against the targets of a game day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from signalscope.demo.gameday._model import Report, Result
from signalscope.demo.gameday._targets import Targets


@dataclass(frozen=True, slots=True)
class Check:
    """A target, and if it is met.

    Attributes:
        what: The target.
        value: What was measured, in words.
        is_met: True if it is met; None if nothing was measured.
    """

    what: str
    value: str
    is_met: bool | None


def by_fault(report: Report) -> dict[str, list[Result]]:
    """Return the results of all runs by the name of the fault."""
    results: dict[str, list[Result]] = {}
    for run in report.runs:
        for result in run.results:
            results.setdefault(result.fault, []).append(result)
    return results


def middle(results: Iterable[Result], value: Callable[[Result], float | None]) -> float | None:
    """Return the median of the values that were measured; None without any."""
    return median(values) if (values := [v for v in map(value, results) if v is not None]) else None


def judge(report: Report, targets: Targets) -> list[Check]:
    """Return every target of a report's runs, and if it is met."""
    faults = by_fault(report)
    alerts = [(result, at) for results in faults.values() for result in results for at in result.alerts]
    broken = sum(not at.is_kept for _, at in alerts)
    harmful = [results for results in faults.values() if any(r.harm_seconds is not None for r in results)]
    # A harmful fault without any alert is detected never, not left out.
    times = [
        float("inf") if result.detect_seconds is None else result.detect_seconds
        for results in harmful
        for result in results
    ]
    alarms = [alarm for run in report.runs for alarm in run.false_alarms]
    names = ", ".join(sorted({alarm.alert for alarm in alarms}))
    left = {fault for run in report.runs for fault in run.left}
    return [
        Check(
            f"at most {targets.broken_promises} promised alerts late or missing",
            f"{len(alerts) - broken} of {len(alerts)} alerts fired in time; runs: {len(report.runs)}",
            broken <= targets.broken_promises if alerts else None,
        ),
        Check(
            f"median time to detect a fault that harms users at most {targets.detect_seconds:g} s",
            f"{median(times):.0f} s, of {len(harmful)} faults" if times else "no fault harmed users",
            median(times) <= targets.detect_seconds if times else None,
        ),
        Check(
            f"at most {targets.false_alarms} false alarms",
            f"{len(alarms)} ({names})" if alarms else "none",
            len(alarms) <= targets.false_alarms,
        ),
        Check(
            "every fault run in every run",
            f"left out: {', '.join(sorted(left))}" if left else "yes",
            not left,
        ),
    ]
