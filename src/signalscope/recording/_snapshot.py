"""Snapshots of what this process has recorded so far."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from signalscope.contract._model import Kind
from signalscope.recording import get_instrument
from signalscope.recording._gil import REASON, is_gil_enabled
from signalscope.recording._state import live
from signalscope.recording._store import Totals


class NotKeptError(RuntimeError):
    """This process does not keep what it records where a snapshot can read it; the message says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What some instruments had recorded at one moment.

    Attributes:
        at: When, on the monotonic clock, in seconds.
        began: When every counter was zero: the start of the process, or of recording.
        totals: Of each counter, up-down counter and histogram: by attribute values, what it recorded since.
        gauges: Of each gauge: its values.
        left_out: Instruments that a View, a reader or another SDK aggregates elsewhere.
    """

    at: float
    began: float
    totals: dict[str, dict[tuple[str, ...], Totals]] = field(default_factory=dict)
    gauges: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


def snapshot(names: Iterable[str]) -> Snapshot:
    """Read some instruments now. This calls the callbacks of gauges, and takes as long as they do.

    Args:
        names: OpenTelemetry names.

    Raises:
        NotKeptError: Recording goes through the SDK alone, or nowhere, or a collection took too long.
        ContractError: There is no such instrument.
    """
    fast_path = live.fast_path
    if fast_path is None and not is_gil_enabled():
        raise NotKeptError(f"{REASON}; set SIGNALSCOPE_PROMETHEUS_URL to read the values from Prometheus")
    if not live.on or fast_path is None:
        raise NotKeptError(
            "signalscope has not set up OpenTelemetry in this process; start it with opentelemetry-instrument, "
            "or call signalscope.configure()"
        )
    instruments = [get_instrument(name) for name in names]
    gauges = {
        instrument.definition.name: instrument.gauge.now()
        for instrument in instruments
        if instrument.gauge is not None
    }
    definitions = [
        instrument.definition for instrument in instruments if instrument.definition.kind is not Kind.GAUGE
    ]
    taken = [definition.name for definition in definitions if fast_path.accepts(definition)]
    at = time.monotonic()
    totals = fast_path.store.totals(taken)
    if totals is None:
        raise NotKeptError("another collection takes too long")
    left_out = frozenset(definition.name for definition in definitions) - frozenset(taken)
    return Snapshot(at, fast_path.store.began, totals, gauges, left_out)
