"""``python -m signalscope.console --port 8080 --endpoints FILE``: the console of a running demo."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import uvicorn

from signalscope.console.app import make_app

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m signalscope.console", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where to listen, on the loopback interface")
    parser.add_argument(
        "--endpoints", type=Path, required=True, help="what `signalscope demo --endpoints` wrote"
    )
    options = parser.parse_args(arguments)
    endpoints: dict[str, Any] = json.loads(options.endpoints.read_text(encoding="utf-8"))
    uvicorn.run(make_app(endpoints), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
