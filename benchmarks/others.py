"""Decorators of other libraries, each timed in a separate virtual environment.

The interpreter of the environment runs `python -m benchmarks.others NAME`, which prints a JSON object.
`environment` and `measure_all` are for the process that prints the table. The environments are in the user's cache
directory, never in the checkout.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import medians, pin, rounds_of

__all__ = ["LIBRARIES", "measure_all"]

#: Library -> requirements to install.
LIBRARIES = {
    "autometrics": ("autometrics",),
    "logfire": ("logfire",),
    "prometheus-async": ("prometheus-async", "prometheus-client"),
    "openinference": ("openinference-instrumentation", "opentelemetry-sdk"),
    "traceloop": ("traceloop-sdk", "httpx"),  # it imports httpx without a requirement for it
}
#: Traceloop requires forty instrumentors. pip needs three minutes to resolve these, a pip of 2023 much longer.
_INSTALL_SECONDS = 900
_RUN_SECONDS = 120

Work = Callable[[float, float, float], float]


def work(spot: float, strike: float, expiry: float) -> float:
    """A cheap function to decorate."""
    return spot if expiry else strike


async def work_async(spot: float, strike: float, expiry: float) -> float:
    """A cheap coroutine function to decorate."""
    return spot if expiry else strike


def measure_all() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the nanoseconds that each library adds to one call, or the reason for a missing number."""
    for name, requirements in LIBRARIES.items():
        try:
            python = _environment(name, requirements)
            done = subprocess.run(  # noqa: S603  # the interpreter and arguments are trusted
                [str(python), "-m", "benchmarks.others", name],
                capture_output=True,
                text=True,
                timeout=_RUN_SECONDS,
                check=True,
                cwd=Path(__file__).parents[1],
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            )
            yield name, json.loads(done.stdout.splitlines()[-1])
        except subprocess.CalledProcessError as error:
            lines = (error.stderr or "").strip().splitlines() or ["no output"]
            yield name, {"reason": lines[-1][:200]}
        except subprocess.TimeoutExpired as error:
            yield name, {"reason": f"not installed or not done within {error.timeout:.0f} s"}
        except (OSError, ValueError) as error:
            yield name, {"reason": f"{type(error).__name__}"}


def _environment(name: str, requirements: tuple[str, ...]) -> Path:
    """Return the interpreter of a library's environment, which is created if it is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "signalscope" / "benchmarks" / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python, ready = home / "bin" / "python", home / "ready"
    if not ready.exists():
        venv.create(home, with_pip=True, clear=True, upgrade_deps=True)
        subprocess.run(  # noqa: S603  # the interpreter and arguments are trusted
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
            check=True,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )
        ready.touch()
    return python


def _autometrics() -> tuple[Any, bool]:
    from autometrics import autometrics, init  # noqa: PLC0415  # only this environment has it

    init(tracker="prometheus")
    return autometrics(work), False


def _logfire() -> tuple[Any, bool]:
    import logfire  # noqa: PLC0415  # only this environment has it

    logfire.configure(send_to_logfire=False, console=False, sampling=logfire.SamplingOptions(head=0.0))
    return logfire.instrument()(work), False


def _prometheus_async() -> tuple[Any, bool]:
    from prometheus_async.aio import time as timed  # noqa: PLC0415  # only this environment has it
    from prometheus_client import Histogram  # noqa: PLC0415  # only this environment has it

    return timed(Histogram("work_seconds", "Work."))(work_async), True


def _openinference() -> tuple[Any, bool]:
    from openinference.instrumentation import TracerProvider  # noqa: PLC0415  # only this environment has it
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF  # noqa: PLC0415  # only this environment has it

    return TracerProvider(sampler=ALWAYS_OFF).get_tracer("benchmarks").chain(work), False


def _traceloop() -> tuple[Any, bool]:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415  # see above
        InMemorySpanExporter,
    )
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF  # noqa: PLC0415  # only this environment has it
    from traceloop.sdk import Traceloop  # noqa: PLC0415  # only this environment has it
    from traceloop.sdk.decorators import task  # noqa: PLC0415  # only this environment has it

    os.environ["TRACELOOP_TELEMETRY"] = "false"
    Traceloop.init(
        app_name="benchmarks", exporter=InMemorySpanExporter(), sampler=ALWAYS_OFF, instruments=set()
    )
    return task(name="work")(work), False


_WRAPPED: dict[str, Callable[[], tuple[Any, bool]]] = {
    "autometrics": _autometrics,
    "logfire": _logfire,
    "prometheus-async": _prometheus_async,
    "openinference": _openinference,
    "traceloop": _traceloop,
}


def _drive(coroutine: Any) -> None:
    """Run a coroutine that never waits, without the cost of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return


def _measured(name: str) -> dict[str, Any]:
    wrapped, is_async = _WRAPPED[name]()
    if is_async:
        asyncio.run(wrapped(1.0, 2.0, 3.0))
        variants: dict[str, Callable[[], object]] = {
            "bare": lambda: _drive(work_async(1.0, 2.0, 3.0)),
            "wrapped": lambda: _drive(wrapped(1.0, 2.0, 3.0)),
        }
    else:
        variants = {"bare": lambda: work(1.0, 2.0, 3.0), "wrapped": lambda: wrapped(1.0, 2.0, 3.0)}
    nanoseconds = medians(rounds_of(variants, 60))
    return {"added_ns": nanoseconds["wrapped"] - nanoseconds["bare"]}


if __name__ == "__main__":
    pin()
    print(json.dumps(_measured(sys.argv[1])))
