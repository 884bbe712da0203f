"""Gauges: their values are set, cleared or observed, and exported by one observable instrument of the SDK."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from signalscope.contract._model import OTHER, Instrument
from signalscope.recording import _errors
from signalscope.recording._attribute_limits import AttributeLimits
from signalscope.recording._numbers import plain
from signalscope.recording._sdk import is_collecting
from signalscope.recording._state import live

#: Returns pairs of a value and the attribute values in the contract's order.
Observer = Callable[[], Iterable[tuple[float, tuple[str, ...]]]]


class Gauge:
    """The values of one gauge.

    Args:
        instrument: The contract's entry.
        limits: The limits of the attribute values.
    """

    def __init__(self, instrument: Instrument, limits: AttributeLimits) -> None:
        self._instrument = instrument
        self._limits = limits
        self._values: dict[tuple[str, ...], float] = {}
        self._observers: dict[object, Observer] = {}
        self._meter: object = None

    def create(self) -> None:
        """Create the SDK's instrument on the current meter, once for each meter.

        During a collection another thread does it, for the next collection. If a callback created the instrument,
        the SDK would wait for its own lock.
        """
        if self._meter is not live.meter:
            self._meter = meter = live.meter
            if is_collecting(meter):
                with contextlib.suppress(
                    RuntimeError
                ):  # the interpreter exits, so nothing is collected any more
                    threading.Thread(
                        target=self._create, args=(meter,), daemon=True, name="signalscope-gauge"
                    ).start()
            else:
                self._create(meter)

    def _create(self, meter: Meter) -> None:
        meter.create_observable_gauge(
            self._instrument.name,
            callbacks=[self._observations],
            unit=self._instrument.unit,
            description=self._instrument.description,
        )

    def setter(self, values: tuple[str, ...]) -> Callable[[float], None]:
        """Return a function that sets the value of one series; it drops and counts values that are not finite."""

        def record(value: float) -> None:
            try:
                self._values[values] = plain(value, signed=True)
            except Exception:  # not a finite number
                _errors.internal_error("recording.value")

        return record

    def clear(self, values: tuple[str, ...]) -> None:
        """Remove the value of one series."""
        self._values.pop(values, None)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call an observer at each collection, and return a function that removes the observer."""
        key = object()
        self._observers[key] = observer

        def unregister() -> None:
            self._observers.pop(key, None)

        return unregister

    def exchange(self, values: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
        """Replace the values that were set, and return them."""
        before, self._values = self._values, values
        return before

    def now(self) -> dict[tuple[str, ...], float]:
        """Return every current value, set or observed, by attribute values."""
        current = dict(self._values)
        for observer in list(self._observers.values()):
            others: set[tuple[str, ...]] = set()
            try:
                for point in observer():
                    try:
                        value, given = point
                        number, values = plain(value, signed=True), self._limits.apply(tuple(given))
                        # Several values that are not allowed share the series `other`, so it has their sum.
                        current[values] = number + current[values] if values in others else number
                        if OTHER in values:
                            others.add(values)
                    except Exception:  # not a pair of a finite number and attribute values
                        _errors.internal_error("recording.value")
            except KeyboardInterrupt:
                raise
            except BaseException:  # user code may even exit, or read the result of a cancelled task
                _errors.internal_error(f"observe.{self._instrument.name}")
        return current

    def _observations(self, _options: CallbackOptions) -> Iterable[Observation]:
        current = self.now()
        names = self._instrument.attribute_names
        return [
            Observation(value, dict(zip(names, values, strict=True))) for values, value in current.items()
        ]
