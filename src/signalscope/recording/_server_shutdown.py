"""The last export of a server that stops gracefully.

Uvicorn, when it has stopped, kills its own process with the signal that asked it to: no exit handler runs,
and under gunicorn no signal handler of signalscope survives the worker's start either. So the last interval is
exported at the end of uvicorn's own shutdown, when every request has been answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import wrapt

from signalscope.recording import _shutdown as _termination


def flush_when_served() -> None:
    """Export what is left when a server in this process, or in one forked from it, has stopped."""
    wrapt.register_post_import_hook(_patch_uvicorn, "uvicorn.server")


def _patch_uvicorn(module: Any) -> None:
    if not isinstance(getattr(module.Server, "shutdown", None), wrapt.ObjectProxy):
        wrapt.wrap_function_wrapper(module, "Server.shutdown", _shutdown)


async def _shutdown(wrapped: Callable[..., Any], _server: Any, args: Any, kwargs: Any) -> Any:
    try:
        return await wrapped(*args, **kwargs)
    finally:
        await asyncio.to_thread(_termination.flush)
