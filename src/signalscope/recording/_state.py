"""The state of recording in this process, which every recorder reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from opentelemetry import metrics, trace

from signalscope._version import __version__
from signalscope.recording._fast_path import FastPath
from signalscope.recording._sdk import module_with

#: Name of the meter and tracer.
SCOPE = "signalscope"


class Live:
    """The state of recording.

    Attributes:
        on: True if measurements are recorded. Every decorated call reads it.
        fast_path: The fast path; None if the plain API is used.
        meter: The meter of signalscope's instruments. It forwards to a provider that is set later.
        tracer: The tracer of signalscope's spans. It forwards in the same way.
        disabled: True if OTEL_SDK_DISABLED was set when signalscope was imported; then this process never records.
        metrics_api, trace_api: The API's modules with the variables that hold the providers.
        on_enabled: Called once, when the program has set a provider without signalscope.
    """

    __slots__ = ("disabled", "fast_path", "meter", "metrics_api", "on", "on_enabled", "trace_api", "tracer")

    def __init__(self) -> None:
        self.on = False
        self.fast_path: FastPath | None = None
        self.on_enabled: Callable[[], None] | None = None
        self.meter = metrics.get_meter(SCOPE, __version__)
        self.tracer = trace.get_tracer(SCOPE, __version__)
        self.disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        # The API's public functions need more than a microsecond to find out if a provider has been set. So its
        # module variables are read. If they have other names, a provider counts as set.
        self.metrics_api: Any = module_with(metrics, "_METER_PROVIDER")
        self.trace_api: Any = module_with(trace, "_TRACER_PROVIDER")

    def __reduce__(self) -> str:
        """Pickle by name: functions that are pickled by value refer to the state of the process that loads them."""
        return "live"

    def is_enabled(self) -> bool:
        """Return True if a provider has been set meanwhile; called on each decorated call while `on` is False."""
        if self.disabled:
            return False
        if self.metrics_api._METER_PROVIDER is None:
            # Spans may be exported already. `on` stays False, since the meter provider may be set later.
            return self.trace_api._TRACER_PROVIDER is not None
        self.on = True
        if self.on_enabled is not None:
            self.on_enabled()
        return True


live = Live()
