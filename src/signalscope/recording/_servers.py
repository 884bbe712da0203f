"""The last export of a server that stops gracefully.

Uvicorn, when it has stopped, kills its own process with the signal that asked it to: no exit handler runs,
and under gunicorn no signal handler of ours survives the worker's start either. So the last interval is
exported at the end of uvicorn's own shutdown, when every request has been answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable
from typing import Any

import wrapt
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider

__all__ = ["flush_when_served"]

#: The longest a server waits for its last export.
_LAST_EXPORT_MILLIS = 5_000

_providers: weakref.WeakSet[MeterProvider] = weakref.WeakSet()


def flush_when_served(provider: MeterProvider) -> None:
    """Export what is left when a server in this process, or in one forked from it, has stopped."""
    if not _providers:
        wrapt.register_post_import_hook(_patch_uvicorn, "uvicorn.server")
    _providers.add(provider)


def _patch_uvicorn(module: Any) -> None:
    if not isinstance(getattr(module.Server, "shutdown", None), wrapt.ObjectProxy):
        wrapt.wrap_function_wrapper(module, "Server.shutdown", _shutdown)


async def _shutdown(wrapped: Callable[..., Any], _server: Any, args: Any, kwargs: Any) -> Any:
    try:
        return await wrapped(*args, **kwargs)
    finally:
        await asyncio.to_thread(_flush)


def _flush() -> None:
    for provider in (trace.get_tracer_provider(), *list(_providers)):
        force_flush = getattr(provider, "force_flush", None)
        if force_flush is not None:
            with contextlib.suppress(Exception):  # the end of a process is no place to complain
                force_flush(_LAST_EXPORT_MILLIS)
