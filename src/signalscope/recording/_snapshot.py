"""Snapshots of the values that this process has recorded so far."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from signalscope.contract._model import Kind
from signalscope.recording import get_instrument
from signalscope.recording._fast_path import NO_GIL, is_gil_enabled
from signalscope.recording._state import live
from signalscope.recording._store import Totals


class NotKeptError(RuntimeError):
    """A snapshot cannot read the values of this process; the message says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The values of some instruments at one moment.

    Attributes:
        at: The time of the snapshot, on the monotonic clock, in seconds.
        began: When every counter was zero, on the same clock: the start of the process, or of recording.
        totals: By the name of a counter, up-down counter or histogram, then by attribute values: the sums since
            `began`.
        gauges: By the name of a gauge, then by attribute values: the current values.
        left_out: Instruments without values here, because the SDK aggregates them for a View or a reader.
    """

    at: float
    began: float
    totals: dict[str, dict[tuple[str, ...], Totals]] = field(default_factory=dict)
    gauges: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


def snapshot(names: Iterable[str]) -> Snapshot:
    """Read some instruments now. This calls the callbacks of gauges, so it takes as long as they do.

    Args:
        names: OpenTelemetry names.

    Raises:
        NotKeptError: This process does not record, or only through the SDK, or a collection took too long.
        ContractError: The contract has no instrument with one of these names.
    """
    fast_path = live.fast_path
    if fast_path is None and not is_gil_enabled():
        raise NotKeptError(f"{NO_GIL}; set SIGNALSCOPE_PROMETHEUS_URL to read the values from Prometheus")
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
    readable = [definition.name for definition in definitions if fast_path.accepts(definition)]
    at = time.monotonic()
    totals = fast_path.store.totals(readable)
    if totals is None:
        raise NotKeptError("another collection takes too long")
    left_out = frozenset(definition.name for definition in definitions) - frozenset(readable)
    return Snapshot(at, fast_path.store.began, totals, gauges, left_out)
