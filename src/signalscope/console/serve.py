"""Serving the console on the loopback interface."""

from __future__ import annotations

import uvicorn

from signalscope.console.app import Settings, make_app

HOST = "127.0.0.1"


def serve(settings: Settings, port: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: What the console shows.
        port: Where to listen, on the loopback interface.
    """
    uvicorn.run(make_app(settings), host=HOST, port=port, log_level="warning")
