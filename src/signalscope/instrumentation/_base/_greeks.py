"""Constants of the integrations of Greeks libraries."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from signalscope.instrumentation._base._library import Library

#: The calculation type by the name of the function or method.
GREEKS: Mapping[str, str] = {name: name for name in ("delta", "gamma", "theta", "vega", "rho")}
#: The description of a Greeks library.
greeks_library = functools.partial(
    Library,
    kind="greeks",
    measures=(
        "signal_service.greeks.calculation",
        "signal_service.greeks.options",
        "signal_service.greeks.invalid_results",
        "signal_service.greeks.batch_options",
    ),
    spans="A child span of each calculation when the current span is recording, named as the function is.",
)
