"""``python -m signalscope.console --port 8080 --endpoints FILE``: serve the console of a running demo."""

from __future__ import annotations

import argparse
from pathlib import Path

from signalscope.config import Config
from signalscope.console import _runbooks
from signalscope.console._boards import Boards, from_folder
from signalscope.console.app import Settings, serve

#: A new demo has no data for the hours that the dashboards show by default.
_SINCE = "now-15m"


def main(arguments: list[str] | None = None) -> None:
    """Serve the console until SIGINT or SIGTERM.

    Args:
        arguments: Arguments of the command line; None for those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m signalscope.console", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on the loopback interface")
    parser.add_argument(
        "--endpoints", type=Path, required=True, help="the file that `signalscope demo --endpoints` wrote"
    )
    parser.add_argument("--dashboards", type=Path, help="a folder of dashboards")
    parser.add_argument("--scrape", type=int, default=5, help="seconds between two scrapes")
    options = parser.parse_args(arguments)
    boards = Boards([]) if options.dashboards is None else from_folder(options.dashboards)
    runbooks = _runbooks.from_config(Config())
    settings = Settings(
        None, boards, scrape_seconds=options.scrape, since=_SINCE, runbooks=runbooks, file=options.endpoints
    )
    serve(settings, options.port)


if __name__ == "__main__":
    main()
