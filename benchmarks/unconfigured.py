"""The cost of a decorator without configuration, or with OTEL_SDK_DISABLED; measured in a separate process."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import medians, pin, rounds_of

__all__ = ["measure_all"]

_MODES = {"not configured": {}, "OTEL_SDK_DISABLED=true": {"OTEL_SDK_DISABLED": "true"}}


def measure_all(rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Return the medians of each mode."""
    for mode, environment in _MODES.items():
        done = subprocess.run(  # noqa: S603  # the interpreter and arguments are trusted
            [sys.executable, "-m", "benchmarks.unconfigured", mode, str(rounds)],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, **environment},
        )
        yield mode, json.loads(done.stdout.splitlines()[-1])


def _measured(mode: str, rounds: int) -> dict[str, float]:
    from opentelemetry import metrics  # noqa: PLC0415  # in the measured process only
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415  # in the measured process only

    from benchmarks.subjects import delta  # noqa: PLC0415  # in the measured process only
    from signalscope.decorators import instrument_greeks  # noqa: PLC0415  # in the measured process only

    if mode != "not configured":
        metrics.set_meter_provider(MeterProvider(shutdown_on_exit=False))  # disabled by the environment
    decorated = instrument_greeks(calculation_type="delta", model_type="black_scholes")(delta)

    @functools.wraps(delta)
    def closure(*args: Any, **kwargs: Any) -> float:
        return delta(*args, **kwargs)

    return medians(
        rounds_of(
            {
                "bare": lambda: delta(1.0, 2.0, 3.0),
                "closure": lambda: closure(1.0, 2.0, 3.0),
                "decorated": lambda: decorated(1.0, 2.0, 3.0),
            },
            rounds,
        )
    )


if __name__ == "__main__":
    pin()
    print(json.dumps(_measured(sys.argv[1], int(sys.argv[2]))))
