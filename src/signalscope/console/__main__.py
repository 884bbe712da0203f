"""``python -m signalscope.console --port 8080 --endpoints FILE``: the console of a running demo."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from signalscope.console._boards import Boards, from_folder
from signalscope.console.app import Settings, serve

#: A demo has not run for the hours that dashboards open with.
_SINCE = "now-15m"


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m signalscope.console", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where to listen, on the loopback interface")
    parser.add_argument(
        "--endpoints", type=Path, required=True, help="what `signalscope demo --endpoints` wrote"
    )
    parser.add_argument("--dashboards", type=Path, help="a folder of dashboards")
    parser.add_argument("--scrape", type=int, default=5, help="seconds between two scrapes")
    options = parser.parse_args(arguments)
    endpoints: dict[str, Any] = json.loads(options.endpoints.read_text(encoding="utf-8"))
    boards = Boards([]) if options.dashboards is None else from_folder(options.dashboards)
    settings = Settings(endpoints.get("prometheus"), boards, endpoints, options.scrape, _SINCE)
    serve(settings, options.port)


if __name__ == "__main__":
    main()
