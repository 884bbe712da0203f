"""Whether anything records, and through what: the state that every recorder reads."""

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
        on: Whether measurements or spans go anywhere. Read on every decorated call.
        fast_path: The fast path; None when the plain API is used.
        meter: The meter of signalscope's instruments; until a provider is set, one that forwards later.
        tracer: The tracer of signalscope's spans; it forwards in the same way.
        disabled: Whether OTEL_SDK_DISABLED was set when signalscope was imported; then nothing ever records.
        metrics_api, trace_api: The API's modules, whose variables say whether a provider has been set.
        on_enabled: Called once when a provider is found that signalscope did not set up.
    """

    __slots__ = ("disabled", "fast_path", "meter", "metrics_api", "on", "on_enabled", "trace_api", "tracer")

    def __init__(self) -> None:
        self.on = False
        self.fast_path: FastPath | None = None
        self.on_enabled: Callable[[], None] | None = None
        self.meter = metrics.get_meter(SCOPE, __version__)
        self.tracer = trace.get_tracer(SCOPE, __version__)
        self.disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        # The API has no way to ask "has a provider been set?" that takes less than a microsecond. Where its
        # module variables have other names, the answer is yes.
        self.metrics_api: Any = module_with(metrics, "_METER_PROVIDER")
        self.trace_api: Any = module_with(trace, "_TRACER_PROVIDER")

    def is_enabled(self) -> bool:
        """Return True if a provider has been set meanwhile; called on each decorated call while `on` is false."""
        if self.disabled:
            return False
        if self.metrics_api._METER_PROVIDER is None:
            # Spans may be exported already. Checked again, since the meter provider may be set later.
            return self.trace_api._TRACER_PROVIDER is not None
        self.on = True
        if self.on_enabled is not None:
            self.on_enabled()
        return True


live = Live()
