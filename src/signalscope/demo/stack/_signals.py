"""Ending the processes of the local stack that run an event loop."""

from __future__ import annotations

import asyncio
import signal


def stop_at_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set; call it in the running event loop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
